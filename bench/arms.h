// All arms of all benchmarks: the one place where a benchmark is added.
#ifndef REGATTA_BENCH_ARMS_H_
#define REGATTA_BENCH_ARMS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "bench/harness/arm.h"
#include "bench/harness/course.h"

namespace regatta::bench {

// The course on this machine. `stage`: for a stage, which asks only what is quickly found, as its driver has asked the rest.
absl::StatusOr<Course> LoadCourse(Wishes wishes, bool stage);

std::vector<Arm> AllArms(const Course& course);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_ARMS_H_
