#include "core/os/poll.h"

#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "core/os/error.h"
#include "core/os/fd.h"

namespace regatta {
namespace {

// poll refuses more entries than this process may have descriptors. So this polls in parts, and sleeps in the first
// one.
absl::StatusOr<int> PollInParts(std::span<pollfd> polled, size_t part, Deadline deadline) {
  constexpr int kMillis = 10;
  for (;;) {
    int all_ready = 0;
    for (size_t at = 0; at < polled.size(); at += part) {
      const int ready = poll(&polled[at], std::min(part, polled.size() - at), 0);
      if (ready < 0 && errno != EINTR) return ErrnoError("poll");
      all_ready += std::max(ready, 0);
    }
    if (all_ready > 0 || deadline.passed()) return all_ready;
    const int wait = deadline.is_never() ? kMillis : std::min(kMillis, deadline.remaining_poll_millis());
    if (poll(polled.data(), part, wait) < 0 && errno != EINTR) return ErrnoError("poll");
  }
}

absl::StatusOr<int> Poll(pollfd* polled, nfds_t count, Deadline deadline) {
  for (;;) {
    const int ready = poll(polled, count, deadline.remaining_poll_millis());
    if (ready > 0) return ready;
    if (ready < 0 && errno == EINVAL) {
      // The limit of descriptors was lowered.
      if (RaiseDescriptorLimit()) continue;
      rlimit limit{};
      if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == 0 || limit.rlim_cur >= count) {
        return ErrnoError("poll", EINVAL);
      }
      return PollInParts({polled, count}, limit.rlim_cur, deadline);
    }
    if (ready < 0 && errno != EINTR) return ErrnoError("poll");
    // A far deadline needs several polls, because poll's milliseconds are an int.
    if (deadline.passed()) return 0;
  }
}

}  // namespace

absl::StatusOr<int> PollReadable(std::span<PollEntry> entries, Deadline deadline) {
  std::vector<pollfd> polled;
  polled.reserve(entries.size());
  for (const PollEntry& entry : entries) polled.push_back({entry.fd == nullptr ? -1 : entry.fd->get(), POLLIN, 0});
  absl::StatusOr<int> ready = Poll(polled.data(), polled.size(), deadline);
  for (size_t i = 0; i < entries.size(); ++i) entries[i].ready = ready.ok() && polled[i].revents != 0;
  return ready;
}

absl::StatusOr<bool> PollReadable(const Fd& fd, Deadline deadline) {
  pollfd polled{fd.get(), POLLIN, 0};
  const absl::StatusOr<int> ready = Poll(&polled, 1, deadline);
  if (!ready.ok()) return ready.status();
  return *ready > 0;
}

}  // namespace regatta
