// Topology: what the machine is made of, and where on it work can be placed.
//
// A value       A copy of what hwloc found when it was loaded; it doesn't follow later changes. Nothing is cached or
//               shared: Load costs about a millisecond on a small machine, so load once and hand the value on.
// Allowed       What the loading thread may run on: taskset and cpuset (cgroup) both. Load before pinning. Only allowed
//               processors are ever offered for placing.
// Machines      On a virtual machine all this is what the hypervisor shows.
// Threads       As thread-safe as a vector. Fork: usable in a child.
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
  // `cpu` and `cpus` are the kernel's numbers, ascending; the other integers are indices into the lists below.
  struct Processor {
    int cpu = 0;
    int core = 0;
    int package = 0;
    int l3 = -1;    // into caches(); -1: none
    int node = -1;  // into nodes(), the one that memory comes from by default; -1: none
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
  // Internal: hwloc found no processors, or none that is allowed.
  static absl::StatusOr<Topology> Load();

  // Online processors in the order of the hardware, neighbours side by side, whether allowed or not.
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

  // What this machine can tell apart, from near to far. same_cpu always; smt_sibling where a core has two processors;
  // other_core where there are two cores. same_l3, same_socket, other_socket only where at least two of the three
  // exist: where all other cores stand alike, as on any machine of two cores, other_core says all there is to say.
  const std::vector<Placement>& placements() const { return placements_; }

  // How two processors stand to each other, in the most exact class (never kOtherCore), offered or not.
  // InvalidArgument: one isn't on this machine.
  absl::StatusOr<Placement> Between(int first, int second) const;

  // The processors for two parties, the first the same for all placements where the machine is regular.
  // NotFound: not among placements(); the message lists those.
  absl::StatusOr<std::pair<int, int>> CpusFor(Placement placement) const;

  // A processor for each of `workers` which stands so to the submitter's: nearest first, other cores before second
  // siblings, and round again when all are taken. NotFound: none stands so. InvalidArgument: workers < 1, or
  // `submitter` isn't allowed.
  absl::StatusOr<std::vector<int>> CpusFor(Placement placement, int workers, int submitter) const;

  // A processor for each of `workers`, in the policy's order, round again when all are taken; empty for kNone.
  // Without a submitter the order starts with the first allowed processor.
  // InvalidArgument: workers < 1, or `submitter` isn't allowed.
  absl::StatusOr<std::vector<int>> CpusFor(PinPolicy policy, int workers,
                                           std::optional<int> submitter = std::nullopt) const;

 private:
  friend class TopologyForTest;
  // What hwloc reads: its synthetic description or its XML, or, with neither, this machine.
  struct Source {
    std::string synthetic;
    std::string xml;
    std::optional<std::vector<int>> allowed;  // none: all
  };

  Topology() = default;
  static absl::StatusOr<Topology> LoadFrom(const Source& source);
  // Sets allowed_ and placements_ from the rest. Internal: no processor is allowed.
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
