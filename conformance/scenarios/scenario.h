// Scenario: a program that leaves a trace, and what must hold of the trace of every correct run, whichever system ran
// it.
#ifndef REGATTA_CONFORMANCE_SCENARIOS_SCENARIO_H_
#define REGATTA_CONFORMANCE_SCENARIOS_SCENARIO_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "conformance/checks/expectation.h"
#include "core/process/start_method.h"

namespace regatta::conformance {

struct Scenario {
  // "queue/full": the topic and a name; the catalogue has its record.
  std::string id;
  Expectations expectations;
  // The program for the core, in a process of its own that has run Init.
  void (*play)(StartMethod method);
  // What comes before Init; null: nothing.
  void (*play_before_init)(StartMethod method) = nullptr;
};

// One topic each, or a part of one.
std::vector<Scenario> EventScenarios();
std::vector<Scenario> LockScenarios();
std::vector<Scenario> PipeScenarios();
std::vector<Scenario> PoolFolderScenarios();
std::vector<Scenario> PoolLifeScenarios();
std::vector<Scenario> PoolResultScenarios();
std::vector<Scenario> PoolScenarios();
std::vector<Scenario> ProcessEndScenarios();
std::vector<Scenario> ProcessIdentityScenarios();
std::vector<Scenario> ProcessMemoryScenarios();
std::vector<Scenario> QueueCallScenarios();
std::vector<Scenario> QueueTrafficScenarios();
std::vector<Scenario> ValueScenarios();

// Of all topics.
std::vector<Scenario> AllScenarios();
// The part of `id` before the slash.
absl::string_view TopicOf(absl::string_view id);

}  // namespace regatta::conformance

#endif  // REGATTA_CONFORMANCE_SCENARIOS_SCENARIO_H_
