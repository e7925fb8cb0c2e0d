#include "core/shm/extent_pool.h"

#include <algorithm>
#include <bit>

namespace regatta {
namespace {

constexpr uint32_t kSpareRuns = 2;          // A shelf keeps so many empty runs ahead of the one in use.
constexpr uint32_t kSpareChunks = 64 << 4;  // The most chunks that are kept for large extents: 64 MiB.
constexpr uint32_t kIdleChunks = 1 << 4;    // The most chunks that an idle owner keeps: 1 MiB.
constexpr uint32_t kLooks = 4;        // How many extents in use are examined before memory is taken; in two places.
constexpr uint32_t kStepChunks = 64;  // The most chunks that are punched out in one step: 4 MiB.
constexpr uint32_t kLeaveRuns = 4;    // The most runs that are given up in one step.

// The number of chunks for a large extent. There are few different numbers, so that a freed extent usually fits the
// next request.
uint32_t RoundedChunks(uint64_t bytes) {
  const uint64_t count = (bytes + kChunkBytes - 1) / kChunkBytes;
  if (count < 32) return static_cast<uint32_t>(count);
  const uint64_t step = std::bit_floor(count) / 16;
  return static_cast<uint32_t>((count + step - 1) / step * step);
}

// Null if there is no address space for it.
Extent* ExtentAt(const Arena& arena, uint32_t chunk, uint64_t offset, uint64_t bytes = sizeof(Extent)) {
  return reinterpret_cast<Extent*>(arena.At(chunk, offset, bytes));
}

bool IsExtentKind(uint8_t kind) { return kind >= ExtentPool::kBigKind && kind < ExtentPool::kEndOfKinds; }

uint32_t SpareRuns(uint32_t count) { return std::min(kSpareRuns, kSpareChunks / count); }

bool IsPublished(uint64_t state) { return (state & Extent::kTag) == Extent::kQueued; }

// The size of each extent of a run, in bytes.
uint64_t ExtentBytes(const ChunkRun& run) {
  return run.kind == ExtentPool::kBigKind ? run.count * kChunkBytes
                                          : ExtentPool::ClassBytes(run.kind - ExtentPool::kFirstClassKind);
}

// Returns false if some could not be visited, because no address space is left.
template <typename Visit>
bool ForEachExtent(const Arena& arena, uint32_t first, const ChunkRun& run, Visit visit) {
  const uint64_t bytes = ExtentBytes(run);
  for (uint64_t at = 0; at < run.count * kChunkBytes; at += bytes) {
    Extent* const extent = ExtentAt(arena, first, at);
    if (extent == nullptr) return false;
    visit(*extent);
  }
  return true;
}

}  // namespace

bool Extent::IsFree() const {
  const uint64_t seen = state.load(std::memory_order_acquire);
  if (seen == kFree) return true;
  return (seen & kTag) == kOwned && !Family::IsAlive(static_cast<Member>(seen >> 32) & kMemberMask);
}

Extent* ExtentPool::Find(const Arena& arena, uint64_t offset, uint32_t size) {
  if (!arena.Contains(offset)) return nullptr;
  const uint32_t chunk = arena.ChunkOf(offset);
  ChunkRun run;
  if (!arena.IsRun(chunk, &run) || !IsExtentKind(run.kind)) return nullptr;
  const uint64_t bytes = ExtentBytes(run);
  const uint64_t within = offset - arena.OffsetOf(chunk);
  if (within % bytes != 0 || bytes < sizeof(Extent) + size) return nullptr;
  return ExtentAt(arena, chunk, within, sizeof(Extent) + size);
}

bool ExtentPool::AllFree(const Arena& arena, uint32_t first, const ChunkRun& run) {
  if (!IsExtentKind(run.kind)) return false;
  bool all = true;
  const bool seen = ForEachExtent(arena, first, run, [&](const Extent& extent) {
    all = all && (extent.IsFree() || IsPublished(extent.state.load(std::memory_order_acquire)));
  });
  return seen && all;
}

void ExtentPool::ForEach(const Arena& arena, uint32_t first, const ChunkRun& run,
                         absl::FunctionRef<void(Extent&)> visit) {
  if (IsExtentKind(run.kind)) ForEachExtent(arena, first, run, visit);
}

uint64_t ExtentPool::RoomOf(const ChunkRun& run) { return ExtentBytes(run) - sizeof(Extent); }

ExtentPool::Shelf& ExtentPool::ShelfFor(uint8_t kind, uint32_t count) {
  Shelf& shelf = kind == kBigKind ? bigs_[count] : classes_[kind - kFirstClassKind];
  shelf.kind = kind;
  shelf.count = count;
  return shelf;
}

void ExtentPool::Load() {
  for (Shelf& shelf : classes_) shelf = {};
  bigs_.clear();
  runs_.clear();
  unused_entries_.clear();
  // The runs that were to be given back are still in the table, or another process has given them back.
  leaving_.clear();
  to_free_.clear();
  arena_->ForEachRun(owner_, [&](uint32_t first, const ChunkRun& run) {
    if (run.kind == ChunkRun::kTail) return GiveBackLater(first, run.count);
    if (!IsExtentKind(run.kind) || (run.kind != kBigKind && run.count != 1)) return;
    Shelf& shelf = ShelfFor(run.kind, run.count);
    shelf.at = Insert(shelf, first);
  });
}

void ExtentPool::FreePublished() {
  arena_->ForEachRun(owner_, [&](uint32_t first, const ChunkRun& run) {
    if (!IsExtentKind(run.kind)) return;
    ForEachExtent(*arena_, first, run, [](Extent& extent) {
      if (IsPublished(extent.state.load(std::memory_order_relaxed))) {
        extent.state.store(Extent::kFree, std::memory_order_relaxed);
      }
    });
  });
}

bool ExtentPool::MayReuse(const Extent& extent) const {
  const uint64_t seen = extent.state.load(std::memory_order_acquire);
  if (seen == Extent::kFree) return true;
  if (!IsPublished(seen)) return extent.IsFree() && (!is_passed_ || is_passed_(seen));
  // A reader claims the extent before its item is passed. It may have done so between the two loads of the state, but
  // not after the second one.
  return is_passed_ && is_passed_(seen) && extent.state.load(std::memory_order_acquire) == seen;
}

Extent* ExtentPool::At(const Run& run, uint32_t extent) const {
  const uint64_t bytes = ExtentBytes({run.shelf->kind, owner_, run.shelf->count});
  return ExtentAt(*arena_, run.first, extent * bytes, bytes);
}

bool ExtentPool::IsUnused(const Run& run) const {
  bool all = true;
  const ChunkRun chunks{run.shelf->kind, owner_, run.shelf->count};
  return ForEachExtent(*arena_, run.first, chunks, [&](const Extent& extent) { all = all && MayReuse(extent); }) && all;
}

uint32_t ExtentPool::Insert(Shelf& shelf, uint32_t first) {
  uint32_t index = static_cast<uint32_t>(runs_.size());
  if (unused_entries_.empty()) {
    runs_.emplace_back();
  } else {
    index = unused_entries_.back();
    unused_entries_.pop_back();
  }
  Run& run = runs_[index];
  run = {&shelf, first, index, index};
  if (shelf.at != kNone) {
    run.previous = shelf.at;
    run.next = runs_[shelf.at].next;
    runs_[run.next].previous = index;
    runs_[shelf.at].next = index;
  }
  return index;
}

void ExtentPool::Remove(uint32_t index) {
  Run& run = runs_[index];
  Shelf& shelf = *run.shelf;
  const uint32_t other = run.previous == index ? kNone : run.previous;
  if (other != kNone) {
    runs_[run.previous].next = run.next;
    runs_[run.next].previous = run.previous;
  }
  if (shelf.sample == index) shelf.sample = other;
  if (shelf.at == index) {
    shelf.at = other;
    shelf.extent = ~uint32_t{0};  // Go on with the run after it.
  }
  leaving_.push_back({run.first, shelf.count, 0});
  run = {};
  unused_entries_.push_back(index);
}

// Gives up all but a few of the empty runs ahead, which are more than this owner needs.
void ExtentPool::LeaveSurplus(Shelf& shelf) {
  for (uint32_t i = 0; i < kLeaveRuns; ++i) {
    uint32_t ahead = runs_[shelf.at].next;
    for (uint32_t spare = SpareRuns(shelf.count); spare > 0; --spare) {
      if (ahead == shelf.at || !IsUnused(runs_[ahead])) return;
      ahead = runs_[ahead].next;
    }
    if (ahead == shelf.at || !IsUnused(runs_[ahead])) return;
    Remove(ahead);
  }
}

void ExtentPool::LeaveUnused(uint32_t looks) {
  looks = std::min(looks, static_cast<uint32_t>(runs_.size()));
  for (uint32_t i = 0; i < looks; ++i) {
    swept_ = swept_ + 1 < runs_.size() ? swept_ + 1 : 0;
    if (runs_[swept_].shelf != nullptr && IsUnused(runs_[swept_])) Remove(swept_);
  }
}

Extent* ExtentPool::TakeFrom(Shelf& shelf) {
  if (shelf.at == kNone) return nullptr;
  const auto per_run =
      static_cast<uint32_t>(shelf.count * kChunkBytes / ExtentBytes({shelf.kind, owner_, shelf.count}));
  if (shelf.extent >= per_run) {
    shelf.at = runs_[shelf.at].next;
    shelf.extent = 0;
    LeaveSurplus(shelf);
  }
  uint32_t at = shelf.at;
  uint32_t extent = shelf.extent;
  const auto is_free = [&] {
    Extent* const here = At(runs_[at], extent);
    if (here == nullptr || !MayReuse(*here)) return false;
    shelf.at = at;
    shelf.extent = extent + 1;
    return true;
  };
  for (uint32_t i = 0; i < kLooks; ++i) {
    if (is_free()) return At(runs_[at], extent);
    if (++extent == per_run) {
      extent = 0;
      at = runs_[at].next;
    }
  }
  // Readers may keep the oldest extents for a long time while other extents are free.
  extent = 0;
  at = shelf.sample == kNone ? shelf.at : shelf.sample;
  for (uint32_t i = 0; i < kLooks; ++i) {
    at = runs_[at].next;
    shelf.sample = at;
    if (is_free()) return At(runs_[at], extent);
  }
  return nullptr;
}

absl::StatusOr<Extent*> ExtentPool::Take(uint64_t size, Deadline deadline) {
  const uint64_t bytes = sizeof(Extent) + size;
  uint8_t kind = kBigKind;
  if (bytes <= ClassBytes(kClasses - 1)) {
    kind = kFirstClassKind;
    while (ClassBytes(kind - kFirstClassKind) < bytes) ++kind;
  }
  Shelf& shelf = ShelfFor(kind, kind == kBigKind ? RoundedChunks(bytes) : 1);
  if (!leaving_.empty() || !to_free_.empty()) Step();
  if (Extent* const extent = TakeFrom(shelf)) return extent;
  // Each time memory is taken, look for memory that other sizes do not need any more.
  LeaveUnused(1);
  absl::StatusOr<uint32_t> first = TakeRun(kind, shelf.count, true, deadline);
  if (absl::IsResourceExhausted(first.status())) {
    LeaveUnused(64);
    Step();
    first = TakeRun(kind, shelf.count, true, deadline);
  }
  if (!first.ok()) return first.status();
  shelf.at = Insert(shelf, *first);
  shelf.extent = 1;
  return At(runs_[shelf.at], 0);
}

absl::StatusOr<uint32_t> ExtentPool::TakeRun(uint8_t kind, uint32_t count, bool all, Deadline deadline) {
  if (absl::Status locked = arena_->Lock(self_, deadline); !locked.ok()) return locked;
  absl::StatusOr<uint32_t> first = arena_->Take(count, owner_);
  arena_->Unlock();
  if (!first.ok()) return first.status();
  if (absl::Status prepared = arena_->Prepare(*first, count, all); !prepared.ok()) {
    GiveBackLater(*first, count);
    return prepared;
  }
  arena_->Publish(*first, {kind, owner_, count});
  return first;
}

void ExtentPool::GiveBackLater(uint32_t first, uint32_t count) { leaving_.push_back({first, count, 0}); }

void ExtentPool::Step() {
  for (uint32_t budget = kStepChunks; budget > 0 && !leaving_.empty();) {
    Leaving& run = leaving_.back();
    const uint32_t part = std::min(budget, run.count - run.punched);
    arena_->Punch(run.first + run.punched, part);
    run.punched += part;
    budget -= part;
    if (run.punched < run.count) break;
    to_free_.push_back(run);
    leaving_.pop_back();
  }
  // If another process holds the lock, the next step frees them.
  if (to_free_.empty() || !arena_->TryLock(self_)) return;
  for (const Leaving& run : to_free_) arena_->GiveBack(run.first, run.count);
  arena_->Unlock();
  to_free_.clear();
}

bool ExtentPool::GiveBackUnused() {
  uint32_t kept = 0;
  bool in_use = false;
  for (uint32_t i = 0; i < runs_.size(); ++i) {
    if (runs_[i].shelf == nullptr) continue;
    const Shelf& shelf = *runs_[i].shelf;
    if (!IsUnused(runs_[i])) {
      in_use = in_use || shelf.kind == kBigKind;
    } else if (kept + shelf.count <= kIdleChunks) {
      kept += shelf.count;
    } else {
      Remove(i);
    }
  }
  Step();
  return in_use || !leaving_.empty() || !to_free_.empty();
}

}  // namespace regatta
