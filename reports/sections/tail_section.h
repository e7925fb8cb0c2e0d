// Tails: how long messages and tasks take under load, counted from when each was due.

#ifndef REGATTA_REPORTS_SECTIONS_TAIL_SECTION_H_
#define REGATTA_REPORTS_SECTIONS_TAIL_SECTION_H_

#include "reports/sections/analysis.h"
#include "reports/writers/document.h"

namespace regatta::reports {

Section TailSection(const Analysis& analysis);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_SECTIONS_TAIL_SECTION_H_
