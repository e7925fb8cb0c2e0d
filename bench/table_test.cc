// Holds the table of benchmarks against the benchmarks that are registered.
#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "bench/arms.h"
#include "bench/table/arm_pattern.h"
#include "bench/table/benchmarks.h"
#include "gtest/gtest.h"

namespace regatta::bench {
namespace {

class TableOfBenchmarks : public ::testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<Configuration> configuration = LoadConfiguration({}, /*isolated=*/true);
    ASSERT_TRUE(configuration.ok()) << configuration.status();
    arms_ = AllArms(*configuration);
  }

  static std::string RowKey(const Arm& arm) {
    return absl::StrCat(arm.key.benchmark, arm.key.workload.empty() ? "" : "/", arm.key.workload);
  }

  // Every alternative of a pattern names an arm of the row.
  void ExpectArms(const Benchmark& row, std::string_view pattern) const {
    const std::vector<std::string> alternatives = absl::StrSplit(pattern, '|');
    for (const std::string& alternative : alternatives) {
      EXPECT_TRUE(std::any_of(arms_.begin(), arms_.end(),
                              [&](const Arm& arm) {
                                const auto field = [&](std::string_view name) -> std::string_view {
                                  return name.empty() ? arm.key.system : std::string_view(arm.key.Field(name));
                                };
                                return RowKey(arm) == row.key && MatchesArm(alternative, field, /*processors=*/2);
                              }))
          << row.key << " has no arm '" << alternative << "'";
    }
  }

  std::vector<Arm> arms_;
};

TEST_F(TableOfBenchmarks, HasARowForEachBenchmarkAndABenchmarkForEachRow) {
  std::set<std::string> registered, rows;
  for (const Arm& arm : arms_) registered.insert(RowKey(arm));
  for (const Benchmark& row : kBenchmarks) EXPECT_TRUE(rows.insert(row.key).second) << row.key << " has two rows";
  EXPECT_EQ(registered, rows);
}

TEST_F(TableOfBenchmarks, NamesOnlyArmsThatExist) {
  for (const Benchmark& row : kBenchmarks) {
    ExpectArms(row, row.shown);
    for (const Comparison& comparison : row.comparisons) {
      ExpectArms(row, comparison.arms);
      if (comparison.quick_arms != nullptr) ExpectArms(row, comparison.quick_arms);
    }
    for (const Peer& peer : row.peers) ExpectArms(row, peer.arms);
    for (const Goal& goal : row.goals) ExpectArms(row, goal.arms);
    for (const Advice& advice : row.advice) ExpectArms(row, advice.arms);
  }
}

TEST_F(TableOfBenchmarks, SaysForEachShownBenchmarkWhatAReaderNeeds) {
  for (const Benchmark& row : kBenchmarks) {
    if (row.view == View::kHidden) continue;
    EXPECT_NE(std::string_view(row.title), "") << row.key;
    EXPECT_NE(std::string_view(row.section.id), "") << row.key;
    EXPECT_NE(std::string_view(row.comparisons[0].name), "") << row.key << " is never measured by a report";
    EXPECT_EQ(row.better == Better::kHigher, row.unit == Unit::kPerSecond) << row.key;
  }
}

}  // namespace
}  // namespace regatta::bench
