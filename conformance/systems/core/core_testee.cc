// The testee for the core: core_testee SCENARIO METHOD, as conformance/README.md says of all testees.
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "conformance/scenarios/scenario.h"
#include "core/process/runtime.h"
#include "core/process/start_method.h"

namespace regatta::conformance {
namespace {

constexpr int kCantPlay = 64;

int Main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const std::vector<Scenario> scenarios = AllScenarios();
  const Scenario* scenario = nullptr;
  std::optional<StartMethod> method;
  if (arguments.size() == 2) {
    for (const Scenario& one : scenarios) {
      if (one.id == arguments[0]) scenario = &one;
    }
    method = StartMethodByName(arguments[1]);
  }
  const bool can_play = scenario != nullptr && method.has_value();
  if (can_play && scenario->play_before_init != nullptr) scenario->play_before_init(*method);
  Init(&argc, &argv);
  if (!can_play) {
    fprintf(stderr,
            "core_testee: no such scenario or start method\n"
            "usage: REGATTA_TRACE=FILE core_testee SCENARIO fork|spawn|forkserver\n");
    return kCantPlay;
  }
  scenario->play(*method);
  return 0;
}

}  // namespace
}  // namespace regatta::conformance

int main(int argc, char** argv) { return regatta::conformance::Main(argc, argv); }
