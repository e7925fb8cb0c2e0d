// The real benchmark program, as the report sees it: what it lists is what the plan knows, what it writes can be read.

#include <set>

#include "absl/strings/str_join.h"
#include "bench/table/benchmarks.h"
#include "gtest/gtest.h"
#include "reports/run/runner.h"

namespace regatta::reports {
namespace {

const Bench kBench = {"bench/bench", {}};

TEST(BenchContractTest, OffersArmsForEveryComparisonOfTheReport) {
  const InterruptGuard interrupts;
  const auto arms = ListArms(kBench, interrupts);
  ASSERT_TRUE(arms.ok()) << arms.status();
  for (const bool quick : {true, false}) {
    std::set<std::string> names;
    for (const Comparison& comparison : MakePlan(*arms, quick, 2, 1).comparisons) names.insert(comparison.name);
    std::set<std::string> expected;
    for (const bench::Benchmark& row : bench::kBenchmarks) {
      for (const bench::Comparison& comparison : row.comparisons) {
        if (*comparison.name != '\0') expected.insert(comparison.name);
      }
    }
    EXPECT_EQ(names, expected);
  }
}

TEST(BenchContractTest, WritesResultsThatTheReportReads) {
  const InterruptGuard interrupts;
  const auto arms = ListArms(kBench, interrupts);
  ASSERT_TRUE(arms.ok()) << arms.status();
  std::vector<ArmInfo> locks;
  for (const ArmInfo& arm : *arms) {
    if (arm.benchmark == "lock_unlock") locks.push_back(arm);
  }
  Plan plan = MakePlan(locks, true, 2, 1);
  ASSERT_EQ(plan.comparisons.size(), 1u);
  plan.comparisons[0].blocks = 1;
  plan.comparisons[0].arm_ms = 1;
  Progress progress(nullptr, false, {1});
  const Results results = RunPlan(plan, kBench, interrupts, progress, [](std::string_view) {});
  EXPECT_EQ(absl::StrJoin(results.missing, "\n"), "");
  ASSERT_EQ(results.invocations.size(), 1u);
  const Invocation& invocation = results.invocations[0];
  EXPECT_EQ(static_cast<int>(invocation.records.size()), plan.comparisons[0].ready);
  EXPECT_FALSE(invocation.context.cpu_model.empty());
  EXPECT_FALSE(invocation.context.topology.empty());
  EXPECT_FALSE(invocation.context.fingerprint.empty());
  for (const Record& record : invocation.records) {
    EXPECT_TRUE(record.ok() && record.verified) << record.key << ": " << record.error;
    EXPECT_GT(record.real_ns.value_or(0), 0) << record.key;
    EXPECT_GT(record.operations.value_or(0), 0) << record.key;
    EXPECT_TRUE(record.sentinel_ns.before.has_value()) << record.key;
  }
}

}  // namespace
}  // namespace regatta::reports
