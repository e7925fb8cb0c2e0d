#include "core/topology/placement.h"

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace regatta {
namespace {

// In the order of the enumerators.
constexpr absl::string_view kPlacementNames[] = {"same_cpu", "smt_sibling", "other_core",
                                                 "same_l3",  "same_socket", "other_socket"};
constexpr absl::string_view kPinPolicyNames[] = {"none", "compact", "one_per_core", "scatter"};

template <typename Enum, size_t size>
absl::StatusOr<Enum> Parse(absl::string_view what, absl::string_view name, const absl::string_view (&names)[size]) {
  for (size_t i = 0; i < size; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", name, "\" is no ", what, "; there are: ", absl::StrJoin(names, ", ")));
}

}  // namespace

absl::string_view PlacementName(Placement placement) { return kPlacementNames[static_cast<size_t>(placement)]; }
absl::string_view PinPolicyName(PinPolicy policy) { return kPinPolicyNames[static_cast<size_t>(policy)]; }

absl::StatusOr<Placement> ParsePlacement(absl::string_view name) {
  return Parse<Placement>("placement", name, kPlacementNames);
}

absl::StatusOr<PinPolicy> ParsePinPolicy(absl::string_view name) {
  return Parse<PinPolicy>("pinning policy", name, kPinPolicyNames);
}

}  // namespace regatta
