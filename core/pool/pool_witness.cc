#include "core/pool/pool_witness.h"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/shm/family.h"

namespace regatta {
namespace {

// Name and target of each descriptor.
std::vector<std::pair<std::string, std::string>> Links() {
  std::vector<std::pair<std::string, std::string>> links;
  std::error_code gone;  // The listing's own descriptor, at least.
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
    if (!gone) links.emplace_back(entry.path().string(), target);
  }
  return links;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Board>> FindBoard() {
  for (const auto& [name, target] : Links()) {
    if (!absl::StartsWith(target, "/memfd:regatta pool")) continue;
    Fd file(open(name.c_str(), O_RDWR | O_CLOEXEC));
    if (file.valid()) return Board::Attach(std::move(file));
  }
  return absl::NotFoundError("this process has no pool");
}

std::optional<uint32_t> WorkerOf(const Board& board, int workers, int32_t pid) {
  for (uint32_t i = 0; i < static_cast<uint32_t>(workers); ++i) {
    const WorkerLine& line = board.worker(i);
    if (line.ready.load() != 0 && Family::PidOf(line.member.load()) == pid) return i;
  }
  return std::nullopt;
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

std::multiset<std::string> OpenDescriptors() {
  std::multiset<std::string> open;
  for (const auto& [name, target] : Links()) {
    if (absl::EndsWith(target, "/fd")) continue;  // The listing's own.
    const bool numbered = absl::StartsWith(target, "socket:") || absl::StartsWith(target, "pipe:");
    open.insert(numbered ? target.substr(0, target.find(':')) : target);
  }
  return open;
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
