// Process: a function in a process of its own.
//
//   absl::StatusOr<Process> p = Process::Start({.method = StartMethod::kSpawn}, &Work, 17, "seventeen");
//   if (p.ok()) absl::StatusOr<ExitStatus> end = p->Join();
//
// Functions  Start and the constructor take function pointers and captureless lambdas, with arguments that the codec
//            knows (call.h); the same call works with every start method. Fork takes any callable, captures and all. A
//            class derived from Process overrides Run.
// Result     A function that returns int gives the exit code: its low eight bits, or 1 where they are 0 and the int is
//            not (256 is no success); absl::Status or StatusOr: an error is printed to stderr and is exit
//            code 1; other results are dropped. An exception: its type and text on stderr with the process's name, exit
//            code 1.
// Handle     Destroying it detaches a running process. Not to be moved once it is of a derived class, nor while in use.
// Threads    One started may be used by many; N threads may wait, all see one status.
// Fork       In a process that didn't start it, Join and signals are FailedPrecondition.
// Ends       runtime.h says what happens to children at this process's end and death.
#ifndef REGATTA_CORE_PROCESS_PROCESS_H_
#define REGATTA_CORE_PROCESS_PROCESS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/os/deadline.h"
#include "core/os/fd.h"
#include "core/process/call.h"
#include "core/process/child.h"
#include "core/process/child_identity.h"
#include "core/process/exit_status.h"
#include "core/process/process_target.h"
#include "core/process/start_method.h"

namespace regatta {

struct StartOptions {
  StartMethod method = StartMethod::kFork;
  std::string name = {};                      // Empty: Process-N.
  std::optional<bool> daemon = std::nullopt;  // Absent: as this process.
  std::vector<int> cpus = {};                 // Pinned to these before the function's code runs; empty: as this thread.
};

enum class ProcessState {
  kNew,      // Not started.
  kRunning,  // On a processor, or ready for one; or alive where /proc doesn't show which.
  kWaiting,  // Asleep, waiting for I/O, or stopped.
  kDead,     // Ended, reaped or not.
};

class Process {
 public:
  // Without a target: a process that ends with 0 at once, unless a derived class says otherwise.
  explicit Process(StartOptions options = {});
  // With the function to call there.
  template <class F, class... Args>
  Process(StartOptions options, F&& function, Args&&... arguments) : Process(std::move(options)) {
    target_ = process_internal::MakeTarget(std::forward<F>(function), std::forward<Args>(arguments)...);
  }
  Process(Process&&) noexcept;
  Process& operator=(Process&&) noexcept;
  virtual ~Process();

  // Makes the process. It has its pid when this returns; its first lines may come later.
  // FailedPrecondition: started before; Init has not run; this process is daemonic; kFork, and other threads run; or,
  // but for kFork, this is of a derived class. InvalidArgument: a cpu that may not be used, an argument that can't be
  // encoded. ResourceExhausted: no processes, memory or descriptors. On error nothing runs.
  absl::Status Start();

  // Both in one.
  template <class F, class... Args>
  static absl::StatusOr<Process> Start(StartOptions options, F&& function, Args&&... arguments) {
    Process process(std::move(options), std::forward<F>(function), std::forward<Args>(arguments)...);
    if (absl::Status started = process.Start(); !started.ok()) return started;
    return process;
  }

  // Runs `callable` in a copy of this process. InvalidArgument: options.method isn't kFork.
  template <class C>
  static absl::StatusOr<Process> Fork(StartOptions options, C&& callable) {
    Process process(std::move(options));
    const auto run = [&] { return process_internal::RunForExitCode(callable); };
    if (absl::Status started = process.StartByFork(run); !started.ok()) return started;
    return process;
  }
  template <class C>
  static absl::StatusOr<Process> Fork(C&& callable) {
    return Fork(StartOptions{}, std::forward<C>(callable));
  }

  const std::string& name() const { return identity_.name; }
  // Absent before the start.
  std::optional<int32_t> pid() const;
  StartMethod method() const { return options_.method; }
  bool daemon() const { return daemon_; }
  // FailedPrecondition: it has been started.
  absl::Status SetDaemon(bool daemon);

  // False before the start and after the end.
  bool IsAlive();
  ProcessState State();
  // Absent before the end.
  std::optional<ExitStatus> exit_status();

  // Waits for the end; repeatable. DeadlineExceeded: it still runs. Unavailable: the same, asked without waiting
  // (Deadline::Now()). FailedPrecondition: not started, closed, itself, or not this process's child.
  absl::StatusOr<ExitStatus> Join(Deadline deadline = Deadline::Never());

  // SIGTERM, SIGKILL, any. OK and nothing sent after the end. FailedPrecondition as Join.
  absl::Status Terminate();
  absl::Status Kill();
  absl::Status Signal(int signal);

  // Readable (poll: POLLIN) from the process's end on, even if descendants of it hold its descriptors. Valid until
  // Close. FailedPrecondition: not started, or closed.
  absl::StatusOr<const Fd*> sentinel() const;

  // Lets go of the descriptor; only name, daemon and pid can be asked afterwards. Repeatable. FailedPrecondition: it
  // runs.
  absl::Status Close();

 protected:
  // What the new process does, in that process only. The result is its exit code; it may throw.
  virtual int Run();

 private:
  friend absl::StatusOr<std::vector<Process*>> WaitForAny(std::span<Process* const> processes, Deadline deadline);
  absl::Status CheckMayStart() const;
  absl::Status CheckStarted() const;
  absl::Status StartByFork(absl::FunctionRef<int()> run);
  absl::Status StartByOrder();

  StartOptions options_;
  ChildIdentity identity_;
  bool daemon_;
  bool closed_ = false;
  int32_t pid_ = 0;  // 0: not started.
  std::unique_ptr<process_internal::Target> target_;
  std::shared_ptr<Child> child_;
};

// Waits until one of `processes` has ended; returns all of them that have, in order. None: the deadline passed, or
// there are no processes. FailedPrecondition: one isn't started, closed, or not this process's child.
absl::StatusOr<std::vector<Process*>> WaitForAny(std::span<Process* const> processes,
                                                 Deadline deadline = Deadline::Never());

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_PROCESS_H_
