#include "core/process/child.h"

#include <signal.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/os/pidfd.h"
#include "core/os/poll.h"
#include "core/process/fault_points.h"

namespace regatta {

Child::Child(int32_t pid, Fd pidfd, bool daemon)
    : pid_(pid), parent_pid_(getpid()), daemon_(daemon), pidfd_(std::move(pidfd)) {}

absl::Status Child::CheckParent(absl::string_view what) const {
  if (getpid() == parent_pid_) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("process ", pid_, " can only be ", what, " by its parent, process ", parent_pid_));
}

absl::StatusOr<std::optional<ExitStatus>> Child::Reap() {
  std::lock_guard<std::mutex> lock(mutex_);
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
  FaultPointHere(fault::kProcessReaped);
  return status_;
}

absl::StatusOr<ExitStatus> Child::Wait(Deadline deadline) {
  if (absl::Status parent = CheckParent("waited for"); !parent.ok()) return parent;
  for (;;) {
    // The kernel tells of the end by the descriptor first; only then the status can be taken.
    const absl::StatusOr<bool> ended = PollReadable(pidfd_, deadline);
    if (!ended.ok()) return ended.status();
    if (*ended) {
      FaultPointHere(fault::kProcessEndSeen);
      const absl::StatusOr<std::optional<ExitStatus>> status = Reap();
      if (!status.ok()) return status.status();
      if (status->has_value()) return **status;
    } else if (deadline.is_now()) {
      return absl::UnavailableError(absl::StrCat("process ", pid_, " still runs"));
    } else {
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

absl::Status Child::Terminate() { return Signal(SIGTERM); }
absl::Status Child::Kill() { return Signal(SIGKILL); }

}  // namespace regatta
