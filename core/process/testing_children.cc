#include "core/process/testing_children.h"

#include <dirent.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/status/statusor.h"
#include "core/os/proc.h"

namespace regatta {

std::vector<int32_t> ChildrenOfThisProcess() {
  std::vector<int32_t> children;
  DIR* folder = opendir("/proc");
  if (folder == nullptr) abort();
  while (const dirent* entry = readdir(folder)) {
    const int32_t pid = atoi(entry->d_name);
    if (pid <= 0) continue;
    const absl::StatusOr<int32_t> parent = ParentOf(pid);
    if (parent.ok() && *parent == getpid()) children.push_back(pid);
  }
  closedir(folder);
  return children;
}

}  // namespace regatta
