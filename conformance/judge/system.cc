#include "conformance/judge/system.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace regatta::conformance {

namespace fs = std::filesystem;

absl::StatusOr<std::string> FindFile(absl::string_view path) {
  std::vector<fs::path> roots = {fs::current_path()};
  if (const char* runfiles = std::getenv("RUNFILES_DIR")) roots.push_back(fs::path(runfiles) / "regatta");
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  roots.push_back(fs::path(absl::StrCat(self.string(), ".runfiles/regatta")));
  for (const fs::path& root : roots) {
    const fs::path file = root / std::string(path);
    if (fs::exists(file, error)) return file.string();
  }
  return absl::NotFoundError(
      absl::StrCat(path, " is not beside this program: start it with ./tools/bazel run //conformance"));
}

absl::StatusOr<std::vector<std::string>> CommandOf(absl::string_view system) {
  if (system == "cpython") {
    absl::StatusOr<std::string> script = FindFile("conformance/systems/cpython/testee.py");
    if (!script.ok()) return script.status();
    // -B: leaves no byte code in the tree.
    return std::vector<std::string>{"python3", "-B", *script};
  }
  if (system != "core" && system != "broken") {
    return absl::InvalidArgumentError(
        absl::StrCat(system, " is no system: core, cpython or broken; --testee takes others"));
  }
  absl::StatusOr<std::string> program = FindFile("conformance/systems/core/core_testee");
  if (!program.ok()) return program.status();
  return std::vector<std::string>{*program};
}

}  // namespace regatta::conformance
