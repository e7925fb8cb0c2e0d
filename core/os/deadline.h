// Deadline: the point on the monotonic clock until which a call may block.
//
// A Deadline is a value, and any thread may use it. Never and far deadlines saturate instead of overflowing. A negative
// timeout has passed already, as in CPython: the call still tries once without blocking.
#ifndef REGATTA_CORE_OS_DEADLINE_H_
#define REGATTA_CORE_OS_DEADLINE_H_

#include <cstdint>
#include <limits>

#include "absl/time/time.h"

namespace regatta {

// CLOCK_MONOTONIC in nanoseconds. All processes of a machine see the same clock.
int64_t MonotonicNanos();

class Deadline {
 public:
  static constexpr Deadline Never() { return Deadline(kNever); }
  // A deadline that has passed: the call does not block.
  static constexpr Deadline Now() { return Deadline(0); }
  static Deadline After(absl::Duration timeout);
  static constexpr Deadline AtMonotonicNanos(int64_t nanos) { return Deadline(nanos); }

  constexpr bool is_never() const { return nanos_ == kNever; }
  // True for Deadline::Now(): the caller asked the call not to block.
  constexpr bool is_now() const { return nanos_ == 0; }
  constexpr int64_t monotonic_nanos() const { return nanos_; }
  bool passed() const { return !is_never() && (is_now() || MonotonicNanos() >= nanos_); }
  // Zero if the deadline has passed, InfiniteDuration if it never does.
  absl::Duration remaining() const;
  // The timeout for poll(): milliseconds, rounded up and at most INT_MAX; 0 if the deadline has passed, -1 if it never
  // does.
  int remaining_poll_millis() const;
  static constexpr Deadline Earlier(Deadline a, Deadline b) { return a.nanos_ < b.nanos_ ? a : b; }

 private:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
  constexpr explicit Deadline(int64_t nanos) : nanos_(nanos) {}
  int64_t nanos_;
};

}  // namespace regatta

#endif  // REGATTA_CORE_OS_DEADLINE_H_
