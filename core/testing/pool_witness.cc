#include "core/testing/pool_witness.h"

#include <fcntl.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "core/shm/family.h"
#include "core/testing/process_witness.h"

namespace regatta {

absl::StatusOr<std::unique_ptr<Board>> FindBoard() {
  for (const auto& [path, target] : DescriptorLinks()) {
    if (!absl::StartsWith(target, "/memfd:regatta pool")) continue;
    Fd file(open(path.c_str(), O_RDWR | O_CLOEXEC));
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

}  // namespace regatta
