// Child: a child process of this process, with its pid, a descriptor that stands for it, and its exit status.
//
// Ends       A daemonic child holds the other end of a lifeline (core/os/lifeline.h). It ends when this process ends.
//            This process can end it even if it may not send it signals (one of the two has changed its user, or a
//            sandbox forbids it).
// Ownership  Handles and the runtime share a Child. If the last handle is destroyed while the process runs, the process
//            is detached: it goes on, and is reaped by a later start or at the end of this process.
// Threads    Thread-safe. Any number of threads may wait, and all get the same status.
// Reaping    Only this child is reaped, by its descriptor. Signals and waits never reach another process that got the
//            pid later. If other code reaped the child (waitpid(-1), or SIGCHLD is ignored), the status is
//            ExitStatus::Unknown().
// Fork       In any process but the parent, Wait and Signal return FailedPrecondition, and status() is absent.
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
  // `pidfd` stands for the child `pid` of this process. The child is daemonic if `lifeline`, the owner's end of its
  // lifeline, is valid.
  Child(int32_t pid, Fd pidfd, Lifeline lifeline);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  int32_t pid() const { return pid_; }
  bool daemon() const { return daemon_; }
  // Readable (poll: POLLIN) once the process has ended, also after it was reaped, and whatever descriptors others hold.
  const Fd& sentinel() const { return pidfd_; }

  // Blocks until the process has ended, and reaps it. Idempotent.
  // DeadlineExceeded: it still runs at `deadline`. Unavailable: it still runs, and `deadline` is Deadline::Now().
  // FailedPrecondition: the caller is not the parent. PermissionDenied: it has outlived the cut of its lifeline by
  // kTimeToDie, and this process may not signal it.
  absl::StatusOr<ExitStatus> Wait(Deadline deadline = Deadline::Never());
  // Absent while the process runs.
  std::optional<ExitStatus> status();

  // Sends `signal`. If the process has ended, returns OK and sends nothing. PermissionDenied: this process may not
  // signal it.
  absl::Status Signal(int signal);
  // Send SIGTERM and SIGKILL. If this process may not signal a daemonic child, both cut its lifeline, which kills it.
  absl::Status Terminate();
  absl::Status Kill();

  // Kills the process, blocks until it has ended, and reaps it. Returns within kTimeToDie.
  // PermissionDenied, DeadlineExceeded: the process still runs. The message says what to do.
  absl::StatusOr<ExitStatus> End();
  static constexpr absl::Duration kTimeToDie = absl::Seconds(10);

  // Closes the descriptor. Called in a forked child of the parent by the last owner there.
  void CloseInForkedChild() { pidfd_.Reset(); }

 private:
  absl::Status CheckParent(absl::string_view what) const;
  absl::Status SignalOrCut(int signal);
  absl::Status OutlivesItsLifeline() const;
  // Absent while the process runs. Never blocks.
  absl::StatusOr<std::optional<ExitStatus>> Reap();

  const int32_t pid_;
  const int32_t parent_pid_;
  const bool daemon_;
  Fd pidfd_;
  // The time by which the process must have ended, because its lifeline was cut.
  std::atomic<int64_t> end_by_nanos_{Deadline::Never().monotonic_nanos()};
  Mutex mutex_;  // Held during a waitid that doesn't block.
  Lifeline lifeline_ ABSL_GUARDED_BY(mutex_);
  std::optional<ExitStatus> status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_CHILD_H_
