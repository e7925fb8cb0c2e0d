#include "reports/sections/goals.h"

#include "gtest/gtest.h"
#include "reports/sections/results_builder.h"

namespace regatta::reports {
namespace {

std::vector<Goal> Goals(const ResultsBuilder& made) {
  const Analysis analysis(made.results());
  return FindGoals(analysis, FindPools(analysis));
}

std::string Table(const ResultsBuilder& made) {
  const Analysis analysis(made.results());
  return Words(GoalSection(analysis, FindPools(analysis)));
}

TEST(GoalsTest, AreOnlyThoseThatTheRunMeasured) {
  ResultsBuilder made;
  EXPECT_TRUE(Goals(made).empty());
  made.Times("queue_round_trip/core/bytes:64/placement:other_core", {300, 300, 300}, "near");
  EXPECT_TRUE(Goals(made).empty());  // nothing to compare it with
}

TEST(GoalsTest, SayReachedWithWhatIsInHandOrByHowFarNot) {
  ResultsBuilder made;
  made.Times("queue_round_trip/core/bytes:64/placement:other_core", {300, 300, 300}, "near")
      .Times("queue_round_trip/ring/bytes:64/placement:other_core", {200, 200, 200}, "near")
      .Times("queue_round_trip/pipe/bytes:64/placement:other_core", {12'000, 12'000, 12'000}, "near");
  const std::vector<Goal> goals = Goals(made);
  ASSERT_EQ(goals.size(), 2u);
  EXPECT_DOUBLE_EQ(goals[0].measured.value, 1.5);
  EXPECT_TRUE(goals[0].Reached());
  EXPECT_NEAR(goals[0].Factor(), 2 / 1.5, 1e-9);
  EXPECT_DOUBLE_EQ(goals[1].measured.value, 40);
  EXPECT_FALSE(goals[1].Reached());
  EXPECT_NEAR(goals[1].Factor(), 50.0 / 40, 1e-9);
  const std::string table = Table(made);
  EXPECT_NE(table.find("2 goals of the project; 1 looks reached"), std::string::npos) << table;
  EXPECT_NE(
      table.find("on two cores, near state | at most 2× | 1.50× (1.50 to 1.50×) | looks reached, with 1.33× in hand"),
      std::string::npos)
      << table;
  EXPECT_NE(table.find("over 50× | 40.0× (40.0 to 40.0×) | looks missed, by 1.25×"), std::string::npos) << table;
}

TEST(GoalsTest, AreCertainOnlyWhereTheWholeIntervalSaysSo) {
  Goal goal = {.limit = 2};
  goal.measured = {1.9, {1.8, 1.95}, 3, 1, 1};
  EXPECT_TRUE(goal.Reached());
  EXPECT_TRUE(goal.Certain());
  goal.measured.interval.high = 2.1;
  EXPECT_FALSE(goal.Certain());
  goal.measured.value = 2.05;
  EXPECT_FALSE(goal.Reached());
  EXPECT_FALSE(goal.Certain());
  goal.measured.interval = {2.01, 2.1};
  EXPECT_TRUE(goal.Certain());
  goal.at_most = false;
  EXPECT_TRUE(goal.Reached());
  EXPECT_TRUE(goal.Certain());
}

TEST(GoalsTest, AreJudgedInEachMachineStateApart) {
  ResultsBuilder made;
  made.Times("queue_round_trip/core/bytes:64/placement:other_core", {300, 900}, "near")
      .Times("queue_round_trip/ring/bytes:64/placement:other_core", {200, 450}, "near");
  made.results().invocations[0].records[1].machine_state = "far";
  made.results().invocations[0].records[3].machine_state = "far";
  const std::vector<Goal> goals = Goals(made);
  ASSERT_EQ(goals.size(), 2u);
  EXPECT_NE(goals[0].place, goals[1].place);
  for (const Goal& goal : goals) {
    EXPECT_DOUBLE_EQ(goal.measured.value, goal.place.find("near") != std::string::npos ? 1.5 : 2) << goal.place;
  }
}

TEST(GoalsTest, CompareThroughputWithTheBestPeerThatIsNotTheRing) {
  ResultsBuilder made;
  const std::string shape = "/bytes:64/producers:1/consumers:1/placement:other_core";
  made.Times("queue_throughput/core" + shape, {100, 100}, "near")
      .Times("queue_throughput/ring" + shape, {10, 10}, "near")
      .Times("queue_throughput/pipe" + shape, {500, 500}, "near")
      .Times("queue_throughput/zeromq" + shape, {400, 400}, "near");
  const std::vector<Goal> goals = Goals(made);
  ASSERT_EQ(goals.size(), 1u);
  EXPECT_EQ(goals[0].what, "64 B one way, 1\u00a0producer to 1\u00a0consumer, to the best peer");
  EXPECT_NEAR(goals[0].measured.value, 4, 1e-9);
  EXPECT_TRUE(goals[0].Reached());
}

TEST(GoalsTest, KnowTheRowsOfPoolsProcessesAndLocks) {
  ResultsBuilder made;
  made.Times("pool_round_trip/core/workers:1/placement:other_core", {900, 900}, "near")
      .Times("pool_round_trip/cpython/workers:1/placement:other_core", {36'000, 36'000}, "near")
      .Times("pool_empty_tasks/core/workers:2/chunk:1/placement:spread", {250, 250}, "near")
      .Times("pool_empty_tasks/threads/workers:2/chunk:1/placement:spread", {200, 200}, "near")
      .Times("process_create/core/method:fork/parent_mib:0", {330, 330})
      .Times("process_create/fork/method:fork/parent_mib:0", {320, 320})
      .Times("process_create/core/method:forkserver/parent_mib:0", {400, 400})
      .Times("process_create/core/method:forkserver/parent_mib:2048", {500, 500})
      .Times("lock_unlock/core", {14, 14})
      .Times("lock_unlock/pthread_robust", {15, 15})
      .Sweep("workload/grain_sweep/pool/workers:2/chunk:1", {{100, 10, 1'000, 20'000}, {1'000, 10, 10'000, 5'000}});
  const std::string table = Table(made);
  for (const char* row :
       {"at most 1 µs | 900 ns", "30× or more | 40.0×", "5 M/s or more | 4.00 M/s", "level: 0.95× or more | 0.800×",
        "within 5 % | 1.03×", "within 10 % | 1.25×", "no slower | 0.933×", "under 4 µs | "}) {
    EXPECT_NE(table.find(row), std::string::npos) << row << "\nin\n" << table;
  }
}

TEST(GoalsTest, HoldCopiesAgainstTheSpeedOfMemory) {
  ResultsBuilder made;
  made.Times("queue_round_trip/core/bytes:1048576/placement:other_core", {450, 450, 450}, "near")
      .Times("queue_round_trip/core/bytes:1048576/placement:same_cpu", {900, 900, 900})
      .Times("memory_copy/memcpy/bytes:1048576", {300, 300, 300});
  const std::vector<Goal> goals = Goals(made);
  ASSERT_EQ(goals.size(), 1u);
  EXPECT_DOUBLE_EQ(goals[0].measured.value, 1.5);
  EXPECT_TRUE(goals[0].Reached());
}

}  // namespace
}  // namespace regatta::reports
