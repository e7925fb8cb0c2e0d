#include "core/os/fd.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "core/os/error.h"

namespace regatta {
namespace {

// The first number for the core's descriptors, if the limit allows it.
constexpr rlim_t kHigh = 512;
// The soft limit before this process raised it. 0 if it did not.
constinit std::atomic<rlim_t> g_original_limit{0};

}  // namespace

void Fd::Reset() {
  // Linux frees the number even if close() reports EINTR. A second close() could close another file.
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

absl::StatusOr<Fd> Fd::Duplicate() const {
  if (!valid()) return absl::FailedPreconditionError("Duplicate of an Fd that owns no descriptor");
  Fd copy = MakeDescriptor([this] { return fcntl(fd_, F_DUPFD_CLOEXEC, STDERR_FILENO + 1); });
  if (!copy.valid()) return ErrnoError("fcntl(F_DUPFD_CLOEXEC)");
  return copy;
}

absl::Status Fd::SetCloseOnExec(bool close_on_exec) {
  if (!valid()) return absl::FailedPreconditionError("SetCloseOnExec of an Fd that owns no descriptor");
  if (fcntl(fd_, F_SETFD, close_on_exec ? FD_CLOEXEC : 0) != 0) return ErrnoError("fcntl(F_SETFD)");
  return absl::OkStatus();
}

Fd MakeDescriptor(absl::FunctionRef<int()> make) {
  Fd made(make());
  if (!made.valid() && errno == EMFILE && RaiseDescriptorLimit()) made = Fd(make());
  return PlaceHigh(std::move(made));
}

Fd PlaceHigh(Fd fd) {
  if (!fd.valid()) return fd;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return fd;
  const auto base = static_cast<int>(std::clamp<rlim_t>(limit.rlim_cur / 2, STDERR_FILENO + 1, kHigh));
  if (fd.get() >= base) return fd;
  Fd high(fcntl(fd.get(), F_DUPFD_CLOEXEC, base));
  if (!high.valid() && fd.get() <= STDERR_FILENO) high = Fd(fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!high.valid() && fd.get() > STDERR_FILENO) return fd;
  const int error_number = errno;
  fd.Reset();
  errno = error_number;
  return high;
}

bool RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return false;
  const rlim_t original = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  rlim_t none = 0;
  g_original_limit.compare_exchange_strong(none, original);
  return true;
}

void RestoreDescriptorLimit(int pid) {
  rlimit limit{};
  limit.rlim_cur = g_original_limit.load();
  if (limit.rlim_cur == 0) return;
  rlimit now{};
  if (prlimit(pid, RLIMIT_NOFILE, nullptr, &now) != 0) return;
  limit.rlim_max = now.rlim_max;
  limit.rlim_cur = std::min(limit.rlim_cur, limit.rlim_max);
  prlimit(pid, RLIMIT_NOFILE, &limit, nullptr);
}

}  // namespace regatta
