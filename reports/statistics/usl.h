// Universal Scalability Law: how throughput grows with workers where they queue for something (contention) and have to
// agree with each other (coherency):
//
//   speed-up(n) = gain * n / (1 + contention * (n - 1) + coherency * n * (n - 1))
//
// Three parameters, so with fewer than six worker counts it would fit anything: then there is none. A model, to be
// shown beside what was measured and never instead of it.

#ifndef REGATTA_REPORTS_STATISTICS_USL_H_
#define REGATTA_REPORTS_STATISTICS_USL_H_

#include <optional>
#include <vector>

namespace regatta::reports {

inline constexpr int kFewestUslCounts = 6;

struct ScalingPoint {
  double workers = 0;
  double speed_up = 0;
};

struct UslFit {
  double gain = 0;        // of one worker
  double contention = 0;  // share of the work that is done by one at a time; not below 0
  double coherency = 0;   // what each pair of workers costs; not below 0
  double worst_off = 0;   // how far the curve strays from any point, as a share of it

  double At(double workers) const;
  // Where the curve is highest; infinity where it never falls.
  double Peak() const;
};

// Least squares of the relative error. n / speed-up is linear in 1 / gain, contention / gain and coherency / gain, so
// there is nothing to iterate. None with fewer than kFewestUslCounts different counts, or where no such curve fits (no
// gain above 0).
std::optional<UslFit> FitUsl(const std::vector<ScalingPoint>& points);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_STATISTICS_USL_H_
