#include "core/pool/raw_result.h"

#include <cstring>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"

namespace regatta {

RawResult RawResult::TakeLarge(const std::shared_ptr<Board>& board, uint64_t at, uint32_t size,
                               const std::byte* in_slot, bool chunked) {
  if (at == 0 && size > kInlineResult) {
    return RawResult(absl::DataLossError("a task's result was overwritten in shared memory"));
  }
  RawResult result(size, chunked);
  if (at != 0) {
    const std::byte* payload = board->TakeExtent(at, size);
    if (payload == nullptr) return RawResult(absl::DataLossError("a task's result was overwritten in shared memory"));
    result.large_ = payload;
    result.board_ = board;
  } else {
    result.copy_.reset(new (std::nothrow) std::byte[size]);
    if (result.copy_ == nullptr) {
      return RawResult(absl::ResourceExhaustedError(absl::StrCat("no memory for a task's result of ", size, " bytes")));
    }
    std::memcpy(result.copy_.get(), in_slot, size);
    result.large_ = result.copy_.get();
  }
  return result;
}

void RawResult::Free() { board_->FreeTaken(large_); }

}  // namespace regatta
