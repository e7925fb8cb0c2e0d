#include "core/topology/topology.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/testing/status_matchers.h"
#include "core/testing/topology_for_test.h"
#include "core/topology/affinity.h"
#include "core/topology/placement.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

// Two sockets, in each two L3 caches of two cores of two processors. Siblings are numbered side by side: socket 0 has
// 0-7.
constexpr char kLarge[] = "pack:2 node:1 l3:2 core:2 pu:2";
// Numbered as Linux does on many machines: all cores first (even ones in socket 0), then all second siblings.
constexpr char kInterleaved[] = "pack:2 l3:1 core:2 pu:2(indexes=0,4,2,6,1,5,3,7)";

Topology Make(const std::string& description, std::optional<std::vector<int>> allowed = std::nullopt) {
  absl::StatusOr<Topology> topology = TopologyForTest::Synthetic(description, std::move(allowed));
  if (!topology.ok()) {
    ADD_FAILURE() << topology.status();
    std::abort();
  }
  return *std::move(topology);
}

TEST(TopologyLayout, ProcessorsKnowTheirCoreCacheSocketAndNode) {
  const Topology topology = Make(kLarge);
  EXPECT_EQ(topology.packages().size(), 2u);
  EXPECT_EQ(topology.nodes().size(), 2u);
  EXPECT_EQ(topology.cores().size(), 8u);
  ASSERT_EQ(topology.processors().size(), 16u);
  const Topology::Processor& processor = topology.processors()[11];
  EXPECT_EQ(processor.cpu, 11);
  EXPECT_EQ(processor.core, 5);
  EXPECT_EQ(processor.package, 1);
  EXPECT_EQ(processor.node, 1);
  EXPECT_EQ(topology.cores()[5].cpus, (std::vector<int>{10, 11}));
  const Topology::Cache& cache = topology.caches().at(static_cast<size_t>(processor.l3));
  EXPECT_EQ(cache.level, 3);
  EXPECT_GT(cache.bytes, 0);
  EXPECT_EQ(cache.cpus, (std::vector<int>{8, 9, 10, 11}));
}

TEST(TopologyLayout, InstructionCachesAreSeen) {
  const Topology topology = Make("pack:1 l3:1 l2:2 l1d:1 l1i:1 core:1 pu:1");
  const auto& caches = topology.caches();
  EXPECT_EQ(std::count_if(caches.begin(), caches.end(),
                          [](const Topology::Cache& c) { return c.kind == Topology::Cache::Kind::kInstruction; }),
            2);
}

TEST(TopologyLayout, BareProcessorsAreACoreEachInOneSocket) {
  const Topology topology = Make("pu:3");
  EXPECT_EQ(topology.packages().size(), 1u);
  EXPECT_EQ(topology.cores().size(), 3u);
  EXPECT_THAT(topology.placements(), ElementsAre(Placement::kSameCpu, Placement::kOtherCore));
}

TEST(TopologyLayout, XmlWithModelArchitectureAndKernelIsRead) {
  const absl::StatusOr<Topology> topology = TopologyForTest::Xml(R"(<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE topology SYSTEM "hwloc2.dtd">
<topology version="2.0">
  <object type="Machine" os_index="0" cpuset="0x3" complete_cpuset="0x3" allowed_cpuset="0x3" nodeset="0x1"
          complete_nodeset="0x1" allowed_nodeset="0x1" gp_index="1">
    <info name="OSRelease" value="6.1.0-test"/>
    <info name="Architecture" value="aarch64"/>
    <object type="NUMANode" os_index="0" cpuset="0x3" complete_cpuset="0x3" nodeset="0x1" complete_nodeset="0x1"
            gp_index="2" local_memory="1073741824"/>
    <object type="Package" os_index="0" cpuset="0x3" complete_cpuset="0x3" nodeset="0x1" complete_nodeset="0x1"
            gp_index="3">
      <info name="CPUModel" value=" Fast Processor  "/>
      <object type="Core" os_index="0" cpuset="0x3" complete_cpuset="0x3" nodeset="0x1"
              complete_nodeset="0x1" gp_index="4">
        <object type="PU" os_index="0" cpuset="0x1" complete_cpuset="0x1" nodeset="0x1"
                complete_nodeset="0x1" gp_index="5"/>
        <object type="PU" os_index="1" cpuset="0x2" complete_cpuset="0x2" nodeset="0x1"
                complete_nodeset="0x1" gp_index="6"/>
      </object>
    </object>
  </object>
</topology>
)");
  ASSERT_THAT(topology, IsOk());
  EXPECT_EQ(topology->model(), "Fast Processor");
  EXPECT_EQ(topology->architecture(), "aarch64");
  EXPECT_EQ(topology->kernel(), "6.1.0-test");
  ASSERT_EQ(topology->nodes().size(), 1u);
  EXPECT_EQ(topology->nodes()[0].bytes, 1073741824);
  EXPECT_THAT(topology->placements(), ElementsAre(Placement::kSameCpu, Placement::kSmtSibling));
}

TEST(TopologyLayout, ADescriptionThatHwlocCantReadIsInvalid) {
  EXPECT_THAT(TopologyForTest::Synthetic("boats:3"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_FALSE(TopologyForTest::Xml("<topology>").ok());
}

TEST(Placements, ALargeMachineHasAll) {
  const Topology topology = Make(kLarge);
  EXPECT_THAT(topology.placements(), ElementsAre(Placement::kSameCpu, Placement::kSmtSibling, Placement::kOtherCore,
                                                 Placement::kSameL3, Placement::kSameSocket, Placement::kOtherSocket));
  EXPECT_THAT(topology.CpusFor(Placement::kSameCpu).value(), Pair(0, 0));
  EXPECT_THAT(topology.CpusFor(Placement::kSmtSibling).value(), Pair(0, 1));
  EXPECT_THAT(topology.CpusFor(Placement::kOtherCore).value(), Pair(0, 2));
  EXPECT_THAT(topology.CpusFor(Placement::kSameL3).value(), Pair(0, 2));
  EXPECT_THAT(topology.CpusFor(Placement::kSameSocket).value(), Pair(0, 4));
  EXPECT_THAT(topology.CpusFor(Placement::kOtherSocket).value(), Pair(0, 8));
}

TEST(Placements, NumbersSayNothingAboutNearness) {
  const Topology topology = Make(kInterleaved);
  EXPECT_EQ(topology.allowed(), (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_THAT(topology.CpusFor(Placement::kSmtSibling).value(), Pair(0, 4));
  EXPECT_THAT(topology.CpusFor(Placement::kOtherCore).value(), Pair(0, 2));
  EXPECT_THAT(topology.CpusFor(Placement::kOtherSocket).value(), Pair(0, 1));
  EXPECT_THAT(topology.CpusFor(Placement::kSameSocket), StatusIs(absl::StatusCode::kNotFound));
}

TEST(Placements, TwoCoresHaveSameAndOtherProcessorOnly) {
  for (const char* description : {"pack:1 l3:1 core:2 pu:1", "pack:2 l3:1 core:1 pu:1", "pack:1 core:2 pu:1"}) {
    const Topology topology = Make(description);
    EXPECT_THAT(topology.placements(), ElementsAre(Placement::kSameCpu, Placement::kOtherCore)) << description;
    EXPECT_THAT(topology.CpusFor(Placement::kOtherCore).value(), Pair(0, 1));
    const absl::Status status = topology.CpusFor(Placement::kSameL3).status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kNotFound));
    EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("same_l3"), HasSubstr("same_cpu, other_core")));
  }
}

TEST(Placements, CoresThatAllStandAlikeAreOtherCoreOnly) {
  EXPECT_THAT(Make("pack:1 l3:1 core:8 pu:2").placements(),
              ElementsAre(Placement::kSameCpu, Placement::kSmtSibling, Placement::kOtherCore));
}

TEST(Placements, WithoutAnL3CoresOfOneSocketAreSameSocket) {
  EXPECT_THAT(Make("pack:2 core:2 pu:1").placements(),
              ElementsAre(Placement::kSameCpu, Placement::kOtherCore, Placement::kSameSocket, Placement::kOtherSocket));
  EXPECT_EQ(Make("pack:1 l2:1 core:2 pu:1").Between(0, 1).value(), Placement::kSameSocket);
}

TEST(Placements, OneProcessorHasSameCpuOnly) {
  const Topology topology = Make("pack:1 core:1 pu:1");
  EXPECT_THAT(topology.placements(), ElementsAre(Placement::kSameCpu));
  EXPECT_THAT(topology.CpusFor(Placement::kOtherCore), StatusIs(absl::StatusCode::kNotFound));
}

TEST(Placements, OnlyAllowedProcessorsCount) {
  // One sibling of each core of socket 0's first L3.
  EXPECT_THAT(Make(kLarge, {{1, 2}}).placements(), ElementsAre(Placement::kSameCpu, Placement::kOtherCore));
  // Three cores, of which the first has nobody on its L3.
  const Topology topology = Make(kLarge, {{3, 8, 10}});
  EXPECT_EQ(topology.allowed(), (std::vector<int>{3, 8, 10}));
  EXPECT_THAT(topology.placements(),
              ElementsAre(Placement::kSameCpu, Placement::kOtherCore, Placement::kSameL3, Placement::kOtherSocket));
  EXPECT_THAT(topology.CpusFor(Placement::kSameL3).value(), Pair(8, 10));
  EXPECT_THAT(topology.CpusFor(Placement::kOtherSocket).value(), Pair(3, 8));
  EXPECT_THAT(TopologyForTest::Synthetic(kLarge, std::vector<int>{99}), StatusIs(absl::StatusCode::kInternal));
}

TEST(Placements, BetweenIsTheExactClassOfAnyPair) {
  const Topology topology = Make(kLarge, {{0, 1}});
  EXPECT_EQ(topology.Between(5, 5).value(), Placement::kSameCpu);
  EXPECT_EQ(topology.Between(4, 5).value(), Placement::kSmtSibling);
  EXPECT_EQ(topology.Between(4, 6).value(), Placement::kSameL3);
  EXPECT_EQ(topology.Between(0, 6).value(), Placement::kSameSocket);
  EXPECT_EQ(topology.Between(15, 6).value(), Placement::kOtherSocket);
  EXPECT_THAT(topology.Between(0, 16), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(WorkersByPlacement, CoresComeBeforeSecondSiblingsAndThenRoundAgain) {
  const Topology topology = Make(kLarge);
  EXPECT_THAT(topology.CpusFor(Placement::kSameCpu, 3, 5).value(), ElementsAre(5, 5, 5));
  EXPECT_THAT(topology.CpusFor(Placement::kSmtSibling, 2, 5).value(), ElementsAre(4, 4));
  EXPECT_THAT(topology.CpusFor(Placement::kSameL3, 3, 5).value(), ElementsAre(6, 7, 6));
  EXPECT_THAT(topology.CpusFor(Placement::kSameSocket, 4, 5).value(), ElementsAre(0, 2, 1, 3));
  EXPECT_THAT(topology.CpusFor(Placement::kOtherCore, 9, 5).value(), ElementsAre(6, 0, 2, 8, 10, 12, 14, 7, 1));
}

TEST(WorkersByPlacement, BadArgumentsAreNamed) {
  const Topology topology = Make("pack:1 core:2 pu:1", {{0}});
  EXPECT_THAT(topology.CpusFor(Placement::kSameCpu, 0, 0), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(topology.CpusFor(Placement::kOtherCore, 1, 0), StatusIs(absl::StatusCode::kNotFound));
  const absl::Status status = topology.CpusFor(Placement::kSameCpu, 1, 1).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("processor 1"), HasSubstr("allowed: 0")));
}

TEST(WorkersByPolicy, NonePinsNothing) { EXPECT_THAT(Make(kLarge).CpusFor(PinPolicy::kNone, 4).value(), IsEmpty()); }

TEST(WorkersByPolicy, CompactFillsWhatIsNearAndTakesTheSubmittersLast) {
  const Topology topology = Make(kLarge);
  EXPECT_THAT(topology.CpusFor(PinPolicy::kCompact, 17, 5).value(),
              ElementsAre(4, 6, 7, 0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 5, 4));
  EXPECT_THAT(topology.CpusFor(PinPolicy::kCompact, 3).value(), ElementsAre(0, 1, 2));
}

TEST(WorkersByPolicy, OnePerCoreGivesASecondSiblingOnlyWhenEachCoreHasOne) {
  const Topology topology = Make(kLarge);
  EXPECT_THAT(topology.CpusFor(PinPolicy::kOnePerCore, 17, 5).value(),
              ElementsAre(6, 0, 2, 8, 10, 12, 14, 4, 7, 1, 3, 9, 11, 13, 15, 5, 6));
  EXPECT_THAT(topology.CpusFor(PinPolicy::kOnePerCore, 3).value(), ElementsAre(0, 2, 4));
}

TEST(WorkersByPolicy, ScatterTakesSocketsInTurnThenCachesThenCores) {
  const Topology topology = Make(kLarge);
  EXPECT_THAT(topology.CpusFor(PinPolicy::kScatter, 17, 5).value(),
              ElementsAre(8, 0, 12, 6, 10, 2, 14, 4, 9, 1, 13, 7, 11, 3, 15, 5, 8));
  EXPECT_THAT(topology.CpusFor(PinPolicy::kScatter, 4).value(), ElementsAre(0, 8, 4, 12));
}

TEST(WorkersByPolicy, TheSubmittersIsLastEvenWhereItsSocketIsTheLarger) {
  const Topology topology = Make(kLarge, {{0, 2, 4, 8}});
  EXPECT_THAT(topology.CpusFor(PinPolicy::kScatter, 4, 8).value(), ElementsAre(0, 4, 2, 8));
  EXPECT_THAT(topology.CpusFor(PinPolicy::kOnePerCore, 4, 8).value(), ElementsAre(0, 2, 4, 8));
  EXPECT_THAT(topology.CpusFor(PinPolicy::kCompact, 4, 8).value(), ElementsAre(0, 2, 4, 8));
}

TEST(WorkersByPolicy, TwoWorkersOnTwoCoresAreOnBothTheOtherFirst) {
  const Topology topology = Make("pack:1 l3:1 core:2 pu:1");
  for (PinPolicy policy : {PinPolicy::kCompact, PinPolicy::kOnePerCore, PinPolicy::kScatter}) {
    EXPECT_THAT(topology.CpusFor(policy, 2, 0).value(), ElementsAre(1, 0));
  }
}

TEST(WorkersByPolicy, EveryAllowedProcessorIsUsedOnceBeforeAnyTwice) {
  const std::vector<int> allowed = {0, 1, 3, 6, 9, 12, 13, 14};
  const Topology topology = Make(kLarge, allowed);
  for (PinPolicy policy : {PinPolicy::kCompact, PinPolicy::kOnePerCore, PinPolicy::kScatter}) {
    for (int submitter : allowed) {
      const std::vector<int> cpus = topology.CpusFor(policy, 8, submitter).value();
      EXPECT_EQ(std::set<int>(cpus.begin(), cpus.end()), std::set<int>(allowed.begin(), allowed.end()));
      EXPECT_EQ(cpus.back(), submitter) << PinPolicyName(policy);
    }
  }
}

TEST(WorkersByPolicy, BadArgumentsAreNamed) {
  const Topology topology = Make(kLarge, {{0, 1}});
  EXPECT_THAT(topology.CpusFor(PinPolicy::kCompact, 0), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(topology.CpusFor(PinPolicy::kNone, -1), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(topology.CpusFor(PinPolicy::kCompact, 2, 7), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(Names, AreStableAndReadBack) {
  const std::pair<Placement, const char*> placements[] = {
      {Placement::kSameCpu, "same_cpu"},       {Placement::kSmtSibling, "smt_sibling"},
      {Placement::kOtherCore, "other_core"},   {Placement::kSameL3, "same_l3"},
      {Placement::kSameSocket, "same_socket"}, {Placement::kOtherSocket, "other_socket"}};
  for (const auto& [placement, name] : placements) {
    EXPECT_EQ(PlacementName(placement), name);
    EXPECT_EQ(ParsePlacement(name).value(), placement);
  }
  const std::pair<PinPolicy, const char*> policies[] = {{PinPolicy::kNone, "none"},
                                                        {PinPolicy::kCompact, "compact"},
                                                        {PinPolicy::kOnePerCore, "one_per_core"},
                                                        {PinPolicy::kScatter, "scatter"}};
  for (const auto& [policy, name] : policies) {
    EXPECT_EQ(PinPolicyName(policy), name);
    EXPECT_EQ(ParsePinPolicy(name).value(), policy);
  }
  const absl::Status status = ParsePlacement("nearby").status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("nearby"), HasSubstr("other_core")));
  EXPECT_THAT(ParsePinPolicy(""), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ThisMachine, OffersWhatTheProcessMayRunOnAndPinningThereWorks) {
  const std::vector<int> before = CurrentAffinity().value();
  const absl::StatusOr<Topology> topology = Topology::Load();
  ASSERT_THAT(topology, IsOk());
  EXPECT_EQ(CurrentAffinity().value(), before);  // loading moves nobody
  EXPECT_EQ(topology->allowed(), before);
  EXPECT_FALSE(topology->architecture().empty());
  EXPECT_FALSE(topology->kernel().empty());
  for (Placement placement : topology->placements()) {
    const std::pair<int, int> cpus = topology->CpusFor(placement).value();
    EXPECT_EQ(cpus.first == cpus.second, placement == Placement::kSameCpu);
    EXPECT_THAT(PinThisThread({cpus.first}), IsOk());
    EXPECT_THAT(PinThisThread({cpus.second}), IsOk());
  }
  EXPECT_THAT(PinThisThread(before), IsOk());
}

TEST(ThisMachine, OfOneAllowedProcessorOnlyThatIsOffered) {
  const std::vector<int> before = CurrentAffinity().value();
  ASSERT_THAT(PinThisThread({before.back()}), IsOk());
  const absl::StatusOr<Topology> topology = Topology::Load();
  ASSERT_THAT(PinThisThread(before), IsOk());
  ASSERT_THAT(topology, IsOk());
  EXPECT_GE(topology->processors().size(), before.size());
  EXPECT_THAT(topology->allowed(), ElementsAre(before.back()));
  EXPECT_THAT(topology->placements(), ElementsAre(Placement::kSameCpu));
  EXPECT_THAT(topology->CpusFor(PinPolicy::kScatter, 3).value(), Each(before.back()));
}

TEST(ThisMachine, IsNotShownAsAnotherByTheEnvironment) {
  ASSERT_EQ(setenv("HWLOC_SYNTHETIC", kLarge, 1), 0);
  const absl::Status status = Topology::Load().status();
  ASSERT_EQ(unsetenv("HWLOC_SYNTHETIC"), 0);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(std::string(status.message()), HasSubstr("HWLOC_SYNTHETIC"));
}

}  // namespace
}  // namespace regatta
