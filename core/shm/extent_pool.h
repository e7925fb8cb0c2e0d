// ExtentPool: pieces of shared memory (extents) for items that don't fit into a slot. One owner takes them; any process
// may read and free them.
//
// An extent is a state word and its payload. The owner takes a free extent, writes to it, and publishes it. Readers
// claim and free it by the state word alone. The arena's table shows which extents exist, so the death of an owner
// needs no log: its successor calls Load.
//
// Sizes      256 B to 32 KiB in powers of two, cut from single chunks. Larger extents take whole chunks. The header
//            takes 64 B of each.
// Threads    Thread-compatible: one owner thread at a time.
// Cost       Take examines a few extents, however many there are: usually the one that was freed longest ago, and some
//            as a sample. Memory is given back in bounded steps, one in each Take.
// Memory     The owner gives back all but a few of the empty runs as it goes round.
#ifndef REGATTA_CORE_SHM_EXTENT_POOL_H_
#define REGATTA_CORE_SHM_EXTENT_POOL_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/os/deadline.h"
#include "core/shm/arena.h"
#include "core/shm/family.h"

namespace regatta {

struct alignas(64) Extent {
  // {tag:2 << 62, ...}
  std::atomic<uint64_t> state;
  std::atomic<uint32_t> size;  // Of the payload, where its owner says so.

  static constexpr uint64_t kFree = 0;
  static constexpr uint64_t kQueued = uint64_t{1}
                                      << 62;  // | a number that the owner chose: published, not yet claimed.
  static constexpr uint64_t kOwned = uint64_t{2}
                                     << 62;  // | member << 32 | any: being read; free once that member dies.
  static constexpr uint64_t kTag = uint64_t{3} << 62;
  static constexpr uint64_t kNumber = kQueued - 1;

  std::byte* payload() { return reinterpret_cast<std::byte*>(this + 1); }
  bool IsFree() const;
};
static_assert(sizeof(Extent) == 64);

class ExtentPool {
 public:
  static constexpr uint8_t kBigKind = ChunkRun::kFirstKind;  // One extent.
  static constexpr uint32_t kClasses = 8;
  static constexpr uint8_t kFirstClassKind = kBigKind + 1;
  // The first kind that the owner may use for other runs.
  static constexpr uint8_t kEndOfKinds = kFirstClassKind + kClasses;
  static constexpr uint64_t ClassBytes(uint32_t extent_class) { return uint64_t{256} << extent_class; }

  // Whether no reader can reach an extent in `state` any more, because nothing refers to it.
  using IsPassed = std::function<bool(uint64_t state)>;

  // `self` is Family::Self. `is_passed` decides about published extents, and about those whose reader has died. If it
  // is null, published extents are in use, and those of dead readers are not.
  ExtentPool(Arena* arena, uint32_t owner, Member self, IsPassed is_passed = nullptr)
      : arena_(arena), owner_(owner), self_(self), is_passed_(std::move(is_passed)) {}

  // Finds the owner's chunks in the table without reading the chunks. Later steps give back what a dead predecessor had
  // taken and not published. The caller holds the arena's lock.
  void Load();
  // Frees all extents that a dead predecessor had published. Call it after Load, if no reader needs them any more.
  void FreePublished();

  // Returns a free extent for `size` bytes of payload. It is still marked free; the owner writes to it and publishes
  // it. ResourceExhausted: no room. Unavailable: as Arena::Lock.
  absl::StatusOr<Extent*> Take(uint64_t size, Deadline deadline = Deadline::Never());
  // Takes a new run of `count` chunks, of any kind. `all` is as in Arena::Prepare. Errors: as Take.
  absl::StatusOr<uint32_t> TakeRun(uint8_t kind, uint32_t count, bool all, Deadline deadline);
  // Gives back a run of another kind that the owner does not use any more, in bounded steps: one in each Step or Take.
  void GiveBackLater(uint32_t first, uint32_t count);
  void Step();
  // For an idle owner: gives back all unused runs, except about a mebibyte. Returns true while large extents are in use
  // or something remains to be given back.
  bool GiveBackUnused();

  // The extent at `offset` of the segment. Null if there is none, or if it can't hold `size` bytes.
  static Extent* Find(const Arena& arena, uint64_t offset, uint32_t size);
  // Whether no live process uses an extent of the run. The run's owner must have published nothing. False for a run of
  // another kind.
  static bool AllFree(const Arena& arena, uint32_t first, const ChunkRun& run);
  // Calls `visit` for the extents of a run, if it is one of extents. The arena's lock is held.
  static void ForEach(const Arena& arena, uint32_t first, const ChunkRun& run, absl::FunctionRef<void(Extent&)> visit);
  static uint64_t RoomOf(const ChunkRun& run);  // For the payload of each.

 private:
  static constexpr uint32_t kNone = ~uint32_t{0};

  // A circle of runs of one kind and length. Take goes round the circle, so that the next extent is usually the one
  // that was freed longest ago.
  struct Shelf {
    uint8_t kind = 0;
    uint32_t count = 0;       // Chunks of a run.
    uint32_t at = kNone;      // The run from which extents are taken: an index into runs_.
    uint32_t extent = 0;      // The next extent in it.
    uint32_t sample = kNone;  // A run elsewhere in the circle, which is tried if those from `at` on are in use.
  };
  struct Run {
    Shelf* shelf = nullptr;  // Null: this entry stands for no run.
    uint32_t first = 0;
    uint32_t next = kNone;
    uint32_t previous = kNone;
  };
  struct Leaving {
    uint32_t first;
    uint32_t count;
    uint32_t punched;  // The number of its first chunks that are punched out.
  };

  bool MayReuse(const Extent& extent) const;
  Extent* At(const Run& run, uint32_t extent) const;
  bool IsUnused(const Run& run) const;
  Shelf& ShelfFor(uint8_t kind, uint32_t count);
  // Inserts a run into its circle, behind the run from which extents are taken.
  uint32_t Insert(Shelf& shelf, uint32_t first);
  void Remove(uint32_t index);
  Extent* TakeFrom(Shelf& shelf);
  void LeaveSurplus(Shelf& shelf);
  // Examines the next `looks` of all runs, and gives back the unused ones.
  void LeaveUnused(uint32_t looks);

  Arena* arena_;
  uint32_t owner_;
  Member self_;
  IsPassed is_passed_;
  Shelf classes_[kClasses];
  std::map<uint32_t, Shelf> bigs_;  // By the chunks of a run.
  std::vector<Run> runs_;
  std::vector<uint32_t> unused_entries_;  // Of runs_.
  uint32_t swept_ = 0;                    // The entry of runs_ that LeaveUnused examined last.
  std::vector<Leaving> leaving_;          // Still in the table.
  std::vector<Leaving> to_free_;          // The same, with all memory punched out: only the lock is missing.
};

}  // namespace regatta

#endif  // REGATTA_CORE_SHM_EXTENT_POOL_H_
