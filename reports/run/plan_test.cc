#include "reports/run/plan.h"

#include <map>
#include <regex>
#include <set>

#include "gtest/gtest.h"

namespace regatta::reports {
namespace {

ArmInfo Arm(const std::string& benchmark, const std::string& workload, std::map<std::string, std::string> fields,
            const std::string& system = "core", const std::string& state = "ready") {
  ArmInfo arm;
  arm.benchmark = benchmark;
  arm.workload = workload;
  arm.system = system;
  arm.state = state;
  arm.key = benchmark + "/" + workload + system;
  for (const auto& [name, value] : fields) arm.key += "/" + name + ":" + value;
  arm.fields = std::move(fields);
  return arm;
}

std::vector<ArmInfo> SomeArms() {
  return {Arm("queue_round_trip", "", {{"bytes", "64"}}),
          Arm("queue_round_trip", "", {{"bytes", "64"}}, "pipe"),
          Arm("queue_round_trip", "", {{"bytes", "64"}}, "zeromq", "absent"),
          Arm("queue_round_trip", "", {{"bytes", "4096"}}),
          Arm("queue_round_trip", "", {{"bytes", "1048576"}}),
          Arm("workload", "grain_sweep", {{"workers", "2"}, {"chunk", "1"}}, "pool"),
          Arm("workload", "count_loop", {{"workers", "2"}}, "pool"),
          Arm("workload", "something_new", {{"workers", "2"}}, "pool"),
          Arm("lock_unlock", "", {}),
          Arm("never_heard_of", "", {})};
}

TEST(PlanTest, PutsEveryArmIntoOneComparison) {
  const Plan plan = MakePlan(SomeArms(), /*quick=*/false, 1);
  std::multiset<std::string> keys;
  for (const Comparison& comparison : plan.comparisons) keys.insert(comparison.keys.begin(), comparison.keys.end());
  EXPECT_EQ(keys.size(), SomeArms().size());
  for (const ArmInfo& arm : SomeArms()) EXPECT_EQ(keys.count(arm.key), 1u) << arm.key;
}

TEST(PlanTest, KeepsWhatIsComparedTogetherAndSaysWhatIsAbsent) {
  const Plan plan = MakePlan(SomeArms(), /*quick=*/true, 1);
  for (const Comparison& comparison : plan.comparisons) {
    if (comparison.name != "64 B there and back") continue;
    EXPECT_EQ(comparison.keys.size(), 3u);
    EXPECT_EQ(comparison.ready, 2);
    return;
  }
  FAIL() << "no comparison of 64 B";
}

TEST(PlanTest, RunsEachComparisonOnceWhenQuickAndInFiveFreshInvocationsWhenFull) {
  for (const bool quick : {true, false}) {
    const Plan plan = MakePlan(SomeArms(), quick, 1);
    std::map<const Comparison*, std::set<int>> rounds;
    std::set<uint64_t> seeds;
    for (const Step& step : plan.steps) {
      EXPECT_TRUE(rounds[step.comparison].insert(step.round).second);
      EXPECT_TRUE(seeds.insert(step.seed).second);
    }
    EXPECT_EQ(rounds.size(), plan.comparisons.size());
    for (const auto& [comparison, seen] : rounds) EXPECT_EQ(seen.size(), quick ? 1u : 5u);
    EXPECT_LE(plan.comparisons.size(), 15u);
    // All of one round before the next: a slow drift meets every comparison.
    for (size_t i = 1; i < plan.steps.size(); ++i) EXPECT_LE(plan.steps[i - 1].round, plan.steps[i].round);
  }
}

TEST(PlanTest, LeavesOddSizesToTheFullRun) {
  const auto has = [](const Plan& plan, const std::string& key) {
    for (const Comparison& comparison : plan.comparisons) {
      for (const std::string& own : comparison.keys) {
        if (own == key) return true;
      }
    }
    return false;
  };
  const std::string odd = "queue_round_trip/core/bytes:4096";
  EXPECT_FALSE(has(MakePlan(SomeArms(), true, 1), odd));
  EXPECT_TRUE(has(MakePlan(SomeArms(), false, 1), odd));
}

TEST(PlanTest, IsTheSameForTheSameSeed) {
  const Plan a = MakePlan(SomeArms(), false, 42);
  const Plan b = MakePlan(SomeArms(), false, 42);
  const Plan c = MakePlan(SomeArms(), false, 43);
  ASSERT_EQ(a.steps.size(), b.steps.size());
  for (size_t i = 0; i < a.steps.size(); ++i) {
    EXPECT_EQ(a.steps[i].seed, b.steps[i].seed);
    EXPECT_NE(a.steps[i].seed, c.steps[i].seed);
  }
}

TEST(FilterForTest, MatchesExactlyItsKeys) {
  const std::regex filter(FilterFor({"a/b:1", "a.c/(d)"}), std::regex::extended);
  EXPECT_TRUE(std::regex_search("a/b:1", filter));
  EXPECT_TRUE(std::regex_search("a.c/(d)", filter));
  EXPECT_FALSE(std::regex_search("a/b:10", filter));
  EXPECT_FALSE(std::regex_search("xa/b:1", filter));
  EXPECT_FALSE(std::regex_search("abc/(d)", filter));
}

}  // namespace
}  // namespace regatta::reports
