// RawResult: what became of a task, as it was taken from the board: an error, or a result that is still encoded.
//
// Internal to the pool. Taking a result from the board runs no user code; whoever wants the value decodes it later,
// outside every lock of the pool.
//
// Memory     A small result is a private copy. A large one stays in its extent of shared memory, which belongs to this
//            process from Take on and is freed by the destructor.
// Trust      Place and size are checked against the arena. The bytes of a large result are another process's: they may
//            change while they are decoded, which the codec expects.
// Fork       In a forked child the destructor leaves the extent alone: it belongs to the parent.
#ifndef REGATTA_CORE_POOL_RAW_RESULT_H_
#define REGATTA_CORE_POOL_RAW_RESULT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "core/pool/board.h"

namespace regatta {

class RawResult {
 public:
  // An error of the task as a whole.
  explicit RawResult(absl::Status error) : error_(std::move(error)) {}
  // Takes `size` bytes at `at` of the board (0: `in_slot`, which holds up to kInlineResult bytes) over from a worker.
  // `chunked`: the bytes are the outcomes of several calls (chunk.h). The result is DataLoss if nothing can be there,
  // and ResourceExhausted without memory for the copy.
  static RawResult Take(const std::shared_ptr<Board>& board, uint64_t at, uint32_t size, const std::byte* in_slot,
                        bool chunked) {
    if (at != 0 || size > kSmall) return TakeLarge(board, at, size, in_slot, chunked);
    RawResult result(size, chunked);
    std::memcpy(result.small_.data(), in_slot, kSmall);  // A constant size is faster, and the slot has it.
    return result;
  }
  RawResult(RawResult&&) noexcept = default;
  RawResult& operator=(RawResult&&) = delete;
  ~RawResult() {
    if (board_ != nullptr) Free();
  }

  // OK: bytes() is what the function returned.
  const absl::Status& error() const { return error_; }
  absl::Span<const std::byte> bytes() const { return {large_ == nullptr ? small_.data() : large_, size_}; }
  bool chunked() const { return chunked_; }

 private:
  static constexpr size_t kSmall = 32;

  RawResult(uint32_t size, bool chunked) : size_(size), chunked_(chunked) {}
  static RawResult TakeLarge(const std::shared_ptr<Board>& board, uint64_t at, uint32_t size, const std::byte* in_slot,
                             bool chunked);
  void Free();

  absl::Status error_;
  uint32_t size_ = 0;
  bool chunked_ = false;
  std::array<std::byte, kSmall> small_{};  // Holds the bytes if `large_` is null.
  const std::byte* large_ = nullptr;       // In `copy_`, or in the extent.
  std::unique_ptr<std::byte[]> copy_;
  std::shared_ptr<Board> board_;  // Of the extent; null if there is none.
};

}  // namespace regatta

#endif  // REGATTA_CORE_POOL_RAW_RESULT_H_
