// pidfd: a descriptor that stands for one process, whatever becomes of its pid.
//
// Polling    Readable from the end of the whole process on (its last thread's), also after it was reaped. Who holds
//            other descriptors doesn't matter.
// Reaping    Of this process's own child behind this very descriptor: nobody else's, and never of a process that got
//            the pid later.
#ifndef REGATTA_CORE_OS_PIDFD_H_
#define REGATTA_CORE_OS_PIDFD_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/os/fd.h"

namespace regatta {

// `pid` must be this process's child that nobody has reaped, or this process: any other pid may be another's by now.
// ResourceExhausted: no descriptors left. NotFound: somebody else has reaped it (or SIGCHLD is ignored).
// FailedPrecondition: the kernel or a sandbox refuses pidfd_open.
absl::StatusOr<Fd> OpenPidfd(int32_t pid);
// Of the child `pid` that this process has just made. If somebody else has reaped it already: a descriptor that is
// readable and of no process. On error the child has been killed and reaped. ResourceExhausted: no descriptors left.
absl::StatusOr<Fd> OpenNewChild(int32_t pid);

// OK, and nothing sent, if the process has ended.
absl::Status SignalPidfd(const Fd& pidfd, int signal);

enum class ReapOutcome {
  kRunning,  // Or ended so recently that the kernel isn't ready: poll first.
  kExited,   // `number` is the exit code.
  kKilled,   // `number` is the signal.
  // Ended, and its status is not known: another process reaped it, it never was a child of this process, or waitid is
  // refused.
  kNotOurs,
};
struct Reaped {
  ReapOutcome outcome;
  int number = 0;
};
// Never waits.
absl::StatusOr<Reaped> ReapPidfd(const Fd& pidfd);

// Ends `pid`, a child of this process that nobody has reaped and nobody else knows of, and reaps it; for those that got
// no descriptor. A child that this process may not signal, as one of them has changed its user, is left to end by
// itself.
void KillAndReap(int32_t pid);

}  // namespace regatta

#endif  // REGATTA_CORE_OS_PIDFD_H_
