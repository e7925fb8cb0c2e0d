// The results file: a line for each scenario and one for each case, JSON; what a report's matrix is made of. Described
// in conformance/RESULTS.md.
//
// And the same for a person's eyes: the matrix as text.
#ifndef REGATTA_CONFORMANCE_JUDGE_RESULTS_H_
#define REGATTA_CONFORMANCE_JUDGE_RESULTS_H_

#include <string>
#include <utility>
#include <vector>

#include "conformance/judge/case.h"
#include "conformance/judge/catalogue.h"

namespace regatta::conformance {

using CaseResults = std::vector<std::pair<Case, CaseResult>>;

std::string ResultsAsJsonLines(const Catalogue& catalogue, const CaseResults& results);

// A row for each scenario, a column for each system and start method.
std::string ResultsAsMatrix(const CaseResults& results);

}  // namespace regatta::conformance

#endif  // REGATTA_CONFORMANCE_JUDGE_RESULTS_H_
