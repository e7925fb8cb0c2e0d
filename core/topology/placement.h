// Placement: where a second party runs, relative to a first one. PinPolicy: where workers run, relative to their
// submitter. The names of both are stable, as they are part of benchmark keys and flags.
#ifndef REGATTA_CORE_TOPOLOGY_PLACEMENT_H_
#define REGATTA_CORE_TOPOLOGY_PLACEMENT_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace regatta {

// From near to far. kOtherCore is the nearest other core, wherever it is.
enum class Placement {
  kSameCpu,      // same_cpu: both take turns on one processor
  kSmtSibling,   // smt_sibling: another processor (hardware thread) of the same core
  kOtherCore,    // other_core
  kSameL3,       // same_l3: another core, sharing the L3 cache
  kSameSocket,   // same_socket: another core of the same socket, not sharing an L3
  kOtherSocket,  // other_socket: a core of another socket
};

// Where each worker is pinned. Every policy uses the submitter's own processor last.
enum class PinPolicy {
  kNone,        // none: not pinned, the kernel chooses
  kCompact,     // compact: nearer processors before farther ones, so siblings share a core
  kOnePerCore,  // one_per_core: near cores first; second siblings only when every core has a worker
  kScatter,     // scatter: takes turns among sockets, then L3 caches, then cores, to use the most cache and memory
};

absl::string_view PlacementName(Placement placement);
absl::string_view PinPolicyName(PinPolicy policy);

// InvalidArgument: there is no such name; the message lists all names.
absl::StatusOr<Placement> ParsePlacement(absl::string_view name);
absl::StatusOr<PinPolicy> ParsePinPolicy(absl::string_view name);

}  // namespace regatta

#endif  // REGATTA_CORE_TOPOLOGY_PLACEMENT_H_
