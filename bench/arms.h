// All arms of all rows of the table of benchmarks.
#ifndef REGATTA_BENCH_ARMS_H_
#define REGATTA_BENCH_ARMS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "bench/harness/arm.h"
#include "bench/harness/configuration.h"

namespace regatta::bench {

// The configuration on this machine. `isolated`: for an isolated process, which skips the slow questions that its
// driver has already asked.
absl::StatusOr<Configuration> LoadConfiguration(Options options, bool isolated);

std::vector<Arm> AllArms(const Configuration& configuration);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_ARMS_H_
