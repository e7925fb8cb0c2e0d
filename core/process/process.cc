#include "core/process/process.h"

#include <unistd.h>

#include <array>
#include <span>
#include <typeinfo>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/os/fork.h"
#include "core/os/lifeline.h"
#include "core/os/local_socket.h"
#include "core/os/poll.h"
#include "core/os/proc.h"
#include "core/process/channel_child.h"
#include "core/process/child_main.h"
#include "core/process/child_spec.h"
#include "core/process/fault_points.h"
#include "core/process/forkserver.h"
#include "core/process/helper_thread.h"
#include "core/process/runtime_state.h"
#include "core/process/standard_streams.h"
#include "core/shm/family.h"
#include "core/topology/affinity.h"

namespace regatta {

namespace process_internal {

int ExitCodeOf(const absl::Status& status, int exit_code) {
  if (status.ok()) return exit_code;
  ReportFailure(status);
  return 1;
}

}  // namespace process_internal

namespace {

// Pins a forked child and then lets it go on.
absl::Status OpenGate(Child& child, const std::vector<int>& cpus, Fd gate) {
  absl::Status pinned = PinProcess(child.pid(), cpus);
  if (!pinned.ok()) return UndoChannelChild(child, std::move(gate), std::move(pinned));
  const std::byte pass{1};
  Transfer open = SendAll(gate, std::span(&pass, 1), {}, {.pidfd = &child.sentinel()});
  // If the child has died, its status shows that.
  if (open.ok() || open.end == TransferEnd::kPeerGone) return absl::OkStatus();
  return UndoChannelChild(child, std::move(gate), std::move(open.status));
}

}  // namespace

Process::Process(StartOptions options)
    : options_(std::move(options)),
      identity_(RuntimeState::Get().NextChildIdentity("Process")),
      daemon_(options_.daemon.value_or(RuntimeState::Get().identity().daemon)) {
  if (!options_.name.empty()) identity_.name = options_.name;
}

Process::Process(Process&&) noexcept = default;
Process& Process::operator=(Process&&) noexcept = default;
Process::~Process() = default;

int Process::Run() { return target_ == nullptr ? 0 : target_->Run(); }

absl::Status Process::CheckMayStart() const {
  if (closed_) return absl::FailedPreconditionError(absl::StrCat(name(), " is closed"));
  if (pid_ != 0) {
    return absl::FailedPreconditionError(absl::StrCat(name(), " has been started before (pid ", pid_,
                                                      "): make another Process, as each starts only once"));
  }
  return RuntimeState::Get().CheckMayStart();
}

absl::Status Process::CheckStarted() const {
  if (closed_) return absl::FailedPreconditionError(absl::StrCat(name(), " is closed"));
  if (pid_ == 0) return absl::FailedPreconditionError(absl::StrCat(name(), " has not been started"));
  if (child_ == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat(name(), " is this process itself: it can't wait for itself or signal itself this way"));
  }
  return absl::OkStatus();
}

absl::Status Process::Start() {
  if (absl::Status may = CheckMayStart(); !may.ok()) return may;
  if (options_.method != StartMethod::kFork) return StartByOrder();
  return StartByFork([this] { return process_internal::RunForExitCode([this] { return Run(); }); });
}

absl::Status Process::StartByFork(absl::FunctionRef<int()> run) {
  if (absl::Status may = CheckMayStart(); !may.ok()) return may;
  if (options_.method != StartMethod::kFork) {
    return absl::InvalidArgumentError(absl::StrCat("Process::Fork starts by fork only, not by ",
                                                   StartMethodName(options_.method), ": use Process::Start"));
  }
  const absl::StatusOr<std::unique_ptr<ForkGuard>> guard = ForkGuard::Enter();
  if (!guard.ok()) return guard.status();
  // Make the family before the copy, so that both processes belong to it.
  const absl::StatusOr<const Fd*> family = Family::Descriptor();
  if (!family.ok()) return family.status();
  LocalSocketPair gate;
  if (!options_.cpus.empty()) {
    absl::StatusOr<LocalSocketPair> made = MakeLocalSocketPair();
    if (!made.ok()) return made.status();
    gate = *std::move(made);
  }
  Fd dependent_end;
  Lifeline lifeline;
  if (daemon_) {
    absl::StatusOr<Lifeline> made = Lifeline::Create(&dependent_end);
    if (!made.ok()) return made.status();
    lifeline = *std::move(made);
  }
  const int32_t creator_pid = getpid();
  FlushAllStreamsToFork();
  absl::StatusOr<Forked> forked = ForkWithPidfd();
  if (!forked.ok()) return forked.status();
  if (forked->pid == 0) {
    pid_ = getpid();
    gate.first.Reset();
    RunForkedChild({.name = identity_.name, .number = identity_.number, .daemon = daemon_, .creator_pid = creator_pid},
                   std::move(gate.second), std::move(dependent_end), run);
  }
  FaultPointHere(fault::kProcessForked);
  auto child = std::make_shared<Child>(forked->pid, std::move(forked->pidfd), std::move(lifeline));
  if (gate.first.valid()) {
    gate.second.Reset();
    if (absl::Status open = OpenGate(*child, options_.cpus, std::move(gate.first)); !open.ok()) return open;
  }
  RuntimeState::Get().AddChild(child);
  pid_ = child->pid();
  child_ = std::move(child);
  target_.reset();  // What was passed on has moved.
  return absl::OkStatus();
}

absl::Status Process::StartByOrder() {
  if (typeid(*this) != typeid(Process)) {
    return absl::FailedPreconditionError(absl::StrCat(
        name(),
        " is of a class derived from Process, and such an object can't cross to another program: start it with "
        "StartMethod::kFork, or give Process::Start a function and its arguments"));
  }
  if (target_ == nullptr) target_ = process_internal::MakeTarget([] {});
  const absl::StatusOr<FunctionId> function = target_->Id();
  if (!function.ok()) return function.status();
  DescriptorSink beside;
  const absl::StatusOr<std::string> arguments = target_->Encode(&beside);
  if (!arguments.ok()) return arguments.status();
  const ChildSpec spec{.identity = identity_,
                       .daemon = daemon_,
                       .cpus = options_.cpus,
                       .function = *function,
                       .arguments = std::as_bytes(std::span(*arguments)),
                       .descriptors = beside.descriptors()};
  absl::StatusOr<std::shared_ptr<Child>> child =
      options_.method == StartMethod::kSpawn ? StartFresh(spec) : StartFromForkserver(spec);
  if (!child.ok()) return child.status();
  pid_ = (*child)->pid();
  child_ = *std::move(child);
  target_.reset();  // What was passed on has moved.
  return absl::OkStatus();
}

std::optional<int32_t> Process::pid() const { return pid_ == 0 ? std::nullopt : std::optional<int32_t>(pid_); }

absl::Status Process::SetDaemon(bool daemon) {
  if (pid_ != 0) {
    return absl::FailedPreconditionError(absl::StrCat(name(), " has been started: call SetDaemon before Start"));
  }
  daemon_ = daemon;
  return absl::OkStatus();
}

bool Process::IsAlive() {
  if (child_ == nullptr) return pid_ != 0 && pid_ == getpid();
  if (child_->status().has_value()) return false;
  // This also works in a process that can't reap the child. If the descriptor can't be polled, the child counts as
  // alive.
  const absl::StatusOr<bool> ended = PollReadable(child_->sentinel(), Deadline::Now());
  return !ended.ok() || !*ended;
}

ProcessState Process::State() {
  if (pid_ == 0) return ProcessState::kNew;
  if (!IsAlive()) return ProcessState::kDead;
  const absl::StatusOr<char> letter = ProcessStateLetter(pid_);
  // Check again, because the pid may belong to another process by now.
  if (!IsAlive()) return ProcessState::kDead;
  if (!letter.ok()) return ProcessState::kRunning;  // /proc does not show the process.
  if (*letter == 'Z' || *letter == 'X') return ProcessState::kDead;
  return *letter == 'R' ? ProcessState::kRunning : ProcessState::kWaiting;
}

std::optional<ExitStatus> Process::exit_status() { return child_ == nullptr ? std::nullopt : child_->status(); }

absl::StatusOr<ExitStatus> Process::Join(Deadline deadline) {
  if (absl::Status started = CheckStarted(); !started.ok()) return started;
  return child_->Wait(deadline);
}

absl::Status Process::Signal(int signal) {
  if (absl::Status started = CheckStarted(); !started.ok()) return started;
  return child_->Signal(signal);
}
absl::Status Process::Terminate() {
  if (absl::Status started = CheckStarted(); !started.ok()) return started;
  return child_->Terminate();
}
absl::Status Process::Kill() {
  if (absl::Status started = CheckStarted(); !started.ok()) return started;
  return child_->Kill();
}

absl::StatusOr<const Fd*> Process::sentinel() const {
  if (absl::Status started = CheckStarted(); !started.ok()) return started;
  return &child_->sentinel();
}

absl::Status Process::Close() {
  if (child_ != nullptr && IsAlive()) {
    return absl::FailedPreconditionError(
        absl::StrCat(name(), " (pid ", pid_, ") still runs: Join it, or Terminate it, before Close"));
  }
  child_.reset();
  target_.reset();
  closed_ = true;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Process*>> WaitForAny(std::span<Process* const> processes, Deadline deadline) {
  std::vector<Process*> ended;
  if (processes.empty()) return ended;
  std::vector<PollEntry> watched;
  for (const Process* process : processes) {
    if (absl::Status started = process->CheckStarted(); !started.ok()) return started;
    watched.push_back({&process->child_->sentinel()});
  }
  const absl::StatusOr<int> ready = PollReadable(watched, deadline);
  if (!ready.ok()) return ready.status();
  for (size_t i = 0; i < processes.size(); ++i) {
    if (watched[i].ready) ended.push_back(processes[i]);
  }
  return ended;
}

}  // namespace regatta
