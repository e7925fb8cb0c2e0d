#include "bench/harness/configuration.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace regatta::bench {
namespace {

using ::testing::ElementsAre;

TEST(ConfigurationWorkerCounts, GoToTwiceTheProcessorsAndAreFewOnManyOfThem) {
  EXPECT_THAT(WorkerCounts(1), ElementsAre(1, 2, 3));
  EXPECT_THAT(WorkerCounts(2), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(WorkerCounts(4), ElementsAre(1, 2, 3, 4, 6, 8));
  EXPECT_THAT(WorkerCounts(48), ElementsAre(1, 2, 3, 4, 8, 16, 32, 48, 64, 72, 96));
}

TEST(ConfigurationToPair, TakesNeighboursFromAllOverWhereThereAreMany) {
  std::vector<int> processors(8);
  std::iota(processors.begin(), processors.end(), 0);
  EXPECT_EQ(ProcessorsToPair(processors), processors);
  processors.push_back(8);
  EXPECT_THAT(ProcessorsToPair(processors), ElementsAre(0, 1, 2, 3, 4, 5, 7, 8));
  processors.resize(64);
  std::iota(processors.begin(), processors.end(), 100);
  EXPECT_THAT(ProcessorsToPair(processors), ElementsAre(100, 101, 120, 121, 141, 142, 162, 163));
}

TEST(ConfigurationEveryPair, IsEachProcessorWithItselfAndWithEveryOther) {
  absl::StatusOr<Topology> topology = Topology::Load();
  ASSERT_TRUE(topology.ok()) << topology.status();
  const std::vector<int> allowed = topology->allowed();
  const size_t paired = std::min(allowed.size(), kMaxPaired);
  const Configuration configuration(*std::move(topology), {}, {});
  std::set<std::pair<int, int>> pairs;
  for (const ArmPlacement& placement : configuration.AllPairs()) {
    ASSERT_EQ(placement.cpus.size(), 2U);
    EXPECT_TRUE(pairs.emplace(placement.cpus[0], placement.cpus[1]).second);
    EXPECT_EQ(placement.name == "same_cpu", placement.cpus[0] == placement.cpus[1]) << placement.name;
    for (const int cpu : placement.cpus) EXPECT_TRUE(std::binary_search(allowed.begin(), allowed.end(), cpu)) << cpu;
  }
  EXPECT_EQ(pairs.size(), paired * paired);
}

}  // namespace
}  // namespace regatta::bench
