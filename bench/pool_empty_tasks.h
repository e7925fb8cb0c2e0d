// pool_empty_tasks: how many empty tasks a second go through a pool, with up to 1,000 in flight.
#ifndef REGATTA_BENCH_POOL_EMPTY_TASKS_H_
#define REGATTA_BENCH_POOL_EMPTY_TASKS_H_

#include <vector>

#include "bench/harness/arm.h"
#include "bench/harness/configuration.h"

namespace regatta::bench {

void AddPoolEmptyTasks(const Configuration& configuration, std::vector<Arm>& arms);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_POOL_EMPTY_TASKS_H_
