// ResultsBuilder: results that a test puts together, so that the section's text is known beforehand.

#ifndef REGATTA_REPORTS_SECTIONS_RESULTS_BUILDER_H_
#define REGATTA_REPORTS_SECTIONS_RESULTS_BUILDER_H_

#include <map>
#include <string>
#include <vector>

#include "reports/results/results.h"
#include "reports/writers/document.h"

namespace regatta::reports {

class ResultsBuilder {
 public:
  // One invocation, on a machine of two processors.
  ResultsBuilder();

  // Adds an arm that is ready, split as its key says.
  ResultsBuilder& Arm(const std::string& key);
  // Adds an arm that isn't.
  ResultsBuilder& Absent(const std::string& key, const std::string& reason);
  // Adds a record of `key` for each value, in blocks 0, 1, ...: `value` is its time per operation and its p50_ns, and
  // 1e9 / value its items_per_second. Adds the arm.
  ResultsBuilder& Times(const std::string& key, const std::vector<double>& values, const std::string& state = "");
  // Adds a record with this sweep for each of `blocks` blocks, on two processors. Adds the arm.
  ResultsBuilder& Sweep(const std::string& key, const std::vector<SweepPoint>& points, int blocks = 3,
                        const std::string& state = "near");
  // From here on arms and records belong to a fresh invocation.
  ResultsBuilder& NextInvocation();

  const Results& results() const { return results_; }
  Results& results() { return results_; }

 private:
  Record& AddRecord(const std::string& key, int64_t block, const std::string& state);

  Results results_;
};

// All words of a section, blocks and cells a line each, ranges in parentheses.
std::string Words(const Section& section);

inline bool Has(const std::string& words, const std::string& piece) { return words.find(piece) != std::string::npos; }

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_SECTIONS_RESULTS_BUILDER_H_
