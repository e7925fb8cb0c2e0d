// The conformance section: which scenarios each system holds, and whether the judge would have noticed if not.

#ifndef REGATTA_REPORTS_SECTIONS_CONFORMANCE_SECTION_H_
#define REGATTA_REPORTS_SECTIONS_CONFORMANCE_SECTION_H_

#include <string>

#include "reports/results/conformance.h"
#include "reports/results/results.h"
#include "reports/writers/document.h"

namespace regatta::reports {

// Empty where no results of the judge were given.
Section ConformanceSection(const Conformance& conformance);

// What stands beside the speed of a system (as benchmarks call it): "80 of 80 cases passed", "not judged"; "" without
// results.
std::string ConformanceOf(const Conformance& conformance, const std::string& system);

// `name`, and below it how many of its cases the arm's system held, or that nobody judged it: a speed is worth little
// from who doesn't hold what it promises. The name alone where no conformance results were given.
Text WithConformance(Text name, const ArmInfo& arm, const Conformance& conformance);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_SECTIONS_CONFORMANCE_SECTION_H_
