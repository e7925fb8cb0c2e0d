#include "bench/harness/throttling.h"

#include <fstream>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace regatta::bench {
namespace {

class Counts {
 public:
  void Add(int64_t count) { sum_ = sum_.value_or(0) + count; }

  // A file that holds one number.
  void AddNumber(const std::string& path) {
    std::ifstream file(path);
    if (int64_t count = 0; file >> count) Add(count);
  }

  // A control group's cpu.stat: a name and a number a line.
  void AddGroup(const std::string& folder) {
    std::ifstream file(absl::StrCat(folder, "/cpu.stat"));
    std::string name;
    for (int64_t count = 0; file >> name >> count;) {
      if (name == "nr_throttled") Add(count);
    }
  }

  std::optional<int64_t> sum() const { return sum_; }

 private:
  std::optional<int64_t> sum_;
};

// Where a line of /proc/self/cgroup, "4:cpu,cpuacct:/some/group" or "0::/some/group", may be mounted; empty: not one of
// processors.
std::vector<std::string> Mounts(absl::string_view controllers) {
  if (controllers.empty()) return {"", "/unified"};
  for (const absl::string_view controller : absl::StrSplit(controllers, ',')) {
    if (controller == "cpu") return {absl::StrCat("/", controllers), "/cpu"};
  }
  return {};
}

}  // namespace

std::optional<int64_t> ThrottleCount(const std::vector<int>& cpus, const std::string& root) {
  Counts counts;
  for (const int cpu : cpus) {
    for (const char* which : {"core", "package"}) {
      counts.AddNumber(
          absl::StrCat(root, "/sys/devices/system/cpu/cpu", cpu, "/thermal_throttle/", which, "_throttle_count"));
    }
  }
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::vector<std::string> fields = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (fields.size() != 3) continue;
    for (const std::string& mount : Mounts(fields[1])) {
      const std::string top = absl::StrCat(root, "/sys/fs/cgroup", mount);
      if (!std::ifstream(absl::StrCat(top, fields[2], "/cpu.stat"))) continue;
      // A group is slowed down with those that it lies in.
      for (std::string group = fields[2];; group.resize(group.rfind('/'))) {
        if (group == "/") group.clear();
        counts.AddGroup(absl::StrCat(top, group));
        if (group.empty()) break;
      }
      break;
    }
  }
  return counts.sum();
}

}  // namespace regatta::bench
