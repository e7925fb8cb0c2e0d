#include "core/os/deadline.h"

#include <climits>

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

TEST(DeadlineNever, NeverPasses) {
  EXPECT_TRUE(Deadline::Never().is_never());
  EXPECT_FALSE(Deadline::Never().passed());
  EXPECT_EQ(Deadline::Never().remaining(), absl::InfiniteDuration());
  EXPECT_EQ(Deadline::Never().remaining_poll_millis(), -1);
}

TEST(DeadlineNow, HasPassed) {
  EXPECT_TRUE(Deadline::Now().is_now());
  EXPECT_TRUE(Deadline::Now().passed());
  EXPECT_EQ(Deadline::Now().remaining(), absl::ZeroDuration());
  EXPECT_EQ(Deadline::Now().remaining_poll_millis(), 0);
}

TEST(DeadlineAfter, NegativeOrZeroIsNow) {
  EXPECT_TRUE(Deadline::After(absl::Seconds(-1)).is_now());
  EXPECT_TRUE(Deadline::After(absl::ZeroDuration()).is_now());
  EXPECT_TRUE(Deadline::After(-absl::InfiniteDuration()).is_now());
}

TEST(DeadlineAfter, FarTimesSaturateToNever) {
  EXPECT_TRUE(Deadline::After(absl::InfiniteDuration()).is_never());
  EXPECT_TRUE(Deadline::After(absl::Hours(int64_t{24} * 365 * 10'000)).is_never());
}

TEST(DeadlineAfter, LiesOnTheMonotonicClock) {
  const int64_t before = MonotonicNanos();
  const Deadline deadline = Deadline::After(absl::Seconds(100));
  const int64_t after = MonotonicNanos();
  EXPECT_GE(deadline.monotonic_nanos(), before + 100'000'000'000);
  EXPECT_LE(deadline.monotonic_nanos(), after + 100'000'000'000);
  EXPECT_FALSE(deadline.passed());
  EXPECT_LE(deadline.remaining(), absl::Seconds(100));
  EXPECT_GT(deadline.remaining(), absl::Seconds(50));
}

TEST(DeadlineAtMonotonicNanos, HasPassedOnceTheClockIsThere) {
  const Deadline deadline = Deadline::AtMonotonicNanos(MonotonicNanos());
  EXPECT_TRUE(deadline.passed());
  EXPECT_FALSE(deadline.is_now());
  EXPECT_EQ(deadline.remaining(), absl::ZeroDuration());
}

TEST(DeadlinePollMillis, RoundsUpAndSaturates) {
  EXPECT_EQ(Deadline::AtMonotonicNanos(MonotonicNanos() - 1).remaining_poll_millis(), 0);
  const int soon = Deadline::AtMonotonicNanos(MonotonicNanos() + 900'000'000).remaining_poll_millis();
  EXPECT_GT(soon, 0);
  EXPECT_LE(soon, 900);
  EXPECT_GE(Deadline::AtMonotonicNanos(MonotonicNanos() + 500'000).remaining_poll_millis(), 0);
  EXPECT_EQ(Deadline::After(absl::Hours(10'000)).remaining_poll_millis(), INT_MAX);
}

TEST(DeadlineEarlier, PicksTheOneThatComesFirst) {
  const Deadline soon = Deadline::After(absl::Seconds(1));
  EXPECT_EQ(Deadline::Earlier(soon, Deadline::Never()).monotonic_nanos(), soon.monotonic_nanos());
  EXPECT_EQ(Deadline::Earlier(Deadline::Never(), soon).monotonic_nanos(), soon.monotonic_nanos());
  EXPECT_TRUE(Deadline::Earlier(soon, Deadline::Now()).is_now());
}

}  // namespace
}  // namespace regatta
