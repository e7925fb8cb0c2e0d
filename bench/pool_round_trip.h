// pool_round_trip: one empty task to a worker and its result back. pool_round_trip_slept: the same, when the workers have been
// asleep.
#ifndef REGATTA_BENCH_POOL_ROUND_TRIP_H_
#define REGATTA_BENCH_POOL_ROUND_TRIP_H_

#include <vector>

#include "bench/harness/arm.h"
#include "bench/harness/configuration.h"

namespace regatta::bench {

void AddPoolRoundTrip(const Configuration& configuration, std::vector<Arm>& arms);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_POOL_ROUND_TRIP_H_
