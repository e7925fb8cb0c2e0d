// The machine, and how to repeat the run.

#ifndef REGATTA_REPORTS_SECTIONS_MACHINE_SECTION_H_
#define REGATTA_REPORTS_SECTIONS_MACHINE_SECTION_H_

#include "reports/sections/analysis.h"
#include "reports/writers/document.h"

namespace regatta::reports {

Section MachineSection(const Analysis& analysis);
Section ReproduceSection(const Analysis& analysis);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_SECTIONS_MACHINE_SECTION_H_
