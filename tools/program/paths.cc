#include "tools/program/paths.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace regatta {

namespace fs = std::filesystem;

std::string FromCaller(const std::string& path) {
  const char* caller = std::getenv("BUILD_WORKING_DIRECTORY");
  if (caller == nullptr || fs::path(path).is_absolute()) return path;
  return fs::path(caller) / path;
}

absl::StatusOr<std::string> FindBuilt(std::string_view path) {
  std::error_code error;
  std::vector<std::string> roots;
  if (const char* runfiles = std::getenv("RUNFILES_DIR")) roots.push_back(absl::StrCat(runfiles, "/regatta"));
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  roots.push_back(absl::StrCat(self.string(), ".runfiles/regatta"));
  // Up to three folders above: bazel-bin/reports/trust/trust.
  fs::path above = self.parent_path();
  for (int i = 0; i < 3; ++i) roots.push_back(above.string()), above = above.parent_path();
  for (const std::string& root : roots) {
    const fs::path file = fs::path(root) / path;
    if (fs::exists(file, error)) return fs::absolute(file).string();
  }
  return absl::NotFoundError(absl::StrCat(path, " is not in ", absl::StrJoin(roots, ", ")));
}

}  // namespace regatta
