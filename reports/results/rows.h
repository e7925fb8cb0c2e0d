// Rows: the table of benchmarks, asked about the arms of a run.

#ifndef REGATTA_REPORTS_RESULTS_ROWS_H_
#define REGATTA_REPORTS_RESULTS_ROWS_H_

#include <string>
#include <string_view>

#include "bench/table/benchmarks.h"
#include "reports/results/results.h"

namespace regatta::reports {

// The row of the arm's benchmark; null for a benchmark that this version doesn't know.
const bench::Benchmark* RowOf(const ArmInfo& arm);

bool HasView(const ArmInfo& arm, bench::View view);

// Whether the arm is one of `pattern` (bench/table/arm_pattern.h). `processors`: what N stands for.
bool Matches(const ArmInfo& arm, std::string_view pattern, int processors = 0);

// What the table calls the benchmark of an arm: "workload/count_loop".
std::string RowKey(const ArmInfo& arm);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_RESULTS_ROWS_H_
