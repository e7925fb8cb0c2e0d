// queue_throughput: messages one way through one queue, from one or more producers to one or more consumers.
#ifndef REGATTA_BENCH_QUEUE_THROUGHPUT_H_
#define REGATTA_BENCH_QUEUE_THROUGHPUT_H_

#include <vector>

#include "bench/harness/arm.h"
#include "bench/harness/configuration.h"

namespace regatta::bench {

void AddQueueThroughput(const Configuration& configuration, std::vector<Arm>& arms);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_QUEUE_THROUGHPUT_H_
