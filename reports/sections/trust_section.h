// The trust section: comparisons whose answer was known beforehand, and the verdicts they got.

#ifndef REGATTA_REPORTS_SECTIONS_TRUST_SECTION_H_
#define REGATTA_REPORTS_SECTIONS_TRUST_SECTION_H_

#include "reports/results/trust.h"
#include "reports/writers/document.h"

namespace regatta::reports {

// Empty where no such findings were given.
Section TrustSection(const Trust& trust);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_SECTIONS_TRUST_SECTION_H_
