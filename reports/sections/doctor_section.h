// What the machine doctor found, where it was asked: what spoils the figures, and what to do.

#ifndef REGATTA_REPORTS_SECTIONS_DOCTOR_SECTION_H_
#define REGATTA_REPORTS_SECTIONS_DOCTOR_SECTION_H_

#include "reports/results/doctor.h"
#include "reports/writers/document.h"

namespace regatta::reports {

// Adds the findings as a table, the worst first, and how many more there are nothing wrong with. Where nobody was
// asked: how to.
void AddDoctor(const Doctor& doctor, Section& section);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_SECTIONS_DOCTOR_SECTION_H_
