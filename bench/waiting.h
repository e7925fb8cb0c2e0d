// workload/waiting: ten tasks that only wait, as the documents' pool of three runs them, in a hundredth of their times.
// What such tasks gain is decided by the number of workers alone, not by that of processors.
#ifndef REGATTA_BENCH_WAITING_H_
#define REGATTA_BENCH_WAITING_H_

#include <vector>

#include "bench/harness/arm.h"
#include "bench/harness/configuration.h"

namespace regatta::bench {

void AddWaiting(const Configuration& configuration, std::vector<Arm>& arms);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_WAITING_H_
