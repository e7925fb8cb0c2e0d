// Changes: what became faster or slower since an earlier run.
//
// Two runs share no blocks, so no block of one is set against a block of the other. Each figure is first divided by the
// fixed work timed beside it (its sentinel; a sweep's by the serial loop's in the same record), so that a clock that
// runs slower today cancels out. The median of an invocation's blocks is then one figure, and the invocations of both
// runs are compared by their means (Welch): the invocation is the unit. What two runs have apart as runs (where memory
// came to lie, what the host did that hour) is seen only as far as invocations differ too: a change of a few per cent
// that matters is worth a second run.
//
// States   Figures of the near and the far state are compared apart. A figure is that which the report shows: p50 of
//          latencies, otherwise the time of one operation.
// Verdicts As everywhere (ratio.h), over all keys together. Untrusted, all of them: one of the runs doesn't believe
// itself, or the
//          fixed work itself ran at another speed, by over 10 %. One invocation of either run gives no verdict.

#ifndef REGATTA_REPORTS_SECTIONS_CHANGES_H_
#define REGATTA_REPORTS_SECTIONS_CHANGES_H_

#include <string>
#include <vector>

#include "reports/results/results.h"
#include "reports/sections/analysis.h"
#include "reports/writers/document.h"

namespace regatta::reports {

struct Change {
  std::string key;
  std::string state;
  // Time then over time now, in units of the fixed work: above 1 is faster now. Invocations: the fewer of both.
  Estimate speed;
  double p_value = 1;
  Verdict verdict = Verdict::kIndicative;
};

struct Changes {
  std::string baseline_utc;
  std::vector<Change> changes;    // the worst first
  std::vector<std::string> gone;  // measured then, not now
  std::vector<std::string> fresh;
  std::vector<std::string> distrust;  // why no verdict is trusted, each a sentence without its full stop
  bool indicative = false;
  bool other_machine = false;

  int Count(Verdict verdict) const;
  // "Against the run of 2024-11-21T08:00:00Z: 2 of 140 keys slower, 1 faster, ...", for a terminal too.
  std::string Sentence() const;
};

Changes FindChanges(const Analysis& now, const Analysis& then);

Section ChangesSection(const Changes& changes);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_SECTIONS_CHANGES_H_
