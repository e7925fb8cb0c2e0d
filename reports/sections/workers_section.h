// How many workers: speed-up over the number of workers, which number did best and how sure that is, and what the
// documents' own pool gained.

#ifndef REGATTA_REPORTS_SECTIONS_WORKERS_SECTION_H_
#define REGATTA_REPORTS_SECTIONS_WORKERS_SECTION_H_

#include <string>
#include <vector>

#include "reports/sections/analysis.h"
#include "reports/sections/pool_findings.h"
#include "reports/writers/document.h"

namespace regatta::reports {

Section WorkersSection(const Analysis& analysis, const PoolFindings& findings);

// The best number of workers of one workload: that with the highest speed-up, and those that weren't shown to be worse,
// compared block by block. Both null and empty where there is nothing.
struct BestWorkers {
  const WorkloadFinding* best = nullptr;
  std::vector<const WorkloadFinding*> level;  // by rising number
  bool at_the_most_tried = false;             // more might be better still
};
BestWorkers FindBestWorkers(const Analysis& analysis, const PoolFindings& findings, const std::string& workload);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_SECTIONS_WORKERS_SECTION_H_
