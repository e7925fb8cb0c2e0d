// The whole of a file.

#ifndef REGATTA_REPORTS_RESULTS_READ_FILE_H_
#define REGATTA_REPORTS_RESULTS_READ_FILE_H_

#include <string>

#include "absl/status/statusor.h"

namespace regatta::reports {

// An errno's code, with the path.
absl::StatusOr<std::string> ReadFile(const std::string& path);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_RESULTS_READ_FILE_H_
