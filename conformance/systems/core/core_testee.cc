// The testee for the core: core_testee SCENARIO METHOD, as conformance/README.md says of all testees.
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "conformance/scenarios/scenario.h"
#include "conformance/systems/core/recorder.h"
#include "core/process/runtime.h"
#include "core/process/start_method.h"
#include "core/process/this_process.h"

namespace regatta::conformance {
namespace {

constexpr int kCantPlay = 64;

// Of what is open at the end: what the core keeps for its life. That is the table of the family, the pidfds of
// children, that it reaps when it comes by, and the socket to the server of kForkserver; and what this program has.
class Expected {
 public:
  bool Has(const std::string& what) {
    if (what == "anon_inode:[pidfd]" || absl::StrContains(what, "regatta family")) return true;
    if (absl::StartsWith(what, "socket:")) return sockets_++ == 0;
    return absl::StartsWith(what, "/");  // A file: this program's, or what it was given.
  }

 private:
  int sockets_ = 0;
};

void TellDescriptorsLeft() {
  namespace fs = std::filesystem;
  Expected expected;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code gone;  // The one by which the folder is read.
    const std::string what = fs::read_symlink(entry.path(), gone).string();
    if (gone || std::stoi(entry.path().filename().string()) <= 2 || expected.Has(what)) continue;
    Tell("testee", "descriptor left", {what});
  }
}

int Main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const std::vector<Scenario> scenarios = AllScenarios();
  const Scenario* scenario = nullptr;
  std::optional<StartMethod> method;
  if (arguments.size() == 2) {
    for (const Scenario& one : scenarios) {
      if (one.id == arguments[0]) scenario = &one;
    }
    method = StartMethodByName(arguments[1]);
  }
  const bool can_play = scenario != nullptr && method.has_value();
  if (can_play && scenario->play_before_init != nullptr) scenario->play_before_init(*method);
  Init(&argc, &argv);
  if (!can_play) {
    fprintf(stderr,
            "core_testee: no such scenario or start method\n"
            "usage: REGATTA_TRACE=FILE core_testee SCENARIO fork|spawn|forkserver\n");
    return kCantPlay;
  }
  // The last of the callbacks: a scenario may have more of them.
  [[maybe_unused]] static const auto* const at_end = new ExitCallback(&TellDescriptorsLeft);
  scenario->play(*method);
  return 0;
}

}  // namespace
}  // namespace regatta::conformance

int main(int argc, char** argv) { return regatta::conformance::Main(argc, argv); }
