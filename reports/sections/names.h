// Names: how keys of the benchmarks read in a sentence, a table, a chart.

#ifndef REGATTA_REPORTS_SECTIONS_NAMES_H_
#define REGATTA_REPORTS_SECTIONS_NAMES_H_

#include <string>

#include "reports/results/results.h"

namespace regatta::reports {

// "Regatta queue", "pipe", "Boost message_queue"; for pools "Regatta pool", "oneTBB threads", ...
std::string SystemName(const ArmInfo& arm);

// Whether the arm is the core's own.
bool IsOurs(const ArmInfo& arm);

// "other core, near state"; the state is left out where there is none.
std::string PlacementName(const std::string& placement, const std::string& state);

// "the count loop", "copying a folder".
std::string WorkloadName(const std::string& workload);

// A whole number in one of the key's fields; `otherwise` where it isn't one.
int FieldNumber(const ArmInfo& arm, const std::string& field, int otherwise);

// "64 B" of "64".
std::string BytesName(const ArmInfo& arm);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_SECTIONS_NAMES_H_
