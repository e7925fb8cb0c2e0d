#include "reports/results/view.h"

#include <cmath>

#include "gtest/gtest.h"

namespace regatta::reports {
namespace {

ArmInfo Arm(const std::string& key, const std::string& state = "ready", const std::string& reason = "") {
  ArmInfo arm;
  arm.key = key;
  arm.state = state;
  arm.reason = reason;
  return arm;
}

Record Measured(const std::string& key, int64_t block, double p50, const std::string& state) {
  Record record;
  record.key = key;
  record.block = block;
  record.status = "ok";
  record.verified = true;
  record.counters["p50_ns"] = p50;
  record.real_ns = 1000;
  record.operations = 10;
  record.machine_state = state;
  return record;
}

Results Of(std::vector<Invocation> invocations) {
  Results results;
  results.invocations = std::move(invocations);
  return results;
}

TEST(ViewTest, NeverMixesMachineStates) {
  Invocation invocation;
  invocation.arms = {Arm("core"), Arm("serial")};
  invocation.records = {Measured("core", 0, 100, "near"), Measured("core", 1, 500, "far"),
                        Measured("core", 2, 110, "near"), Measured("serial", 0, 7, "")};
  const Results results = Of({invocation});
  const View view(results);
  EXPECT_EQ(view.States("core"), (std::vector<std::string>{"near", "far"}));
  EXPECT_EQ(view.Figures("core", Counter("p50_ns"), "near"), (Sample{{{0, 0, 0}, 100}, {{0, 0, 2}, 110}}));
  EXPECT_EQ(view.Figures("core", Counter("p50_ns"), "far"), (Sample{{{0, 0, 1}, 500}}));
  // Work on one processor pairs with either.
  EXPECT_EQ(view.Figures("serial", Counter("p50_ns"), "far"), (Sample{{{0, 0, 0}, 7}}));
}

TEST(ViewTest, TakesComparisonsWithoutAnyReadyArmForNoRepeatsOfEachOther) {
  Invocation one;
  one.arms = {Arm("core", "absent")};
  Invocation two;
  two.arms = {Arm("pipe", "unavailable")};
  const Results results = Of({one, two});
  EXPECT_EQ(View(results).repeats(), 0);
}

TEST(ViewTest, TakesInvocationsOfTheSameArmsForRepeats) {
  Invocation a;
  a.arms = {Arm("core")};
  a.records = {Measured("core", 0, 1, "")};
  Invocation other;
  other.arms = {Arm("core"), Arm("pipe")};
  other.records = {Measured("core", 0, 2, "")};
  Invocation b = a;
  b.records = {Measured("core", 0, 3, "")};
  const Results results = Of({a, other, b});
  const View view(results);
  EXPECT_EQ(view.repeats(), 2);
  EXPECT_EQ(view.Figures("core", Counter("p50_ns"), ""), (Sample{{{0, 0, 0}, 1}, {{0, 1, 0}, 2}, {{1, 0, 0}, 3}}));
}

TEST(ViewTest, ReadsTimePerOperationOnlyWhereItWasMeasured) {
  Record record = Measured("core", 0, 1, "");
  EXPECT_EQ(TimePerOperation()(record), 100);
  EXPECT_EQ(CpuPerOperation()(record), std::nullopt);
  record.cpu_ns = 500;
  EXPECT_EQ(CpuPerOperation()(record), 50);
  record.operations = 0;
  EXPECT_EQ(TimePerOperation()(record), std::nullopt);
  EXPECT_EQ(Counter("p999_ns")(record), std::nullopt);
}

TEST(ViewTest, GathersSweepsByTargetGrain) {
  Invocation invocation;
  invocation.arms = {Arm("sweep")};
  Record record = Measured("sweep", 4, 0, "near");
  record.sweep = {{1000, 10, 10'000, 20'000}, {2000, 10, 20'000, 10'000}, {3000, 0, 1, 1}};
  invocation.records = {record};
  const Results results = Of({invocation});
  const auto curve = View(results).Sweep(
      "sweep", "near", [](const SweepPoint& point, const Record&) { return point.serial_ns / point.tasks; });
  ASSERT_EQ(curve.size(), 2u);
  EXPECT_EQ(curve.at(1000).size.at({0, 0, 4}), 1000);
  EXPECT_DOUBLE_EQ(curve.at(1000).log_speed_up.at({0, 0, 4}), std::log(0.5));
  EXPECT_DOUBLE_EQ(curve.at(2000).log_speed_up.at({0, 0, 4}), std::log(2.0));
}

TEST(ViewTest, SaysWhyAnArmHasNoFigure) {
  Invocation invocation;
  invocation.arms = {Arm("gone", "absent", "zeromq is not installed"), Arm("broken"), Arm("late"), Arm("fine"),
                     Arm("odd")};
  Record broken;
  broken.key = "broken";
  broken.error = "a child died";
  Record odd = Measured("odd", 0, 1, "mixed");
  invocation.records = {broken, odd, Measured("fine", 0, 1, "")};
  const Results results = Of({invocation});
  const View view(results);
  EXPECT_EQ(view.WhyMissing("gone"), "absent: zeromq is not installed");
  EXPECT_EQ(view.WhyMissing("broken"), "failed: a child died");
  EXPECT_EQ(view.WhyMissing("late"), "not measured before the run ended");
  EXPECT_EQ(view.WhyMissing("odd"), "nothing left: 1\u00a0measurement was disturbed");
  EXPECT_EQ(view.WhyMissing("nobody"), "not part of this run");
  EXPECT_EQ(view.WhyMissing("fine"), "");
}

}  // namespace
}  // namespace regatta::reports
