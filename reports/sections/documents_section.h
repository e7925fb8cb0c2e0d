// What the documents say of speed, each with this run's figure beside it.

#ifndef REGATTA_REPORTS_SECTIONS_DOCUMENTS_SECTION_H_
#define REGATTA_REPORTS_SECTIONS_DOCUMENTS_SECTION_H_

#include "reports/sections/analysis.h"
#include "reports/sections/pool_findings.h"
#include "reports/writers/document.h"

namespace regatta::reports {

Section DocumentsSection(const Analysis& analysis, const PoolFindings& findings);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_SECTIONS_DOCUMENTS_SECTION_H_
