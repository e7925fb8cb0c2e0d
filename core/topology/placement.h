// Placement: where a second party runs, seen from a first; PinPolicy: where many workers do, seen from their submitter.
// Their names are stable: they are part of benchmark keys and flags.
#ifndef REGATTA_CORE_TOPOLOGY_PLACEMENT_H_
#define REGATTA_CORE_TOPOLOGY_PLACEMENT_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace regatta {

// From near to far. kOtherCore is any other core, the nearest there is.
enum class Placement {
  kSameCpu,      // same_cpu: both take turns on one processor
  kSmtSibling,   // smt_sibling: another processor (hardware thread) of the same core
  kOtherCore,    // other_core
  kSameL3,       // same_l3: another core, sharing the L3 cache
  kSameSocket,   // same_socket: another core of the same socket, not sharing an L3
  kOtherSocket,  // other_socket: a core of another socket
};

// Which processor each worker is pinned to. The submitter's own processor comes last in all of them.
enum class PinPolicy {
  kNone,        // none: not pinned, the kernel chooses
  kCompact,     // compact: every processor near the submitter before any that is farther; siblings share a core
  kOnePerCore,  // one_per_core: near cores first, a second sibling of a core only when all cores have a worker
  kScatter,  // scatter: sockets in turn, in each its L3 caches in turn, in each their cores: the most cache and memory
};

absl::string_view PlacementName(Placement placement);
absl::string_view PinPolicyName(PinPolicy policy);

// InvalidArgument: no such name; the message lists all.
absl::StatusOr<Placement> ParsePlacement(absl::string_view name);
absl::StatusOr<PinPolicy> ParsePinPolicy(absl::string_view name);

}  // namespace regatta

#endif  // REGATTA_CORE_TOPOLOGY_PLACEMENT_H_
