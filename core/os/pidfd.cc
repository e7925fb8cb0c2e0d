#include "core/os/pidfd.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "core/os/deadline.h"
#include "core/os/error.h"
#include "core/os/poll.h"

namespace regatta {
namespace {

// <linux/wait.h> has them, and clashes with <sys/wait.h>; glibc's idtype_t may lack P_PIDFD by name.
constexpr auto kByPidfd = static_cast<idtype_t>(3);
constexpr int kAnyKindOfChild = 0x40000000;  // __WALL: also those whose end sends no SIGCHLD

}  // namespace

absl::StatusOr<Fd> OpenPidfd(int32_t pid) {
  Fd pidfd = MakeDescriptor([pid] { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); });
  if (pidfd.valid()) return pidfd;
  if (errno == ESRCH) return absl::NotFoundError("pidfd_open: other code has reaped this child");
  return RefusedCallError("pidfd_open", errno, "waiting for processes", "5.3");
}

absl::StatusOr<Fd> OpenNewChild(int32_t pid) {
  absl::StatusOr<Fd> pidfd = OpenPidfd(pid);
  if (pidfd.ok()) return pidfd;
  if (!absl::IsNotFound(pidfd.status())) {
    KillAndReap(pid);
    return pidfd.status();
  }
  Fd ended = MakeDescriptor([] { return eventfd(1, EFD_CLOEXEC); });
  if (!ended.valid()) return ErrnoError("eventfd");
  return ended;
}

absl::Status SignalPidfd(const Fd& pidfd, int signal) {
  if (syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) != 0 && errno != ESRCH &&
      errno != EBADF) {  // EBADF: of no process.
    return ErrnoError("pidfd_send_signal");
  }
  return absl::OkStatus();
}

absl::StatusOr<Reaped> ReapPidfd(const Fd& pidfd) {
  siginfo_t info;
  info.si_pid = 0;
  int result;
  do {
    result = waitid(kByPidfd, static_cast<id_t>(pidfd.get()), &info, WEXITED | WNOHANG | kAnyKindOfChild);
  } while (result != 0 && errno == EINTR);
  if (result != 0) {
    // EBADF: of no process.
    if (errno == ECHILD || errno == EBADF) return Reaped{ReapOutcome::kNotOurs};
    // A sandbox or an old kernel refuses the call. The descriptor still tells of the end, and nothing tells of its
    // status.
    const absl::StatusOr<bool> ended = PollReadable(pidfd, Deadline::Now());
    if (!ended.ok()) return ended.status();
    return Reaped{*ended ? ReapOutcome::kNotOurs : ReapOutcome::kRunning};
  }
  if (info.si_pid == 0) return Reaped{ReapOutcome::kRunning};
  return Reaped{info.si_code == CLD_EXITED ? ReapOutcome::kExited : ReapOutcome::kKilled, info.si_status};
}

void KillAndReap(int32_t pid) {
  if (kill(pid, SIGKILL) != 0 && errno == EPERM) return;
  siginfo_t info;
  while (waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | kAnyKindOfChild) != 0 && errno == EINTR) {
  }
}

}  // namespace regatta
