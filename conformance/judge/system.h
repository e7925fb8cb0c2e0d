// The systems that are judged, and where their testees are.
#ifndef REGATTA_CONFORMANCE_JUDGE_SYSTEM_H_
#define REGATTA_CONFORMANCE_JUDGE_SYSTEM_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace regatta::conformance {

// "core", "cpython" or "broken" (the core's testee; it takes faults). The command plays a scenario when followed by its
// id and a start method. NotFound: the program isn't where the build puts it.
absl::StatusOr<std::vector<std::string>> CommandOf(absl::string_view system);

}  // namespace regatta::conformance

#endif  // REGATTA_CONFORMANCE_JUDGE_SYSTEM_H_
