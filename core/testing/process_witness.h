// For tests: what a process has that can be seen from outside, and what it leaves behind.
#ifndef REGATTA_CORE_TESTING_PROCESS_WITNESS_H_
#define REGATTA_CORE_TESTING_PROCESS_WITNESS_H_

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace regatta {

// The children of the process `pid`. Dead children that were not reaped are among them.
std::set<int32_t> ChildrenOf(int32_t pid);

struct DescriptorLink {
  std::string path;    // "/proc/self/fd/3".
  std::string target;  // What the descriptor is: a file's name, "pipe:[4711]" and the like.
};
// The descriptors that this process has open.
std::vector<DescriptorLink> DescriptorLinks();
// Their targets, without the numbers of pipes and sockets.
std::multiset<std::string> OpenDescriptors();
int CountDescriptors();
// Each descriptor as "3=pipe:[4711] ".
std::string ListDescriptors();

// The names in /dev/shm.
std::set<std::string> SharedMemoryNames();

// The sum of the numbers beside the keys that begin with `key` in a file of /proc, or -1 if there are none.
int64_t ProcNumber(const std::string& path, const std::string& key);

}  // namespace regatta

#endif  // REGATTA_CORE_TESTING_PROCESS_WITNESS_H_
