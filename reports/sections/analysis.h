// Analysis: what every section reads: the figures, how to resample them, and whether to believe them.

#ifndef REGATTA_REPORTS_SECTIONS_ANALYSIS_H_
#define REGATTA_REPORTS_SECTIONS_ANALYSIS_H_

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
  // `view` must outlive the analysis.
  explicit Analysis(const View& view);

  const View& view() const { return view_; }
  const BootstrapOptions& bootstrap() const { return bootstrap_; }

  // The median of a reading of one arm in a machine state.
  Estimate Value(const std::string& key, const Reading& reading, const std::string& state) const;
  // The median of reading(numerator) / reading(denominator), block by block.
  Estimate Ratio(const std::string& numerator, const std::string& denominator, const Reading& reading,
                 const std::string& state) const;

  // The identical arms' ratio over all workloads: what a difference of nothing looks like. Unmeasured where there were
  // none.
  const Estimate& a_to_a() const { return a_to_a_; }
  // The bare ring's round trip in units of the cache line's, as measured beside it.
  const Estimate& ring_to_cacheline() const { return ring_to_cacheline_; }

  // One fresh invocation per comparison at most: figures are indicative, and no verdict is given.
  bool indicative() const { return indicative_; }
  // Why the report can't be trusted, each a sentence without its full stop; empty when it can.
  const std::vector<std::string>& distrust() const { return distrust_; }

  Verdict JudgeSpeedUp(const Estimate& speed_up) const;

 private:
  void CompareIdenticalArms();
  void CompareRingWithCacheline();

  const View& view_;
  BootstrapOptions bootstrap_;
  Estimate a_to_a_;
  Estimate ring_to_cacheline_;
  bool indicative_ = true;
  std::vector<std::string> distrust_;
};

// "1.29×" with its range, or "–" where nothing was measured. No range of a single block.
Text Show(const Estimate& estimate, Unit unit, int digits = 3);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_SECTIONS_ANALYSIS_H_
