#include "reports/charts/quantity.h"

#include <limits>

#include "gtest/gtest.h"

namespace regatta::reports {
namespace {

TEST(FormatTest, ChoosesTheUnitThatReadsBest) {
  EXPECT_EQ(Format(0.4, Unit::kNanoseconds), "0.400 ns");
  EXPECT_EQ(Format(240, Unit::kNanoseconds), "240 ns");
  EXPECT_EQ(Format(52'700, Unit::kNanoseconds), "52.7 µs");
  EXPECT_EQ(Format(77.7e6, Unit::kNanoseconds), "77.7 ms");
  EXPECT_EQ(Format(12.34e9, Unit::kNanoseconds), "12.3 s");
  EXPECT_EQ(Format(5.2e6, Unit::kPerSecond), "5.20 M/s");
  EXPECT_EQ(Format(64, Unit::kBytes), "64 B");
  EXPECT_EQ(Format(1048576, Unit::kBytes), "1 MiB");
  EXPECT_EQ(Format(1.5e9, Unit::kBytes), "1.40 GiB");
  EXPECT_EQ(Format(1.666, Unit::kTimes), "1.67×");
  EXPECT_EQ(Format(0.031, Unit::kShare, 2), "3.1 %");
}

TEST(FormatTest, RoundsUpIntoTheNextUnitAndDigit) {
  EXPECT_EQ(Format(999.7, Unit::kNanoseconds), "1.00 µs");
  EXPECT_EQ(Format(9.996, Unit::kTimes), "10.0×");
  EXPECT_EQ(Format(99.96, Unit::kTimes), "100×");
}

TEST(FormatTest, ShowsNoFigureWhereThereIsNone) {
  EXPECT_EQ(Format(std::numeric_limits<double>::quiet_NaN(), Unit::kTimes), "–");
  EXPECT_EQ(Format(std::numeric_limits<double>::infinity(), Unit::kNanoseconds), "–");
  EXPECT_EQ(Format(0, Unit::kNanoseconds), "0 ns");
}

TEST(FormatPlainTest, LeavesOutZerosAtTheEnd) {
  EXPECT_EQ(FormatPlain(1'000, Unit::kNanoseconds), "1 µs");
  EXPECT_EQ(FormatPlain(1'500, Unit::kNanoseconds), "1.5 µs");
  EXPECT_EQ(FormatPlain(100, Unit::kNanoseconds), "100 ns");
  EXPECT_EQ(FormatPlain(0.5, Unit::kTimes), "0.5×");
  EXPECT_EQ(FormatPlain(2, Unit::kTimes), "2×");
}

TEST(FormatWithIntervalTest, GivesTheUnitEachTime) {
  EXPECT_EQ(FormatWithInterval(950, 900, 1'100, Unit::kNanoseconds), "950 ns (900 ns to 1.10 µs)");
}

}  // namespace
}  // namespace regatta::reports
