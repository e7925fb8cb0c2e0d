#include "reports/charts/axis.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace regatta::reports {
namespace {

std::vector<std::string> Labels(const std::vector<Tick>& ticks) {
  std::vector<std::string> labels;
  for (const Tick& tick : ticks) {
    if (!tick.text.empty()) labels.push_back(tick.text);
  }
  return labels;
}

double Narrow(const std::string&) { return 1; }

TEST(AxisTest, PutsEqualFactorsEquallyFarApartWhenLogarithmic) {
  const Axis axis({.logarithmic = true}, {1, 1000}, 0, 300);
  EXPECT_NEAR(axis.Position(100) - axis.Position(10), axis.Position(10) - axis.Position(1), 1e-9);
  EXPECT_GT(axis.Position(1), 0);
  EXPECT_LT(axis.Position(1000), 300);
}

TEST(AxisTest, RunsBackwardsWhenItsStartLiesBeyondItsEnd) {
  const Axis axis({.from_zero = true}, {0, 10}, 200, 0);
  EXPECT_EQ(axis.Position(0), 200);
  EXPECT_LT(axis.Position(10), axis.Position(5));
}

TEST(AxisTest, KeepsValuesOutsideWithinItsEnds) {
  const Axis axis({.logarithmic = true}, {1, 10}, 0, 100);
  EXPECT_EQ(axis.Position(0), 0);
  EXPECT_EQ(axis.Position(-3), 0);
  EXPECT_EQ(axis.Position(1e9), 100);
}

TEST(AxisTest, LabelsDecadesWithTheirUnits) {
  const Axis axis({.unit = Unit::kNanoseconds, .logarithmic = true}, {1, 1e6}, 0, 600);
  EXPECT_EQ(Labels(axis.Ticks(Narrow)), (std::vector<std::string>{"1\u00a0ns", "10\u00a0ns", "100\u00a0ns", "1\u00a0µs",
                                                                  "10\u00a0µs", "100\u00a0µs", "1\u00a0ms"}));
}

TEST(AxisTest, LabelsRoundNumbersWhenLinear) {
  const Axis axis({.unit = Unit::kTimes, .from_zero = true}, {0.4, 1.9}, 0, 600);
  EXPECT_EQ(Labels(axis.Ticks(Narrow)), (std::vector<std::string>{"0×", "0.5×", "1×", "1.5×", "2×"}));
}

TEST(AxisTest, LabelsWholeNumbersOnlyWhereAsked) {
  const Axis axis({.whole = true}, {1, 2}, 0, 600);
  EXPECT_EQ(Labels(axis.Ticks(Narrow)), (std::vector<std::string>{"1", "2"}));
}

TEST(AxisTest, HasTicksInANarrowLogarithmicRange) {
  const Axis axis({.unit = Unit::kTimes, .logarithmic = true}, {0.96, 1.05}, 0, 600);
  EXPECT_GE(Labels(axis.Ticks(Narrow)).size(), 3u);
}

TEST(AxisTest, HasARangeWhateverItIsGiven) {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const bool logarithmic : {false, true}) {
    for (const std::vector<double>& values :
         {std::vector<double>{}, {5}, {0}, {-1, 0}, {infinity, std::nan("")}, {3, 3, 3}}) {
      const Axis axis({.logarithmic = logarithmic}, values, 0, 100);
      EXPECT_LT(axis.low(), axis.high());
      EXPECT_FALSE(axis.Ticks(Narrow).empty());
    }
  }
}

TEST(AxisTest, ThinsLabelsThatWouldTouch) {
  const Axis axis({.unit = Unit::kNanoseconds, .logarithmic = true}, {1, 1e8}, 0, 200);
  const std::vector<Tick> ticks = axis.Ticks([](const std::string& text) { return 8.0 * text.size(); });
  double end = -100;
  for (const Tick& tick : ticks) {
    if (tick.text.empty()) continue;
    EXPECT_GT(tick.position - 4.0 * tick.text.size(), end);
    end = tick.position + 4.0 * tick.text.size();
  }
  EXPECT_GT(Labels(ticks).size(), 1u);
  EXPECT_LT(Labels(ticks).size(), ticks.size());
}

TEST(AxisTest, TicksQuantilesFromTheMedianOn) {
  const Axis axis({.unit = Unit::kQuantile, .logarithmic = true}, {2, 10'000}, 0, 2000);
  std::vector<std::string> texts;
  for (const Tick& tick : axis.Ticks([](const std::string&) { return 10; })) texts.push_back(tick.text);
  EXPECT_EQ(texts, (std::vector<std::string>{"p50", "p90", "p99", "p99.9", "p99.99"}));
}

TEST(AxisTest, TicksBytesAtPowersOfTwo) {
  const Axis axis({.unit = Unit::kBytes, .logarithmic = true}, {8, 16777216}, 0, 2000);
  std::vector<std::string> texts;
  for (const Tick& tick : axis.Ticks([](const std::string&) { return 10; })) texts.push_back(tick.text);
  ASSERT_EQ(texts.size(), 8u);
  EXPECT_EQ(texts.front(), "8\u00a0B");
  EXPECT_EQ(texts[3], "4\u00a0KiB");
  EXPECT_EQ(texts.back(), "16\u00a0MiB");
}

}  // namespace
}  // namespace regatta::reports
