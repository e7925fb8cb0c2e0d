#include "core/os/poll.h"

#include <poll.h>

#include <cerrno>
#include <vector>

#include "core/os/error.h"

namespace regatta {
namespace {

absl::StatusOr<int> Poll(pollfd* polled, nfds_t count, Deadline deadline) {
  for (;;) {
    const int ready = poll(polled, count, deadline.remaining_poll_millis());
    if (ready > 0) return ready;
    if (ready < 0 && errno != EINTR) return ErrnoError("poll");
    // A far deadline needs several polls, for poll's milliseconds are an int.
    if (deadline.passed()) return 0;
  }
}

}  // namespace

absl::StatusOr<int> PollReadable(std::span<PollEntry> entries, Deadline deadline) {
  std::vector<pollfd> polled;
  polled.reserve(entries.size());
  for (const PollEntry& entry : entries) polled.push_back({entry.fd == nullptr ? -1 : entry.fd->get(), POLLIN, 0});
  const absl::StatusOr<int> ready = Poll(polled.data(), polled.size(), deadline);
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
