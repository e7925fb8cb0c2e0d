// The answer: is a pool worth it on this machine, from which task size on, with how many workers, and how sure is that.

#ifndef REGATTA_REPORTS_SECTIONS_ANSWER_H_
#define REGATTA_REPORTS_SECTIONS_ANSWER_H_

#include "reports/sections/analysis.h"
#include "reports/sections/pool_findings.h"
#include "reports/writers/document.h"

namespace regatta::reports {

Section AnswerSection(const Analysis& analysis, const PoolFindings& findings);

// A crossing in words: "1.2 µs" with its range, "below 3 ns, the smallest measured", "not up to 1 ms, the largest
// measured".
Text ShowCrossing(const CrossingEstimate& crossing);

// The range alone: "1.0 to 1.5 µs", "below 3 ns to 1.5 µs".
std::string CrossingRange(const CrossingEstimate& crossing);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_SECTIONS_ANSWER_H_
