// ExtentPool: pieces of shared memory for what doesn't fit into a slot, taken by one owner, read and freed by anybody.
//
// An extent is a state word and its payload. The owner takes free ones, writes, and publishes them; readers claim and free them
// by the state word alone. Which extents exist is derived from the arena's table, so an owner's death needs no log: its
// successor calls Load.
//
// Sizes      256 B to 32 KiB in powers of two, cut from single chunks; beyond that whole chunks. 64 B of each are the header.
// Threads    Thread-compatible: one owner thread at a time.
// Memory     Empty chunks but a few are given back as the owner goes round.
#ifndef REGATTA_CORE_SHM_EXTENT_POOL_H_
#define REGATTA_CORE_SHM_EXTENT_POOL_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/shm/chunk_arena.h"
#include "core/shm/family.h"

namespace regatta {

struct alignas(64) Extent {
  // {tag:2 << 62, ...}
  std::atomic<uint64_t> state;

  static constexpr uint64_t kFree = 0;
  static constexpr uint64_t kQueued = uint64_t{1} << 62;  // | a number of the owner's: published, not yet claimed.
  static constexpr uint64_t kOwned = uint64_t{2}
                                     << 62;  // | member << 32 | any: being read; free once that member dies.
  static constexpr uint64_t kTag = uint64_t{3} << 62;
  static constexpr uint64_t kNumber = kQueued - 1;

  std::byte* payload() { return reinterpret_cast<std::byte*>(this + 1); }
  bool IsFree() const;
};
static_assert(sizeof(Extent) == 64);

// The lock that guards the arena, as its owner takes it.
class ArenaLock {
 public:
  virtual ~ArenaLock() = default;
  virtual absl::Status LockArena() = 0;
  virtual void UnlockArena() = 0;
  // Whether nothing leads to an extent any more that a reader, dead since, had claimed by this state.
  virtual bool IsForgotten(uint64_t) const { return true; }
  // Whether an extent published by this state was never put, as its owner died, and now never will be.
  virtual bool IsStale(uint64_t) const { return false; }
};

class ExtentPool {
 public:
  static constexpr uint8_t kBigKind = ChunkRun::kFirstKind;  // One extent.
  static constexpr uint32_t kClasses = 8;
  static constexpr uint8_t kFirstClassKind = kBigKind + 1;
  // Other kinds of runs of the same owner start here.
  static constexpr uint8_t kEndOfKinds = kFirstClassKind + kClasses;
  static constexpr uint64_t ClassBytes(uint32_t extent_class) { return uint64_t{256} << extent_class; }

  ExtentPool(ChunkArena* arena, uint32_t owner, ArenaLock* lock) : arena_(arena), owner_(owner), lock_(lock) {}

  // Finds the owner's chunks in the table, and looks into none of them; the lock is held.
  void Load();
  // Frees all that a dead predecessor had published, after Load: none of it is wanted any more.
  void FreePublished();

  // A free extent for `size` bytes of payload, still marked free: the owner may write to it and then publishes it.
  // ResourceExhausted: no room.
  absl::StatusOr<Extent*> Take(uint64_t size);

  // The extent at `offset` of the segment if there is one and it holds `size` bytes, else null.
  static Extent* Find(const ChunkArena& arena, uint64_t offset, uint32_t size);
  // Whether nobody alive uses any extent of a run, of an owner who has nothing published. False for a run of another kind.
  static bool AllFree(const ChunkArena& arena, uint32_t first, const ChunkRun& run);

 private:
  struct Class {
    std::vector<uint32_t> chunks;  // Used in turn, so that the next extent is mostly the one freed longest ago.
    size_t chunk = 0;
    uint32_t extent = 0;
  };
  struct Big {
    uint32_t first;
    uint32_t count;
  };

  bool MayReuse(const Extent& extent) const;
  absl::StatusOr<Extent*> TakeFromClass(uint32_t extent_class);
  absl::StatusOr<Extent*> TakeBig(uint64_t bytes);
  absl::StatusOr<uint32_t> TakeChunks(uint32_t count, uint8_t kind);
  void GiveBackEmpty(Class& pool, uint32_t extent_class);
  void GiveBack(const std::vector<uint32_t>& runs);

  ChunkArena* arena_;
  uint32_t owner_;
  ArenaLock* lock_;
  Class classes_[kClasses];
  std::vector<Big> bigs_;
};

}  // namespace regatta

#endif  // REGATTA_CORE_SHM_EXTENT_POOL_H_
