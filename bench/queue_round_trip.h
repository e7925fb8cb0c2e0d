// queue_round_trip: a message to another process and back. queue_round_trip_slept: the same, when the receiver has been asleep.
#ifndef REGATTA_BENCH_QUEUE_ROUND_TRIP_H_
#define REGATTA_BENCH_QUEUE_ROUND_TRIP_H_

#include <vector>

#include "bench/harness/arm.h"
#include "bench/harness/configuration.h"

namespace regatta::bench {

void AddQueueRoundTrip(const Configuration& configuration, std::vector<Arm>& arms);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_QUEUE_ROUND_TRIP_H_
