// pidfd: a descriptor that stands for one process, even after its pid is reused.
//
// Polling    Readable once the last thread of the process has ended, also after the process was reaped. Other
//            descriptors of the process, and their copies, do not matter.
// Reaping    Only a child of this process is reaped, by this very descriptor; never a process that got the same pid
//            later.
#ifndef REGATTA_CORE_OS_PIDFD_H_
#define REGATTA_CORE_OS_PIDFD_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/os/fd.h"

namespace regatta {

// `pid` must be this process, or a child of it that was not reaped yet. Any other pid may belong to another process by
// now.
// ResourceExhausted: no descriptors left. NotFound: the child was reaped elsewhere, or SIGCHLD is ignored.
// FailedPrecondition: the kernel or a sandbox refuses pidfd_open.
absl::StatusOr<Fd> OpenPidfd(int32_t pid);
// Opens a pidfd of the child `pid`, which this process has just made. If the child was reaped elsewhere already,
// returns a readable descriptor that stands for no process. On error the child has been killed and reaped.
// ResourceExhausted: no descriptors left.
absl::StatusOr<Fd> OpenNewChild(int32_t pid);

// Sends a signal. If the process has ended, returns OK and sends nothing.
absl::Status SignalPidfd(const Fd& pidfd, int signal);

enum class ReapOutcome {
  kRunning,  // It may also have ended so recently that it can't be reaped yet: poll first.
  kExited,   // `number` is the exit code.
  kKilled,   // `number` is the signal.
  // The process has ended, and its status is unknown: it was reaped elsewhere, it was never a child of this process, or
  // waitid is refused.
  kNotOurs,
};
struct Reaped {
  ReapOutcome outcome;
  int number = 0;
};
// Never blocks.
absl::StatusOr<Reaped> ReapPidfd(const Fd& pidfd);

// Kills and reaps `pid`, a child of this process for which no descriptor could be opened. No other code may know of it
// or reap it. If this process may not signal the child, because one of the two has changed its user, the child is left
// to end by itself.
void KillAndReap(int32_t pid);

}  // namespace regatta

#endif  // REGATTA_CORE_OS_PIDFD_H_
