#include "core/os/deadline.h"

#include <time.h>

#include <algorithm>
#include <climits>

namespace regatta {

int64_t MonotonicNanos() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

Deadline Deadline::After(absl::Duration timeout) {
  if (timeout == absl::InfiniteDuration()) return Never();
  if (timeout <= absl::ZeroDuration()) return Now();
  const int64_t now = MonotonicNanos();
  const int64_t nanos = absl::ToInt64Nanoseconds(timeout);  // Saturates.
  return nanos >= kNever - now ? Never() : Deadline(now + nanos);
}

absl::Duration Deadline::remaining() const {
  if (is_never()) return absl::InfiniteDuration();
  if (is_now()) return absl::ZeroDuration();
  return absl::Nanoseconds(std::max<int64_t>(0, nanos_ - MonotonicNanos()));
}

int Deadline::remaining_poll_millis() const {
  if (is_never()) return -1;
  if (is_now()) return 0;
  const int64_t left = std::max<int64_t>(0, nanos_ - MonotonicNanos());
  return static_cast<int>(std::min<int64_t>(INT_MAX, left / 1'000'000 + (left % 1'000'000 != 0)));
}

}  // namespace regatta
