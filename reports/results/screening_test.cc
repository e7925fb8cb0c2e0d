#include "reports/results/screening.h"

#include <functional>

#include "gtest/gtest.h"

namespace regatta::reports {
namespace {

// Ten quiet records of a pinned arm; `disturb` spoils the first `count` of them.
Results TenRecords(int count, const std::function<void(Record&)>& disturb) {
  Invocation invocation;
  ArmInfo arm;
  arm.key = "queue_round_trip/core/bytes:64/placement:other_core";
  arm.fields = {{"placement", "other_core"}};
  invocation.arms.push_back(arm);
  for (int i = 0; i < 10; ++i) {
    Record record;
    record.key = arm.key;
    record.status = "ok";
    record.verified = true;
    record.machine_state = "near";
    record.sentinel_ns = {2e6, 2e6};
    record.noise = {0.0, 0.01, 0.0, 0.0, 0.0, 0.0, 0.0};
    record.real_ns = 1e6;
    if (i < count) disturb(record);
    invocation.records.push_back(record);
  }
  Results results;
  results.invocations.push_back(invocation);
  return results;
}

TEST(ScreeningTest, KeepsQuietRecords) {
  const Results results = TenRecords(0, nullptr);
  const Screening screening(results);
  for (const Record& record : results.invocations[0].records) EXPECT_TRUE(screening.Keeps(record));
  EXPECT_EQ(screening.measured(), 10);
  EXPECT_EQ(screening.disturbed(), 0);
  EXPECT_TRUE(screening.trusted());
}

TEST(ScreeningTest, LeavesOutEachKindOfDisturbanceAndCountsIt) {
  const std::map<std::string, std::function<void(Record&)>> kinds = {
      {"processor time taken by the host (over 1\u00a0%)", [](Record& r) { r.noise.steal_share = 0.02; }},
      {"other programs on our processors (over 5\u00a0%)", [](Record& r) { r.noise.foreign_cpu_share = 0.06; }},
      {"fixed work beside it ran at another speed (over 10\u00a0%)", [](Record& r) { r.sentinel_ns.after = 2.3e6; }},
      {"a pinned task migrated", [](Record& r) { r.noise.migrations = 1; }},
      {"pages came from disk", [](Record& r) { r.noise.major_faults = 1; }},
      {"slowed down for heat or by a quota", [](Record& r) { r.noise.throttled = 1; }},
      {"timed for under a millisecond", [](Record& r) { r.real_ns = 9e5; }},
      {"the machine changed between near and far", [](Record& r) { r.machine_state = "mixed"; }},
  };
  for (const auto& [cause, disturb] : kinds) {
    const Results results = TenRecords(2, disturb);
    const Screening screening(results);
    EXPECT_EQ(screening.causes(), (std::map<std::string, int>{{cause, 2}}));
    EXPECT_FALSE(screening.Keeps(results.invocations[0].records[1])) << cause;
    EXPECT_TRUE(screening.Keeps(results.invocations[0].records[2])) << cause;
    EXPECT_TRUE(screening.trusted()) << cause;
  }
}

TEST(ScreeningTest, AllowsAnUnpinnedTaskToMigrate) {
  Results results = TenRecords(2, [](Record& r) { r.noise.migrations = 3; });
  results.invocations[0].arms[0].fields["placement"] = "unpinned";
  EXPECT_EQ(Screening(results).disturbed(), 0);
}

TEST(ScreeningTest, AllowsShortTimesWhereEachOperationIsTimedAfterAWait) {
  Results results = TenRecords(2, [](Record& r) { r.real_ns = 9e5; });
  results.invocations[0].arms[0].benchmark = "queue_round_trip_slept";
  EXPECT_EQ(Screening(results).disturbed(), 0);
}

TEST(ScreeningTest, KeepsAllAndTrustsNoneWhenOverAQuarterAreDisturbed) {
  const Results results = TenRecords(3, [](Record& r) { r.noise.steal_share = 0.5; });
  const Screening screening(results);
  EXPECT_FALSE(screening.leaves_out());
  EXPECT_FALSE(screening.trusted());
  EXPECT_TRUE(screening.Keeps(results.invocations[0].records[0]));
}

TEST(ScreeningTest, NeverKeepsARecordThatFailedOrWasNotVerifiedOrCrossedStates) {
  const Results failed = TenRecords(1, [](Record& r) { r.status = "failed"; });
  EXPECT_FALSE(Screening(failed).Keeps(failed.invocations[0].records[0]));
  EXPECT_EQ(Screening(failed).measured(), 9);
  const Results unverified = TenRecords(1, [](Record& r) { r.verified = false; });
  EXPECT_FALSE(Screening(unverified).Keeps(unverified.invocations[0].records[0]));
  const Results mixed = TenRecords(9, [](Record& r) { r.machine_state = "mixed"; });
  EXPECT_FALSE(Screening(mixed).leaves_out());
  EXPECT_FALSE(Screening(mixed).Keeps(mixed.invocations[0].records[0]));
}

TEST(ScreeningTest, DoesNotTrustABuildThatMeasuresItself) {
  Results results = TenRecords(0, nullptr);
  results.invocations[0].context.sanitizer = "address";
  EXPECT_FALSE(Screening(results).trusted());
  results.invocations[0].context.sanitizer = "";
  results.invocations[0].context.optimised = false;
  EXPECT_FALSE(Screening(results).trusted());
}

}  // namespace
}  // namespace regatta::reports
