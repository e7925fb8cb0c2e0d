// queue_open_loop and pool_open_loop: latency under load. Messages and tasks fall due at 50, 70 and 90 % of the capacity
// measured just before in the same process, and their latency counts from when each was due (harness/open_loop.h).
#ifndef REGATTA_BENCH_OPEN_LOOP_H_
#define REGATTA_BENCH_OPEN_LOOP_H_

#include <vector>

#include "bench/harness/arm.h"
#include "bench/harness/configuration.h"

namespace regatta::bench {

void AddOpenLoops(const Configuration& configuration, std::vector<Arm>& arms);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_OPEN_LOOP_H_
