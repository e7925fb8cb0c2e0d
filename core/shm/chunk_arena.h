// ChunkArena: the part of a shared segment from which its owners take memory, in chunks of 64 KiB.
//
// Table      One word a chunk, in shared memory, is the whole truth; everything else is derived from it. An owner is a number
//            (a queue's lane, say), and can find all that it took again: that is how it is recovered after a death.
// Locking    Take and GiveBack want the segment's lock; the caller holds it. Reading needs none.
// Crash      Killed inside Take: chunks marked as tails without a head, which GiveBackOrphans frees for the owner. After a
//            lock holder's death call Recount.
// Trust      Numbers read from the table are checked: IsRun before a run is used.
#ifndef REGATTA_CORE_SHM_CHUNK_ARENA_H_
#define REGATTA_CORE_SHM_CHUNK_ARENA_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/shm/segment.h"

namespace regatta {

inline constexpr uint64_t kChunkBytes = 64 << 10;

// {kind:8, owner:24, count:32}; kind and count stand at the run's first chunk, its others are tails.
struct ChunkRun {
  static constexpr uint8_t kFree = 0;
  static constexpr uint8_t kTail = 1;
  // From here on the owner's kinds.
  static constexpr uint8_t kFirstKind = 2;

  uint8_t kind = kFree;
  uint32_t owner = 0;
  uint32_t count = 0;
};

// Lies in the segment's header; all zero is "nothing taken".
struct ChunkArenaState {
  std::atomic<uint32_t> first_free;  // No free chunk lies below it.
  std::atomic<uint32_t> end;         // None from here on was ever taken.
  std::atomic<uint64_t> taken;       // Chunks.
};

class ChunkArena {
 public:
  ChunkArena() = default;
  // `segment` holds the table of `chunks` words at `table_offset` and the chunks at `chunks_offset`, a multiple of kChunkBytes. It
  // outlives the arena. `limit`: chunks that may be taken at once, at most `chunks`.
  ChunkArena(const Segment* segment, ChunkArenaState* state, uint64_t table_offset, uint64_t chunks_offset,
             uint32_t chunks, uint32_t limit);

  // A run of `count` chunks with memory behind them, all zero, in one window of the segment.
  // ResourceExhausted: the limit, the address range or memory; nothing changed.
  absl::StatusOr<uint32_t> Take(uint32_t count, uint32_t owner, uint8_t kind);
  // Frees the run that starts at `first`, and its memory.
  void GiveBack(uint32_t first);
  // Calls `visit(first chunk, run)` for each run of `owner`.
  void ForEachRun(uint32_t owner, absl::FunctionRef<void(uint32_t, const ChunkRun&)> visit) const;
  // Frees what a death left of `owner`'s: tails that belong to no run.
  void GiveBackOrphans(uint32_t owner);
  // Derives the state from the table again, and gives back memory behind free chunks.
  void Recount();

  // Whether a run starts at `first`; false for numbers that can't be.
  bool IsRun(uint32_t first, ChunkRun* run) const;
  uint64_t OffsetOf(uint32_t chunk) const { return chunks_offset_ + chunk * kChunkBytes; }
  uint32_t ChunkOf(uint64_t offset) const { return static_cast<uint32_t>((offset - chunks_offset_) / kChunkBytes); }
  bool Contains(uint64_t offset) const {
    return offset >= chunks_offset_ && offset - chunks_offset_ < chunks_ * kChunkBytes;
  }
  // The address of `bytes` bytes from the chunk's begin plus `offset` on. Null as Segment::At.
  std::byte* At(uint32_t chunk, uint64_t offset, uint64_t bytes) const {
    return segment_->At(OffsetOf(chunk) + offset, bytes);
  }
  uint64_t taken() const { return state_->taken.load(std::memory_order_relaxed); }

 private:
  // The state comes from shared memory.
  uint32_t End() const {
    return static_cast<uint32_t>(std::min<uint64_t>(chunks_, state_->end.load(std::memory_order_relaxed)));
  }
  ChunkRun Read(uint32_t chunk) const;
  void Write(uint32_t chunk, ChunkRun run, std::memory_order order);
  void Free(uint32_t first, uint32_t count);

  std::atomic<uint64_t>* Word(uint32_t chunk) const {
    return segment_->Get<std::atomic<uint64_t>>(table_offset_ + chunk * sizeof(uint64_t));
  }

  const Segment* segment_ = nullptr;
  ChunkArenaState* state_ = nullptr;
  uint64_t table_offset_ = 0;
  uint64_t chunks_offset_ = 0;
  uint64_t chunks_ = 0;
  uint64_t limit_ = 0;
};

}  // namespace regatta

#endif  // REGATTA_CORE_SHM_CHUNK_ARENA_H_
