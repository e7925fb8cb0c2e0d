#include "reports/run/find_bench.h"

#include <unistd.h>

#include <filesystem>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "tools/program/paths.h"

namespace regatta::reports {

absl::StatusOr<std::string> FindBench(const std::string& named) {
  absl::StatusOr<std::string> found;
  if (named.empty()) {
    found = FindBuilt("bench/bench");
  } else if (const std::string path = FromCaller(named); access(path.c_str(), X_OK) == 0) {
    found = std::filesystem::absolute(path).string();
  } else {
    found = absl::NotFoundError(absl::StrCat("there is no program ", path));
  }
  if (found.ok()) return found;
  return absl::NotFoundError(
      absl::StrCat(found.status().message(), ": start this with ./tools/bazel run, or name it with --bench=PATH"));
}

}  // namespace regatta::reports
