#include "core/process/child_main.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <span>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/os/error.h"
#include "core/os/lifeline.h"
#include "core/os/local_socket.h"
#include "core/os/program.h"
#include "core/os/signal_mask.h"
#include "core/process/fault_points.h"
#include "core/process/function_id.h"
#include "core/process/standard_streams.h"

// Functions of gcc's and clang's coverage runtimes, if the program has one.
extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier)
[[gnu::weak]] void __gcov_dump();
[[gnu::weak]] int __llvm_profile_write_file();
// NOLINTEND(bugprone-reserved-identifier)
}

namespace regatta {
namespace {

constexpr int kFailed = 1;

// Makes exit() end this process like a return from its function. The core's handler is the newest, and so no handler
// and no static destructor that the creator had registered runs.
void TakeOverExit() {
  on_exit([](int exit_code, void*) { EndProcess(exit_code); }, nullptr);
}

// Blocks SIGPIPE in this thread. The destructor discards a SIGPIPE that came meanwhile.
class WithoutBrokenPipes {
 public:
  WithoutBrokenPipes() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~WithoutBrokenPipes() {
    const timespec now{};
    while (sigismember(&before_, SIGPIPE) == 0 && sigtimedwait(&pipe_, nullptr, &now) == SIGPIPE) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  WithoutBrokenPipes(const WithoutBrokenPipes&) = delete;
  WithoutBrokenPipes& operator=(const WithoutBrokenPipes&) = delete;

 private:
  sigset_t pipe_;
  sigset_t before_;
};

// Writes the coverage data of a program that was built to measure coverage. Handlers of exit() would write them, but do
// not run in a child.
void DumpCoverage() {
  if (__gcov_dump != nullptr) __gcov_dump();
  if (__llvm_profile_write_file != nullptr) __llvm_profile_write_file();
}

// Called if the creator has died before this child was ready. Then the child counts as never made.
[[noreturn]] void EndUnnoticed() { _exit(kFailed); }

[[noreturn]] void Fail(const absl::Status& status) {
  ReportFailure(status);
  EndProcess(kFailed);
}

}  // namespace

void ReportFailure(const absl::Status& status) {
  // SIGPIPE would replace the exit code, which says more.
  const WithoutBrokenPipes quiet;
  FlushStandardStreams();
  // The message of an exception has its type and text. For a returned status the code is printed, too.
  const std::string what = ThrownType(status).has_value() ? std::string(status.message()) : status.ToString();
  const std::string line = absl::StrCat("Process ", RuntimeState::Get().identity().name, ": ", what, "\n");
  absl::string_view left = line;
  while (!left.empty()) {
    const ssize_t written = write(STDERR_FILENO, left.data(), left.size());
    if (written <= 0) return;  // stderr has no reader.
    left.remove_prefix(static_cast<size_t>(written));
  }
}

void EndWithoutBoot(const absl::Status& why) {
  if (!absl::IsOutOfRange(why)) ReportFailure(why);
  EndUnnoticed();
}

void EndProcess(int exit_code) {
  static std::atomic<bool> ending{false};
  // An exit callback has called exit().
  if (ending.exchange(true)) _exit(exit_code);
  RuntimeState::Get().End();
  DumpCoverage();
  const WithoutBrokenPipes quiet;
  FlushAllStreams();
  FaultPointHere(fault::kChildFlushed);
  _exit(exit_code);
}

void DependOnCreator(Fd lifeline) {
  const absl::StatusOr<bool> tied = DependOnLifeline(std::move(lifeline));
  if (!tied.ok()) Fail(tied.status());
  if (!*tied) EndUnnoticed();
}

void RunForkedChild(ProcessIdentity identity, Fd gate, Fd lifeline, absl::FunctionRef<int()> run) noexcept {
  FaultPointHere(fault::kChildBegun);
  const int32_t creator = identity.creator_pid;
  const bool daemon = identity.daemon;
  RuntimeState::Get().Become(std::move(identity));
  if ((daemon || gate.valid()) && !DieWithParent(creator)) EndUnnoticed();
  if (daemon) DependOnCreator(std::move(lifeline));
  if (gate.valid()) {
    std::byte open{};
    if (!ReceiveAll(gate, std::span(&open, 1), nullptr, {.parent_pid = creator}).ok()) EndUnnoticed();
    gate.Reset();
    if (!daemon) LiveOnWithoutParent();
  }
  TakeOverExit();
  FaultPointHere(fault::kChildReady);
  const int exit_code = run();
  FaultPointHere(fault::kChildReturned);
  EndProcess(exit_code);
}

void RunOrderedChild(ReceivedBootOrder boot) noexcept {
  FaultPointHere(fault::kChildBooted);
  RuntimeState::Get().Become({.name = boot.order.name,
                              .number = boot.order.number,
                              .daemon = boot.order.daemon,
                              .creator_pid = boot.order.creator_pid});
  TakeOverExit();
  if (boot.order.daemon) DependOnCreator(std::move(boot.lifeline));
  absl::Status ready = ReplaceStandardDescriptors(boot.standard);
  boot.standard.clear();
  if (ready.ok() && boot.directory.valid()) ready = ChangeWorkingDirectory(boot.directory);
  boot.directory.Reset();
  if (!boot.order.daemon) LiveOnWithoutParent();
  RuntimeState::Get().set_blocked_signals(boot.order.blocked_signals);
  SetBlockedSignals(boot.order.daemon ? WithoutParentWatch(boot.order.blocked_signals) : boot.order.blocked_signals);
  if (!ready.ok()) Fail(ready);
  const absl::StatusOr<ResolvedFunction> function = Resolve(boot.order.function);
  if (!function.ok()) Fail(function.status());
  FaultPointHere(fault::kChildReady);
  int exit_code = 0;
  const absl::Status called = function->trampoline({.target = function->target,
                                                    .arguments = boot.arguments,
                                                    .descriptors = &boot.beside_arguments,
                                                    .exit_code = &exit_code});
  FaultPointHere(fault::kChildReturned);
  if (!called.ok()) Fail(called);
  EndProcess(exit_code);
}

}  // namespace regatta
