// TopologyForTest: machines that aren't there, for tests.
#ifndef REGATTA_CORE_TESTING_TOPOLOGY_FOR_TEST_H_
#define REGATTA_CORE_TESTING_TOPOLOGY_FOR_TEST_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "core/topology/topology.h"

namespace regatta {

class TopologyForTest {
 public:
  // `description` as hwloc's lstopo -i takes it: "pack:2 node:1 l3:1 core:4 pu:2" is two sockets of four cores of two
  // processors each. Processors are numbered as "(indexes=...)" in it says, else one after the other. `allowed`: none
  // means all. InvalidArgument: hwloc can't read it.
  static absl::StatusOr<Topology> Synthetic(std::string description,
                                            std::optional<std::vector<int>> allowed = std::nullopt) {
    return Topology::LoadFrom({std::move(description), "", std::move(allowed)});
  }
  // `xml` as hwloc's lstopo --of xml writes it.
  static absl::StatusOr<Topology> Xml(std::string xml, std::optional<std::vector<int>> allowed = std::nullopt) {
    return Topology::LoadFrom({"", std::move(xml), std::move(allowed)});
  }
};

}  // namespace regatta

#endif  // REGATTA_CORE_TESTING_TOPOLOGY_FOR_TEST_H_
