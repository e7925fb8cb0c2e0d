#include "core/shm/extent_pool.h"

#include <algorithm>

namespace regatta {
namespace {

constexpr uint32_t kSpareChunks = 2;           // That a class keeps, with nothing in them.
constexpr uint32_t kSpareBigChunks = 64 << 4;  // 64 MiB of large extents are kept for reuse.

// Null: there is no address space for it.
Extent* ExtentAt(const ChunkArena& arena, uint32_t chunk, uint64_t offset, uint64_t bytes = sizeof(Extent)) {
  return reinterpret_cast<Extent*>(arena.At(chunk, offset, bytes));
}

bool IsExtentKind(uint8_t kind) { return kind >= ExtentPool::kBigKind && kind < ExtentPool::kEndOfKinds; }

bool IsPublished(uint64_t state) { return (state & Extent::kTag) == Extent::kQueued; }

// Bytes of each extent of a run.
uint64_t ExtentBytes(const ChunkRun& run) {
  return run.kind == ExtentPool::kBigKind ? run.count * kChunkBytes
                                          : ExtentPool::ClassBytes(run.kind - ExtentPool::kFirstClassKind);
}

// False: some could not be visited, as no address space is left.
template <typename Visit>
bool ForEachExtent(const ChunkArena& arena, uint32_t first, const ChunkRun& run, Visit visit) {
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

Extent* ExtentPool::Find(const ChunkArena& arena, uint64_t offset, uint32_t size) {
  if (!arena.Contains(offset)) return nullptr;
  const uint32_t chunk = arena.ChunkOf(offset);
  ChunkRun run;
  if (!arena.IsRun(chunk, &run) || !IsExtentKind(run.kind)) return nullptr;
  const uint64_t bytes = ExtentBytes(run);
  const uint64_t within = offset - arena.OffsetOf(chunk);
  if (within % bytes != 0 || bytes < sizeof(Extent) + size) return nullptr;
  return ExtentAt(arena, chunk, within, sizeof(Extent) + size);
}

bool ExtentPool::AllFree(const ChunkArena& arena, uint32_t first, const ChunkRun& run) {
  if (!IsExtentKind(run.kind)) return false;
  bool all = true;
  const bool seen = ForEachExtent(arena, first, run, [&](const Extent& extent) {
    all = all && (extent.IsFree() || IsPublished(extent.state.load(std::memory_order_acquire)));
  });
  return seen && all;
}

void ExtentPool::Load() {
  for (Class& pool : classes_) pool = {};
  bigs_.clear();
  arena_->GiveBackOrphans(owner_);
  arena_->ForEachRun(owner_, [&](uint32_t first, const ChunkRun& run) {
    if (!IsExtentKind(run.kind)) return;
    if (run.kind == kBigKind) {
      bigs_.push_back({first, run.count});
    } else {
      classes_[run.kind - kFirstClassKind].chunks.push_back(first);
    }
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
  if (!IsPublished(seen)) return extent.IsFree() && lock_->IsForgotten(seen);
  // Who takes an item claims the extent first: it may have done so between the two looks, but not after the second.
  return lock_->IsStale(seen) && extent.state.load(std::memory_order_acquire) == seen;
}

absl::StatusOr<Extent*> ExtentPool::Take(uint64_t size) {
  const uint64_t bytes = sizeof(Extent) + size;
  if (bytes > ClassBytes(kClasses - 1)) return TakeBig(bytes);
  uint32_t extent_class = 0;
  while (ClassBytes(extent_class) < bytes) ++extent_class;
  return TakeFromClass(extent_class);
}

absl::StatusOr<Extent*> ExtentPool::TakeFromClass(uint32_t extent_class) {
  Class& pool = classes_[extent_class];
  if (pool.extent == kChunkBytes / ClassBytes(extent_class)) {
    pool.extent = 0;
    if (++pool.chunk >= pool.chunks.size()) {
      pool.chunk = 0;
      GiveBackEmpty(pool, extent_class);
    }
  }
  if (!pool.chunks.empty()) {
    Extent* const extent = ExtentAt(*arena_, pool.chunks[pool.chunk], pool.extent * ClassBytes(extent_class));
    if (extent != nullptr && MayReuse(*extent)) {
      ++pool.extent;
      return extent;
    }
  }
  const absl::StatusOr<uint32_t> fresh = TakeChunks(1, static_cast<uint8_t>(kFirstClassKind + extent_class));
  if (!fresh.ok()) return fresh.status();
  pool.chunk = pool.chunks.empty() ? 0 : pool.chunk + 1;
  pool.chunks.insert(pool.chunks.begin() + static_cast<std::ptrdiff_t>(pool.chunk), *fresh);
  pool.extent = 1;
  return ExtentAt(*arena_, *fresh, 0);
}

// After a whole turn: chunks that stand empty, but for a few, are more than this owner needs.
void ExtentPool::GiveBackEmpty(Class& pool, uint32_t extent_class) {
  const ChunkRun run{static_cast<uint8_t>(kFirstClassKind + extent_class), owner_, 1};
  std::vector<uint32_t> empty;
  for (const uint32_t chunk : pool.chunks) {
    bool all = true;
    const bool seen = ForEachExtent(*arena_, chunk, run, [&](const Extent& extent) { all = all && MayReuse(extent); });
    if (seen && all) empty.push_back(chunk);
  }
  if (empty.size() <= kSpareChunks) return;
  empty.resize(empty.size() - kSpareChunks);
  std::erase_if(pool.chunks,
                [&](uint32_t chunk) { return std::find(empty.begin(), empty.end(), chunk) != empty.end(); });
  GiveBack(empty);
}

absl::StatusOr<Extent*> ExtentPool::TakeBig(uint64_t bytes) {
  const auto count = static_cast<uint32_t>((bytes + kChunkBytes - 1) / kChunkBytes);
  Big* best = nullptr;
  uint64_t spare = 0;
  for (Big& big : bigs_) {
    const Extent* const extent = ExtentAt(*arena_, big.first, 0);
    if (extent == nullptr || !MayReuse(*extent)) continue;
    spare += big.count;
    const bool fits = big.count >= count && big.count / 2 <= count;
    if (fits && (best == nullptr || big.count < best->count)) best = &big;
  }
  if (best != nullptr) return ExtentAt(*arena_, best->first, 0);
  if (spare > kSpareBigChunks) {
    std::vector<uint32_t> unused;
    std::erase_if(bigs_, [&](const Big& big) {
      const Extent* const extent = ExtentAt(*arena_, big.first, 0);
      if (extent == nullptr || !MayReuse(*extent)) return false;
      unused.push_back(big.first);
      return true;
    });
    GiveBack(unused);
  }
  const absl::StatusOr<uint32_t> fresh = TakeChunks(count, kBigKind);
  if (!fresh.ok()) return fresh.status();
  bigs_.push_back({*fresh, count});
  return ExtentAt(*arena_, *fresh, 0);
}

absl::StatusOr<uint32_t> ExtentPool::TakeChunks(uint32_t count, uint8_t kind) {
  if (absl::Status locked = lock_->LockArena(); !locked.ok()) return locked;
  absl::StatusOr<uint32_t> first = arena_->Take(count, owner_, kind);
  lock_->UnlockArena();
  return first;
}

void ExtentPool::GiveBack(const std::vector<uint32_t>& runs) {
  // A run that can't be given back now is found again by Load.
  if (!lock_->LockArena().ok()) return;
  for (const uint32_t first : runs) arena_->GiveBack(first);
  lock_->UnlockArena();
}

}  // namespace regatta
