// ExtentPool: pieces of shared memory for what doesn't fit into a slot, taken by one owner, read and freed by anybody.
//
// An extent is a state word and its payload. The owner takes free ones, writes, and publishes them; readers claim and
// free them by the state word alone. Which extents exist is derived from the arena's table, so an owner's death needs
// no log: its successor calls Load.
//
// Sizes      256 B to 32 KiB in powers of two, cut from single chunks; beyond that whole chunks. 64 B of each are the
//            header.
// Threads    Thread-compatible: one owner thread at a time.
// Cost       Take looks at a few extents, however many there are: the one freed longest ago mostly, and some as a
//            sample. Giving back goes in bounded steps, a step a Take.
// Memory     Runs that stand empty, but for a few, are given back as the owner goes round.
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
  static constexpr uint64_t kQueued = uint64_t{1} << 62;  // | a number of the owner's: published, not yet claimed.
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
  // Other kinds of runs of the same owner start here.
  static constexpr uint8_t kEndOfKinds = kFirstClassKind + kClasses;
  static constexpr uint64_t ClassBytes(uint32_t extent_class) { return uint64_t{256} << extent_class; }

  // Whether the reader of an extent in `state` can come no more: nothing leads to the extent any longer.
  using IsPassed = std::function<bool(uint64_t state)>;

  // `self` is Family::Self. `is_passed` is asked about extents that are published, and about those whose reader has
  // died. If there is none, published extents are in use, and those of dead readers are not.
  ExtentPool(Arena* arena, uint32_t owner, Member self, IsPassed is_passed = nullptr)
      : arena_(arena), owner_(owner), self_(self), is_passed_(std::move(is_passed)) {}

  // Finds the owner's chunks in the table, and looks into none of them. What a dead predecessor had taken and not
  // published is given back later. The arena's lock is held.
  void Load();
  // Frees all that a dead predecessor had published, after Load: none of it is wanted any more.
  void FreePublished();

  // A free extent for `size` bytes of payload, still marked free: the owner may write to it and then publishes it.
  // ResourceExhausted: no room. Unavailable: Arena::Lock's.
  absl::StatusOr<Extent*> Take(uint64_t size, Deadline deadline = Deadline::Never());
  // A new run of `count` chunks, of any kind. `all`: as in Arena::Prepare. Errors: Take's.
  absl::StatusOr<uint32_t> TakeRun(uint8_t kind, uint32_t count, bool all, Deadline deadline);
  // Gives back a run of another kind that the owner uses no more, in bounded steps: one by each Step, or Take.
  void GiveBackLater(uint32_t first, uint32_t count);
  void Step();
  // For an idle owner: gives back what holds nothing in use, except about a mebibyte. Returns whether large extents are
  // still in use, or something is still to be given back.
  bool GiveBackUnused();

  // The extent at `offset` of the segment if there is one and it holds `size` bytes, else null.
  static Extent* Find(const Arena& arena, uint64_t offset, uint32_t size);
  // Whether nobody alive uses any extent of a run, of an owner who has nothing published. False for a run of another
  // kind.
  static bool AllFree(const Arena& arena, uint32_t first, const ChunkRun& run);
  // Calls `visit` for the extents of a run, if it is one of extents. The arena's lock is held.
  static void ForEach(const Arena& arena, uint32_t first, const ChunkRun& run, absl::FunctionRef<void(Extent&)> visit);
  static uint64_t RoomOf(const ChunkRun& run);  // For the payload of each.

 private:
  static constexpr uint32_t kNone = ~uint32_t{0};

  // Runs of one kind and length, as a circle: extents are taken from one after the other, so that the next one is
  // mostly the one freed longest ago.
  struct Shelf {
    uint8_t kind = 0;
    uint32_t count = 0;       // Chunks of a run.
    uint32_t at = kNone;      // The run that extents are taken from: an index into runs_.
    uint32_t extent = 0;      // The next extent in it.
    uint32_t sample = kNone;  // A run elsewhere in the circle, to be looked at when those from `at` on are in use.
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
    uint32_t punched;  // Chunks of it, from the begin.
  };

  bool MayReuse(const Extent& extent) const;
  Extent* At(const Run& run, uint32_t extent) const;
  bool IsUnused(const Run& run) const;
  Shelf& ShelfFor(uint8_t kind, uint32_t count);
  // Puts a run into its circle, behind the one that extents are taken from.
  uint32_t Insert(Shelf& shelf, uint32_t first);
  void Remove(uint32_t index);
  Extent* TakeFrom(Shelf& shelf);
  void LeaveSurplus(Shelf& shelf);
  // Looks at the next `looks` runs of all, and gives back those that are unused.
  void LeaveUnused(uint32_t looks);

  Arena* arena_;
  uint32_t owner_;
  Member self_;
  IsPassed is_passed_;
  Shelf classes_[kClasses];
  std::map<uint32_t, Shelf> bigs_;  // By the chunks of a run.
  std::vector<Run> runs_;
  std::vector<uint32_t> unused_entries_;  // Of runs_.
  uint32_t swept_ = 0;                    // The entry of runs_ that LeaveUnused looked at last.
  std::vector<Leaving> leaving_;          // Still in the table.
  std::vector<Leaving> to_free_;          // The same, with all memory punched out: only the lock is wanted.
};

}  // namespace regatta

#endif  // REGATTA_CORE_SHM_EXTENT_POOL_H_
