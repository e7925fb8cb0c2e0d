#include "bench/machine/drawing.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_split.h"
#include "bench/machine/machine.h"
#include "core/testing/status_matchers.h"
#include "core/testing/topology_for_test.h"
#include "core/topology/topology.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace regatta::bench {
namespace {

using ::testing::HasSubstr;

std::string Draw(const std::string& description, std::optional<std::vector<int>> allowed = std::nullopt) {
  const absl::StatusOr<Topology> topology = TopologyForTest::Synthetic(description, std::move(allowed));
  EXPECT_THAT(topology, IsOk());
  // No such folder: the picture is of the topology alone.
  Machine machine = DescribeMachine(*topology, testing::TempDir() + "/absent");
  machine.model = "Fast Processor";
  machine.architecture = "riscv64";
  machine.kernel = "6.1.0";
  machine.memory_bytes = int64_t{8} << 30;
  return DrawMachine(*topology, machine);
}

TEST(DrawMachine, TwoCoresAreOneRowInOneBox) {
  EXPECT_EQ(Draw("pack:1 node:1 l3:1(size=33554432) core:2 l1d:1(size=32768) pu:1"),
            R"(Fast Processor, riscv64, 8 GiB of memory, kernel 6.1.0
1 socket, 2 cores, 2 processors; allowed 0-1, usable at once 2
+- socket 0, node 0 -+
| L3 32 MiB  [0] [1] |
+--------------------+
[n] a processor, (n) one not allowed here, [n|m] siblings of one core
Caches: L1d 32 KiB x2, L3 32 MiB x1
Placements: same_cpu (0 and 0), other_core (0 and 1: same_l3)
Can't be told apart here: smt_sibling, same_l3, same_socket, other_socket
)");
}

TEST(DrawMachine, SocketsNodesSharedCachesSiblingsAndTheAllowedOnesAreShown) {
  EXPECT_EQ(Draw("pack:2 node:2(memory=1073741824) l3:1(size=16777216) core:2 pu:2", {{0, 1, 2, 8, 9, 10, 11, 12}}),
            R"(Fast Processor, riscv64, 8 GiB of memory, kernel 6.1.0
2 sockets, 8 cores, 16 processors; allowed 0-2,8-12, usable at once 8
+- socket 0 ----------------------------+
| node 0 1 GiB, L3 16 MiB  [0|1] [2](3) |
| node 1 1 GiB, L3 16 MiB  (4|5) (6|7)  |
+---------------------------------------+
+- socket 1 --------------------------------+
| node 2 1 GiB, L3 16 MiB  [8|9] [10|11]    |
| node 3 1 GiB, L3 16 MiB  [12](13) (14|15) |
+-------------------------------------------+
[n] a processor, (n) one not allowed here, [n|m] siblings of one core
Caches: L3 16 MiB x4
Placements: same_cpu (0 and 0), smt_sibling (0 and 1),
  other_core (0 and 2: same_l3), same_l3 (0 and 2), same_socket (8 and 12),
  other_socket (0 and 8)
)");
}

TEST(DrawMachine, NestedCachesAreIndented) {
  EXPECT_THAT(Draw("pack:1 node:1 l3:2(size=16777216) l2:2(size=1048576) core:2 pu:1"), HasSubstr(R"(
| L3 16 MiB           |
|   L2 1 MiB  [0] [1] |
|   L2 1 MiB  [2] [3] |
| L3 16 MiB           |
|   L2 1 MiB  [4] [5] |
|   L2 1 MiB  [6] [7] |
)"));
}

TEST(DrawMachine, ANodeOfSeveralSocketsStandsBeforeThem) {
  EXPECT_THAT(Draw("node:1 pack:2 core:1 pu:1"), HasSubstr("node 0, processors 0-1\n+- socket 0 +\n"));
}

TEST(DrawMachine, MachinesOfEverySizeFitEightyColumns) {
  for (const char* description : {"pu:1", "pack:1 core:4 pu:1", "pack:2 node:4 l3:2 core:8 pu:2",
                                  "pack:4 node:1 l3:1 core:64 pu:4", "pack:8 node:1 l3:4 l2:4 core:4 pu:1"}) {
    const std::vector<std::string> lines = absl::StrSplit(Draw(description), '\n');
    for (const std::string& line : lines) EXPECT_LE(line.size(), 80u) << line;
  }
}

TEST(DrawMachine, EveryProcessorIsDrawnOnce) {
  const std::string picture = Draw("pack:2 node:1 l3:2 core:30 pu:2");
  for (int cpu = 0; cpu < 240; cpu += 2) {
    const std::string core = "[" + std::to_string(cpu) + "|" + std::to_string(cpu + 1) + "]";
    const size_t found = picture.find(core);
    ASSERT_NE(found, std::string::npos) << core;
    EXPECT_EQ(picture.find(core, found + 1), std::string::npos) << core;
  }
}

}  // namespace
}  // namespace regatta::bench
