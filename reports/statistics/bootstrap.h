// Bootstrap: how sure a figure is that was read off blocks of a benchmark run.
//
// The unit is a block: every arm of a comparison once, close together in time. Blocks lie in invocations (fresh runs of
// the program), and two blocks of one invocation are more alike than two of different ones, so a resample draws
// invocations first and then blocks within each (two levels). With one invocation that is the ordinary bootstrap, which
// knows nothing of how invocations differ: its interval is too narrow, and a report says "indicative" for that reason.
//
// Widened  The percentiles of a bootstrap of few units lie too close: resampling n units gives sqrt((n - 1) / n) of the
//          standard error, and takes that for known. Over five invocations that differ as much as their blocks do, an
//          interval that says 95 % holds the truth 90 % of the time, over two 74 %. So the ends are moved outward by
//          t(n - 1) / z * sqrt(n / (n - 1)), n being the number of invocations, as Hesterberg proposes (What Teachers
//          Should Know about the Bootstrap, The American Statistician 69, 2015); 96 % and more is what then comes out.
//
// Seeded   The same blocks and seed give the same interval on every machine: the generator and the mapping to a range
//          are fixed here and in the language's standard, not left to the library.
// Units    None: figures go in and come out as the caller has them.

#ifndef REGATTA_REPORTS_STATISTICS_BOOTSTRAP_H_
#define REGATTA_REPORTS_STATISTICS_BOOTSTRAP_H_

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

namespace regatta::reports {

// Which block a figure was measured in. Arms of one block share it; `comparison` keeps the blocks of different
// comparisons apart, for they are drawn separately.
struct BlockId {
  int invocation = 0;
  int comparison = 0;
  int64_t block = 0;

  friend auto operator<=>(const BlockId&, const BlockId&) = default;
};

// One figure for one block. A statistic over many curves or arms reads several of these samples with one draw.
using Sample = std::map<BlockId, double>;

struct Interval {
  double low = 0;
  double high = 0;
};

struct BootstrapOptions {
  uint64_t seed = 0;
  int resamples = 2000;
  double confidence = 0.95;
};

// How often each block was drawn in one resample. Blocks that were not drawn are absent.
using Draw = std::map<BlockId, int>;

// The middle value; between two middle ones, their mean. NaN when empty.
double Median(std::vector<double> values);

// The q-quantile by linear interpolation between order statistics (the usual "type 7"). Infinite values are allowed: a
// quantile that would fall between a finite and an infinite one is the nearer of the two, never NaN. NaN when empty.
double Quantile(std::vector<double> values, double q);

// The median of those figures of `sample` whose block was drawn, each as often as it was drawn. NaN when none was.
double DrawnMedian(const Sample& sample, const Draw& draw);

// A draw that has every block of `blocks` once: the data itself.
Draw Everything(const std::vector<BlockId>& blocks);

// By how much the ends of a percentile interval are to be moved outward from the statistic, where `invocations` were
// drawn: above 1, falling towards 1 as they grow many. 1 for a single one, of which nobody knows how invocations
// differ.
double Widening(int invocations, double confidence);

// `interval` with its ends moved outward from `value` so. An end or a value that is infinite stays where it is.
Interval Widened(double value, const Interval& interval, double widening);

// How many invocations `blocks` are of.
int CountInvocations(const std::vector<BlockId>& blocks);

// The percentile interval of `statistic`, not widened, over resamples of `blocks`. Resamples in which the statistic is
// NaN are left out; when it is NaN in all of them, or `blocks` is empty, both ends are NaN.
Interval BootstrapInterval(const std::vector<BlockId>& blocks, const BootstrapOptions& options,
                           const std::function<double(const Draw&)>& statistic);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_STATISTICS_BOOTSTRAP_H_
