// Payload: round trips of messages from 8 B to 16 MiB, by copy and by reference, against the speed of memory.

#ifndef REGATTA_REPORTS_SECTIONS_PAYLOAD_SECTION_H_
#define REGATTA_REPORTS_SECTIONS_PAYLOAD_SECTION_H_

#include "reports/sections/analysis.h"
#include "reports/writers/document.h"

namespace regatta::reports {

Section PayloadSection(const Analysis& analysis);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_SECTIONS_PAYLOAD_SECTION_H_
