// Process creation: create and join, by method and by the parent's size.

#ifndef REGATTA_REPORTS_SECTIONS_PROCESS_SECTION_H_
#define REGATTA_REPORTS_SECTIONS_PROCESS_SECTION_H_

#include "reports/sections/analysis.h"
#include "reports/writers/document.h"

namespace regatta::reports {

Section ProcessSection(const Analysis& analysis);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_SECTIONS_PROCESS_SECTION_H_
