// Screening: which records may be believed, and whether the run as a whole may.
//
// A record is disturbed when, while it was measured, the hypervisor took processor time, other programs used our
// processors, the sentinel (fixed work beside it) was off, a pinned task migrated, a page came from disk, heat or a
// quota slowed it down, or the machine changed between its near and far state; or when it was timed for under a
// millisecond (but where each operation is timed by itself after a wait). Disturbed records are left out, and counted
// by cause: nothing is dropped silently. When more than a quarter are disturbed, leaving them out would pick the lucky
// ones: then all are kept and the report is marked untrusted.

#ifndef REGATTA_REPORTS_RESULTS_SCREENING_H_
#define REGATTA_REPORTS_RESULTS_SCREENING_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "reports/results/results.h"

namespace regatta::reports {

// The limits beyond which a record counts as disturbed.
struct ScreeningLimits {
  double steal_share = 0.01;
  double foreign_cpu_share = 0.05;
  double shortest_ns = 1e6;    // a timed run
  double sentinel_off = 0.10;  // from the run's 25th percentile, as a share
  double disturbed_share = 0.25;
};

class Screening {
 public:
  explicit Screening(const Results& results, const ScreeningLimits& limits = {});

  // Whether figures of `record` (one of the results') may be used: it succeeded, was verified, and is not left out.
  bool Keeps(const Record& record) const;

  const ScreeningLimits& limits() const { return limits_; }
  int measured() const { return measured_; }
  int disturbed() const { return static_cast<int>(disturbed_.size()); }
  // Whether disturbed records are left out, or kept because they are too many.
  bool leaves_out() const { return leaves_out_; }

  // Cause -> how many records it disturbed (one record may have several).
  const std::map<std::string, int>& causes() const { return causes_; }

  // Why the run as a whole can't be believed, each a sentence; empty when it can.
  const std::vector<std::string>& distrust() const { return distrust_; }
  bool trusted() const { return distrust_.empty(); }

 private:
  ScreeningLimits limits_;
  std::set<const Record*> disturbed_;
  std::map<std::string, int> causes_;
  std::vector<std::string> distrust_;
  int measured_ = 0;
  bool leaves_out_ = true;
};

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_RESULTS_SCREENING_H_
