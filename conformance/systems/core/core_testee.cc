// The testee for the core: core_testee SCENARIO METHOD, as conformance/README.md says of all testees.
#include <cstdio>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "conformance/scenarios/scenario.h"
#include "core/process/runtime.h"
#include "core/process/start_method.h"

namespace regatta::conformance {
namespace {

constexpr int kCantPlay = 64;

int Play(absl::string_view id, absl::string_view method_name) {
  const std::optional<StartMethod> method = StartMethodByName(method_name);
  if (!method.has_value()) {
    fprintf(stderr, "core_testee: %s is no start method: fork, spawn or forkserver\n",
            std::string(method_name).c_str());
    return kCantPlay;
  }
  for (const Scenario& scenario : AllScenarios()) {
    if (scenario.id != id) continue;
    scenario.play(*method);
    return 0;
  }
  fprintf(stderr, "core_testee: %s is no scenario\n", std::string(id).c_str());
  return kCantPlay;
}

}  // namespace
}  // namespace regatta::conformance

int main(int argc, char** argv) {
  regatta::Init(&argc, &argv);
  if (argc != 3) {
    fprintf(stderr, "usage: REGATTA_TRACE=FILE core_testee SCENARIO METHOD\n");
    return regatta::conformance::kCantPlay;
  }
  return regatta::conformance::Play(argv[1], argv[2]);
}
