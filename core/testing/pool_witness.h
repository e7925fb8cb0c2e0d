// For tests: a second view of a pool.
#ifndef REGATTA_CORE_TESTING_POOL_WITNESS_H_
#define REGATTA_CORE_TESTING_POOL_WITNESS_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "core/pool/board.h"

namespace regatta {

// Attaches to the board of this process's only pool. NotFound: there is no pool.
absl::StatusOr<std::unique_ptr<Board>> FindBoard();

// The index of the worker with the process `pid`. Absent until the worker is ready for tasks.
std::optional<uint32_t> WorkerOf(const Board& board, int workers, int32_t pid);

}  // namespace regatta

#endif  // REGATTA_CORE_TESTING_POOL_WITNESS_H_
