// ReadContext: what this process's figures are measured in, recorded with them.
#ifndef REGATTA_BENCH_HARNESS_READ_CONTEXT_H_
#define REGATTA_BENCH_HARNESS_READ_CONTEXT_H_

#include "bench/harness/configuration.h"
#include "bench/results/context.h"

namespace regatta::bench {

Context ReadContext(const Configuration& configuration);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_HARNESS_READ_CONTEXT_H_
