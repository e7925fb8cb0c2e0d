// workload/grain_sweep: tasks from empty to 1 ms, each grain through the serial loop and through the system side by side. Finds
// where the system begins to win (break-even) and how small tasks may be (METG).
#ifndef REGATTA_BENCH_GRAIN_SWEEP_H_
#define REGATTA_BENCH_GRAIN_SWEEP_H_

#include <vector>

#include "bench/harness/arm.h"
#include "bench/harness/configuration.h"

namespace regatta::bench {

void AddGrainSweep(const Configuration& configuration, std::vector<Arm>& arms);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_GRAIN_SWEEP_H_
