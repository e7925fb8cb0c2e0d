// Process: a function in a process of its own.
//
//   absl::StatusOr<Process> p = Process::Start({.method = StartMethod::kSpawn}, &Work, 17, "seventeen");
//   if (p.ok()) absl::StatusOr<ExitStatus> end = p->Join();
//
// Functions  Start and the constructor take function pointers and captureless lambdas, and arguments that the codec
//            knows (call.h). The same call works with every start method. Fork takes any callable, also with captures.
//            A class derived from Process overrides Run.
// Result     A function that returns int gives the exit code: the low eight bits of the int, or 1 if these are 0 and
//            the int is not (256 is no success). An error of an absl::Status or StatusOr is printed to stderr, and the
//            exit code is 1. Other results are dropped. If the function throws, its process prints the exception's type
//            and text and the process's name to stderr, and the exit code is 1.
// Handle     Destroying the handle of a running process detaches the process. Do not move a Process of a derived class
//            once it is started, nor a Process that is in use.
// Threads    Several threads may use a started Process. Any number may wait, and all get the same status.
// Fork       In a process that did not start it, Join and the signals return FailedPrecondition.
// Ends       runtime.h describes what happens to the children when this process ends or dies.
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
  std::optional<bool> daemon = std::nullopt;  // Absent: as this process is.
  std::vector<int> cpus = {};  // The process is pinned to these before its function begins. Empty: as this thread.
};

enum class ProcessState {
  kNew,      // Not started.
  kRunning,  // On a processor or ready for one. Also if it is alive and /proc doesn't show its state.
  kWaiting,  // Asleep, waiting for I/O, or stopped.
  kDead,     // Ended, whether it was reaped or not.
};

class Process {
 public:
  // Without a function the process ends with 0 at once, unless a derived class overrides Run.
  explicit Process(StartOptions options = {});
  // With the function that the process calls, and its arguments.
  template <class F, class... Args>
  Process(StartOptions options, F&& function, Args&&... arguments) : Process(std::move(options)) {
    target_ = process_internal::MakeTarget(std::forward<F>(function), std::forward<Args>(arguments)...);
  }
  Process(Process&&) noexcept;
  Process& operator=(Process&&) noexcept;
  virtual ~Process();

  // Makes the process. When Start returns, the process has its pid; its code may run later. FailedPrecondition: Start
  // was called before; Init has not run; this process is daemonic; kFork, and other threads run; or another method, and
  // the object is of a derived class. InvalidArgument: a cpu may not be used, or an argument can't be encoded.
  // ResourceExhausted: no processes, memory or descriptors left. On error nothing runs.
  absl::Status Start();

  // Constructs and starts a Process.
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
  // FailedPrecondition: the process has been started.
  absl::Status SetDaemon(bool daemon);

  // False before the start and after the end.
  bool IsAlive();
  ProcessState State();
  // Absent before the end.
  std::optional<ExitStatus> exit_status();

  // Blocks until the process has ended. Idempotent. DeadlineExceeded: it still runs. Unavailable: it still runs, and
  // `deadline` is Deadline::Now(). FailedPrecondition: not started, closed, the process itself, or not a child of this
  // process.
  absl::StatusOr<ExitStatus> Join(Deadline deadline = Deadline::Never());

  // Send SIGTERM, SIGKILL, or any signal. After the end they return OK and send nothing. FailedPrecondition as Join.
  absl::Status Terminate();
  absl::Status Kill();
  absl::Status Signal(int signal);

  // Readable (poll: POLLIN) once the process has ended, even if its descendants hold its descriptors. Valid until
  // Close. FailedPrecondition: not started, or closed.
  absl::StatusOr<const Fd*> sentinel() const;

  // Closes the descriptor. Only name, daemon and pid can be asked afterwards. Idempotent. FailedPrecondition: the
  // process runs.
  absl::Status Close();

 protected:
  // Called in the new process only. The result is the exit code. It may throw.
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

// Blocks until one of `processes` has ended. Returns all that have ended, in order. The result is empty if the deadline
// passed or `processes` is empty. FailedPrecondition: one is not started, closed, or not a child of this process.
absl::StatusOr<std::vector<Process*>> WaitForAny(std::span<Process* const> processes,
                                                 Deadline deadline = Deadline::Never());

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_PROCESS_H_
