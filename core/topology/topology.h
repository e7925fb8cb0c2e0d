// Topology: the parts of the machine, and where on it work can be placed.
//
// A value       A Topology is a copy of what hwloc found when it was loaded. It doesn't follow later changes. Nothing
//               is cached or shared. Load takes about a millisecond on a small machine, so load once and pass the value
//               on.
// Allowed       A processor is allowed if the loading thread may run on it, by taskset and by its cpuset (cgroup). Load
//               before you pin the thread. Placements consist of allowed processors only.
// Machines      On a virtual machine, a Topology shows what the hypervisor shows.
// Threads       As thread-safe as a vector. Fork: a child can use it.
#ifndef REGATTA_CORE_TOPOLOGY_TOPOLOGY_H_
#define REGATTA_CORE_TOPOLOGY_TOPOLOGY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/topology/placement.h"

namespace regatta {

class Topology {
 public:
  // `cpu` and `cpus` are the kernel's numbers, in ascending order. The other integers are indices into the lists below.
  struct Processor {
    int cpu = 0;
    int core = 0;
    int package = 0;
    int l3 = -1;    // into caches(); -1: none
    int node = -1;  // into nodes(): the node from which memory comes by default; -1: none
    bool allowed = false;
  };
  struct Core {
    std::vector<int> cpus;
  };
  struct Cache {
    enum class Kind { kUnified, kData, kInstruction };
    int level = 0;
    Kind kind = Kind::kUnified;
    int64_t bytes = 0;  // 0: not known
    int line_bytes = 0;
    std::vector<int> cpus;
  };
  struct Package {
    std::vector<int> cpus;
  };
  struct Node {
    int number = 0;     // the kernel's
    int64_t bytes = 0;  // 0: not known
    std::vector<int> cpus;
  };

  // Reads this machine. FailedPrecondition: hwloc was told by its environment variables to show another machine.
  // Internal: hwloc found no processor, or none that is allowed.
  static absl::StatusOr<Topology> Load();

  // Returns the online processors, allowed or not, in the order of the hardware: neighbours stand side by side.
  const std::vector<Processor>& processors() const { return processors_; }
  const std::vector<Core>& cores() const { return cores_; }
  const std::vector<Cache>& caches() const { return caches_; }
  const std::vector<Package>& packages() const { return packages_; }
  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<int>& allowed() const { return allowed_; }
  // Empty: not known.
  const std::string& model() const { return model_; }
  const std::string& architecture() const { return architecture_; }
  const std::string& kernel() const { return kernel_; }

  // Returns the placements that differ on this machine, from near to far. same_cpu is always among them, smt_sibling if
  // a core has two processors, and other_core if there are two cores. same_l3, same_socket and other_socket are among
  // them only if at least two of the three exist: if all other cores are equally far, as on every machine with two
  // cores, they would be the same as other_core.
  const std::vector<Placement>& placements() const { return placements_; }

  // Returns how near two processors are, as the most exact placement (never kOtherCore). It need not be among
  // placements(). InvalidArgument: one of the processors isn't on this machine.
  absl::StatusOr<Placement> Between(int first, int second) const;

  // Returns a processor for each of two parties. On a regular machine the first one is the same for all placements.
  // NotFound: the placement is not among placements(); the message lists those.
  absl::StatusOr<std::pair<int, int>> CpusFor(Placement placement) const;

  // Returns a processor for each of `workers` that has this placement relative to the processor `submitter`. The
  // nearest come first, and other cores come before second siblings. If there are more workers than such processors,
  // the list is repeated. NotFound: no processor has the placement. InvalidArgument: workers < 1, or `submitter` isn't
  // allowed.
  absl::StatusOr<std::vector<int>> CpusFor(Placement placement, int workers, int submitter) const;

  // Returns a processor for each of `workers` in the policy's order, or nothing for kNone. If there are more workers
  // than processors, the list is repeated. Without a submitter the order starts with the first allowed processor.
  // InvalidArgument: workers < 1, or `submitter` isn't allowed.
  absl::StatusOr<std::vector<int>> CpusFor(PinPolicy policy, int workers,
                                           std::optional<int> submitter = std::nullopt) const;

 private:
  friend class TopologyForTest;
  // What hwloc reads: a synthetic description or XML. If both are empty it reads this machine.
  struct Source {
    std::string synthetic;
    std::string xml;
    std::optional<std::vector<int>> allowed;  // none: all
  };

  Topology() = default;
  static absl::StatusOr<Topology> LoadFrom(const Source& source);
  // Derives allowed_ and placements_ from the other members. Internal: no processor is allowed.
  absl::Status Finish();
  // An index into processors_.
  absl::StatusOr<int> AllowedIndex(int cpu) const;
  std::vector<int> Ordered(PinPolicy policy, std::optional<int> submitter) const;

  std::vector<Processor> processors_;
  std::vector<Core> cores_;
  std::vector<Cache> caches_;
  std::vector<Package> packages_;
  std::vector<Node> nodes_;
  std::vector<int> allowed_;
  std::vector<Placement> placements_;
  std::string model_;
  std::string architecture_;
  std::string kernel_;
};

}  // namespace regatta

#endif  // REGATTA_CORE_TOPOLOGY_TOPOLOGY_H_
