// Child: a process that this process is the parent of; its pid, a descriptor that stands for it, and how it ended.
//
// Ownership  Shared between handles and the runtime. When the last handle goes while the process runs it is detached:
//            it goes on, and is reaped by a later start or at this process's end.
// Threads    Thread-safe: any number of threads may wait, and all see one status.
// Reaping    By the descriptor, this child only; signals and waits never meet another process that got the pid later. If
//            other code reaped it (waitpid(-1), SIGCHLD ignored) the status is ExitStatus::Unknown().
// Fork       In any process but the parent Wait and Signal are FailedPrecondition, and status() is absent.
#ifndef REGATTA_CORE_PROCESS_CHILD_H_
#define REGATTA_CORE_PROCESS_CHILD_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/os/deadline.h"
#include "core/os/fd.h"
#include "core/process/exit_status.h"

namespace regatta {

class Child {
 public:
  // `pidfd` is of the child `pid` of this process.
  Child(int32_t pid, Fd pidfd, bool daemon);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  int32_t pid() const { return pid_; }
  bool daemon() const { return daemon_; }
  // Readable (poll: POLLIN) from the process's end on, whoever holds which descriptors; stays so after it was reaped.
  const Fd& sentinel() const { return pidfd_; }

  // Waits until the process has ended, and reaps it. Repeatable.
  // DeadlineExceeded: it still runs at `deadline`; with Deadline::Now(), which asks without waiting: Unavailable.
  // FailedPrecondition: asked by a process that isn't the parent.
  absl::StatusOr<ExitStatus> Wait(Deadline deadline = Deadline::Never());
  // Absent while it runs.
  std::optional<ExitStatus> status();

  // Sends `signal`. OK and nothing sent once it has ended.
  absl::Status Signal(int signal);
  absl::Status Terminate();  // SIGTERM
  absl::Status Kill();       // SIGKILL

  // In a forked child of the parent, by its last owner there: closes the descriptor.
  void CloseInForkedChild() { pidfd_.Reset(); }

 private:
  absl::Status CheckParent(absl::string_view what) const;
  // Absent while it runs. Never waits.
  absl::StatusOr<std::optional<ExitStatus>> Reap();

  const int32_t pid_;
  const int32_t parent_pid_;
  const bool daemon_;
  Fd pidfd_;
  std::mutex mutex_;  // Held for the length of a waitid that doesn't wait.
  std::optional<ExitStatus> status_;
};

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_CHILD_H_
