// Ratio: one arm against another, block by block.
//
// Only figures of the same block are ever divided by each other. The unit is the log of that ratio, so that "twice as
// fast" and "half as fast" weigh the same; what is shown is turned back into a plain ratio.

#ifndef REGATTA_REPORTS_STATISTICS_RATIO_H_
#define REGATTA_REPORTS_STATISTICS_RATIO_H_

#include <string_view>
#include <vector>

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

// The median of exp(log ratios), with a bootstrap interval, widened (bootstrap.h). No blocks: measured() is false.
Estimate EstimateRatio(const Sample& log_ratios, const BootstrapOptions& options);

// The median of plain figures, with such an interval; widened by ratio where all are above 0.
Estimate EstimateMedian(const Sample& figures, const BootstrapOptions& options);

// What is no difference that matters: a ratio between this and its inverse, neither included.
inline constexpr double kEquivalent = 1.05;

enum class Verdict {
  kFaster,        // the interval lies above 1
  kSlower,        // the interval lies below 1
  kEquivalent,    // the interval lies within 5 % of 1
  kInconclusive,  // none of these, or not surely enough among so many
  kUntrusted,     // the run itself can't be believed
  kIndicative,    // one invocation only: no verdict is given
};

std::string_view VerdictName(Verdict verdict);

// The chance of a ratio as far from `ratio` if that were the true one, both sides together: how much wider an interval
// than that of 95 % would have to be to reach `ratio`, by Student's t with one degree of freedom less than there are
// invocations. So it is below 5 % just where the interval leaves `ratio` out. 1 with fewer than two invocations.
double PValue(const Estimate& speed_up, double ratio);

// A verdict by two p-values: that there is no difference, and that there is one of 5 % or more. NaN: untested.
struct Claims {
  double differs = 1;
  double equivalent = 1;
  bool faster = false;  // which way, if it differs
};
Claims ClaimsOf(const Estimate& speed_up);

// What may be said of each of several, so that no more than one claim in twenty is expected to be wrong:
// Benjamini-Hochberg over all differences, and over all equivalences. Equivalent comes before faster and slower: a
// difference of under 5 % is none that matters here.
std::vector<Verdict> JudgeClaims(const std::vector<Claims>& claims);

// The same of speed-ups, each with its run's trust: what the run's own checks said (noise floor, dropped blocks,
// limits). Those that are not trusted or are of one invocation only get no verdict, and don't count among the others.
std::vector<Verdict> Judge(const std::vector<Estimate>& speed_ups, const std::vector<bool>& trusted);

// How far an A/A arm strays from 1, as a share (0.03 means 3 %): the farther end of its interval. What differs by less
// than this has not been shown to differ.
double NoiseFloor(const Estimate& a_to_a);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_STATISTICS_RATIO_H_
