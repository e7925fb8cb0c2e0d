// ReadFile: the whole of a small text file, such as the kernel's in /proc and /sys.
#ifndef REGATTA_CORE_TOPOLOGY_READ_FILE_H_
#define REGATTA_CORE_TOPOLOGY_READ_FILE_H_

#include <string>

#include "absl/status/statusor.h"

namespace regatta {

// NotFound: there is no such file, or the object that it describes is gone (ENODEV). Otherwise the errno's code. The
// message names `path`.
absl::StatusOr<std::string> ReadFile(const std::string& path);

}  // namespace regatta

#endif  // REGATTA_CORE_TOPOLOGY_READ_FILE_H_
