#include "conformance/judge/system.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "tools/program/paths.h"

namespace regatta::conformance {

absl::StatusOr<std::vector<std::string>> CommandOf(absl::string_view system) {
  if (system == "cpython") {
    absl::StatusOr<std::string> script = FindBuilt("conformance/systems/cpython/testee.py");
    if (!script.ok()) return script.status();
    // -B: leaves no byte code in the tree.
    return std::vector<std::string>{"python3", "-B", *script};
  }
  if (system != "core" && system != "broken") {
    return absl::InvalidArgumentError(
        absl::StrCat(system, " is no system: core, cpython or broken; --testee takes others"));
  }
  absl::StatusOr<std::string> program = FindBuilt("conformance/systems/core/core_testee");
  if (!program.ok()) return program.status();
  return std::vector<std::string>{*program};
}

}  // namespace regatta::conformance
