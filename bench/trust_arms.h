// Slow-downs that are known beforehand, for those who judge the judging (//reports/trust): some work of other
// benchmarks as it is, again as it is, and slower by 5 % and by 20 %. Slower is real: of so many operations a share is
// done twice, and counted once.
#ifndef REGATTA_BENCH_TRUST_ARMS_H_
#define REGATTA_BENCH_TRUST_ARMS_H_

#include <vector>

#include "bench/harness/arm.h"

namespace regatta::bench {

// Adds four arms for each of some of the `arms` that are there already.
void AddTrust(std::vector<Arm>& arms);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_TRUST_ARMS_H_
