#include "core/ipc/byte_queue.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/ipc/fault_points.h"
#include "core/ipc/lane_writer.h"
#include "core/ipc/queue_segment.h"
#include "core/os/cpu.h"
#include "core/os/error.h"

namespace regatta {
namespace {

constexpr uint32_t kStreak = 64;     // The most items in a row from one lane. Then the other lanes are tried.
constexpr uint32_t kReadAhead = 16;  // The most slots that are prefetched while a lane has items.
constexpr uint32_t kStreaming = 16;  // So many items in a row make a flow.
constexpr int kStandBack = 24;
constexpr uint32_t kRetireEvery = 256;  // After so many tries that found nothing.
constexpr uint64_t kTrimChunks = 64;    // An idle queue with more than 4 MiB gives memory back.

enum class Look { kTaken, kEmpty, kBroken };

// Copies bytes that their owner may be overwriting. The caller uses the copy only if it then wins the item.
__attribute__((no_sanitize("thread"))) void CopySpeculatively(std::byte* to, const std::byte* from, uint32_t size) {
  // Source and destination are aligned to 16 bytes and have room for whole pieces.
  for (uint32_t at = 0; at < size; at += 16) {
    std::memcpy(__builtin_assume_aligned(to + at, 16), __builtin_assume_aligned(from + at, 16), 16);
  }
}

}  // namespace

QueueItem& QueueItem::operator=(QueueItem&& other) noexcept {
  if (this == &other) return *this;
  Reset();
  size_ = std::exchange(other.size_, 0);
  fork_generation_ = other.fork_generation_;
  extent_ = std::exchange(other.extent_, nullptr);
  data_ = other.data_;
  segment_ = std::move(other.segment_);
  if (extent_ == nullptr && size_ > 0) std::memcpy(inline_, other.inline_, size_);
  return *this;
}

void QueueItem::Reset() {
  size_ = 0;
  if (extent_ == nullptr) return;
  // In a child of fork the item belongs to the parent.
  if (IsForkGeneration(fork_generation_)) {
    extent_->state.store(Extent::kFree, std::memory_order_release);
  }
  extent_ = nullptr;
  segment_.reset();
}

QueueReservation& QueueReservation::operator=(QueueReservation&& other) noexcept {
  if (this == &other) return *this;
  Abandon();
  writer_ = std::exchange(other.writer_, nullptr);
  fork_generation_ = other.fork_generation_;
  extent_ = other.extent_;
  bytes_ = other.bytes_;
  segment_ = std::move(other.segment_);
  return *this;
}

LaneWriter* QueueReservation::Release() {
  LaneWriter* writer = std::exchange(writer_, nullptr);
  // In a child of fork the lane and the item on its way belong to the parent.
  return fork_generation_ == Family::fork_generation() ? writer : nullptr;
}

void QueueReservation::Commit() {
  LaneWriter* writer = Release();
  if (writer != nullptr && !writer->Commit(static_cast<uint32_t>(bytes_.size()), extent_)) {
    segment_->ReturnWriter(writer);
  }
  segment_.reset();
}

void QueueReservation::Abandon() {
  LaneWriter* writer = Release();
  if (writer != nullptr && !writer->Abandon()) segment_->ReturnWriter(writer);
  segment_.reset();
}

// The getting side of the queue. It is a friend of QueueItem through ByteQueue.
class QueueGetter {
 public:
  QueueGetter(QueueSegment& segment, QueueThread& thread) : segment_(segment), thread_(thread) {}

  // Tries all lanes once. Calls `claim` with the item that it took.
  template <typename OnInline, typename OnExtent>
  Look TryAll(std::byte* bytes, OnInline on_inline, OnExtent on_extent) {
    const uint32_t count = segment_.lanes();
    if (count == 0) return Look::kEmpty;
    if (thread_.lane >= count) thread_.lane = 0;
    const uint32_t hits = std::exchange(thread_.hits, 0);
    if (thread_.streak >= kStreak) {
      thread_.streak = 0;
      thread_.lane = segment_.NextLane(thread_.lane, thread_.lane);
    }
    uint32_t index = thread_.lane;
    do {
      const Look look = TryLane(segment_.lane(index), bytes, on_inline, on_extent);
      if (look != Look::kEmpty) [[likely]] {
        if (index != thread_.lane) {
          thread_.lane = index;
          thread_.streak = 0;
        }
        ++thread_.streak;
        thread_.hits = hits + 1;
        AfterTake();
        return look;
      }
      index = segment_.NextLane(index, thread_.lane);
    } while (index != thread_.lane);
    if (++thread_.misses % kRetireEvery == 0) segment_.RetireLanes(thread_.self);
    return Look::kEmpty;
  }

 private:
  template <typename OnInline, typename OnExtent>
  Look TryLane(QueueLane& lane, std::byte* bytes, OnInline on_inline, OnExtent on_extent) {
    uint64_t head = lane.head.load(std::memory_order_acquire);
    for (uint32_t moves = 0;;) {
      const uint64_t item = head & kIndexMask;
      const uint64_t word = lane.rings[(head >> 56) % kLaneRings].load(std::memory_order_acquire);
      if (word != thread_.ring_word) [[unlikely]] {
        thread_.ring = segment_.RingAt(word, &thread_.mask);
        thread_.ring_word = thread_.ring != nullptr ? word : 0;
      }
      QueueSlot* const ring = thread_.ring;
      const uint64_t mask = thread_.mask;
      if (ring == nullptr) {
        // The head moved on meanwhile, or a process has overwritten the slot. In the second case no item will ever be
        // found here.
        const uint64_t now = lane.head.load(std::memory_order_acquire);
        if (now == head) return Look::kEmpty;
        head = now;
        continue;
      }
      QueueSlot& slot = ring[item & mask];
      const uint64_t sequence = slot.sequence.load(std::memory_order_acquire);
      if (sequence == item + 1) {
        const uint32_t size = slot.size.load(std::memory_order_relaxed);
        const uint32_t place = slot.place.load(std::memory_order_relaxed);
        // Prefetch a slot that the producer has certainly left; a slot that it still writes would be taken from its
        // cache. The more items this thread has got in a row, the further ahead such a slot is.
        if (const uint32_t ahead = std::min(thread_.hits / 4, kReadAhead); ahead > 0) {
          const QueueSlot& later = ring[(item + ahead) & mask];
          __builtin_prefetch(&later);
          if (size > 48) __builtin_prefetch(reinterpret_cast<const std::byte*>(&later) + 64);
        }
        if (place == QueueSlot::kInline && size <= kInlineBytes) [[likely]] {
          CopySpeculatively(bytes, slot.bytes, size);
          FaultPointHere(fault::kQueueGetCopied);
          if (!lane.head.compare_exchange_strong(head, head + 1, std::memory_order_acq_rel)) continue;
          FaultPointHere(fault::kQueueGetClaimed);
          on_inline(size);
          return Look::kTaken;
        }
        const uint64_t offset = slot.extent().load(std::memory_order_acquire);
        Extent* extent = place == QueueSlot::kExtent ? ExtentPool::Find(segment_.arena(), offset, size) : nullptr;
        if (extent == nullptr) {
          if (!lane.head.compare_exchange_strong(head, head + 1, std::memory_order_acq_rel)) continue;
          return Look::kBroken;
        }
        // The extent's state word decides which getter has the item. A getter that comes later only moves the head.
        uint64_t state = Extent::kQueued | item;
        const uint64_t owned = Extent::kOwned | uint64_t{thread_.self} << 32 | (item & 0xffffffff);
        const bool mine = extent->state.compare_exchange_strong(state, owned, std::memory_order_acq_rel);
        FaultPointHere(fault::kQueueGetOwned);
        uint64_t expected = head;
        lane.head.compare_exchange_strong(expected, head + 1, std::memory_order_acq_rel);
        FaultPointHere(fault::kQueueGetHelped);
        if (mine) {
          on_extent(extent, size);
          return Look::kTaken;
        }
        head = lane.head.load(std::memory_order_acquire);
      } else if (sequence == (QueueSlot::kJump | (item + 1))) {
        const uint64_t next = PackHead((head >> 56) + 1, item);
        // Only overwritten memory can have rings that lead to each other.
        if (++moves > kLaneRings) return Look::kEmpty;
        if (lane.head.compare_exchange_strong(head, next, std::memory_order_acq_rel)) head = next;
        FaultPointHere(fault::kQueueGetMoved);
      } else {
        const uint64_t now = lane.head.load(std::memory_order_acquire);
        if (now == head) return Look::kEmpty;
        head = now;
      }
    }
  }

  void AfterTake() {
    QueueHeader& header = segment_.header();
    // The queue is closed: the getter of the last item wakes those that would wait for ever.
    if (header.closed.load(std::memory_order_relaxed) != 0 && header.items.anybody_sleeps() && segment_.Drained())
        [[unlikely]] {
      header.items.NotifyAll();
    }
    if (segment_.capacity() == 0) return;
    const uint32_t here = CurrentProcessor();
    if (header.consumer_processor.load(std::memory_order_relaxed) != here) {
      header.consumer_processor.store(here, std::memory_order_relaxed);
    }
    header.space.Notify();
  }

  QueueSegment& segment_;
  QueueThread& thread_;
};

absl::StatusOr<ByteQueue> ByteQueue::Create(const QueueOptions& options) {
  absl::StatusOr<std::shared_ptr<QueueSegment>> segment = QueueSegment::Create(options);
  if (!segment.ok()) return segment.status();
  return ByteQueue(*std::move(segment));
}

absl::StatusOr<ByteQueue> ByteQueue::Attach(Fd file, uint64_t offset, uint64_t fingerprint) {
  absl::StatusOr<std::shared_ptr<QueueSegment>> segment = QueueSegment::Attach(std::move(file), offset, fingerprint);
  if (!segment.ok()) return segment.status();
  return ByteQueue(*std::move(segment));
}

absl::Status ByteQueue::Put(absl::Span<const std::byte> bytes, Deadline deadline) {
  if (QueueThread* cached = segment_->CachedThread(); cached != nullptr && cached->writer != nullptr) [[likely]] {
    return cached->writer->Put(bytes, deadline);
  }
  const absl::StatusOr<QueueThread*> thread = segment_->ThisThread();
  if (!thread.ok()) return thread.status();
  const absl::StatusOr<LaneWriter*> writer = segment_->ClaimWriter(*thread, deadline);
  if (!writer.ok()) return writer.status();
  return (*writer)->Put(bytes, deadline);
}

absl::StatusOr<QueueReservation> ByteQueue::Reserve(size_t bytes, Deadline deadline) {
  const absl::StatusOr<QueueThread*> thread = segment_->ThisThread();
  if (!thread.ok()) return thread.status();
  const absl::StatusOr<LaneWriter*> writer = segment_->ClaimWriter(*thread, deadline);
  if (!writer.ok()) return writer.status();
  QueueReservation reservation;
  const absl::StatusOr<std::byte*> room = (*writer)->Reserve(bytes, deadline, &reservation.extent_);
  if (!room.ok()) return room.status();
  reservation.writer_ = *writer;
  reservation.fork_generation_ = (*thread)->fork_generation;
  reservation.bytes_ = {*room, bytes};
  reservation.segment_ = segment_;
  return reservation;
}

absl::Status ByteQueue::Get(QueueItem* item, Deadline deadline) {
  item->Reset();
  QueueThread* thread = segment_->CachedThread();
  if (thread == nullptr) [[unlikely]] {
    const absl::StatusOr<QueueThread*> found = segment_->ThisThread();
    if (!found.ok()) return found.status();
    thread = *found;
  }
  QueueGetter getter(*segment_, *thread);
  const auto on_inline = [item](uint32_t size) { item->size_ = size; };
  const auto on_extent = [this, item](Extent* extent, uint32_t size) {
    item->size_ = size;
    item->fork_generation_ = Family::fork_generation();
    item->extent_ = extent;
    item->data_ = extent->payload();
    item->segment_ = segment_;
  };
  const bool streaming = thread->hits >= kStreaming;
  Look look = getter.TryAll(item->inline_, on_inline, on_extent);
  if (look == Look::kEmpty && streaming && !deadline.is_now()) {
    // This getter has caught up with a producer in full flow. To read the slot that the producer writes next would slow
    // it down. Let it get ahead.
    for (int i = 0; i < kStandBack; ++i) CpuPause();
    look = getter.TryAll(item->inline_, on_inline, on_extent);
  }
  if (look == Look::kTaken) [[likely]]
    return absl::OkStatus();
  if (look == Look::kEmpty) {
    if (segment_->Drained()) return ClosedError("the queue");
    if (deadline.is_now()) return EmptyError("the queue", false);
    QueueHeader& header = segment_->header();
    const auto partner_here = [&] {
      const uint32_t here = CurrentProcessor();
      bool partner = false;
      segment_->ForEachLane([&](uint32_t index) {
        const QueueLane& lane = segment_->lane(index);
        if (lane.processor.load(std::memory_order_relaxed) != here) return;
        const uint64_t owner = lane.owner.load(std::memory_order_relaxed);
        partner = partner || (owner != 0 && static_cast<Member>(owner & kMemberMask) != thread->self);
      });
      return partner;
    };
    const auto ready = [&] {
      look = getter.TryAll(item->inline_, on_inline, on_extent);
      return look != Look::kEmpty || segment_->Drained();
    };
    const auto tidy = [&] {
      segment_->RecheckOwners();
      if (segment_->counts()) segment_->Recover(thread);
      if (segment_->arena().taken() > kTrimChunks) segment_->Trim(thread->self);
    };
    const bool found = header.items.Await(ready, deadline, partner_here, thread->self, tidy);
    // This getter may have consumed a wake-up that another one needs.
    if (header.items.anybody_sleeps() && !empty()) header.items.Notify();
    if (!found) return EmptyError("the queue", true);
    if (look == Look::kEmpty) {
      if (header.items.anybody_sleeps()) header.items.NotifyAll();
      return ClosedError("the queue");
    }
  }
  if (look == Look::kTaken) return absl::OkStatus();
  return absl::DataLossError("an item of the queue was overwritten in shared memory; it was dropped");
}

void ByteQueue::Keep(QueueItem item) {
  if (item.extent_ != nullptr) segment_->Keep(std::exchange(item.extent_, nullptr));
}

void ByteQueue::Drop(QueueItem item) {
  if (item.extent_ != nullptr) segment_->Finish(std::exchange(item.extent_, nullptr));
}

absl::Status ByteQueue::TaskDone() {
  Extent* const extent = segment_->TakeKept();
  if (extent == nullptr) {
    return absl::FailedPreconditionError("TaskDone: this process has got no item of the queue that is not done yet");
  }
  segment_->Finish(extent);
  return absl::OkStatus();
}

absl::StatusOr<int64_t> ByteQueue::Join(Deadline deadline) {
  const absl::StatusOr<QueueThread*> thread = segment_->ThisThread();
  if (!thread.ok()) return thread.status();
  segment_->Recover(*thread);
  QueueHeader& header = segment_->header();
  const auto ready = [&] { return segment_->AllFinished((*thread)->self); };
  const auto nowhere = [] { return false; };
  const auto recover = [&] {
    segment_->RecheckOwners();
    segment_->Recover(*thread);
  };
  if (!ready() && (deadline.is_now() || !header.finished.Await(ready, deadline, nowhere, (*thread)->self, recover))) {
    constexpr char kText[] = "not all items of the queue are done";
    return deadline.is_now() ? absl::UnavailableError(kText) : absl::DeadlineExceededError(kText);
  }
  return static_cast<int64_t>(header.abandoned.load(std::memory_order_relaxed));
}

absl::Status ByteQueue::Close() {
  const absl::StatusOr<QueueThread*> thread = segment_->ThisThread();
  if (!thread.ok()) return thread.status();
  QueueHeader& header = segment_->header();
  if (absl::Status locked = segment_->arena().Lock((*thread)->self, Deadline::Never()); !locked.ok()) return locked;
  segment_->ForEachLane([&](uint32_t index) { segment_->lane(index).limit.store(0, std::memory_order_relaxed); });
  // A putter that had begun before finishes its item. A putter that begins later sees the limit, takes the lock and
  // finds the queue closed. `closed` is stored last: a death before it leaves an open queue, in which putters take new
  // credit.
  AsymmetricFenceHeavy();
  FaultPointHere(fault::kQueueClosing);
  header.closed.store(1, std::memory_order_release);
  segment_->arena().Unlock();
  header.items.NotifyAll();
  header.space.NotifyAll();
  return absl::OkStatus();
}

bool ByteQueue::closed() const { return segment_->header().closed.load(std::memory_order_acquire) != 0; }

int64_t ByteQueue::size() const { return static_cast<int64_t>(segment_->size()); }

bool ByteQueue::full() const { return capacity() > 0 && size() >= capacity(); }
int64_t ByteQueue::capacity() const { return static_cast<int64_t>(segment_->capacity()); }
uint64_t ByteQueue::memory() const { return segment_->arena().taken() * kChunkBytes; }
const Fd& ByteQueue::descriptor() const { return segment_->file(); }
absl::Status ByteQueue::CheckDescriptor() const { return segment_->CheckFile(); }

}  // namespace regatta
