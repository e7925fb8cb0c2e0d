// Where the programs are that were built with this one, and what the user's paths mean, started by `bazel run` or by
// hand.

#ifndef REGATTA_REPORTS_RUN_FIND_BENCH_H_
#define REGATTA_REPORTS_RUN_FIND_BENCH_H_

#include <string>

#include "absl/status/statusor.h"

namespace regatta::reports {

// A path as the user meant it: `bazel run` changes the working directory and says where it was called.
std::string FromCaller(const std::string& path);

// A program that was built with this `program` (its argv[0]), by its path in the tree: among the runfiles, or beside it
// in Bazel's output tree. NotFound names where it was looked for.
absl::StatusOr<std::string> FindBuilt(const char* program, const std::string& path);

// The benchmark program: `named` where that isn't empty, else the one built with this. NotFound says the way out.
absl::StatusOr<std::string> FindBench(const char* program, const std::string& named);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_RUN_FIND_BENCH_H_
