// Messages: queues between processes against the limit (a bare ring) and what people would use instead; then the same
// for what a pool costs per task, and for a lock alone. Tables of systems measured in the same blocks.

#ifndef REGATTA_REPORTS_SECTIONS_MESSAGE_SECTION_H_
#define REGATTA_REPORTS_SECTIONS_MESSAGE_SECTION_H_

#include "reports/sections/analysis.h"
#include "reports/writers/document.h"

namespace regatta::reports {

Section MessageSection(const Analysis& analysis);
Section TaskCostSection(const Analysis& analysis);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_SECTIONS_MESSAGE_SECTION_H_
