#include "reports/statistics/ratio.h"

#include <cmath>

#include "gtest/gtest.h"

namespace regatta::reports {
namespace {

Estimate Interval95(double low, double high, int invocations = 5) {
  Estimate estimate;
  estimate.value = std::sqrt(low * high);
  estimate.interval = {low, high};
  estimate.invocations = invocations;
  estimate.blocks = 10;
  return estimate;
}

TEST(LogRatiosTest, PairsOnlyFiguresOfTheSameBlock) {
  const Sample serial = {{{0, 0, 0}, 20.0}, {{0, 0, 1}, 30.0}, {{0, 0, 2}, 40.0}};
  const Sample pool = {{{0, 0, 0}, 10.0}, {{0, 0, 2}, 10.0}, {{0, 1, 1}, 1.0}, {{1, 0, 1}, 1.0}};
  const Sample ratios = LogRatios(serial, pool);
  ASSERT_EQ(ratios.size(), 2u);
  EXPECT_DOUBLE_EQ(ratios.at({0, 0, 0}), std::log(2.0));
  EXPECT_DOUBLE_EQ(ratios.at({0, 0, 2}), std::log(4.0));
}

TEST(LogRatiosTest, LeavesOutFiguresThatHaveNoLogarithm) {
  EXPECT_TRUE(LogRatios({{{0, 0, 0}, 0.0}}, {{{0, 0, 0}, 1.0}}).empty());
  EXPECT_TRUE(LogRatios({{{0, 0, 0}, 1.0}}, {{{0, 0, 0}, 0.0}}).empty());
}

// Ratios 1/2, 2, 8: their median is 2, the mean of logs would be 2 as well but the mean of ratios 3.5. Two of three
// won.
TEST(EstimateRatioTest, IsTheMedianOfTheRatiosWithItsShareWon) {
  const Sample serial = {{{0, 0, 0}, 1.0}, {{0, 0, 1}, 2.0}, {{0, 0, 2}, 8.0}};
  const Sample pool = {{{0, 0, 0}, 2.0}, {{0, 0, 1}, 1.0}, {{0, 0, 2}, 1.0}};
  const Estimate estimate = EstimateRatio(LogRatios(serial, pool), {.seed = 1});
  EXPECT_DOUBLE_EQ(estimate.value, 2);
  EXPECT_DOUBLE_EQ(estimate.won, 2.0 / 3);
  EXPECT_EQ(estimate.blocks, 3);
  EXPECT_EQ(estimate.invocations, 1);
  // The ends: P(median at the lowest) is 7/27 each, far above 2.5 %.
  EXPECT_DOUBLE_EQ(estimate.interval.low, 0.5);
  EXPECT_DOUBLE_EQ(estimate.interval.high, 8);
}

// Between 1/4 and 4 lies 1 when the unit is the log; the plain mean would say 2.125.
TEST(EstimateRatioTest, WeighsTwiceAndHalfTheSame) {
  EXPECT_DOUBLE_EQ(EstimateRatio({{{0, 0, 0}, std::log(0.25)}, {{0, 0, 1}, std::log(4.0)}}, {}).value, 1);
}

TEST(EstimateRatioTest, IsUnmeasuredWithoutBlocks) { EXPECT_FALSE(EstimateRatio({}, {}).measured()); }

Verdict JudgeOne(const Estimate& speed_up, bool trusted) { return Judge({speed_up}, {trusted}).front(); }

TEST(JudgeTest, GivesAVerdictOnlyWhereTheIntervalAllowsIt) {
  EXPECT_EQ(JudgeOne(Interval95(1.2, 1.4), true), Verdict::kFaster);
  EXPECT_EQ(JudgeOne(Interval95(0.6, 0.8), true), Verdict::kSlower);
  EXPECT_EQ(JudgeOne(Interval95(0.97, 1.04), true), Verdict::kEquivalent);
  EXPECT_EQ(JudgeOne(Interval95(1.01, 1.04), true), Verdict::kEquivalent);
  EXPECT_EQ(JudgeOne(Interval95(0.9, 1.3), true), Verdict::kInconclusive);
}

TEST(JudgeTest, GivesNoneForOneInvocationOrARunThatCantBeBelieved) {
  EXPECT_EQ(JudgeOne(Interval95(1.2, 1.4, 1), true), Verdict::kIndicative);
  EXPECT_EQ(JudgeOne(Interval95(1.2, 1.4), false), Verdict::kUntrusted);
}

TEST(JudgeTest, NeverCallsADifferenceOfJustFivePercentEquivalent) {
  EXPECT_EQ(JudgeOne(Interval95(1.045, 1.055), true), Verdict::kFaster);
  EXPECT_EQ(JudgeOne(Interval95(1 / 1.055, 1 / 1.045), true), Verdict::kSlower);
  EXPECT_EQ(JudgeOne(Interval95(1.05, 1.05), true), Verdict::kFaster);
}

// Seen alone each of twenty speed-ups whose interval just leaves out 1 would be faster; among twenty one in twenty does
// so by chance, and of all twenty together it is no chance.
TEST(JudgeTest, ClaimsLessOfOneAmongMany) {
  const Estimate barely = Interval95(1.001, 1.4);
  EXPECT_EQ(JudgeOne(barely, true), Verdict::kFaster);
  std::vector<Estimate> many(20, Interval95(0.7, 1.5));
  many[7] = barely;
  EXPECT_EQ(Judge(many, std::vector(20, true))[7], Verdict::kInconclusive);
  EXPECT_EQ(Judge(std::vector(20, barely), std::vector(20, true))[7], Verdict::kFaster);
  // Those that are not judged are none of the many.
  std::vector<bool> trusted(20, false);
  trusted[7] = true;
  EXPECT_EQ(Judge(many, trusted)[7], Verdict::kFaster);
  EXPECT_EQ(Judge(many, trusted)[8], Verdict::kUntrusted);
}

// With four degrees of freedom 2.776 is the 5 % point and 4.604 the 1 % point, of both sides: an interval of 95 % that
// ends 2.776 away has its null at 4.604 with p = 0.01.
TEST(PValueTest, IsFivePercentAtTheIntervalsEndAndFallsAsTheTableSays) {
  const Estimate estimate = Interval95(std::exp(-2.776), std::exp(2.776));
  EXPECT_NEAR(PValue(estimate, std::exp(2.776)), 0.05, 1e-9);
  EXPECT_NEAR(PValue(estimate, std::exp(-4.604)), 0.01, 1e-5);
  EXPECT_DOUBLE_EQ(PValue(estimate, 1), 1);
  EXPECT_EQ(PValue(Interval95(2, 2), 1), 0);
  EXPECT_EQ(PValue(Interval95(1.2, 1.4, 1), 1), 1);
}

// 0.96 strays by 1/0.96 - 1 = 4.17 %, farther than 1.03 does.
TEST(NoiseFloorTest, IsTheFartherEndOfTheInterval) {
  EXPECT_NEAR(NoiseFloor(Interval95(0.96, 1.03)), 0.041667, 1e-6);
  EXPECT_NEAR(NoiseFloor(Interval95(1.01, 1.03)), 0.03, 1e-12);
}

}  // namespace
}  // namespace regatta::reports
