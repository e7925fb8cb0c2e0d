// The sections of a report that are one function each. A section without anything to show has no blocks.

#ifndef REGATTA_REPORTS_SECTIONS_SECTIONS_H_
#define REGATTA_REPORTS_SECTIONS_SECTIONS_H_

#include <vector>

#include "reports/results/trust.h"
#include "reports/sections/analysis.h"
#include "reports/sections/pool_findings.h"
#include "reports/writers/document.h"

namespace regatta::reports {

// One process against pools: speed-up over the size of a task, the workloads, and the two ratios of the documents.
Section PoolSection(const Analysis& analysis, const PoolFindings& findings);
// The systems side by side, as a chart and tables, for each benchmark that the table of benchmarks shows as bars. In
// the order of the table; without the sections of which nothing was measured. A new row of the table appears here
// without further code.
std::vector<Section> ComparisonSections(const Analysis& analysis);
// Round trips of messages from 8 B to 16 MiB, by copy and by reference, beside the speed of memory.
Section PayloadSection(const Analysis& analysis);
// A round trip between every two processors, as a map and by placement.
Section PlacementSection(const Analysis& analysis);
// The latency of messages and tasks under load, from the moment at which each was due.
Section TailSection(const Analysis& analysis);
// What the documents say about speed, with this run's figures.
Section DocumentsSection(const Analysis& analysis, const PoolFindings& findings);
// Whether the figures can be trusted: the checks and their outcome, each measurement that was left out and why, and
// what failed.
Section CertaintySection(const Analysis& analysis);
// Comparisons with a known answer, and the verdicts on them. Empty if no such findings were given.
Section TrustSection(const Trust& trust);
// The machine and the systems compared; and the commands that repeat the run.
Section MachineSection(const Analysis& analysis);
Section ReproduceSection(const Analysis& analysis);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_SECTIONS_SECTIONS_H_
