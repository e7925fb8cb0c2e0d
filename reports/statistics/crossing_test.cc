#include "reports/statistics/crossing.h"

#include <cmath>

#include "gtest/gtest.h"

namespace regatta::reports {
namespace {

// From 0.5 at 1 us to 1.5 at 100 us: half way up is half way over the log of the size, at 10 us.
TEST(CrossingTest, InterpolatesOverTheLogOfTheSize) {
  EXPECT_NEAR(Crossing({{100'000, 1.5}, {1'000, 0.5}}, 1), 10'000, 1e-6);
}

// Above 1 at 10, below at 100, above from 1000 on: only the last crossing holds for all larger sizes.
TEST(CrossingTest, CountsOnlyTheLastUpwardCrossing) {
  EXPECT_NEAR(Crossing({{10, 1.2}, {100, 0.5}, {10'000, 1.5}, {100'000, 1.9}}, 1), 1'000, 1e-6);
}

TEST(CrossingTest, SaysWhenItLiesOutsideWhatWasMeasured) {
  EXPECT_EQ(Crossing({{10, 1.2}, {100, 1.5}}, 1), 0);
  EXPECT_TRUE(std::isinf(Crossing({{10, 0.2}, {100, 0.5}}, 1)));
  EXPECT_TRUE(std::isnan(Crossing({}, 1)));
}

TEST(CrossingTest, IsAtAPointThatMeetsTheThresholdExactly) {
  EXPECT_DOUBLE_EQ(Crossing({{10, 0.5}, {100, 1}}, 1), 100);
}

MeasuredPoint PointOf(double size, const std::vector<double>& speed_ups) {
  MeasuredPoint point;
  for (size_t i = 0; i < speed_ups.size(); ++i) {
    point.size[{0, 0, static_cast<int64_t>(i)}] = size;
    point.log_speed_up[{0, 0, static_cast<int64_t>(i)}] = std::log(speed_ups[i]);
  }
  return point;
}

// Blocks that agree leave no doubt; a block that differs widens the interval to its own crossing.
TEST(EstimateCrossingTest, IsAsUncertainAsTheBlocksDisagree) {
  const CrossingEstimate sure =
      EstimateCrossing({PointOf(1'000, {0.5, 0.5, 0.5}), PointOf(100'000, {1.5, 1.5, 1.5})}, 1, {.seed = 1});
  EXPECT_NEAR(sure.value, 10'000, 1e-6);
  EXPECT_NEAR(sure.interval.low, 10'000, 1e-6);
  EXPECT_NEAR(sure.interval.high, 10'000, 1e-6);
  EXPECT_EQ(sure.smallest, 1'000);
  EXPECT_EQ(sure.largest, 100'000);

  // With 0.75 in place of 0.5 the crossing lies a third of the way up: 1000 * 100^(1/3).
  const CrossingEstimate unsure =
      EstimateCrossing({PointOf(1'000, {0.5, 0.5, 0.75}), PointOf(100'000, {1.5, 1.5, 1.5})}, 1, {.seed = 1});
  EXPECT_NEAR(unsure.value, 10'000, 1e-6);
  EXPECT_NEAR(unsure.interval.low, 1'000 * std::cbrt(100.0), 1e-6);
  EXPECT_NEAR(unsure.interval.high, 10'000, 1e-6);
}

TEST(EstimateCrossingTest, HasAnIntervalThatReachesOutOfWhatWasMeasured) {
  const CrossingEstimate estimate =
      EstimateCrossing({PointOf(10, {0.5, 0.5, 0.5}), PointOf(1'000, {1.5, 1.5, 0.9})}, 1, {.seed = 1});
  EXPECT_NEAR(estimate.value, 100, 1e-9);
  EXPECT_TRUE(std::isinf(estimate.interval.high));
}

}  // namespace
}  // namespace regatta::reports
