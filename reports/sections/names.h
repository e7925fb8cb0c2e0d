// Names: how keys of the benchmarks read in a sentence, a table, a chart.

#ifndef REGATTA_REPORTS_SECTIONS_NAMES_H_
#define REGATTA_REPORTS_SECTIONS_NAMES_H_

#include <string>
#include <string_view>
#include <vector>

#include "reports/charts/quantity.h"
#include "reports/results/rows.h"
#include "reports/results/view.h"
#include "reports/writers/document.h"

namespace regatta::reports {

// "Regatta queue", "pipe", "Boost message_queue"; for pools "Regatta pool", "oneTBB threads", ...
std::string SystemName(const ArmInfo& arm);

// Whether the arm is the core's own.
bool IsOurs(const ArmInfo& arm);

// "other core, near state"; the state is left out where there is none.
std::string PlacementName(const std::string& placement, const std::string& state);

// "the count loop", "copying a folder".
std::string WorkloadName(const std::string& workload);

// "count_loop" of the row "workload/count_loop".
std::string WorkloadOf(const bench::Benchmark& row);

// A whole number in one of the key's fields; `otherwise` where it isn't one.
int FieldNumber(const ArmInfo& arm, const std::string& field, int otherwise);

// "64 B" of "64".
std::string BytesName(const ArmInfo& arm);

// The value of a field in words: "64 B", "2 workers", "automatic chunks", "parent holding 2 GiB".
std::string FieldWords(const std::string& field, const std::string& value);

// `text` with the arm's fields, in words, in place of their names in braces; and those names.
std::string FillIn(std::string_view text, const ArmInfo& arm);
std::vector<std::string> FieldsIn(std::string_view text);

// ", near state"; "" without a state.
std::string InState(const std::string& state);

// "queue_round_trip/core/bytes:64, near state".
Text KeyInState(const std::string& key, const std::string& state);

// The figure that the report compares of a row's arms, and its unit.
Metric FigureOf(const bench::Benchmark& row);
Unit UnitOf(const bench::Benchmark& row);

// The placements of these arms, by first appearance.
std::vector<std::string> PlacementsOf(const std::vector<const ArmInfo*>& arms);

// The row's arms of `pattern`.
std::vector<const ArmInfo*> ArmsOf(const View& view, const bench::Benchmark& row, std::string_view pattern = "");

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_SECTIONS_NAMES_H_
