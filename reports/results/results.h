// Results: what benchmark runs left, in memory. The files' format and its rules are bench/RESULTS.md (one invocation)
// and reports/RESULTS.md (a report's results.json, which holds invocations verbatim).
//
// Absent  What was not measured is an empty optional, never 0.
// Units   Times are nanoseconds, as in the files.

#ifndef REGATTA_REPORTS_RESULTS_RESULTS_H_
#define REGATTA_REPORTS_RESULTS_RESULTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/results/record.h"
#include "reports/results/conformance.h"
#include "reports/results/doctor.h"
#include "reports/results/trust.h"

namespace regatta::reports {

using bench::ArmInfo;
using bench::Context;
using bench::Record;
using bench::SweepPoint;

// One run of the benchmark program.
struct Invocation : bench::Header {
  // Records hold the histograms of open loops only: the others' tails are not read.
  std::vector<Record> records;
  std::optional<bench::Footer> footer;  // empty: the run ended early
  std::vector<std::string> lines;       // the file's lines, verbatim
};

// Everything a report is made from.
struct Results {
  std::vector<Invocation> invocations;
  bool quick = false;
  uint64_t seed = 0;  // of the report's own resampling
  std::string created_utc;
  // What was to be measured and wasn't, each a sentence: a benchmark that crashed, a run that was interrupted.
  std::vector<std::string> missing;
  Conformance conformance;  // empty where no such results were given
  Doctor doctor;            // empty where nobody was asked
  Trust trust;              // likewise
};

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_RESULTS_RESULTS_H_
