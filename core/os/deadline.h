// Deadline: a point on the monotonic clock until which a call may wait.
//
// A value; any thread. Never and far deadlines saturate instead of overflowing; a negative timeout is one that has
// passed (as CPython treats it), so the call still tries once without waiting.
#ifndef REGATTA_CORE_OS_DEADLINE_H_
#define REGATTA_CORE_OS_DEADLINE_H_

#include <cstdint>
#include <limits>

#include "absl/time/time.h"

namespace regatta {

// CLOCK_MONOTONIC in nanoseconds: the same clock in every process of this machine.
int64_t MonotonicNanos();

class Deadline {
 public:
  static constexpr Deadline Never() { return Deadline(kNever); }
  // Already passed: ask without waiting.
  static constexpr Deadline Now() { return Deadline(0); }
  static Deadline After(absl::Duration timeout);
  static constexpr Deadline AtMonotonicNanos(int64_t nanos) { return Deadline(nanos); }

  constexpr bool is_never() const { return nanos_ == kNever; }
  // Made by Now(): the caller asked not to wait at all.
  constexpr bool is_now() const { return nanos_ == 0; }
  constexpr int64_t monotonic_nanos() const { return nanos_; }
  bool passed() const { return !is_never() && (is_now() || MonotonicNanos() >= nanos_); }
  // Zero if passed, InfiniteDuration if never.
  absl::Duration remaining() const;
  // For poll(): milliseconds rounded up, 0 if passed, -1 if never, at most INT_MAX.
  int remaining_poll_millis() const;
  static constexpr Deadline Earlier(Deadline a, Deadline b) { return a.nanos_ < b.nanos_ ? a : b; }

 private:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
  constexpr explicit Deadline(int64_t nanos) : nanos_(nanos) {}
  int64_t nanos_;
};

}  // namespace regatta

#endif  // REGATTA_CORE_OS_DEADLINE_H_
