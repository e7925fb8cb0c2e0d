// Ratio: one arm against another, block by block.
//
// Only figures of the same block are ever divided by each other. The unit is the log of that ratio, so that "twice as
// fast" and "half as fast" weigh the same; what is shown is turned back into a plain ratio.

#ifndef REGATTA_REPORTS_STATISTICS_RATIO_H_
#define REGATTA_REPORTS_STATISTICS_RATIO_H_

#include <string_view>

#include "reports/statistics/bootstrap.h"

namespace regatta::reports {

// A figure with its certainty and what it was read from.
struct Estimate {
  double value = 0;
  Interval interval;
  int blocks = 0;
  int invocations = 0;
  // Share of blocks in which the ratio was above 1; meaningless for figures that are not ratios.
  double won = 0;

  bool measured() const { return blocks > 0; }
};

// The logs of numerator / denominator for the blocks that have both, both positive.
Sample LogRatios(const Sample& numerator, const Sample& denominator);

// The blocks of a sample, in order.
std::vector<BlockId> BlocksOf(const Sample& sample);

// The median of exp(log ratios), with a bootstrap interval. No blocks: measured() is false.
Estimate EstimateRatio(const Sample& log_ratios, const BootstrapOptions& options);

// The median of plain figures, with a bootstrap interval.
Estimate EstimateMedian(const Sample& figures, const BootstrapOptions& options);

enum class Verdict {
  kFaster,        // the interval lies above 1
  kSlower,        // the interval lies below 1
  kEquivalent,    // the interval lies within 5 % of 1
  kInconclusive,  // none of these
  kUntrusted,     // the run itself can't be believed
  kIndicative,    // one invocation only: no verdict is given
};

std::string_view VerdictName(Verdict verdict);

// What may be said of a speed-up. `trusted` is what the run's own checks said (noise floor, dropped blocks, limits).
// Equivalent comes before faster and slower: a difference of under 5 % is none that matters here.
Verdict Judge(const Estimate& speed_up, bool trusted);

// How far an A/A arm strays from 1, as a share (0.03 means 3 %): the farther end of its interval. What differs by less
// than this has not been shown to differ.
double NoiseFloor(const Estimate& a_to_a);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_STATISTICS_RATIO_H_
