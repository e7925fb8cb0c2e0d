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
  int slower = 0;  // keys that became slower since the baseline
};

// An earlier run to compare with.
struct Baseline {
  Results results;
  bool other_machine = false;  // of another fingerprint, and wanted all the same
};

// Builds the report of `results`; `baseline` may be null. Sections without anything to say are left out.
Report BuildReport(const Results& results, const Baseline* baseline = nullptr);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_SECTIONS_REPORT_H_
