// For tests: TopologyForTest makes the topologies of other machines.
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
  // `description` is in the format of hwloc's lstopo -i: "pack:2 node:1 l3:1 core:4 pu:2" is two sockets of four cores
  // of two processors each. Processors have the numbers that "(indexes=...)" in it gives, or are numbered in order. If
  // `allowed` is absent, all are allowed. InvalidArgument: hwloc can't read the description.
  static absl::StatusOr<Topology> Synthetic(std::string description,
                                            std::optional<std::vector<int>> allowed = std::nullopt) {
    return Topology::LoadFrom({std::move(description), "", std::move(allowed)});
  }
  // `xml` is in the format of hwloc's lstopo --of xml.
  static absl::StatusOr<Topology> Xml(std::string xml, std::optional<std::vector<int>> allowed = std::nullopt) {
    return Topology::LoadFrom({"", std::move(xml), std::move(allowed)});
  }
};

}  // namespace regatta

#endif  // REGATTA_CORE_TESTING_TOPOLOGY_FOR_TEST_H_
