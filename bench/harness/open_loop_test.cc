#include "bench/harness/open_loop.h"

#include <algorithm>
#include <cmath>

#include "bench/results/latency.h"
#include "gtest/gtest.h"

namespace regatta::bench {
namespace {

TEST(OpenLoopArrivals, AreThoseOfTheSeed) {
  EXPECT_EQ(PoissonArrivals(7, 1e6, 1000), PoissonArrivals(7, 1e6, 1000));
  EXPECT_NE(PoissonArrivals(7, 1e6, 1000), PoissonArrivals(8, 1e6, 1000));
  EXPECT_EQ(PoissonArrivals(7, 0, 3), std::vector<int64_t>(3, 0));
}

TEST(OpenLoopArrivals, ComeAtTheirRateWithExponentialGaps) {
  constexpr int kCount = 100'000;
  const std::vector<int64_t> arrivals = PoissonArrivals(1, 1e5, kCount);
  EXPECT_TRUE(std::is_sorted(arrivals.begin(), arrivals.end()));
  EXPECT_NEAR(static_cast<double>(arrivals.back()), 1e9, 0.02e9);
  // Of exponential gaps a share of 1/e is longer than the mean of 10 us, and of 1/e^3 than three times that.
  int longer = 0, much_longer = 0;
  for (int i = 1; i < kCount; ++i) {
    longer += arrivals[i] - arrivals[i - 1] > 10'000 ? 1 : 0;
    much_longer += arrivals[i] - arrivals[i - 1] > 30'000 ? 1 : 0;
  }
  EXPECT_NEAR(longer, kCount * std::exp(-1), 0.01 * kCount);
  EXPECT_NEAR(much_longer, kCount * std::exp(-3), 0.005 * kCount);
}

// A clock that only these tests move, so that every latency is known beforehand.
TEST(OpenLoopSendWhenDue, CountsTheWholeStallOfASystemAgainstAllThatWasDueMeanwhile) {
  constexpr int64_t kGap = 1'000, kStall = 100'000;
  std::vector<int64_t> arrivals;
  for (int64_t i = 0; i < 1000; ++i) arrivals.push_back(i * kGap);
  int64_t clock = 5'000'000;
  std::vector<int64_t> latencies;
  const absl::Status sent = SendWhenDue(
      arrivals, clock, [&] { return clock; }, [&] { return clock += 10, absl::OkStatus(); },
      [&](int64_t due) {
        clock += latencies.size() == 500 ? kStall : 20;
        latencies.push_back(clock - due);
        return absl::OkStatus();
      });
  ASSERT_TRUE(sent.ok()) << sent;
  LatencyHistogram histogram;
  histogram.Add(latencies);
  // 1000 pieces in 1 ms; about a hundred were due in the stall of 0.1 ms, and waited half of it on average. Counted
  // from when the system let them start, it would be a single one.
  EXPECT_EQ(latencies[500], kStall);
  EXPECT_GE(*histogram.Quantile(0.95), kStall / 3);
  EXPECT_LE(*histogram.Quantile(0.5), 100);
  EXPECT_EQ(latencies[550], kStall - 50 * kGap + 50 * 20 + 50 * 10);
}

TEST(OpenLoopSendWhenDue, EndsWithTheFirstError) {
  int sent = 0;
  const absl::Status status = SendWhenDue(
      PoissonArrivals(1, 0, 10), 0, [] { return 0; }, [] { return absl::OkStatus(); },
      [&](int64_t) { return ++sent == 3 ? absl::AbortedError("gone") : absl::OkStatus(); });
  EXPECT_EQ(status, absl::AbortedError("gone"));
  EXPECT_EQ(sent, 3);
}

}  // namespace
}  // namespace regatta::bench
