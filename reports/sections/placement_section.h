// Placement: a round trip between every two processors, as a map and by class.

#ifndef REGATTA_REPORTS_SECTIONS_PLACEMENT_SECTION_H_
#define REGATTA_REPORTS_SECTIONS_PLACEMENT_SECTION_H_

#include "reports/sections/analysis.h"
#include "reports/writers/document.h"

namespace regatta::reports {

Section PlacementSection(const Analysis& analysis);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_SECTIONS_PLACEMENT_SECTION_H_
