// Arena: the part of a segment from which processes take memory, in chunks of 64 KiB, and the lock that guards it.
//
// Table      A table in shared memory has one word for each chunk. Everything else is derived from it. An owner is a
//            number, for example that of a queue's lane. The successor of a dead owner finds all that the owner took
//            (ForEachRun).
// Taking     Take marks chunks as the owner's, under the lock. Prepare then puts memory behind them, and Publish makes
//            them a run. Both run without the lock, so no process waits while the kernel clears memory for another.
//            ExtentPool::TakeRun does all three.
// Giving     Punch gives the memory back without the lock. GiveBack then frees the chunks, under the lock.
// Lock       Take, GiveBack and Sweep need the lock. They take bounded time, except a Take when no address is left at
//            the arena's end. The other functions need no lock. The object that has the arena may guard more by the
//            same lock.
// Crash      If the holder of the lock dies, the next call of Lock or TryLock takes the lock over and derives the state
//            again from the table. If an owner dies before Publish or inside GiveBack, it leaves tails without a head.
//            ForEachRun passes them to its successor.
// Trust      Numbers read from the table are checked. Call IsRun before you use a run.
#ifndef REGATTA_CORE_SHM_ARENA_H_
#define REGATTA_CORE_SHM_ARENA_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/os/deadline.h"
#include "core/shm/family.h"
#include "core/shm/fault_points.h"
#include "core/shm/lock_cell.h"
#include "core/shm/segment.h"

namespace regatta {

inline constexpr uint64_t kChunkBytes = 64 << 10;

// {kind:8, owner:24, count:32}. The word of the run's first chunk has its kind and count; its other chunks are tails.
struct ChunkRun {
  static constexpr uint8_t kFree = 0;
  static constexpr uint8_t kTail = 1;
  // The owner defines the kinds from here on.
  static constexpr uint8_t kFirstKind = 2;

  uint8_t kind = kFree;
  uint32_t owner = 0;
  uint32_t count = 0;
};

// Lies in the object's header. All zero means that the lock is free and no chunk is taken.
struct ArenaState {
  LockCell lock;
  std::atomic<uint32_t> turns;       // How often the lock was acquired.
  std::atomic<uint32_t> first_free;  // No free chunk lies below it.
  std::atomic<uint32_t> end;         // No chunk from here on was ever taken. Stored before such a chunk is taken.
  std::atomic<uint64_t> taken;       // Chunks.
};

// Where an arena lies in its segment.
struct ArenaPlace {
  uint64_t table = 0;      // The offset of the table, of `chunks` words.
  uint64_t chunks_at = 0;  // The offset of the chunks, a multiple of kChunkBytes.
  uint32_t chunks = 0;

  // The table lies at `table`, and the chunks lie behind it.
  static constexpr ArenaPlace From(uint64_t table, uint32_t chunks) {
    const uint64_t end = table + chunks * sizeof(uint64_t);
    return {table, (end + kChunkBytes - 1) / kChunkBytes * kChunkBytes, chunks};
  }
};

class Arena {
 public:
  Arena() = default;
  // `segment` and `state` outlive the arena. At most `limit` chunks may be taken at one time. Errors call the object
  // `noun`.
  Arena(const Segment* segment, ArenaState* state, const ArenaPlace& place, uint32_t limit, absl::string_view noun)
      : segment_(segment), state_(state), place_(place), limit_(std::min(place.chunks, limit)), noun_(noun) {}

  // Acquires the lock. `self` is Family::Self. A holder needs microseconds with the lock, but may wait for a processor.
  // So Lock waits beyond `deadline` for as long as the lock goes from holder to holder, at most a second, and 20 ms for
  // a holder that does not release it. Unavailable: a live holder did not release it in that time.
  absl::Status Lock(Member self, Deadline deadline);
  // Acquires the lock if no live process holds it.
  bool TryLock(Member self) { return Enter(state_->lock.Acquire(self, Deadline::Now())); }
  void Unlock() { state_->lock.Release(); }

  // Marks `count` chunks in one window of the segment as the owner's. They become a run by Prepare and Publish.
  // ResourceExhausted: the limit or the address range; nothing changed.
  absl::StatusOr<uint32_t> Take(uint32_t count, uint32_t owner);
  // Clears the chunks taken. If `all` is true it puts memory behind all of them, else only lets the file reach to their
  // end. ResourceExhausted: no memory or address space; the caller gives the chunks back.
  absl::Status Prepare(uint32_t first, uint32_t count, bool all) const;
  void Publish(uint32_t first, const ChunkRun& run);
  // Gives back the memory behind chunks that the caller owns. A refusal leaves it with the file, for the next Take.
  void Punch(uint32_t first, uint32_t count) const;
  // Frees chunks, whether published or only taken. The caller has punched out their memory before.
  void GiveBack(uint32_t first, uint32_t count);
  // Calls `visit(first chunk, run)` for each run of `owner`. Tails that belong to no run are passed as a run of kind
  // kTail.
  void ForEachRun(uint32_t owner, absl::FunctionRef<void(uint32_t, const ChunkRun&)> visit) const;
  // Gives back the runs for which `unused` returns true, from chunk `from` on, of any owner, and their memory. Tails
  // that belong to no run are passed as a run of kind kTail. Stops after kSweepChunks chunks given back, or kSweepLooks
  // looked at, so that a long run may be given back in parts, from its end. Returns the chunk to go on from;
  // none_left() of it: the sweep is complete.
  uint32_t Sweep(uint32_t from, absl::FunctionRef<bool(uint32_t, const ChunkRun&)> unused);
  bool none_left(uint32_t from) const { return from >= End(); }

  // Whether a run starts at `first`. False for impossible numbers.
  bool IsRun(uint32_t first, ChunkRun* run) const;
  uint64_t OffsetOf(uint32_t chunk) const { return place_.chunks_at + chunk * kChunkBytes; }
  uint32_t ChunkOf(uint64_t offset) const { return static_cast<uint32_t>((offset - place_.chunks_at) / kChunkBytes); }
  bool Contains(uint64_t offset) const {
    return offset >= place_.chunks_at && offset - place_.chunks_at < place_.chunks * kChunkBytes;
  }
  // The address of `bytes` bytes at `offset` in the chunk. Null as with Segment::At.
  std::byte* At(uint32_t chunk, uint64_t offset, uint64_t bytes) const {
    return segment_->At(OffsetOf(chunk) + offset, bytes);
  }
  uint64_t taken() const { return state_->taken.load(std::memory_order_relaxed); }

 private:
  // Whether the lock was acquired. Repairs what its previous holder left.
  bool Enter(const LockTaken& taken) {
    if (!taken.acquired) return false;
    state_->turns.store(state_->turns.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    FaultPointHere(fault::kArenaLocked);
    if (taken.previous_owner != kNobody) Recount();
    return true;
  }
  // Derives the state from the table again.
  void Recount();
  // The state comes from shared memory: words of the table beyond the file are not read.
  uint32_t End() const {
    const uint32_t end = state_->end.load(std::memory_order_relaxed);
    return end <= std::atomic_ref(known_end_).load(std::memory_order_relaxed) ? end : CheckedEnd(end);
  }
  uint32_t CheckedEnd(uint32_t end) const;
  ChunkRun Read(uint32_t chunk) const;
  void Write(uint32_t chunk, ChunkRun run, std::memory_order order);
  // The first of `count` free chunks in one window, from `first` on. kNone if `looks` words show none.
  uint32_t FindFree(uint32_t first, uint32_t count, uint64_t looks) const;

  static constexpr uint32_t kNone = ~uint32_t{0};
  static constexpr uint64_t kTakeLooks = 256;
  static constexpr uint32_t kSweepChunks = 64;
  static constexpr uint32_t kSweepLooks = 8192;

  std::atomic<uint64_t>* Word(uint32_t chunk) const {
    return segment_->Get<std::atomic<uint64_t>>(place_.table + chunk * sizeof(uint64_t));
  }

  const Segment* segment_ = nullptr;
  ArenaState* state_ = nullptr;
  ArenaPlace place_;
  uint64_t limit_ = 0;
  absl::string_view noun_;
  mutable uint32_t known_end_ = 0;  // The number of words of the table that are in the file. Atomic.
};

}  // namespace regatta

#endif  // REGATTA_CORE_SHM_ARENA_H_
