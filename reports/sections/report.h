// Report: results to a document, and to a summary that machines read.

#ifndef REGATTA_REPORTS_SECTIONS_REPORT_H_
#define REGATTA_REPORTS_SECTIONS_REPORT_H_

#include <string>

#include "reports/results/results.h"
#include "reports/writers/document.h"

namespace regatta::reports {

struct Report {
  Document document;
  std::string summary_json;  // the "summary" object of results.json, see reports/RESULTS.md
  std::vector<Text> answer;  // the sentences that open the document, for a terminal
  bool trusted = true;
};

// Builds the report of `results`. Sections without anything to say are left out.
Report BuildReport(const Results& results);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_SECTIONS_REPORT_H_
