// Child: a process that this process is the parent of; its pid, a descriptor that stands for it, and how it ended.
//
// Ends       A daemonic child holds the other end of a lifeline (core/os/lifeline.h): it ends when this process does,
//            and this process can end it even where it may not send it signals (one of the two changed its user, or a
//            sandbox forbids it).
// Ownership  Shared between handles and the runtime. When the last handle goes while the process runs it is detached:
//            it goes on, and is reaped by a later start or at this process's end.
// Threads    Thread-safe: any number of threads may wait, and all see one status.
// Reaping    By the descriptor, this child only; signals and waits never meet another process that got the pid later.
//            If other code reaped it (waitpid(-1), SIGCHLD ignored) the status is ExitStatus::Unknown().
// Fork       In any process but the parent Wait and Signal are FailedPrecondition, and status() is absent.
#ifndef REGATTA_CORE_PROCESS_CHILD_H_
#define REGATTA_CORE_PROCESS_CHILD_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/os/deadline.h"
#include "core/os/fd.h"
#include "core/os/lifeline.h"
#include "core/os/mutex.h"
#include "core/process/exit_status.h"

namespace regatta {

class Child {
 public:
  // `pidfd` is of the child `pid` of this process. It is daemonic if `lifeline` is valid: its lifeline's owner's end.
  Child(int32_t pid, Fd pidfd, Lifeline lifeline);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  int32_t pid() const { return pid_; }
  bool daemon() const { return daemon_; }
  // Readable (poll: POLLIN) from the process's end on, whoever holds which descriptors; stays so after it was reaped.
  const Fd& sentinel() const { return pidfd_; }

  // Waits until the process has ended, and reaps it. Repeatable.
  // DeadlineExceeded: it still runs at `deadline`; with Deadline::Now(), which asks without waiting: Unavailable.
  // FailedPrecondition: asked by a process that isn't the parent. PermissionDenied: it was to end, but outlived its
  // lifeline by kTimeToDie, and this process may not signal it.
  absl::StatusOr<ExitStatus> Wait(Deadline deadline = Deadline::Never());
  // Absent while it runs.
  std::optional<ExitStatus> status();

  // Sends `signal`. OK and nothing sent once it has ended. PermissionDenied: this process may not signal it.
  absl::Status Signal(int signal);
  // SIGTERM, SIGKILL. Where this process may not signal a daemonic child, both cut its lifeline, which kills it.
  absl::Status Terminate();
  absl::Status Kill();

  // Kills the process, waits until it has ended, and reaps it. Returns within kTimeToDie.
  // PermissionDenied, DeadlineExceeded: it still runs; the message says what can be done about it.
  absl::StatusOr<ExitStatus> End();
  static constexpr absl::Duration kTimeToDie = absl::Seconds(10);

  // In a forked child of the parent, by its last owner there: closes the descriptor.
  void CloseInForkedChild() { pidfd_.Reset(); }

 private:
  absl::Status CheckParent(absl::string_view what) const;
  absl::Status SignalOrCut(int signal);
  absl::Status OutlivesItsLifeline() const;
  // Absent while it runs. Never waits.
  absl::StatusOr<std::optional<ExitStatus>> Reap();

  const int32_t pid_;
  const int32_t parent_pid_;
  const bool daemon_;
  Fd pidfd_;
  // When it must have ended, its lifeline having been cut.
  std::atomic<int64_t> end_by_nanos_{Deadline::Never().monotonic_nanos()};
  Mutex mutex_;  // Held for the length of a waitid that doesn't wait.
  Lifeline lifeline_ ABSL_GUARDED_BY(mutex_);
  std::optional<ExitStatus> status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_CHILD_H_
