#include "core/process/child.h"

#include <signal.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/os/pidfd.h"
#include "core/os/poll.h"
#include "core/process/fault_points.h"

namespace regatta {

Child::Child(int32_t pid, Fd pidfd, Lifeline lifeline)
    : pid_(pid),
      parent_pid_(getpid()),
      daemon_(lifeline.valid()),
      pidfd_(std::move(pidfd)),
      lifeline_(std::move(lifeline)) {}

absl::Status Child::CheckParent(absl::string_view what) const {
  if (getpid() == parent_pid_) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("process ", pid_, " can only be ", what, " by its parent, process ", parent_pid_));
}

absl::StatusOr<std::optional<ExitStatus>> Child::Reap() {
  const MutexLock lock(mutex_);
  if (status_.has_value()) return status_;
  const absl::StatusOr<Reaped> reaped = ReapPidfd(pidfd_);
  if (!reaped.ok()) return reaped.status();
  switch (reaped->outcome) {
    case ReapOutcome::kRunning:
      return std::nullopt;
    case ReapOutcome::kExited:
      status_ = ExitStatus::Exited(reaped->number);
      break;
    case ReapOutcome::kKilled:
      status_ = ExitStatus::Signalled(reaped->number);
      break;
    case ReapOutcome::kNotOurs:
      status_ = ExitStatus::Unknown();
      break;
  }
  lifeline_.Cut();  // This frees its descriptor.
  FaultPointHere(fault::kProcessReaped);
  return status_;
}

absl::StatusOr<ExitStatus> Child::Wait(Deadline deadline) {
  if (absl::Status parent = CheckParent("waited for"); !parent.ok()) return parent;
  for (;;) {
    const Deadline must_end = Deadline::AtMonotonicNanos(end_by_nanos_.load(std::memory_order_relaxed));
    // Another thread may cut the lifeline of a daemonic child meanwhile, which sets end_by_nanos_. So look at it again.
    const Deadline tick = daemon_ ? Deadline::Earlier(must_end, Deadline::After(kTimeToDie)) : Deadline::Never();
    // The descriptor becomes readable first. Only then can the status be taken.
    const absl::StatusOr<bool> ended = PollReadable(pidfd_, Deadline::Earlier(deadline, tick));
    if (!ended.ok()) return ended.status();
    if (*ended) {
      FaultPointHere(fault::kProcessEndSeen);
      const absl::StatusOr<std::optional<ExitStatus>> status = Reap();
      if (!status.ok()) return status.status();
      if (status->has_value()) return **status;
    } else if (must_end.passed()) {
      end_by_nanos_.store(Deadline::After(kTimeToDie).monotonic_nanos(),
                          std::memory_order_relaxed);  // For the next Wait.
      return OutlivesItsLifeline();
    } else if (deadline.is_now()) {
      return absl::UnavailableError(absl::StrCat("process ", pid_, " still runs"));
    } else if (deadline.passed()) {
      return absl::DeadlineExceededError(absl::StrCat("process ", pid_, " still runs at the deadline"));
    }
  }
}

std::optional<ExitStatus> Child::status() {
  if (getpid() != parent_pid_) return std::nullopt;
  const absl::StatusOr<std::optional<ExitStatus>> status = Reap();
  return status.ok() ? *status : std::nullopt;
}

absl::Status Child::Signal(int signal) {
  if (absl::Status parent = CheckParent("sent a signal"); !parent.ok()) return parent;
  return SignalPidfd(pidfd_, signal);
}

absl::Status Child::SignalOrCut(int signal) {
  absl::Status sent = Signal(signal);
  if (sent.ok()) return sent;
  const MutexLock lock(mutex_);
  if (!daemon_ || status_.has_value() || getpid() != parent_pid_) return sent;
  if (lifeline_.valid()) {
    end_by_nanos_.store(Deadline::After(kTimeToDie).monotonic_nanos(), std::memory_order_relaxed);
    lifeline_.Cut();
  }
  return absl::OkStatus();
}

absl::Status Child::Terminate() { return SignalOrCut(SIGTERM); }
absl::Status Child::Kill() { return SignalOrCut(SIGKILL); }

absl::Status Child::OutlivesItsLifeline() const {
  return absl::PermissionDeniedError(absl::StrCat(
      "process ", pid_,
      " still runs: this process may not signal it (one of them has changed its user, or a "
      "sandbox forbids it), and it has closed the lifeline by which it would have ended. End it as its user "
      "or as root: kill -9 ",
      pid_));
}

absl::StatusOr<ExitStatus> Child::End() {
  const absl::Status killed = Kill();
  absl::StatusOr<ExitStatus> ended = Wait(Deadline::After(kTimeToDie));
  if (ended.ok() || absl::IsPermissionDenied(ended.status())) return ended;
  if (killed.ok()) {
    return absl::Status(ended.status().code(),
                        absl::StrCat(ended.status().message(), ", though it was killed: see /proc/", pid_,
                                     "/stack for what it waits for in the kernel"));
  }
  return absl::PermissionDeniedError(absl::StrCat("process ", pid_, " still runs, and can't be killed from here: ",
                                                  killed.message(), ". End it as its user or as root: kill -9 ", pid_));
}

}  // namespace regatta
