#include "core/os/fd.h"

#include <fcntl.h>
#include <unistd.h>

#include "core/os/error.h"

namespace regatta {

void Fd::Reset() {
  // Linux frees the number even when close() reports EINTR; trying again could close somebody else's.
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

absl::StatusOr<Fd> Fd::Duplicate() const {
  if (!valid()) return absl::FailedPreconditionError("Duplicate of a descriptor that owns none");
  const int copy = fcntl(fd_, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return ErrnoError("fcntl(F_DUPFD_CLOEXEC)");
  return Fd(copy);
}

absl::Status Fd::SetCloseOnExec(bool close_on_exec) {
  if (!valid()) return absl::FailedPreconditionError("SetCloseOnExec of a descriptor that owns none");
  if (fcntl(fd_, F_SETFD, close_on_exec ? FD_CLOEXEC : 0) != 0) return ErrnoError("fcntl(F_SETFD)");
  return absl::OkStatus();
}

}  // namespace regatta
