#include "core/ipc/lane_writer.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"
#include "core/ipc/fault_points.h"
#include "core/os/cpu.h"
#include "core/os/error.h"

namespace regatta {
namespace {

constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();
constexpr uint64_t kWriteAhead = 16;       // Slots.
constexpr uint64_t kLookAtProcessor = 16;  // Items between looks at where this thread runs.
constexpr uint64_t kSmallBacklog = 128;    // A large ring with no more in it is left for the base ring.

// Its address identifies the calling thread among those that run.
thread_local constinit char t_here = 0;

uint32_t Log2(uint64_t mask) { return static_cast<uint32_t>(__builtin_popcountll(mask)); }

}  // namespace

LaneWriter::LaneWriter(QueueSegment& segment, uint32_t lane, Member self)
    : segment_(segment), lane_(segment.lane(lane)), index_(lane), self_(self), extents_(&segment.arena(), lane, this) {
  lane_.used.store(segment_.Published(lane_), std::memory_order_relaxed);
  lane_.limit.store(0, std::memory_order_relaxed);
  Load();
}

void LaneWriter::Load() {
  resets_seen_ = lane_.resets.load(std::memory_order_relaxed);
  next_ = lane_.used.load(std::memory_order_relaxed);
  hop_ = segment_.SettledHop(lane_, next_);
  lane_.hop.store(hop_, std::memory_order_release);
  ring_ = segment_.Ring(lane_, hop_, &mask_);
  ring_begin_ = 0;  // Not known: then the whole backlog may be in this ring.
  known_head_ = KnownHead();
  extents_.Load();
  old_rings_.clear();
  ChunkArena& arena = segment_.arena();
  arena.ForEachRun(index_, [&](uint32_t first, const ChunkRun& run) {
    const bool current = ring_ != nullptr && segment_.OffsetOf(ring_) == arena.OffsetOf(first);
    if (run.kind == kRingKind && !current) old_rings_.push_back(first);
  });
}

uint64_t LaneWriter::KnownHead() const {
  return std::max(lane_.head.load(std::memory_order_acquire) & kIndexMask, ring_begin_);
}

bool LaneWriter::TryBegin() {
  if (next_ - known_head_ >= mask_) [[unlikely]] {
    known_head_ = KnownHead();
    if (next_ - known_head_ >= mask_) return false;  // One slot stays free for the mark of a move.
  }
  lane_.used.store(next_ + 1, std::memory_order_relaxed);
  FaultPointHere(fault::kQueuePutBegun);
  // Whoever lowers the limit fences heavily and then reads `used`: one of us sees the other.
  AsymmetricFenceLight();
  if (lane_.limit.load(std::memory_order_relaxed) <= next_) [[unlikely]] {
    lane_.used.store(next_, std::memory_order_relaxed);
    return false;
  }
  return true;
}

absl::Status LaneWriter::BeginSlow(Deadline deadline) {
  if (!idle()) {
    return absl::FailedPreconditionError(
        "this thread has opened a reservation in the queue: commit or abandon it first");
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
    if (!IsFull(prepared)) {
      if (waited) header.space.Notify();  // A wake-up meant for another may have been left to this putter.
      return prepared;
    }
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
  if (segment_.capacity() == 0) {
    lane_.limit.store(kNoLimit, std::memory_order_relaxed);
  } else if (lane_.limit.load(std::memory_order_relaxed) <= next_ && !TakeCredit()) {
    return FullError("the queue", false);
  }
  known_head_ = KnownHead();
  if (next_ - known_head_ < mask_) return absl::OkStatus();
  return MoveToRing(std::min(Log2(mask_) + 1, kLargestRingLog2));
}

bool LaneWriter::TakeCredit() {
  const uint64_t capacity = segment_.capacity();
  const uint32_t count = segment_.lanes();
  // What a lane may hold at most: credit, or what it has.
  const auto claimed = [](const QueueLane& lane) {
    const uint64_t end =
        std::max(lane.limit.load(std::memory_order_relaxed), lane.used.load(std::memory_order_relaxed));
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
    FaultPointHere(fault::kQueueCreditLowered);
    AsymmetricFenceHeavy();
    total = next_ - (lane_.head.load(std::memory_order_acquire) & kIndexMask);
    for (uint32_t i = 0; i < count; ++i) {
      if (i != index_) total += claimed(segment_.lane(i));
    }
  }
  if (total >= capacity) return false;
  const uint64_t slack = capacity - total;
  lane_.limit.store(next_ + (others == 0 ? slack : std::max<uint64_t>(1, slack / 2)), std::memory_order_relaxed);
  FaultPointHere(fault::kQueueCreditTaken);
  return true;
}

bool LaneWriter::MaybeRoom() const {
  const uint32_t count = segment_.lanes();
  uint64_t total = 0;
  for (uint32_t i = 0; i < count; ++i) total += segment_.Outstanding(segment_.lane(i));
  return total < segment_.capacity();
}

absl::Status LaneWriter::MoveToRing(uint32_t log2) {
  const uint64_t base = BaseRingOffset(index_);
  uint64_t offset = base;
  // The getters must have left the ring whose place in the lane's table the new one takes.
  const uint64_t behind = (hop_ - (lane_.head.load(std::memory_order_acquire) >> 56)) & 0xff;
  if (behind >= kLaneRings - 1) {
    return absl::ResourceExhaustedError(absl::StrCat("a producer has ", segment_.Outstanding(lane_),
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
  FaultPointHere(fault::kQueueRingMade);
  mark.sequence.store(QueueSlot::kJump | (next_ + 1), std::memory_order_release);
  FaultPointHere(fault::kQueueRingMarked);
  ++hop_;
  lane_.hop.store(hop_, std::memory_order_release);
  ring_ = segment_.Ring(lane_, hop_, &mask_);
  ring_begin_ = next_;
  known_head_ = next_;
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
  here.size.store(size, std::memory_order_relaxed);
  here.place.store(place, std::memory_order_relaxed);
  FaultPointHere(fault::kQueuePutWritten);
  here.sequence.store(next_ + 1, std::memory_order_release);
  FaultPointHere(fault::kQueuePutPublished);
  ++next_;
  if (next_ % kLookAtProcessor == 1) {
    const uint32_t processor = CurrentProcessor();
    if (processor != processor_) {
      processor_ = processor;
      lane_.processor.store(processor, std::memory_order_relaxed);
    }
  }
  segment_.header().items.Notify();
  if ((next_ & mask_) == 0) [[unlikely]]
    Shrink();
}

absl::Status LaneWriter::Put(absl::Span<const std::byte> bytes, Deadline deadline) {
  if (bytes.size() <= kInlineBytes && idle()) [[likely]] {
    if (!TryBegin()) [[unlikely]] {
      if (absl::Status begun = BeginSlow(deadline); !begun.ok()) return begun;
    }
    if (!bytes.empty()) std::memcpy(slot().bytes, bytes.data(), bytes.size());
    Publish(static_cast<uint32_t>(bytes.size()), QueueSlot::kInline);
    return absl::OkStatus();
  }
  Extent* extent = nullptr;
  const absl::StatusOr<std::byte*> room = Reserve(bytes.size(), deadline, &extent);
  if (!room.ok()) return room.status();
  std::memcpy(*room, bytes.data(), bytes.size());
  Commit(static_cast<uint32_t>(bytes.size()), extent);  // True, as the writer's thread is this one.
  return absl::OkStatus();
}

absl::StatusOr<std::byte*> LaneWriter::Reserve(uint64_t size, Deadline deadline, Extent** extent) {
  *extent = nullptr;
  if (size > kLargestItem) {
    return absl::InvalidArgumentError(
        absl::StrCat("an item of ", size, " bytes is over the largest, ", kLargestItem, ": put it in pieces"));
  }
  if (!idle() || !TryBegin()) {
    if (absl::Status begun = BeginSlow(deadline); !begun.ok()) return begun;
  }
  state_.store(State::kReserved, std::memory_order_relaxed);
  opener_ = &t_here;
  if (size <= kInlineBytes) return slot().bytes;
  const absl::StatusOr<Extent*> taken = extents_.Take(size);
  if (!taken.ok()) {
    Abandon();
    return taken.status();
  }
  *extent = *taken;
  return (*taken)->payload();
}

bool LaneWriter::Commit(uint32_t size, Extent* extent) {
  if (extent == nullptr) {
    Publish(size, QueueSlot::kInline);
    return EndReservation();
  }
  FaultPointHere(fault::kQueueExtentWritten);
  extent->state.store(Extent::kQueued | next_, std::memory_order_release);
  FaultPointHere(fault::kQueueExtentQueued);
  const uint64_t offset = segment_.OffsetOf(extent);
  std::memcpy(slot().bytes, &offset, sizeof(offset));
  Publish(size, QueueSlot::kExtent);
  return EndReservation();
}

bool LaneWriter::Abandon() {
  lane_.used.store(next_, std::memory_order_release);
  // Somebody may have waited for this item's place, or for the queue to be drained.
  segment_.header().space.Notify();
  segment_.header().items.Notify();
  return EndReservation();
}

bool LaneWriter::EndReservation() {
  // The thread that opened it has not ended, as it is this one: no compare-and-swap is needed.
  if (opener_ == &t_here && state_.load(std::memory_order_relaxed) == State::kReserved) [[likely]] {
    state_.store(State::kIdle, std::memory_order_release);
    return true;
  }
  State expected = State::kReserved;
  return state_.compare_exchange_strong(expected, State::kIdle, std::memory_order_acq_rel);
}

bool LaneWriter::LeaveThread() {
  State expected = State::kReserved;
  return !state_.compare_exchange_strong(expected, State::kOrphaned, std::memory_order_acq_rel);
}

void LaneWriter::LetGo() { lane_.owner.store(0, std::memory_order_release); }

}  // namespace regatta
