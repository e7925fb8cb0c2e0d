// workload/count_loop: the documents' job, a loop that counts 1, 2 and 10 units far, as three tasks of one map.
// workload/count_loop_tenth: the same with a tenth of the work.
#ifndef REGATTA_BENCH_COUNT_LOOP_H_
#define REGATTA_BENCH_COUNT_LOOP_H_

#include <vector>

#include "bench/harness/arm.h"
#include "bench/harness/configuration.h"

namespace regatta::bench {

void AddCountLoop(const Configuration& configuration, std::vector<Arm>& arms);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_COUNT_LOOP_H_
