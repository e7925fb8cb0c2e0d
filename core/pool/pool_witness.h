// For tests: what can be seen of a pool from outside, and what it left behind.
#ifndef REGATTA_CORE_POOL_POOL_WITNESS_H_
#define REGATTA_CORE_POOL_POOL_WITNESS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/pool/board.h"

namespace regatta {

// A second view of the board of this process's only pool. NotFound: it has none.
absl::StatusOr<std::unique_ptr<Board>> FindBoard();

// The worker whose process is `pid`, if it has come so far as to be ready for tasks.
std::optional<uint32_t> WorkerOf(const Board& board, int workers, int32_t pid);

// The children of a process, dead ones that nobody has reaped included.
std::set<int32_t> ChildrenOf(int32_t pid);
// What this process has open: what it is, and how many of them.
std::multiset<std::string> OpenDescriptors();
// The names in /dev/shm.
std::set<std::string> SharedMemoryNames();

// The sum of the numbers beside keys that begin with `key` in a file of /proc; -1: there are none.
int64_t ProcNumber(const std::string& path, const std::string& key);

}  // namespace regatta

#endif  // REGATTA_CORE_POOL_POOL_WITNESS_H_
