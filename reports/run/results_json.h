// results.json: everything a report was made from, so that it can be made again; described in reports/RESULTS.md.

#ifndef REGATTA_REPORTS_RUN_RESULTS_JSON_H_
#define REGATTA_REPORTS_RUN_RESULTS_JSON_H_

#include <string>
#include <string_view>

#include "reports/results/results.h"

namespace regatta::reports {

// `summary` is a JSON object. The invocations' lines are kept as they are, one a line.
std::string RenderResultsJson(const Results& results, std::string_view summary);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_RUN_RESULTS_JSON_H_
