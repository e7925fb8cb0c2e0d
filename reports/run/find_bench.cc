#include "reports/run/find_bench.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace regatta::reports {
namespace {

namespace fs = std::filesystem;

}  // namespace

std::string FromCaller(const std::string& path) {
  const char* caller = std::getenv("BUILD_WORKING_DIRECTORY");
  if (caller == nullptr || fs::path(path).is_absolute()) return path;
  return fs::path(caller) / path;
}

absl::StatusOr<std::string> FindBuilt(const char* program, const std::string& path) {
  std::vector<fs::path> places;
  const char* runfiles = std::getenv("RUNFILES_DIR");
  if (runfiles != nullptr) places.push_back(fs::path(runfiles) / "regatta" / path);
  places.push_back(fs::path(absl::StrCat(program, ".runfiles")) / "regatta" / path);
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (!error) {
    places.push_back(fs::path(absl::StrCat(self.string(), ".runfiles")) / "regatta" / path);
    // bazel-bin/reports/reports, bazel-bin/reports/trust/trust
    places.push_back(self.parent_path().parent_path() / path);
    places.push_back(self.parent_path().parent_path().parent_path() / path);
  }
  std::string tried;
  for (const fs::path& place : places) {
    if (access(place.c_str(), X_OK) == 0) return fs::absolute(place).string();
    absl::StrAppend(&tried, tried.empty() ? "" : ", ", place.string());
  }
  return absl::NotFoundError(tried);
}

absl::StatusOr<std::string> FindBench(const char* program, const std::string& named) {
  absl::StatusOr<std::string> found;
  if (named.empty()) {
    found = FindBuilt(program, "bench/bench");
  } else if (const std::string path = FromCaller(named); access(path.c_str(), X_OK) == 0) {
    found = fs::absolute(path).string();
  } else {
    found = absl::NotFoundError(path);
  }
  if (found.ok()) return found;
  return absl::NotFoundError(absl::StrCat("the benchmark program is not at ", found.status().message(),
                                          ": start this with ./tools/bazel run, or name it with --bench=PATH"));
}

}  // namespace regatta::reports
