#include "reports/statistics/usl.h"

#include <cmath>

#include "gtest/gtest.h"

namespace regatta::reports {
namespace {

std::vector<ScalingPoint> Made(const UslFit& law, const std::vector<double>& counts) {
  std::vector<ScalingPoint> points;
  for (const double count : counts) points.push_back({count, law.At(count)});
  return points;
}

TEST(UslTest, FindsTheParametersThatTheDataWasMadeWith) {
  const UslFit law = {.gain = 0.95, .contention = 0.03, .coherency = 0.0005};
  const auto fit = FitUsl(Made(law, {1, 2, 3, 4, 8, 16, 32, 64}));
  ASSERT_TRUE(fit.has_value());
  EXPECT_NEAR(fit->gain, 0.95, 1e-9);
  EXPECT_NEAR(fit->contention, 0.03, 1e-9);
  EXPECT_NEAR(fit->coherency, 0.0005, 1e-9);
  EXPECT_NEAR(fit->worst_off, 0, 1e-9);
  EXPECT_NEAR(fit->Peak(), std::sqrt(0.97 / 0.0005), 1e-3);
}

TEST(UslTest, FindsThemNearlyWhereEachPointIsOffALittle) {
  const UslFit law = {.gain = 1, .contention = 0.1, .coherency = 0.002};
  std::vector<ScalingPoint> points = Made(law, {1, 2, 3, 4, 6, 8, 12, 16, 24, 32});
  for (size_t i = 0; i < points.size(); ++i) points[i].speed_up *= i % 2 == 0 ? 1.02 : 0.98;
  const auto fit = FitUsl(points);
  ASSERT_TRUE(fit.has_value());
  EXPECT_NEAR(fit->gain, 1, 0.05);
  EXPECT_NEAR(fit->contention, 0.1, 0.02);
  EXPECT_NEAR(fit->coherency, 0.002, 0.0005);
  EXPECT_LT(fit->worst_off, 0.05);
}

TEST(UslTest, HasNeitherShareBelowNothing) {
  // Better than in proportion: a plain fit would have a negative contention.
  const auto fit = FitUsl({{1, 1}, {2, 2.2}, {3, 3.4}, {4, 4.7}, {5, 6}, {6, 7.4}});
  ASSERT_TRUE(fit.has_value());
  EXPECT_EQ(fit->contention, 0);
  EXPECT_GE(fit->coherency, 0);
  EXPECT_TRUE(std::isinf(fit->Peak()));
}

TEST(UslTest, NeedsSixDifferentCounts) {
  const UslFit law = {.gain = 1, .contention = 0.05, .coherency = 0.001};
  EXPECT_FALSE(FitUsl(Made(law, {1, 2, 3, 4, 5})).has_value());
  EXPECT_FALSE(FitUsl(Made(law, {1, 2, 3, 4, 5, 5})).has_value());
  EXPECT_TRUE(FitUsl(Made(law, {1, 2, 3, 4, 5, 6})).has_value());
}

TEST(UslTest, FitsNothingToWhatIsNoSpeedUp) {
  EXPECT_FALSE(FitUsl({{1, 1}, {2, 0}, {3, 1}, {4, 1}, {5, 1}, {6, 1}}).has_value());
  EXPECT_FALSE(FitUsl({}).has_value());
}

}  // namespace
}  // namespace regatta::reports
