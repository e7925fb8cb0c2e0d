#include "bench/harness/granularity.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace regatta::bench {
namespace {

using ::testing::DoubleNear;
using ::testing::Eq;
using ::testing::Optional;

// A system on two processors that halves the work and adds 1000 ns a task.
std::vector<SweepPoint> Sweep(std::vector<double> grains, double tax = 1000) {
  std::vector<SweepPoint> sweep;
  for (double grain : grains) {
    sweep.push_back({.target_ns = grain, .tasks = 10, .serial_ns = 10 * grain, .system_ns = 10 * (grain / 2 + tax)});
  }
  return sweep;
}

TEST(BreakEvenBetweenTwoGrains, IsOnTheLineBetweenThem) {
  // Speed-up 2/3 at 1000 and 4/3 at 4000.
  EXPECT_THAT(BreakEvenNs(Sweep({1000, 4000})), Optional(DoubleNear(2500, 1e-6)));
}

TEST(BreakEvenNever, IsNone) { EXPECT_THAT(BreakEvenNs(Sweep({100, 1000})), Eq(std::nullopt)); }

TEST(BreakEvenEverywhere, IsTheSmallestGrain) {
  EXPECT_THAT(BreakEvenNs(Sweep({100, 1000}, 0)), Optional(DoubleNear(100, 1e-6)));
}

TEST(BreakEvenWithALuckySmallGrain, IsAboveTheLastLoss) {
  std::vector<SweepPoint> sweep = Sweep({500, 1000, 4000});
  sweep[0].system_ns = 1;
  EXPECT_THAT(BreakEvenNs(sweep), Optional(DoubleNear(2500, 1e-6)));
}

TEST(MetgBetweenTwoGrains, IsTheProcessorsTimePerTaskThere) {
  // Two processors: granularity is grain + 2000; efficiency 1/3 at 3000, 2/3 at 6000.
  EXPECT_THAT(MetgNs(Sweep({1000, 4000}), 0.5, 2), Optional(DoubleNear(4500, 1e-6)));
}

TEST(MetgNeverReached, IsNone) { EXPECT_THAT(MetgNs(Sweep({1000, 4000}), 0.9, 2), Eq(std::nullopt)); }

TEST(MetgOnMoreProcessors, DividesByAllOfThem) {
  EXPECT_THAT(MetgNs(Sweep({1000, 4000}), 0.5, 3), Eq(std::nullopt));
  EXPECT_DOUBLE_EQ(Efficiency(Sweep({4000})[0], 4), 1.0 / 3);
}

}  // namespace
}  // namespace regatta::bench
