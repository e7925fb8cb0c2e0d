// The pool's section: speed-up over task size and over workers, the workloads, the documents' two ratios, and what a
// pool costs per task.

#ifndef REGATTA_REPORTS_SECTIONS_POOL_SECTION_H_
#define REGATTA_REPORTS_SECTIONS_POOL_SECTION_H_

#include "reports/sections/analysis.h"
#include "reports/sections/pool_findings.h"
#include "reports/writers/document.h"

namespace regatta::reports {

Section PoolSection(const Analysis& analysis, const PoolFindings& findings);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_SECTIONS_POOL_SECTION_H_
