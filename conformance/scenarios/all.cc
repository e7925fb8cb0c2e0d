#include <iterator>
#include <utility>

#include "conformance/scenarios/scenario.h"

namespace regatta::conformance {

std::vector<Scenario> AllScenarios() {
  std::vector<Scenario> all;
  for (std::vector<Scenario> (*topic)() :
       {&EventScenarios, &LockScenarios, &PipeScenarios, &PoolScenarios, &PoolResultScenarios, &PoolFolderScenarios,
        &PoolLifeScenarios, &ProcessEndScenarios, &ProcessIdentityScenarios, &ProcessMemoryScenarios,
        &QueueCallScenarios, &QueueTrafficScenarios, &ValueScenarios}) {
    std::vector<Scenario> some = topic();
    all.insert(all.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
  }
  return all;
}

absl::string_view TopicOf(absl::string_view id) { return id.substr(0, id.find('/')); }

}  // namespace regatta::conformance
