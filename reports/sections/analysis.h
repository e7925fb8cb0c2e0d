// Analysis: what every section reads: the figures, how to resample them, and whether to believe them.

#ifndef REGATTA_REPORTS_SECTIONS_ANALYSIS_H_
#define REGATTA_REPORTS_SECTIONS_ANALYSIS_H_

#include <map>
#include <string>
#include <vector>

#include "reports/charts/quantity.h"
#include "reports/results/view.h"
#include "reports/statistics/bootstrap.h"
#include "reports/statistics/ratio.h"
#include "reports/writers/document.h"

namespace regatta::reports {

class Analysis {
 public:
  // With fewer pairs of identical arms their difference says nothing.
  static constexpr int kPairsToJudge = 5;

  // `results` must outlive the analysis.
  explicit Analysis(const Results& results);

  const View& view() const { return view_; }
  const BootstrapOptions& bootstrap() const { return bootstrap_; }

  // The median of a metric of one arm in a machine state.
  Estimate Value(const std::string& key, const Metric& metric, const std::string& state) const;
  // The median of metric(numerator) / metric(denominator), block by block.
  Estimate Ratio(const std::string& numerator, const std::string& denominator, const Metric& metric,
                 const std::string& state) const;

  // The identical arms' ratio over all workloads: what a difference of nothing looks like. Unmeasured where there were
  // none.
  const Estimate& a_to_a() const { return a_to_a_; }
  // The bare ring's round trip in units of the cache line's, as measured beside it; and what it may be at most.
  const Estimate& ring_to_cacheline() const { return ring_to_cacheline_; }
  const std::string& ring_limit() const { return ring_limit_; }
  bool ring_within_limit() const { return ring_within_limit_; }

  // One fresh invocation per comparison at most: figures are indicative, and no verdict is given.
  bool indicative() const { return indicative_; }
  // What the ranges of figures are, in words. With five blocks or fewer a resampled median's range is that from the
  // lowest to the highest block, which holds the true one less often than 95 % of the time: so it isn't called an
  // interval.
  std::string RangeName() const;
  // Why the report can't be trusted, each a sentence without its full stop; empty when it can.
  const std::vector<std::string>& distrust() const { return distrust_; }

  // What may be said of all these, seen together (ratio.h).
  std::vector<Verdict> JudgeSpeedUps(const std::vector<Estimate>& speed_ups) const;

 private:
  void CompareIdenticalArms();
  void CompareRingWithCacheline();

  View view_;
  BootstrapOptions bootstrap_;
  Estimate a_to_a_;
  Estimate ring_to_cacheline_;
  std::string ring_limit_;
  bool ring_within_limit_ = true;
  bool indicative_ = true;
  std::vector<std::string> distrust_;
};

// Machine state -> the round trips of a cache line between two cores that were measured in it.
std::map<std::string, std::vector<double>> CachelineByState(const Results& results);

// The states in which any of `arms` was measured, that of most arms first. Work without a state belongs to each of
// them. One state "" if nothing has a state, or nothing was measured at all (then there are only reasons).
std::vector<std::string> StatesOf(const Analysis& analysis, const std::vector<const ArmInfo*>& arms);

// "1.29×" with its range, or "–" where nothing was measured; a ratio below 0.1 as "1/254". No range of a single block.
Text Show(const Estimate& estimate, Unit unit, int digits = 3);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_SECTIONS_ANALYSIS_H_
