// ChunkArena: the part of a shared segment from which its owners take memory, in chunks of 64 KiB.
//
// Table      One word a chunk, in shared memory, is the whole truth; everything else is derived from it. An owner is a number
//            (a queue's lane, say), and can find all that it took again: that is how it is recovered after a death.
// Taking     Take marks chunks as the owner's under the lock. Prepare then puts memory behind them and Publish makes them a run,
//            both without the lock, so that nobody waits for the kernel's work.
// Locking    Take, GiveBack, GiveBackOrphans, Sweep and Recount want the segment's lock; the caller holds it. Each takes bounded
//            time, but for Recount, and for Take when no address is left at the arena's end. The rest needs no lock.
// Crash      Killed before Publish: chunks marked as tails without a head, which GiveBackOrphans frees for the owner. Memory is
//            punched out before its chunks are freed. After a lock holder's death call Recount.
// Trust      Numbers read from the table are checked: IsRun before a run is used.
#ifndef REGATTA_CORE_SHM_CHUNK_ARENA_H_
#define REGATTA_CORE_SHM_CHUNK_ARENA_H_

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
  std::atomic<uint32_t> end;         // None from here on was ever taken. Stored before a chunk beyond it is.
  std::atomic<uint64_t> taken;       // Chunks.
};

class ChunkArena {
 public:
  ChunkArena() = default;
  // `segment` holds the table of `chunks` words at `table_offset` and the chunks at `chunks_offset`, a multiple of kChunkBytes. It
  // outlives the arena. `limit`: chunks that may be taken at once, at most `chunks`.
  ChunkArena(const Segment* segment, ChunkArenaState* state, uint64_t table_offset, uint64_t chunks_offset,
             uint32_t chunks, uint32_t limit);

  // Marks `count` chunks in one window of the segment as the owner's. They become a run by Prepare and Publish.
  // ResourceExhausted: the limit or the address range; nothing changed.
  absl::StatusOr<uint32_t> Take(uint32_t count, uint32_t owner);
  // Clears the chunks taken. If `all` is true it puts memory behind all of them, else only lets the file reach to their end.
  // ResourceExhausted: no memory or address space; the caller gives the chunks back.
  absl::Status Prepare(uint32_t first, uint32_t count, bool all) const;
  void Publish(uint32_t first, const ChunkRun& run);
  // Gives the memory behind chunks that the caller owns back. A refusal leaves it with the file, for the next Take.
  void Punch(uint32_t first, uint32_t count) const;
  // Frees chunks, published or only taken, whose memory the caller has punched out before.
  void GiveBack(uint32_t first, uint32_t count);
  // Calls `visit(first chunk, run)` for each run of `owner`.
  void ForEachRun(uint32_t owner, absl::FunctionRef<void(uint32_t, const ChunkRun&)> visit) const;
  // Frees what a death left of `owner`'s: tails that belong to no run.
  void GiveBackOrphans(uint32_t owner);
  // Gives back the runs for which `unused` returns true, from chunk `from` on, of any owner, and their memory. Tails that belong to no
  // run are passed as a run of kind kTail. Stops after kSweepChunks chunks given back, or kSweepLooks looked at, so that a long run may
  // be given back in parts, from its end. Returns the chunk to go on from; none_left() of it: the sweep is complete.
  uint32_t Sweep(uint32_t from, absl::FunctionRef<bool(uint32_t, const ChunkRun&)> unused);
  bool none_left(uint32_t from) const { return from >= End(); }
  // Derives the state from the table again.
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
  // The state comes from shared memory: words of the table beyond the file are not read.
  uint32_t End() const {
    const uint32_t end = state_->end.load(std::memory_order_relaxed);
    return end <= std::atomic_ref(known_end_).load(std::memory_order_relaxed) ? end : CheckedEnd(end);
  }
  uint32_t CheckedEnd(uint32_t end) const;
  ChunkRun Read(uint32_t chunk) const;
  void Write(uint32_t chunk, ChunkRun run, std::memory_order order);
  // The first of `count` free chunks in one window, from `first` on; kNone if they are not found within `looks` words.
  uint32_t FindFree(uint32_t first, uint32_t count, uint64_t looks) const;

  static constexpr uint32_t kNone = ~uint32_t{0};
  static constexpr uint64_t kTakeLooks = 256;
  static constexpr uint32_t kSweepChunks = 64;
  static constexpr uint32_t kSweepLooks = 8192;

  std::atomic<uint64_t>* Word(uint32_t chunk) const {
    return segment_->Get<std::atomic<uint64_t>>(table_offset_ + chunk * sizeof(uint64_t));
  }

  const Segment* segment_ = nullptr;
  ChunkArenaState* state_ = nullptr;
  uint64_t table_offset_ = 0;
  uint64_t chunks_offset_ = 0;
  uint64_t chunks_ = 0;
  uint64_t limit_ = 0;
  mutable uint32_t known_end_ = 0;  // So many words of the table are in the file. Atomic.
};

}  // namespace regatta

#endif  // REGATTA_CORE_SHM_CHUNK_ARENA_H_
