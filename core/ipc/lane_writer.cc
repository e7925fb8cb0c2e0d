#include "core/ipc/lane_writer.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"
#include "core/os/cpu.h"
#include "core/os/error.h"
#include "core/os/fault_point.h"

namespace regatta {
namespace {

constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();
constexpr uint64_t kWriteAhead = 16;           // Slots.
constexpr uint64_t kSmallBacklog = 128;        // A large ring with no more in it is left for the base ring.
constexpr uint32_t kSpareChunks = 2;           // That a class keeps, with nothing in them.
constexpr uint32_t kSpareBigChunks = 64 << 4;  // 64 MiB of large extents are kept for reuse.

uint32_t Log2(uint64_t mask) { return static_cast<uint32_t>(__builtin_popcountll(mask)); }

bool IsFree(const QueueExtent& extent) {
  const uint64_t state = extent.state.load(std::memory_order_acquire);
  if (state == QueueExtent::kFree) return true;
  if ((state & QueueExtent::kTag) != QueueExtent::kOwned) return false;
  return !Family::IsAlive(static_cast<Member>(state >> 32) & kMemberMask);
}

QueueExtent& ExtentAt(const ChunkArena& arena, uint32_t chunk, uint64_t offset) {
  return *reinterpret_cast<QueueExtent*>(arena.At(chunk) + offset);
}

// Calls visit(extent) for each extent of a run.
template <typename Visit>
void ForEachExtent(const ChunkArena& arena, uint32_t first, const ChunkRun& run, Visit visit) {
  if (run.kind == kRingKind) return;
  const uint64_t bytes = run.kind == kBigKind ? run.count * kChunkBytes : ClassBytes(run.kind - kFirstClassKind);
  for (uint64_t at = 0; at < run.count * kChunkBytes; at += bytes) visit(ExtentAt(arena, first, at));
}

bool IsExtentKind(uint8_t kind) { return kind >= kBigKind && kind < kFirstClassKind + kExtentClasses; }

}  // namespace

LaneWriter::LaneWriter(QueueSegment& segment, uint32_t lane, Member self)
    : segment_(segment), lane_(segment.lane(lane)), index_(lane), self_(self) {
  lane_.used.store(segment_.Published(lane_), std::memory_order_relaxed);
  lane_.limit.store(0, std::memory_order_relaxed);
  Load();
}

bool LaneWriter::AllFree(const ChunkArena& arena, uint32_t first, const ChunkRun& run) {
  if (!IsExtentKind(run.kind)) return false;
  bool all = true;
  ForEachExtent(arena, first, run, [&](const QueueExtent& extent) { all = all && IsFree(extent); });
  return all;
}

void LaneWriter::Load() {
  resets_seen_ = lane_.resets.load(std::memory_order_relaxed);
  next_ = lane_.used.load(std::memory_order_relaxed);
  hop_ = lane_.hop.load(std::memory_order_relaxed);
  // An owner or trimmer that died while moving to the next ring: the mark or the head says so.
  ring_ = segment_.Ring(lane_, hop_, &mask_);
  const uint64_t head = lane_.head.load(std::memory_order_acquire);
  known_head_ = head & kIndexMask;
  const bool marked = ring_ != nullptr &&
                      slot().sequence.load(std::memory_order_relaxed) == (QueueSlot::kJump | (next_ + 1)) &&
                      (head >> 56) == (hop_ & 0xff);
  const bool head_is_ahead = (head >> 56) == ((hop_ + 1) & 0xff);
  if (marked || head_is_ahead) {
    ++hop_;
    lane_.hop.store(hop_, std::memory_order_release);
    ring_ = segment_.Ring(lane_, hop_, &mask_);
  }
  for (ExtentClass& extent_class : classes_) extent_class = {};
  bigs_.clear();
  old_rings_.clear();
  ChunkArena& arena = segment_.arena();
  arena.GiveBackOrphans(index_);
  arena.ForEachRun(index_, [&](uint32_t first, const ChunkRun& run) {
    if (run.kind == kRingKind) {
      const bool current = ring_ != nullptr && segment_.OffsetOf(ring_) == arena.OffsetOf(first);
      if (!current) old_rings_.push_back(first);
      return;
    }
    if (!IsExtentKind(run.kind)) return;
    ForEachExtent(arena, first, run, [&](QueueExtent& extent) {
      const uint64_t state = extent.state.load(std::memory_order_relaxed);
      const bool never_published =
          (state & QueueExtent::kTag) == QueueExtent::kQueued && (state & kIndexMask) >= next_;
      if (never_published) extent.state.store(QueueExtent::kFree, std::memory_order_relaxed);
    });
    if (run.kind == kBigKind) {
      bigs_.push_back({first, run.count});
    } else {
      classes_[run.kind - kFirstClassKind].chunks.push_back(first);
    }
  });
}

bool LaneWriter::TryBegin() {
  if (next_ - known_head_ >= mask_) [[unlikely]] {
    known_head_ = lane_.head.load(std::memory_order_acquire) & kIndexMask;
    if (next_ - known_head_ >= mask_) return false;  // One slot stays free for the mark of a move.
  }
  lane_.used.store(next_ + 1, std::memory_order_relaxed);
  FaultPointHere(FaultPoint::kQueuePutBegun);
  // Whoever lowers the limit fences heavily and then reads `used`: one of us sees the other.
  AsymmetricFenceLight();
  if (lane_.limit.load(std::memory_order_relaxed) <= next_) [[unlikely]] {
    lane_.used.store(next_, std::memory_order_relaxed);
    return false;
  }
  return true;
}

absl::Status LaneWriter::BeginSlow(Deadline deadline) {
  if (open_) {
    return absl::FailedPreconditionError("this thread has an open reservation in the queue: commit or abandon it first");
  }
  QueueHeader& header = segment_.header();
  const auto partner_here = [&] {
    return header.consumer_processor.load(std::memory_order_relaxed) == CurrentProcessor();
  };
  for (bool waited = false;; waited = true) {
    if (absl::Status locked = segment_.Lock(self_, deadline); !locked.ok()) return locked;
    const absl::Status prepared = Prepare();
    segment_.Unlock();
    if (prepared.ok()) {
      if (TryBegin()) {
        if (waited && header.space.anybody_sleeps() && MaybeRoom()) header.space.Notify();
        return absl::OkStatus();
      }
      continue;
    }
    if (!IsFull(prepared)) return prepared;
    if (deadline.is_now()) return prepared;
    const auto ready = [&] { return header.closed.load(std::memory_order_relaxed) != 0 || MaybeRoom(); };
    if (!header.space.Await(ready, deadline, partner_here, self_, [] {})) return FullError("the queue", true);
  }
}

absl::Status LaneWriter::Prepare() {
  QueueHeader& header = segment_.header();
  if (header.closed.load(std::memory_order_relaxed) != 0) return ClosedError("the queue");
  if (lane_.resets.load(std::memory_order_relaxed) != resets_seen_) Load();
  if (ring_ == nullptr) return absl::DataLossError("the queue's memory was overwritten: its ring is gone");
  if (header.capacity == 0) {
    lane_.limit.store(kNoLimit, std::memory_order_relaxed);
  } else if (lane_.limit.load(std::memory_order_relaxed) <= next_ && !TakeCredit()) {
    return FullError("the queue", false);
  }
  known_head_ = lane_.head.load(std::memory_order_acquire) & kIndexMask;
  if (next_ - known_head_ < mask_) return absl::OkStatus();
  return MoveToRing(std::min(Log2(mask_) + 1, kLargestRingLog2));
}

bool LaneWriter::TakeCredit() {
  const uint64_t capacity = segment_.header().capacity;
  const uint32_t count = segment_.lanes();
  // What a lane may hold at most: credit, or what it has.
  const auto claimed = [](const QueueLane& lane) {
    const uint64_t end = std::max(lane.limit.load(std::memory_order_relaxed), lane.used.load(std::memory_order_relaxed));
    const uint64_t head = lane.head.load(std::memory_order_acquire) & kIndexMask;
    return end > head ? end - head : 0;
  };
  uint64_t others = 0;
  uint64_t total = next_ - (lane_.head.load(std::memory_order_acquire) & kIndexMask);
  bool spare = false;
  for (uint32_t i = 0; i < count; ++i) {
    QueueLane& lane = segment_.lane(i);
    if (i == index_) continue;
    if (segment_.OwnerLives(lane)) {
      ++others;
      spare = spare || lane.limit.load(std::memory_order_relaxed) > lane.used.load(std::memory_order_relaxed);
    } else {
      const uint64_t published = segment_.Published(lane);
      lane.used.store(published, std::memory_order_relaxed);
      lane.limit.store(0, std::memory_order_relaxed);
    }
    total += claimed(lane);
  }
  if (total >= capacity && spare) {
    // Take back what the others don't use. Each is either seen to have used it, or sees its lowered limit.
    for (uint32_t i = 0; i < count; ++i) {
      QueueLane& lane = segment_.lane(i);
      const uint64_t used = lane.used.load(std::memory_order_relaxed);
      if (i != index_ && lane.limit.load(std::memory_order_relaxed) > used) {
        lane.limit.store(used, std::memory_order_relaxed);
      }
    }
    FaultPointHere(FaultPoint::kQueueCreditLowered);
    AsymmetricFenceHeavy();
    total = next_ - (lane_.head.load(std::memory_order_acquire) & kIndexMask);
    for (uint32_t i = 0; i < count; ++i) {
      if (i != index_) total += claimed(segment_.lane(i));
    }
  }
  if (total >= capacity) return false;
  const uint64_t slack = capacity - total;
  lane_.limit.store(next_ + (others == 0 ? slack : std::max<uint64_t>(1, slack / 2)), std::memory_order_relaxed);
  FaultPointHere(FaultPoint::kQueueCreditTaken);
  return true;
}

bool LaneWriter::MaybeRoom() const {
  const uint32_t count = segment_.lanes();
  uint64_t total = 0;
  for (uint32_t i = 0; i < count; ++i) total += segment_.Outstanding(segment_.lane(i));
  return total < segment_.header().capacity;
}

absl::Status LaneWriter::MoveToRing(uint32_t log2) {
  const uint64_t base = BaseRingsOffset(segment_.header().chunks) + index_ * kBaseRingBytes;
  uint64_t offset = base;
  // The getters must have left the ring whose place in the lane's table the new one takes.
  const uint64_t behind = (hop_ - (lane_.head.load(std::memory_order_acquire) >> 56)) & 0xff;
  if (behind >= kLaneRings - 1) {
    return absl::ResourceExhaustedError(absl::StrCat("a producer has ", next_ - known_head_,
                                                     " items in the queue, the most that it can: take some out"));
  }
  if (log2 != kBaseRingLog2) {
    const auto chunks = static_cast<uint32_t>((sizeof(QueueSlot) << log2) / kChunkBytes);
    const absl::StatusOr<uint32_t> first = segment_.arena().Take(chunks, index_, kRingKind);
    if (!first.ok()) return first.status();
    offset = segment_.arena().OffsetOf(*first);
  }
  QueueSlot& mark = slot();
  segment_.ClearMark(offset, log2, next_);
  if (segment_.OffsetOf(ring_) != base) old_rings_.push_back(segment_.arena().ChunkOf(segment_.OffsetOf(ring_)));
  lane_.rings[(hop_ + 1) % kLaneRings].store(offset | log2, std::memory_order_release);
  FaultPointHere(FaultPoint::kQueueRingMade);
  mark.sequence.store(QueueSlot::kJump | (next_ + 1), std::memory_order_release);
  FaultPointHere(FaultPoint::kQueueRingMarked);
  ++hop_;
  lane_.hop.store(hop_, std::memory_order_release);
  ring_ = segment_.Ring(lane_, hop_, &mask_);
  return absl::OkStatus();
}

// Once a turn of the ring: leaves a ring that a backlog made large, and gives back those that the getters have left.
void LaneWriter::Shrink() {
  const uint64_t head = lane_.head.load(std::memory_order_acquire);
  const bool getters_are_here = (head >> 56) == (hop_ & 0xff);
  if (!getters_are_here) return;
  const bool leave = Log2(mask_) != kBaseRingLog2 && next_ - (head & kIndexMask) < kSmallBacklog;
  if (!leave && old_rings_.empty()) return;
  if (!segment_.Lock(self_, Deadline::Now()).ok()) return;  // The next turn will do.
  if (lane_.resets.load(std::memory_order_relaxed) == resets_seen_) {
    for (const uint32_t first : old_rings_) segment_.arena().GiveBack(first);
    old_rings_.clear();
    if (leave) MoveToRing(kBaseRingLog2).IgnoreError();  // It stays where it is, then.
  }
  segment_.Unlock();
}

void LaneWriter::Publish(uint32_t size, uint32_t place) {
  QueueSlot& here = slot();
  // The slot that comes up soon was last in a getter's cache: ask for it while this one is written.
  auto* soon = reinterpret_cast<std::byte*>(&ring_[(next_ + kWriteAhead) & mask_]);
  __builtin_prefetch(soon, 1);
  if (size > 48) __builtin_prefetch(soon + 64, 1);
  here.size = size;
  here.place = place;
  FaultPointHere(FaultPoint::kQueuePutWritten);
  here.sequence.store(next_ + 1, std::memory_order_release);
  FaultPointHere(FaultPoint::kQueuePutPublished);
  ++next_;
  const uint32_t processor = CurrentProcessor();
  if (processor != processor_) [[unlikely]] {
    processor_ = processor;
    lane_.processor.store(processor, std::memory_order_relaxed);
  }
  segment_.header().items.Notify();
  if ((next_ & mask_) == 0) [[unlikely]] Shrink();
}

absl::Status LaneWriter::Put(absl::Span<const std::byte> bytes, Deadline deadline) {
  if (bytes.size() <= kInlineBytes && !open_) [[likely]] {
    if (!TryBegin()) [[unlikely]] {
      if (absl::Status begun = BeginSlow(deadline); !begun.ok()) return begun;
    }
    if (!bytes.empty()) std::memcpy(slot().bytes, bytes.data(), bytes.size());
    Publish(static_cast<uint32_t>(bytes.size()), QueueSlot::kInline);
    return absl::OkStatus();
  }
  QueueExtent* extent = nullptr;
  const absl::StatusOr<std::byte*> room = Reserve(bytes.size(), deadline, &extent);
  if (!room.ok()) return room.status();
  std::memcpy(*room, bytes.data(), bytes.size());
  Commit(static_cast<uint32_t>(bytes.size()), extent);
  return absl::OkStatus();
}

absl::StatusOr<std::byte*> LaneWriter::Reserve(uint64_t size, Deadline deadline, QueueExtent** extent) {
  *extent = nullptr;
  if (size > kLargestItem) {
    return absl::InvalidArgumentError(
        absl::StrCat("an item of ", size, " bytes is over the largest, ", kLargestItem, ": put it in pieces"));
  }
  if (open_ || !TryBegin()) {
    if (absl::Status begun = BeginSlow(deadline); !begun.ok()) return begun;
  }
  open_ = true;
  if (size <= kInlineBytes) return slot().bytes;
  const absl::StatusOr<QueueExtent*> taken = TakeExtent(size);
  if (!taken.ok()) {
    Abandon();
    return taken.status();
  }
  *extent = *taken;
  return reinterpret_cast<std::byte*>(*taken + 1);
}

void LaneWriter::Commit(uint32_t size, QueueExtent* extent) {
  open_ = false;
  if (extent == nullptr) {
    Publish(size, QueueSlot::kInline);
    return;
  }
  FaultPointHere(FaultPoint::kQueueExtentWritten);
  extent->state.store(QueueExtent::kQueued | next_, std::memory_order_release);
  FaultPointHere(FaultPoint::kQueueExtentQueued);
  const uint64_t offset = segment_.OffsetOf(extent);
  std::memcpy(slot().bytes, &offset, sizeof(offset));
  Publish(size, QueueSlot::kExtent);
}

void LaneWriter::Abandon() {
  open_ = false;
  lane_.used.store(next_, std::memory_order_release);
  // Somebody may have waited for this item's place, or for the queue to be drained.
  segment_.header().space.Notify();
  segment_.header().items.Notify();
}

void LaneWriter::LetGo() { lane_.owner.store(0, std::memory_order_release); }

absl::StatusOr<QueueExtent*> LaneWriter::TakeExtent(uint64_t size) {
  const uint64_t bytes = sizeof(QueueExtent) + size;
  if (bytes > ClassBytes(kExtentClasses - 1)) return TakeBig(bytes);
  uint32_t extent_class = 0;
  while (ClassBytes(extent_class) < bytes) ++extent_class;
  return TakeFromClass(extent_class);
}

absl::StatusOr<QueueExtent*> LaneWriter::TakeFromClass(uint32_t extent_class) {
  ExtentClass& pool = classes_[extent_class];
  const ChunkArena& arena = segment_.arena();
  const auto per_chunk = static_cast<uint32_t>(kChunkBytes / ClassBytes(extent_class));
  if (pool.extent == per_chunk) {
    pool.extent = 0;
    if (++pool.chunk >= pool.chunks.size()) {
      pool.chunk = 0;
      // A whole turn: chunks that stand empty, but for a few, are more than this producer needs.
      std::vector<uint32_t> unused;
      for (const uint32_t chunk : pool.chunks) {
        if (AllFree(arena, chunk, {static_cast<uint8_t>(kFirstClassKind + extent_class), index_, 1})) {
          unused.push_back(chunk);
        }
      }
      unused.resize(unused.size() - std::min<size_t>(unused.size(), kSpareChunks));
      if (!unused.empty()) {
        std::erase_if(pool.chunks, [&](uint32_t chunk) {
          return std::find(unused.begin(), unused.end(), chunk) != unused.end();
        });
        GiveBack(unused);
      }
    }
  }
  if (!pool.chunks.empty()) {
    QueueExtent& extent = ExtentAt(arena, pool.chunks[pool.chunk], pool.extent * ClassBytes(extent_class));
    if (IsFree(extent)) {
      ++pool.extent;
      return &extent;
    }
  }
  const absl::StatusOr<uint32_t> fresh = TakeChunks(1, static_cast<uint8_t>(kFirstClassKind + extent_class));
  if (!fresh.ok()) return fresh.status();
  pool.chunk = pool.chunks.empty() ? 0 : pool.chunk + 1;
  pool.chunks.insert(pool.chunks.begin() + static_cast<std::ptrdiff_t>(pool.chunk), *fresh);
  pool.extent = 1;
  return &ExtentAt(arena, *fresh, 0);
}

absl::StatusOr<QueueExtent*> LaneWriter::TakeBig(uint64_t bytes) {
  const auto count = static_cast<uint32_t>((bytes + kChunkBytes - 1) / kChunkBytes);
  const ChunkArena& arena = segment_.arena();
  Big* best = nullptr;
  uint64_t spare = 0;
  for (Big& big : bigs_) {
    if (!IsFree(ExtentAt(arena, big.first, 0))) continue;
    spare += big.count;
    const bool fits = big.count >= count && big.count / 2 <= count;
    if (fits && (best == nullptr || big.count < best->count)) best = &big;
  }
  if (best != nullptr) return &ExtentAt(arena, best->first, 0);
  if (spare > kSpareBigChunks) {
    std::vector<uint32_t> unused;
    std::erase_if(bigs_, [&](const Big& big) {
      if (!IsFree(ExtentAt(arena, big.first, 0))) return false;
      unused.push_back(big.first);
      return true;
    });
    GiveBack(unused);
  }
  const absl::StatusOr<uint32_t> fresh = TakeChunks(count, kBigKind);
  if (!fresh.ok()) return fresh.status();
  bigs_.push_back({*fresh, count});
  return &ExtentAt(arena, *fresh, 0);
}

absl::StatusOr<uint32_t> LaneWriter::TakeChunks(uint32_t count, uint8_t kind) {
  if (absl::Status locked = segment_.Lock(self_, Deadline::Never()); !locked.ok()) return locked;
  absl::StatusOr<uint32_t> first = segment_.arena().Take(count, index_, kind);
  segment_.Unlock();
  return first;
}

void LaneWriter::GiveBack(const std::vector<uint32_t>& runs) {
  // A chunk that can't be given back now is found by whoever owns the lane next.
  if (!segment_.Lock(self_, Deadline::Never()).ok()) return;
  for (const uint32_t first : runs) segment_.arena().GiveBack(first);
  segment_.Unlock();
}

}  // namespace regatta
