// Whether to believe the figures: what must hold and whether it did, every measurement left out and why, what failed.

#ifndef REGATTA_REPORTS_SECTIONS_CERTAINTY_SECTION_H_
#define REGATTA_REPORTS_SECTIONS_CERTAINTY_SECTION_H_

#include "reports/sections/analysis.h"
#include "reports/writers/document.h"

namespace regatta::reports {

Section CertaintySection(const Analysis& analysis);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_SECTIONS_CERTAINTY_SECTION_H_
