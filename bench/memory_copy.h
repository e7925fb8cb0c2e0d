// memory_copy: what a round trip by copy can't do without: four copies of the message, in and out, there and back, all by
// one process.
#ifndef REGATTA_BENCH_MEMORY_COPY_H_
#define REGATTA_BENCH_MEMORY_COPY_H_

#include <vector>

#include "bench/harness/arm.h"
#include "bench/harness/configuration.h"

namespace regatta::bench {

void AddMemoryCopy(const Configuration& configuration, std::vector<Arm>& arms);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_MEMORY_COPY_H_
