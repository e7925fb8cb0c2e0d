// process_create: makes a process that ends at once, and waits for it; from a small parent and from a large one.
#ifndef REGATTA_BENCH_PROCESS_CREATE_H_
#define REGATTA_BENCH_PROCESS_CREATE_H_

#include <vector>

#include "bench/harness/arm.h"
#include "bench/harness/configuration.h"

namespace regatta::bench {

void AddProcessCreate(const Configuration& configuration, std::vector<Arm>& arms);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_PROCESS_CREATE_H_
