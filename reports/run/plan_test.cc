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
  arm.key = benchmark + "/" + workload + system;  // as unique as a real one
  for (const auto& [name, value] : fields) arm.key += "/" + name + ":" + value;
  arm.fields = std::move(fields);
  return arm;
}

std::vector<ArmInfo> SomeArms() {
  std::vector<ArmInfo> arms = {
      Arm("queue_round_trip", "", {{"bytes", "64"}, {"placement", "other_core"}}),
      Arm("queue_round_trip", "", {{"bytes", "64"}, {"placement", "other_core"}}, "pipe"),
      Arm("queue_round_trip", "", {{"bytes", "64"}, {"placement", "other_core"}}, "zeromq", "absent"),
      Arm("queue_round_trip", "", {{"bytes", "64"}, {"placement", "same_cpu"}}),
      Arm("queue_round_trip", "", {{"bytes", "8"}, {"placement", "other_core"}}),
      Arm("queue_round_trip", "", {{"bytes", "8"}, {"placement", "other_core"}}, "ring"),
      Arm("queue_round_trip", "", {{"bytes", "1048576"}, {"placement", "other_core"}}),
      Arm("queue_round_trip", "", {{"bytes", "16777216"}, {"placement", "other_core"}}),
      Arm("queue_open_loop", "", {{"load", "50"}}),
      Arm("queue_open_loop", "", {{"load", "90"}}),
      Arm("pool_open_loop", "", {{"load", "90"}}),
      Arm("memory_copy", "", {{"bytes", "1048576"}}, "memcpy"),
      Arm("workload", "grain_sweep", {{"workers", "1"}, {"chunk", "1"}}, "serial"),
      Arm("lock_unlock", "", {}),
      Arm("never_heard_of", "", {})};
  for (const char* system : {"pool", "threads", "cpython_pool"}) {
    for (const char* workers : {"1", "2", "3", "8"}) {
      arms.push_back(Arm("workload", "count_loop", {{"workers", workers}}, system));
      for (const char* chunk : {"1", "auto"}) {
        arms.push_back(Arm("workload", "grain_sweep", {{"workers", workers}, {"chunk", chunk}}, system));
      }
    }
  }
  for (const char* mib : {"0", "2048"}) {
    for (const char* method : {"fork", "spawn"}) {
      arms.push_back(Arm("process_create", "", {{"method", method}, {"parent_mib", mib}}));
    }
  }
  return arms;
}

constexpr int kProcessors = 8;

std::set<std::string> KeysOf(const Plan& plan) {
  std::set<std::string> keys;
  for (const Comparison& comparison : plan.comparisons) {
    // No arm is in two comparisons.
    for (const std::string& key : comparison.keys) EXPECT_TRUE(keys.insert(key).second) << key;
  }
  return keys;
}

TEST(PlanTest, ChoosesWhatAReportHasRoomFor) {
  const std::set<std::string> quick = KeysOf(MakePlan(SomeArms(), true, kProcessors, 1));
  const std::set<std::string> full = KeysOf(MakePlan(SomeArms(), false, kProcessors, 1));
  for (const char* both :
       {"queue_round_trip/core/bytes:64/placement:other_core", "lock_unlock/core",
        "workload/grain_sweepserial/chunk:1/workers:1", "workload/grain_sweeppool/chunk:auto/workers:2",
        "workload/grain_sweeppool/chunk:1/workers:8", "workload/count_looppool/workers:3",
        "process_create/core/method:fork/parent_mib:2048"}) {
    EXPECT_EQ(quick.count(both), 1u) << both;
    EXPECT_EQ(full.count(both), 1u) << both;
  }
  for (const char* only_full : {"queue_round_trip/core/bytes:16777216/placement:other_core",
                                "workload/grain_sweeppool/chunk:1/workers:3", "queue_open_loop/core/load:50"}) {
    EXPECT_EQ(quick.count(only_full), 0u) << only_full;
    EXPECT_EQ(full.count(only_full), 1u) << only_full;
  }
  for (const char* neither :
       {"never_heard_of/core", "workload/grain_sweepthreads/chunk:auto/workers:2",
        "workload/count_loopcpython_pool/workers:3", "process_create/core/method:spawn/parent_mib:2048"}) {
    EXPECT_EQ(quick.count(neither), 0u) << neither;
    EXPECT_EQ(full.count(neither), 0u) << neither;
  }
}

TEST(PlanTest, KeepsWhatIsComparedTogetherAndSaysWhatIsAbsent) {
  const Plan plan = MakePlan(SomeArms(), /*quick=*/true, kProcessors, 1);
  for (const Comparison& comparison : plan.comparisons) {
    if (comparison.name != "64 B there and back") continue;
    EXPECT_EQ(comparison.keys.size(), 4u);  // with the ring's smallest message
    EXPECT_EQ(comparison.ready, 3);
    return;
  }
  FAIL() << "no comparison of 64 B";
}

TEST(PlanTest, RunsEachComparisonOnceWhenQuickAndInFiveFreshInvocationsWhenFull) {
  for (const bool quick : {true, false}) {
    const Plan plan = MakePlan(SomeArms(), quick, kProcessors, 1);
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

TEST(PlanTest, MeasuresTogetherWhatIsShownTogether) {
  const Plan plan = MakePlan(SomeArms(), /*quick=*/true, kProcessors, 1);
  std::map<std::string, std::set<std::string>> keys;
  for (const Comparison& comparison : plan.comparisons) {
    EXPECT_TRUE(keys[comparison.name].empty()) << comparison.name << " comes twice";
    keys[comparison.name] = {comparison.keys.begin(), comparison.keys.end()};
  }
  EXPECT_EQ(keys["latency under load"],
            (std::set<std::string>{"queue_open_loop/core/load:90", "pool_open_loop/core/load:90"}));
  EXPECT_EQ(keys["messages of all sizes"],
            (std::set<std::string>{"queue_round_trip/core/bytes:1048576/placement:other_core",
                                   "memory_copy/memcpy/bytes:1048576"}));
}

TEST(PlanTest, HasFewerBlocksOfManyPairs) {
  std::vector<ArmInfo> arms;
  for (int pair = 0; pair < 64; ++pair)
    arms.push_back(Arm("queue_round_trip_pair", "", {{"here", std::to_string(pair)}}));
  EXPECT_EQ(MakePlan(arms, false, kProcessors, 1).comparisons.at(0).blocks, 2);
  arms.resize(4);
  EXPECT_EQ(MakePlan(arms, false, kProcessors, 1).comparisons.at(0).blocks, 3);
}

TEST(PlanTest, IsTheSameForTheSameSeed) {
  const Plan a = MakePlan(SomeArms(), false, kProcessors, 42);
  const Plan b = MakePlan(SomeArms(), false, kProcessors, 42);
  const Plan c = MakePlan(SomeArms(), false, kProcessors, 43);
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
