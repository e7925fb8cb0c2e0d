// Paths: what a user's paths mean, and where the files are that were built with a program, whether Bazel started it or
// not.
#ifndef REGATTA_TOOLS_PROGRAM_PATHS_H_
#define REGATTA_TOOLS_PROGRAM_PATHS_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace regatta {

// A path as the user meant it: `bazel run` changes the working directory and says where it was called.
std::string FromCaller(const std::string& path);

// A program or file that was built with this program, by its path from the repository's root. It is looked for in the
// runfiles, and beside this program in Bazel's output tree. NotFound names where.
absl::StatusOr<std::string> FindBuilt(std::string_view path);

}  // namespace regatta

#endif  // REGATTA_TOOLS_PROGRAM_PATHS_H_
