#include "bench/machine/machine.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "core/testing/status_matchers.h"
#include "core/testing/topology_for_test.h"
#include "core/topology/topology.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace regatta::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kSmt[] = "pack:2 node:1(memory=2147483648) l3:1(size=33554432) core:2 l1d:1(size=49152) pu:2";

// What DescribeMachine reads beside hwloc, as a test writes it.
class MachineTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = testing::TempDir() + "/" + testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(root_);
  }

  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream out(file);
    out << text;
    ASSERT_TRUE(out.flush());
  }
  Machine Describe(const std::string& description, std::optional<std::vector<int>> allowed = std::nullopt) {
    const absl::StatusOr<Topology> topology = TopologyForTest::Synthetic(description, std::move(allowed));
    EXPECT_THAT(topology, IsOk());
    return DescribeMachine(*topology, root_);
  }

  std::string root_;
};

TEST_F(MachineTest, CountsWhatTheTopologyHas) {
  const Machine machine = Describe(kSmt, {{0, 1, 5}});
  EXPECT_EQ(machine.sockets, 2);
  EXPECT_EQ(machine.cores, 4);
  EXPECT_EQ(machine.cpus, 8);
  EXPECT_EQ(machine.allowed, (std::vector<int>{0, 1, 5}));
  EXPECT_EQ(machine.usable_cpus, 3);
  EXPECT_TRUE(std::isinf(machine.cpu_quota));
  EXPECT_EQ(machine.model, "unknown");
  EXPECT_EQ(machine.memory_bytes, 0);
  ASSERT_EQ(machine.caches.size(), 2u);
  EXPECT_EQ(CacheText(machine.caches[0]), "L1d 48 KiB x4");
  EXPECT_EQ(machine.caches[0].cpus_each, 2);
  EXPECT_EQ(CacheText(machine.caches[1]), "L3 32 MiB x2");
  EXPECT_EQ(machine.caches[1].cpus_each, 4);
}

TEST_F(MachineTest, FactsAreTextInAFixedOrder) {
  Write("/proc/meminfo", "MemFree:  77 kB\nMemTotal:       4194304 kB\n");
  Write("/proc/self/cgroup", "0::/\n");
  Write("/proc/self/mountinfo", "30 23 0:26 / /cg rw - cgroup2 cgroup2 rw\n");
  Write("/cg/cpu.max", "150000 100000\n");
  Machine machine = Describe(kSmt, {{0, 1, 5}});
  machine.model = "Fast Processor";
  machine.architecture = "riscv64";
  machine.kernel = "6.1.0";
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"cpu_model", "Fast Processor"},
      {"architecture", "riscv64"},
      {"kernel", "6.1.0"},
      {"virtual_machine", "no"},
      {"memory", "4 GiB"},
      {"sockets", "2"},
      {"cores", "4"},
      {"cpus", "8"},
      {"allowed_cpus", "0-1,5"},
      {"usable_cpus", "2"},
      {"cpu_quota", "1.5"},
      {"caches", "L1d 48 KiB x4, L3 32 MiB x2"},
      {"numa_nodes", "node 0 2 GiB cpus 0-3, node 1 2 GiB cpus 4-7"},
      {"placements", "same_cpu smt_sibling other_core"},
      {"machine_fingerprint",
       "riscv64/bare/Fast_Processor/sockets:2/cores:4/cpus:8/nodes:2/L1d:48_KiB*4:2/L3:32_MiB*2:4"}};
  EXPECT_EQ(machine.Facts(), expected);
}

TEST_F(MachineTest, AProcessorFlagTellsAVirtualMachine) {
  Write("/proc/cpuinfo", "processor : 0\nflags\t\t: fpu nohypervisor sse2\n");
  EXPECT_FALSE(Describe(kSmt).virtual_machine);
  Write("/proc/cpuinfo", "processor : 0\nflags\t\t: fpu hypervisor sse2\n");
  EXPECT_TRUE(Describe(kSmt).virtual_machine);
}

TEST_F(MachineTest, WithoutFlagsAHypervisorIsFoundByItsFiles) {
  Write("/proc/cpuinfo", "processor : 0\nFeatures\t: fp asimd\n");
  EXPECT_FALSE(Describe(kSmt).virtual_machine);
  Write("/sys/hypervisor/type", "xen\n");
  EXPECT_TRUE(Describe(kSmt).virtual_machine);
}

TEST_F(MachineTest, TheFingerprintIsOfTheHardwareOnly) {
  Machine before = Describe(kSmt);
  Machine after = Describe(kSmt, {{3}});
  after.kernel = "99.9";
  after.memory_bytes = 1;
  after.cpu_quota = 0.5;
  after.usable_cpus = 1;
  EXPECT_EQ(after.Fingerprint(), before.Fingerprint());
  EXPECT_THAT(before.Fingerprint(), Not(HasSubstr(" ")));

  EXPECT_NE(Describe("pack:2 node:1 l3:1(size=33554432) core:2 l1d:1(size=32768) pu:2").Fingerprint(),
            before.Fingerprint());
  EXPECT_NE(Describe("pack:1 node:1 l3:1(size=33554432) core:4 l1d:1(size=49152) pu:2").Fingerprint(),
            before.Fingerprint());
  after.model = "Another";
  EXPECT_NE(after.Fingerprint(), before.Fingerprint());
  after = before;
  after.virtual_machine = true;
  EXPECT_NE(after.Fingerprint(), before.Fingerprint());
}

TEST_F(MachineTest, ThisMachineIsTheSameEachTime) {
  const absl::StatusOr<Topology> topology = Topology::Load();
  ASSERT_THAT(topology, IsOk());
  const Machine machine = DescribeMachine(*topology);
  EXPECT_EQ(DescribeMachine(Topology::Load().value()).Fingerprint(), machine.Fingerprint());
  EXPECT_GT(machine.memory_bytes, 0);
  EXPECT_GE(machine.usable_cpus, 1);
  const std::vector<std::pair<std::string, std::string>> facts = machine.Facts();
  const std::map<std::string, std::string> by_name(facts.begin(), facts.end());
  EXPECT_EQ(by_name.size(), facts.size());
  for (const auto& [name, value] : by_name) EXPECT_NE(value, "") << name;
}

TEST(FormatBytes, TakesTheLargestUnitThatFits) {
  EXPECT_EQ(FormatBytes(0), "unknown size");
  EXPECT_EQ(FormatBytes(64), "64 B");
  EXPECT_EQ(FormatBytes(1024), "1 KiB");
  EXPECT_EQ(FormatBytes(49152), "48 KiB");
  EXPECT_EQ(FormatBytes(1310720), "1.2 MiB");
  EXPECT_EQ(FormatBytes(int64_t{25} << 40), "25 TiB");
}

}  // namespace
}  // namespace regatta::bench
