// Fixed work and the machine's state: what is measured beside every figure, to tell whether it can be believed.
#ifndef REGATTA_BENCH_HARNESS_SENTINEL_H_
#define REGATTA_BENCH_HARNESS_SENTINEL_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "bench/harness/run_result.h"

namespace regatta::bench {

// Times the same chain of dependent multiplications each time, about one millisecond of it, on the calling thread's
// processor. Whatever it takes longer than elsewhere was taken from the work beside it too. Nanoseconds.
int64_t RunSentinel();

// A cache line there and back between processors `here`, on which the caller must run, and `there`: nanoseconds, median
// of several series. Forks a partner for it.
// Aborted: the partner died. DeadlineExceeded: it did not answer within ten seconds.
absl::StatusOr<double> MeasureCacheLine(int here, int there);

// "near" or "far": the state in which a virtual machine's host has put the two processors; "mixed" if it changed;
// "" if it was not measured.
// Figures of different states must not be compared. The border is the middle, by ratio, of the two states seen.
inline constexpr double kFarFromNs = 250;
absl::string_view MachineState(const BeforeAfter& cacheline_ns);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_HARNESS_SENTINEL_H_
