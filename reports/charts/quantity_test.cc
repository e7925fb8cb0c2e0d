#include "reports/charts/quantity.h"

#include <limits>

#include "gtest/gtest.h"

namespace regatta::reports {
namespace {

TEST(FormatTest, ChoosesTheUnitThatReadsBest) {
  EXPECT_EQ(Format(0.4, Unit::kNanoseconds), "0.400\u00a0ns");
  EXPECT_EQ(Format(240, Unit::kNanoseconds), "240\u00a0ns");
  EXPECT_EQ(Format(52'700, Unit::kNanoseconds), "52.7\u00a0µs");
  EXPECT_EQ(Format(77.7e6, Unit::kNanoseconds), "77.7\u00a0ms");
  EXPECT_EQ(Format(12.34e9, Unit::kNanoseconds), "12.3\u00a0s");
  EXPECT_EQ(Format(5.2e6, Unit::kPerSecond), "5.20\u00a0M/s");
  EXPECT_EQ(Format(64, Unit::kBytes), "64\u00a0B");
  EXPECT_EQ(Format(1048576, Unit::kBytes), "1\u00a0MiB");
  EXPECT_EQ(Format(1.5e9, Unit::kBytes), "1.40\u00a0GiB");
  EXPECT_EQ(Format(1.666, Unit::kTimes), "1.67×");
  EXPECT_EQ(Format(0.031, Unit::kShare, 2), "3.1\u00a0%");
}

TEST(FormatTest, RoundsUpIntoTheNextUnitAndDigit) {
  EXPECT_EQ(Format(999.7, Unit::kNanoseconds), "1.00\u00a0µs");
  EXPECT_EQ(Format(9.996, Unit::kTimes), "10.0×");
  EXPECT_EQ(Format(99.96, Unit::kTimes), "100×");
}

TEST(FormatTest, ShowsNoFigureWhereThereIsNone) {
  EXPECT_EQ(Format(std::numeric_limits<double>::quiet_NaN(), Unit::kTimes), "–");
  EXPECT_EQ(Format(std::numeric_limits<double>::infinity(), Unit::kNanoseconds), "–");
  EXPECT_EQ(Format(0, Unit::kNanoseconds), "0\u00a0ns");
}

TEST(FormatPlainTest, LeavesOutZerosAtTheEnd) {
  EXPECT_EQ(FormatPlain(1'000, Unit::kNanoseconds), "1\u00a0µs");
  EXPECT_EQ(FormatPlain(1'500, Unit::kNanoseconds), "1.5\u00a0µs");
  EXPECT_EQ(FormatPlain(100, Unit::kNanoseconds), "100\u00a0ns");
  EXPECT_EQ(FormatPlain(0.5, Unit::kTimes), "0.5×");
  EXPECT_EQ(FormatPlain(2, Unit::kTimes), "2×");
}

TEST(FormatRangeTest, GivesASharedUnitOnce) {
  EXPECT_EQ(FormatRange(1.6, 1.71, Unit::kTimes), "1.60 to 1.71×");
  EXPECT_EQ(FormatRange(900, 950, Unit::kNanoseconds), "900 to 950\u00a0ns");
  EXPECT_EQ(FormatRange(900, 1'100, Unit::kNanoseconds), "900\u00a0ns to 1.10\u00a0µs");
  EXPECT_EQ(FormatRange(1, 2, Unit::kNumber), "1 to 2");
  EXPECT_EQ(FormatRange(1, std::numeric_limits<double>::infinity(), Unit::kTimes), "1.00× to –");
}

TEST(QuantityTest, NamesAQuantileByHowManyExceedIt) {
  EXPECT_EQ(Format(2, Unit::kQuantile), "p50");
  EXPECT_EQ(Format(100, Unit::kQuantile), "p99");
  EXPECT_EQ(FormatPlain(1e4, Unit::kQuantile), "p99.99");
}

}  // namespace
}  // namespace regatta::reports
