// For tests: a second view of a pool.
#ifndef REGATTA_CORE_TESTING_POOL_WITNESS_H_
#define REGATTA_CORE_TESTING_POOL_WITNESS_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "core/pool/board.h"

namespace regatta {

// A second view of the board of this process's only pool. NotFound: it has none.
absl::StatusOr<std::unique_ptr<Board>> FindBoard();

// The worker whose process is `pid`, if it has come so far as to be ready for tasks.
std::optional<uint32_t> WorkerOf(const Board& board, int workers, int32_t pid);

}  // namespace regatta

#endif  // REGATTA_CORE_TESTING_POOL_WITNESS_H_
