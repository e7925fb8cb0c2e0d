// What is offered where this process may use one processor only.
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/arms.h"
#include "bench/table/benchmarks.h"
#include "core/topology/affinity.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace regatta::bench {
namespace {

using ::testing::HasSubstr;

class OneProcessor : public ::testing::Test {
 protected:
  void SetUp() override {
    const absl::StatusOr<std::vector<int>> all = CurrentAffinity();
    ASSERT_TRUE(all.ok()) << all.status();
    ASSERT_TRUE(PinThisThread({all->front()}).ok());
    absl::StatusOr<Configuration> configuration = LoadConfiguration({}, /*isolated=*/true);
    ASSERT_TRUE(configuration.ok()) << configuration.status();
    arms_ = AllArms(*configuration);
    cpu_ = all->front();
    ASSERT_TRUE(PinThisThread(*all).ok());
  }
  std::vector<Arm> arms_;
  int cpu_ = -1;
};

TEST_F(OneProcessor, RowsAcrossCoresAreReportedAsNotAvailable) {
  int rows = 0;
  for (const Arm& arm : arms_) {
    if (arm.key.Field("placement") != "other_core") continue;
    ++rows;
    EXPECT_THAT(arm.unavailable, HasSubstr("can't be told apart among the 1 processors allowed here"))
        << arm.key.ToString();
  }
  EXPECT_GT(rows, 50);
}

TEST_F(OneProcessor, EverythingElseRunsOnThatOne) {
  std::set<std::string> ready, expected;
  for (const Arm& arm : arms_) {
    if (!arm.ready()) continue;
    ready.insert(absl::StrCat(arm.key.benchmark, arm.key.workload.empty() ? "" : "/", arm.key.workload));
    for (int cpu : arm.cpus) EXPECT_EQ(cpu, cpu_) << arm.key.ToString();
    EXPECT_EQ(arm.processors_used, 1) << arm.key.ToString();
  }
  // An open loop needs a processor for the sender, which spins until a message is due.
  for (const Benchmark& row : kBenchmarks) {
    if (row.view != View::kTail) expected.insert(row.key);
  }
  EXPECT_EQ(ready, expected);
}

TEST_F(OneProcessor, KeysAreUniqueAndOfPlainCharacters) {
  std::set<std::string> keys;
  for (const Arm& arm : arms_) {
    const std::string key = arm.key.ToString();
    EXPECT_TRUE(keys.insert(key).second) << key;
    EXPECT_EQ(key.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_:/"), std::string::npos) << key;
  }
}

}  // namespace
}  // namespace regatta::bench
