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
constexpr uint64_t kWriteAhead = 16;       // In slots.
constexpr uint64_t kLookAtProcessor = 16;  // After so many items the thread looks up its processor again.
constexpr uint64_t kSmallBacklog = 128;    // With fewer items the writer moves from a large ring to the base ring.
constexpr uint64_t kTidyEvery = 2048;      // At least once in so many items.
constexpr uint64_t kGrowSlots = 8192;      // So many slots of a large ring get memory at a time: 1 MiB.
constexpr uint64_t kWhole = kNoLimit;

absl::Status OverwrittenError() {
  return absl::DataLossError("a process has overwritten the queue's memory: make a new queue");
}

// Its address identifies the calling thread among the running threads.
thread_local constinit char t_here = 0;

uint32_t Log2(uint64_t mask) { return static_cast<uint32_t>(__builtin_popcountll(mask)); }

}  // namespace

LaneWriter::LaneWriter(QueueSegment& segment, uint32_t lane, Member self)
    : segment_(segment),
      lane_(segment.lane(lane)),
      index_(lane),
      self_(self),
      extents_(&segment.arena(), lane, self, [this](uint64_t state) { return IsPassed(state); }) {
  lane_.used.store(segment_.Published(lane_), std::memory_order_relaxed);
  lane_.limit.store(0, std::memory_order_relaxed);
  Load();
}

void LaneWriter::Load() {
  resets_seen_ = lane_.resets.load(std::memory_order_relaxed);
  next_ = lane_.used.load(std::memory_order_relaxed) & kIndexMask;
  hop_ = segment_.SettledHop(lane_, next_);
  lane_.hop.store(hop_, std::memory_order_release);
  ring_ = segment_.Ring(lane_, hop_, &mask_);
  ring_begin_ = 0;  // Unknown: the whole backlog may be in this ring.
  ready_until_ = 0;
  // It is also unknown which slots of a large ring a predecessor gave memory. So memory is requested again.
  grown_from_ = next_;
  grown_until_ = Log2(mask_) == kBaseRingLog2 ? kWhole : next_;
  extents_.Load();
  old_rings_.clear();
  Arena& arena = segment_.arena();
  arena.ForEachRun(index_, [&](uint32_t first, const ChunkRun& run) {
    const bool current = ring_ != nullptr && segment_.OffsetOf(ring_) == arena.OffsetOf(first);
    if (run.kind == kRingKind && !current) old_rings_.emplace_back(first, run.count);
  });
}

uint64_t LaneWriter::KnownHead() const {
  return std::max(lane_.head.load(std::memory_order_acquire) & kIndexMask, ring_begin_);
}

bool LaneWriter::Begin() {
  lane_.used.store(next_ + 1, std::memory_order_relaxed);
  FaultPointHere(fault::kQueuePutBegun);
  // A process that lowers the limit makes a heavy fence and then reads `used`. So one of the two sees the other's
  // store.
  AsymmetricFenceLight();
  if (lane_.limit.load(std::memory_order_relaxed) <= next_) [[unlikely]] {
    lane_.used.store(next_, std::memory_order_relaxed);
    return false;
  }
  return true;
}

void LaneWriter::CancelBegin() {
  lane_.used.store(next_, std::memory_order_release);
  // A putter may wait for this item's place, and a getter for the queue to be drained.
  segment_.header().space.Notify();
  segment_.header().items.Notify();
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
  bool waited = false;
  // This putter may have consumed a wake-up that another one needs.
  const auto pass_on = [&](absl::Status status) {
    if (waited && !status.ok()) header.space.Notify();
    return status;
  };
  while (!Begin()) {
    if (absl::Status locked = segment_.arena().Lock(self_, deadline); !locked.ok()) return pass_on(std::move(locked));
    const Credit credit = GetCredit();
    segment_.arena().Unlock();
    switch (credit) {
      case Credit::kGranted:
        continue;
      case Credit::kClosed:
        return pass_on(ClosedError("the queue"));
      case Credit::kOverwritten:
        return pass_on(OverwrittenError());
      case Credit::kNone:
        break;
    }
    if (deadline.is_now()) return FullError("the queue", false);
    const auto ready = [&] { return header.closed.load(std::memory_order_relaxed) != 0 || MaybeRoom(); };
    const auto recheck = [&] { segment_.RecheckOwners(); };
    if (!header.space.Await(ready, deadline, partner_here, self_, recheck)) return FullError("the queue", true);
    waited = true;
  }
  if (next_ >= ready_until_) {
    if (absl::Status made = MakeReady(deadline); !made.ok()) {
      CancelBegin();
      return pass_on(std::move(made));
    }
  }
  if (waited && header.space.anybody_sleeps() && MaybeRoom()) header.space.Notify();
  return absl::OkStatus();
}

LaneWriter::Credit LaneWriter::GetCredit() {
  if (segment_.header().closed.load(std::memory_order_relaxed) != 0) return Credit::kClosed;
  if (lane_.resets.load(std::memory_order_relaxed) != resets_seen_) Load();
  if (ring_ == nullptr) return Credit::kOverwritten;
  if (segment_.capacity() == 0) {
    lane_.limit.store(kNoLimit, std::memory_order_relaxed);
  } else if (lane_.limit.load(std::memory_order_relaxed) <= next_ && !TakeCredit()) {
    return Credit::kNone;
  }
  return Credit::kGranted;
}

bool LaneWriter::TakeCredit() {
  const uint64_t capacity = segment_.capacity();
  // The most items that a lane may hold: its credit, or the items that it has.
  const auto claimed = [](const QueueLane& lane) {
    const uint64_t end =
        std::max(lane.limit.load(std::memory_order_relaxed), lane.used.load(std::memory_order_relaxed));
    const uint64_t head = lane.head.load(std::memory_order_acquire) & kIndexMask;
    return end > head ? end - head : 0;
  };
  uint64_t others = 0;
  uint64_t total = next_ - (lane_.head.load(std::memory_order_acquire) & kIndexMask);
  bool spare = false;
  segment_.ForEachLane([&](uint32_t index) {
    if (index == index_) return;
    QueueLane& lane = segment_.lane(index);
    if (segment_.OwnerLives(lane)) {
      ++others;
      spare = spare || lane.limit.load(std::memory_order_relaxed) > lane.used.load(std::memory_order_relaxed);
    } else {
      const uint64_t published = segment_.Published(lane);
      lane.used.store(published, std::memory_order_relaxed);
      lane.limit.store(0, std::memory_order_relaxed);
    }
    total += claimed(lane);
  });
  if (total >= capacity && spare) {
    // Take back the credit that the other lanes do not use. Either this process sees that a lane has used it, or the
    // lane's owner sees the lowered limit.
    segment_.ForEachLane([&](uint32_t index) {
      QueueLane& lane = segment_.lane(index);
      const uint64_t used = lane.used.load(std::memory_order_relaxed);
      if (index != index_ && lane.limit.load(std::memory_order_relaxed) > used) {
        lane.limit.store(used, std::memory_order_relaxed);
      }
    });
    FaultPointHere(fault::kQueueCreditLowered);
    AsymmetricFenceHeavy();
    total = next_ - (lane_.head.load(std::memory_order_acquire) & kIndexMask);
    segment_.ForEachLane([&](uint32_t index) {
      if (index != index_) total += claimed(segment_.lane(index));
    });
  }
  if (total >= capacity) return false;
  const uint64_t slack = capacity - total;
  lane_.limit.store(next_ + (others == 0 ? slack : std::max<uint64_t>(1, slack / 2)), std::memory_order_relaxed);
  FaultPointHere(fault::kQueueCreditTaken);
  return true;
}

bool LaneWriter::MaybeRoom() const { return segment_.size() < segment_.capacity(); }

absl::Status LaneWriter::MakeReady(Deadline deadline) {
  if (ring_ == nullptr) return OverwrittenError();
  const uint64_t head = lane_.head.load(std::memory_order_acquire);
  const bool getters_are_here = (head >> 56) == (hop_ & 0xff);
  if (getters_are_here) {
    for (const auto& [first, count] : old_rings_) extents_.GiveBackLater(first, count);
    old_rings_.clear();
  }
  extents_.Step();
  if (next_ - KnownHead() >= mask_) {  // One slot stays free for the mark of a move.
    if (absl::Status moved = MoveToLargerRing(deadline); !moved.ok()) return moved;
  } else if (getters_are_here && Log2(mask_) != kBaseRingLog2 && next_ - (head & kIndexMask) < kSmallBacklog) {
    MoveTo(BaseRingOffset(index_), kBaseRingLog2);
  }
  while (grown_until_ != kWhole && next_ + 1 >= grown_until_) {
    if (absl::Status grown = GrowRing(); !grown.ok()) return grown;
  }
  const uint64_t tidy_every = std::min(mask_ + 1, kTidyEvery);
  ready_until_ = std::min(KnownHead() + mask_, (next_ / tidy_every + 1) * tidy_every);
  if (grown_until_ != kWhole) ready_until_ = std::min(ready_until_, grown_until_ - 1);
  return absl::OkStatus();
}

absl::Status LaneWriter::MoveToLargerRing(Deadline deadline) {
  // The new ring takes the place of an older one in the lane's table. The getters must have left that ring.
  const uint64_t behind = (hop_ - (lane_.head.load(std::memory_order_acquire) >> 56)) & 0xff;
  if (behind >= kLaneRings - 1) {
    return absl::ResourceExhaustedError(absl::StrCat("this producer has ", segment_.Outstanding(lane_),
                                                     " items in the queue, which is the most: get some of them first"));
  }
  absl::StatusOr<uint32_t> first = absl::ResourceExhaustedError("");
  // If the limit or the address space has no room for a ring of twice the size, take a smaller one.
  uint32_t log2 = std::min(Log2(mask_) + 1, kLargestRingLog2) + 1;
  while (absl::IsResourceExhausted(first.status()) && --log2 > kBaseRingLog2) {
    // Its slots get memory as they are used.
    const auto count = static_cast<uint32_t>((sizeof(QueueSlot) << log2) / kChunkBytes);
    first = extents_.TakeRun(kRingKind, count, false, deadline);
  }
  if (!first.ok()) return first.status();
  MoveTo(segment_.arena().OffsetOf(*first), log2);
  return ring_ != nullptr ? absl::OkStatus() : OverwrittenError();
}

void LaneWriter::MoveTo(uint64_t offset, uint32_t log2) {
  QueueSlot& mark = slot();
  segment_.ClearMark(offset, log2, next_);
  if (Log2(mask_) != kBaseRingLog2) {
    old_rings_.emplace_back(segment_.arena().ChunkOf(segment_.OffsetOf(ring_)),
                            static_cast<uint32_t>((mask_ + 1) * sizeof(QueueSlot) / kChunkBytes));
  }
  lane_.rings[(hop_ + 1) % kLaneRings].store(offset | log2, std::memory_order_release);
  FaultPointHere(fault::kQueueRingMade);
  mark.sequence.store(QueueSlot::kJump | (next_ + 1), std::memory_order_release);
  FaultPointHere(fault::kQueueRingMarked);
  ++hop_;
  lane_.hop.store(hop_, std::memory_order_release);
  ring_ = segment_.RingAt(offset | log2, &mask_);
  ring_begin_ = next_;
  grown_from_ = next_;
  grown_until_ = log2 == kBaseRingLog2 ? kWhole : next_;
}

absl::Status LaneWriter::GrowRing() {
  const uint64_t at = grown_until_ & mask_;
  const uint64_t slots = std::min(kGrowSlots, mask_ + 1 - at);
  absl::Status grown = segment_.Grow(segment_.OffsetOf(ring_ + at), slots * sizeof(QueueSlot));
  if (!grown.ok()) return grown;
  grown_until_ += slots;
  if (grown_until_ - grown_from_ > mask_) grown_until_ = kWhole;
  return absl::OkStatus();
}

void LaneWriter::Publish(uint32_t size, uint32_t place) {
  QueueSlot& here = slot();
  // A slot that this writer needs soon was last in a getter's cache. Prefetch it while this one is written.
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
  Commit(static_cast<uint32_t>(bytes.size()), extent);  // Returns true, because the writer belongs to this thread.
  return absl::OkStatus();
}

absl::StatusOr<std::byte*> LaneWriter::Reserve(uint64_t size, Deadline deadline, Extent** extent) {
  *extent = nullptr;
  if (size > kLargestItem) {
    return absl::InvalidArgumentError(absl::StrCat("an item of ", size, " bytes is larger than the limit of ",
                                                   kLargestItem, " bytes: put it in pieces"));
  }
  if (!idle() || !TryBegin()) {
    if (absl::Status begun = BeginSlow(deadline); !begun.ok()) return begun;
  }
  state_.store(State::kReserved, std::memory_order_relaxed);
  opener_ = &t_here;
  if (size <= kInlineBytes && !segment_.counts()) return slot().bytes;
  const absl::StatusOr<Extent*> taken = extents_.Take(size, deadline);
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
  extent->size.store(size, std::memory_order_relaxed);
  extent->state.store(Extent::kQueued | next_, std::memory_order_release);
  FaultPointHere(fault::kQueueExtentQueued);
  slot().extent().store(segment_.OffsetOf(extent), std::memory_order_release);
  Publish(size, QueueSlot::kExtent);
  return EndReservation();
}

bool LaneWriter::Abandon() {
  CancelBegin();
  return EndReservation();
}

bool LaneWriter::EndReservation() {
  // This thread opened the reservation, so it has not ended, and no compare-and-swap is needed.
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
