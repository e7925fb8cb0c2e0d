// FindBench: where the benchmark program is.

#ifndef REGATTA_REPORTS_RUN_FIND_BENCH_H_
#define REGATTA_REPORTS_RUN_FIND_BENCH_H_

#include <string>

#include "absl/status/statusor.h"

namespace regatta::reports {

// Returns `named` where that isn't empty, else the program built with this one. NotFound says the way out.
absl::StatusOr<std::string> FindBench(const std::string& named);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_RUN_FIND_BENCH_H_
