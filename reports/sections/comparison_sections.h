// Comparison sections: the systems side by side, as a chart and as tables, for each benchmark that the table of benchmarks shows
// so. A new row of the table appears here without further code.

#ifndef REGATTA_REPORTS_SECTIONS_COMPARISON_SECTIONS_H_
#define REGATTA_REPORTS_SECTIONS_COMPARISON_SECTIONS_H_

#include <vector>

#include "reports/sections/analysis.h"
#include "reports/writers/document.h"

namespace regatta::reports {

// The sections in the order of the table; those without anything measured are left out.
std::vector<Section> ComparisonSections(const Analysis& analysis);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_SECTIONS_COMPARISON_SECTIONS_H_
