#include "core/testing/process_witness.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace regatta {

std::vector<DescriptorLink> DescriptorLinks() {
  std::vector<DescriptorLink> links;
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
    if (!gone && !absl::EndsWith(target, "/fd")) links.push_back({entry.path().string(), target});
  }
  return links;
}

std::multiset<std::string> OpenDescriptors() {
  std::multiset<std::string> open;
  for (const DescriptorLink& link : DescriptorLinks()) {
    const bool numbered = absl::StartsWith(link.target, "socket:") || absl::StartsWith(link.target, "pipe:");
    open.insert(numbered ? link.target.substr(0, link.target.find(':')) : link.target);
  }
  return open;
}

int CountDescriptors() { return static_cast<int>(DescriptorLinks().size()); }

std::string ListDescriptors() {
  std::string list;
  for (const DescriptorLink& link : DescriptorLinks()) {
    absl::StrAppend(&list, link.path.substr(link.path.rfind('/') + 1), "=", link.target, " ");
  }
  return list;
}

std::set<int32_t> ChildrenOf(int32_t pid) {
  std::set<int32_t> children;
  std::error_code ended;
  for (const auto& task : std::filesystem::directory_iterator(absl::StrCat("/proc/", pid, "/task"), ended)) {
    std::ifstream file(task.path() / "children");
    for (int32_t child = 0; file >> child;) children.insert(child);
  }
  return children;
}

std::set<std::string> SharedMemoryNames() {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator("/dev/shm")) names.insert(entry.path().string());
  return names;
}

int64_t ProcNumber(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  int64_t sum = -1;
  for (std::string line; std::getline(file, line);) {
    if (!absl::StartsWith(line, key)) continue;
    std::istringstream rest(line.substr(line.find(':') + 1));
    int64_t number = 0;
    if (rest >> number) sum = std::max<int64_t>(sum, 0) + number;
  }
  return sum;
}

}  // namespace regatta
