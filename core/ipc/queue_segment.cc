#include "core/ipc/queue_segment.h"

#include <pthread.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "core/ipc/fault_points.h"
#include "core/ipc/lane_writer.h"
#include "core/os/cpu.h"
#include "core/os/error.h"
#include "core/os/mutex.h"

namespace regatta {
namespace {

std::atomic<uint64_t> g_next_number{1};

// Gives each existing QueueSegment a small number.
class Indices {
 public:
  uint32_t Take() {
    MutexLock lock(mutex_);
    if (free_.empty()) return next_++;
    const uint32_t index = free_.back();
    free_.pop_back();
    return index;
  }
  void GiveBack(uint32_t index) {
    MutexLock lock(mutex_);
    free_.push_back(index);
  }

 private:
  Mutex mutex_;
  std::vector<uint32_t> free_ ABSL_GUARDED_BY(mutex_);
  uint32_t next_ ABSL_GUARDED_BY(mutex_) = 0;
};
Indices& TheIndices() {
  static Indices& indices = *new Indices;  // Never destroyed: exit handlers may use queues.
  return indices;
}

bool IsOwned(const Extent& extent) {
  return (extent.state.load(std::memory_order_acquire) & Extent::kTag) == Extent::kOwned;
}

Member OwnerOf(uint64_t state) { return static_cast<Member>(state >> 32) & kMemberMask; }

// The states of this thread for the queues that it used, by the queue's index. It is a plain pointer, and the
// destructor of a key frees it. That runs after the destructors of the thread's other objects, which may still put and
// get. The first thread's is never freed, as exit handlers may use it.
using ThreadPlaces = std::vector<std::unique_ptr<QueueThread>>;
thread_local ThreadPlaces* t_places = nullptr;

ThreadPlaces& ThisThreadPlaces() {
  // If no key is left, threads that end leave their lanes to the process.
  static const std::optional<pthread_key_t> end = []() -> std::optional<pthread_key_t> {
    pthread_key_t key;
    if (pthread_key_create(&key, [](void*) { QueueSegment::LeaveThread(); }) != 0) return std::nullopt;
    return key;
  }();
  if (t_places == nullptr) {
    t_places = new ThreadPlaces;
    if (end.has_value()) pthread_setspecific(*end, t_places);
  }
  return *t_places;
}

}  // namespace

// The base class keeps a copy. NOLINTNEXTLINE(performance-unnecessary-value-param)
QueueSegment::QueueSegment(std::shared_ptr<Segment> segment)
    : GrowingObject(segment, kQueueArena, segment->Get<QueueHeader>(0)->chunk_limit),
      lanes_(reinterpret_cast<QueueLane*>(header_ + 1)),
      capacity_(header_->capacity),
      counts_(header_->if_getter_dies != IfGetterDies::kNotCounted),
      number_(g_next_number.fetch_add(1, std::memory_order_relaxed)),
      index_(TheIndices().Take()) {}

QueueSegment::~QueueSegment() {
  TheIndices().GiveBack(index_);
  FreeIfAlone();
  Local* local = local_.load(std::memory_order_relaxed);
  if (local == nullptr || local->fork_generation != Family::fork_generation()) return;
  {
    MutexLock lock(local->mutex);
    for (const auto& writer : local->writers) writer->LetGo();
    // This process can finish them no more: as if it had died.
    for (Extent* extent : local->kept) extent->state.store(Extent::kOwned, std::memory_order_release);
  }
  delete local;
}

absl::StatusOr<std::shared_ptr<QueueSegment>> QueueSegment::Create(const QueueOptions& options) {
  return ViewOf(CreateFile(sizeof(QueueHeader), options.fingerprint, [&](QueueHeader& header) {
    header.if_getter_dies = options.if_getter_dies;
    header.capacity = options.capacity > 0 ? static_cast<uint64_t>(options.capacity) : 0;
    const uint64_t limit = options.memory_limit / kChunkBytes + (options.memory_limit % kChunkBytes != 0 ? 1 : 0);
    header.chunk_limit = limit == 0 ? kQueueChunks : static_cast<uint32_t>(std::min<uint64_t>(kQueueChunks, limit));
  }));
}

absl::StatusOr<std::shared_ptr<QueueSegment>> QueueSegment::Attach(Fd file, uint64_t offset, uint64_t fingerprint) {
  return ViewOf(AttachFile(std::move(file), offset, sizeof(QueueHeader), fingerprint));
}

absl::StatusOr<std::shared_ptr<QueueSegment>> QueueSegment::ViewOf(absl::StatusOr<std::shared_ptr<Segment>> segment) {
  if (!segment.ok()) return segment.status();
  return (*segment)->ViewOr<QueueSegment>([&] { return std::make_shared<QueueSegment>(*segment); });
}

void QueueSegment::FreeIfAlone() const {
  QueueUse use = QueueUse::kByCreator;
  if (!segment_->IsOursAlone() || !segment_->NurseryHasIt() ||
      !header_->use.compare_exchange_strong(use, QueueUse::kDestroyed)) {
    return;
  }
  const absl::StatusOr<uint64_t> size = segment_->Size();
  // If this fails, the memory is freed when the nursery ends.
  if (size.ok() && *size > kBaseRingsOffset) {
    segment_->Punch(kBaseRingsOffset, *size - kBaseRingsOffset).IgnoreError();
  }
}

absl::Status QueueSegment::CheckUse() const {
  if (segment_->IsOursAlone()) return absl::OkStatus();
  QueueUse use = QueueUse::kByCreator;
  if (header_->use.compare_exchange_strong(use, QueueUse::kByOthers) || use != QueueUse::kDestroyed) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      "the process that made the queue has destroyed it: keep a handle there as long as other processes use the queue");
}

uint32_t QueueSegment::LanesInFile(uint32_t count) const {
  // The number comes from shared memory. The lanes must be in the file.
  if (!segment_->Contains(0, kLanesOffset + count * sizeof(QueueLane))) {
    return lanes_in_file_.load(std::memory_order_relaxed);
  }
  lanes_in_file_.store(count, std::memory_order_relaxed);
  return count;
}

void QueueSegment::ClearMark(uint64_t ring_offset, uint64_t log2, uint64_t item) {
  auto* ring = reinterpret_cast<QueueSlot*>(segment_->At(ring_offset, sizeof(QueueSlot) << log2));
  if (ring != nullptr) ring[item & ((uint64_t{1} << log2) - 1)].sequence.store(0, std::memory_order_relaxed);
}

bool QueueSegment::OwnerLives(const QueueLane& lane) const {
  const auto owner = static_cast<Member>(lane.owner.load(std::memory_order_acquire) & kMemberMask);
  return owner != kNobody && Family::IsAlive(owner);
}

uint64_t QueueSegment::Published(const QueueLane& lane) const {
  const uint64_t head = lane.head.load(std::memory_order_acquire);
  const uint64_t used = lane.used.load(std::memory_order_acquire);
  if ((head & kIndexMask) >= used) return used;
  // The last item lies in the owner's ring, or in the one before if the owner had just moved on. The one before may
  // have been given back once the getters had left it.
  const uint64_t hop = lane.hop.load(std::memory_order_acquire);
  const bool moving = (head >> 56) != (hop & 0xff);
  for (const uint64_t number : {hop, hop - 1}) {
    if (number != hop && !moving) break;
    uint64_t mask = 0;
    const QueueSlot* ring = Ring(lane, number, &mask);
    if (ring != nullptr && ring[(used - 1) & mask].sequence.load(std::memory_order_acquire) == used) return used;
  }
  return used - 1;
}

uint64_t QueueSegment::Outstanding(const QueueLane& lane) const {
  const uint64_t end = OwnerLives(lane) ? lane.used.load(std::memory_order_acquire) : Published(lane);
  const uint64_t head = lane.head.load(std::memory_order_acquire) & kIndexMask;
  return end > head ? end - head : 0;
}

uint64_t QueueSegment::size() const {
  uint64_t total = 0;
  ForEachLane([&](uint32_t index) { total += Outstanding(lane(index)); });
  return total;
}

void QueueSegment::RecheckOwners() const {
  ForEachLane([&](uint32_t index) {
    const QueueLane& lane = this->lane(index);
    if (Published(lane) >= lane.used.load(std::memory_order_acquire)) return;
    Family::Recheck(static_cast<Member>(lane.owner.load(std::memory_order_acquire) & kMemberMask));
  });
}

bool QueueSegment::Drained() const { return header().closed.load(std::memory_order_acquire) != 0 && size() == 0; }

uint32_t QueueSegment::FindLane(uint32_t from, uint32_t to) const {
  for (uint32_t word = from / 64; from < to; from = ++word * 64) {
    const uint64_t bits = InUse(word, to) & (~uint64_t{0} << from % 64);
    if (bits != 0) return word * 64 + static_cast<uint32_t>(std::countr_zero(bits));
  }
  return to;
}

uint32_t QueueSegment::NextLane(uint32_t index, uint32_t first) const {
  if (index < first) return FindLane(index + 1, first);
  const uint32_t count = lanes();
  const uint32_t next = FindLane(index + 1, count);
  return next < count ? next : FindLane(0, first);
}

QueueSegment::Local& QueueSegment::ThisProcess() {
  Local* local = local_.load(std::memory_order_acquire);
  const uint32_t generation = Family::fork_generation();
  while (local == nullptr || local->fork_generation != generation) {
    auto* fresh = new Local;  // If there is one of the parent, it can't be destroyed, because its mutex may be held.
    fresh->fork_generation = generation;
    if (local_.compare_exchange_strong(local, fresh, std::memory_order_acq_rel)) return *fresh;
    delete fresh;
  }
  return *local;
}

absl::StatusOr<QueueThread*> QueueSegment::ThisThread() {
  if (QueueThread* cached = CachedThread()) return cached;
  const uint32_t generation = Family::fork_generation();
  ThreadPlaces& places = ThisThreadPlaces();
  if (places.size() <= index_) places.resize(index_ + 1);
  std::unique_ptr<QueueThread>& place = places[index_];
  // Another queue may have used the index before.
  if (place == nullptr || place->segment_number != number_ || place->fork_generation != generation) {
    const absl::StatusOr<Member> self = Family::Self();
    if (!self.ok()) return self.status();
    if (absl::Status usable = CheckUse(); !usable.ok()) return usable;
    place = std::make_unique<QueueThread>();
    place->segment_number = number_;
    place->fork_generation = generation;
    place->self = *self;
    place->segment = weak_from_this();
  }
  t_last_ = place.get();
  return t_last_;
}

void QueueSegment::LeaveThread() {
  t_last_ = nullptr;
  const std::unique_ptr<ThreadPlaces> places(std::exchange(t_places, nullptr));
  if (places == nullptr) return;
  for (const auto& place : *places) {
    if (place == nullptr || place->writer == nullptr || place->fork_generation != Family::fork_generation()) continue;
    const std::shared_ptr<QueueSegment> segment = place->segment.lock();
    if (segment != nullptr && place->writer->LeaveThread()) segment->ReturnWriter(place->writer);
  }
}

absl::StatusOr<LaneWriter*> QueueSegment::ClaimWriter(QueueThread* thread, Deadline deadline) {
  if (thread->writer != nullptr) return thread->writer;
  if (absl::Status locked = arena_.Lock(thread->self, deadline); !locked.ok()) return locked;
  const absl::StatusOr<uint32_t> index = ClaimLane(thread->self);
  if (!index.ok()) {
    arena_.Unlock();
    return index.status();
  }
  auto writer = std::make_unique<LaneWriter>(*this, *index, thread->self);
  arena_.Unlock();
  thread->writer = writer.get();
  Local& local = ThisProcess();
  MutexLock lock(local.mutex);
  local.writers.push_back(std::move(writer));
  return thread->writer;
}

void QueueSegment::ReturnWriter(LaneWriter* writer) {
  Local& local = ThisProcess();
  MutexLock lock(local.mutex);
  writer->LetGo();
  std::erase_if(local.writers, [writer](const auto& mine) { return mine.get() == writer; });
}

absl::StatusOr<uint32_t> QueueSegment::ClaimLane(Member self) {
  const uint32_t count = lanes();
  const auto adopt = [&](uint32_t index) {
    lane(index).owner.store(self, std::memory_order_release);
    FaultPointHere(fault::kQueueLaneAdopted);
    header().lanes_in_use[index / 64].fetch_or(uint64_t{1} << index % 64, std::memory_order_release);
    return index;
  };
  // Prefer a lane that is in use and thus examined anyway.
  for (uint32_t i = FindLane(0, count); i < count; i = FindLane(i + 1, count)) {
    if (!OwnerLives(lane(i))) return adopt(i);
  }
  for (uint32_t word = 0; word * 64 < count; ++word) {
    const uint32_t i = word * 64 + static_cast<uint32_t>(std::countr_one(InUse(word, count)));
    if (i < std::min(count, word * 64 + 64)) return adopt(i);
  }
  if (count == kQueueLanes) {
    for (uint32_t i = 0; i < count; ++i) {
      if (!Family::Recheck(static_cast<Member>(lane(i).owner.load(std::memory_order_acquire) & kMemberMask))) {
        return adopt(i);
      }
    }
    return absl::ResourceExhaustedError(absl::StrCat(
        kQueueLanes, " threads are putting into this queue already: end some of them, or put from fewer threads"));
  }
  QueueLane& fresh = lane(count);
  const uint64_t lane_at = kLanesOffset + count * sizeof(QueueLane);
  if (absl::Status grown = segment_->Grow(lane_at, sizeof(QueueLane)); !grown.ok()) return grown;
  const uint64_t ring = BaseRingOffset(count);
  if (absl::Status reserved = segment_->Reserve(ring); !reserved.ok()) return reserved;
  if (absl::Status grown = segment_->Grow(ring, kBaseRingBytes); !grown.ok()) return grown;
  fresh.rings[0].store(ring | kBaseRingLog2, std::memory_order_relaxed);
  fresh.owner.store(self, std::memory_order_release);
  FaultPointHere(fault::kQueueLaneMade);
  header().lanes.store(count + 1, std::memory_order_release);
  header().lanes_in_use[count / 64].fetch_or(uint64_t{1} << count % 64, std::memory_order_release);
  return count;
}

void QueueSegment::Retire(uint32_t index) {
  ResetLane(index);
  lane(index).limit.store(0, std::memory_order_relaxed);
  // No item can be put before the next owner sets the bit, while it holds the lock.
  header().lanes_in_use[index / 64].fetch_and(~(uint64_t{1} << index % 64), std::memory_order_release);
}

void QueueSegment::RetireLanes(Member self) {
  bool any = false;
  ForEachLane([&](uint32_t index) { any = any || IsRetirable(lane(index)); });
  if (!any || !arena_.TryLock(self)) return;
  ForEachLane([&](uint32_t index) {
    if (IsRetirable(lane(index))) Retire(index);
  });
  arena_.Unlock();
}

void QueueSegment::Trim(Member self) {
  for (uint32_t from = 0; arena_.TryLock(self);) {  // If another process holds the lock, that process trims.
    const bool more = TrimStep(&from);
    arena_.Unlock();
    if (!more) return;
  }
}

// Goes on from chunk *from. Returns true if there is more to do.
bool QueueSegment::TrimStep(uint32_t* from) {
  std::vector<uint64_t> limits(lanes());
  std::vector<bool> busy(limits.size());
  // From here on no owner can put without the lock.
  ForEachLane([&](uint32_t i) { limits[i] = lane(i).limit.exchange(0, std::memory_order_relaxed); });
  AsymmetricFenceHeavy();
  bool anything = false;
  ForEachLane([&](uint32_t i) {
    if (Outstanding(lane(i)) != 0) {
      lane(i).limit.store(limits[i], std::memory_order_relaxed);
      anything = busy[i] = true;
    } else if (OwnerLives(lane(i))) {
      ResetLane(i);
    } else {
      Retire(i);
    }
  });
  *from = arena_.Sweep(*from, [&](uint32_t first, const ChunkRun& run) {
    if (run.owner >= busy.size() || busy[run.owner]) return false;
    if (run.kind == kRingKind || run.kind == ChunkRun::kTail) return true;
    bool kept = false;
    if (counts_) {
      ExtentPool::ForEach(arena_, first, run, [&](Extent& extent) { kept = kept || IsOwned(extent); });
    }
    return !kept && ExtentPool::AllFree(arena_, first, run);
  });
  return !anything && !arena_.none_left(*from);
}

void QueueSegment::Keep(Extent* extent) {
  Local& local = ThisProcess();
  MutexLock lock(local.mutex);
  local.kept.push_back(extent);
}

Extent* QueueSegment::TakeKept() {
  Local& local = ThisProcess();
  MutexLock lock(local.mutex);
  if (local.kept.empty()) return nullptr;
  Extent* const extent = local.kept.front();
  local.kept.pop_front();
  return extent;
}

void QueueSegment::Finish(Extent* extent) {
  extent->state.store(Extent::kFree, std::memory_order_release);
  FaultPointHere(fault::kQueueTaskDone);
  AsymmetricFenceLight();
  if (header_->finished.anybody_sleeps() && size() == 0) header_->finished.NotifyAll();
}

template <typename Visit>
void QueueSegment::ForEachOwned(Visit visit) {
  for (uint32_t from = 0; !arena_.none_left(from);) {
    from = arena_.Sweep(from, [&](uint32_t first, const ChunkRun& run) {
      ExtentPool::ForEach(arena_, first, run, [&](Extent& extent) {
        if (IsOwned(extent)) visit(extent, run);
      });
      return false;
    });
  }
}

uint64_t QueueSegment::PutsSeen() const {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < lanes(); ++i) sum = sum * 31 + lane(i).used.load(std::memory_order_acquire);
  return sum;
}

bool QueueSegment::AllFinished(Member self) {
  // The order matters. The queue is empty at one moment. Each item put before is seen to be done after it. And no item
  // was put meanwhile, by a task that was not done yet.
  const uint64_t puts = PutsSeen();
  if (size() != 0 || !arena_.Lock(self, Deadline::Now()).ok()) return false;
  bool any = false;
  ForEachOwned([&](const Extent&, const ChunkRun&) { any = true; });
  arena_.Unlock();
  return !any && PutsSeen() == puts;
}

void QueueSegment::Recover(QueueThread* thread) {
  struct Claimed {
    Extent* extent;
    uint64_t state;
    uint32_t size;
  };
  std::vector<Claimed> claimed;
  if (!arena_.Lock(thread->self, Deadline::Now()).ok()) return;
  ForEachOwned([&](Extent& extent, const ChunkRun& run) {
    uint64_t state = extent.state.load(std::memory_order_acquire);
    if (run.owner >= lanes() || (state & Extent::kTag) != Extent::kOwned || Family::Recheck(OwnerOf(state))) return;
    // Its getter may have died before it moved the head past it.
    std::atomic<uint64_t>& head = lane(run.owner).head;
    uint64_t at = head.load(std::memory_order_acquire);
    if (OwnerOf(state) != kNobody && static_cast<uint32_t>(at) == static_cast<uint32_t>(state)) {
      head.compare_exchange_strong(at, at + 1, std::memory_order_acq_rel);
    }
    const uint64_t mine = Extent::kOwned | uint64_t{thread->self} << 32 | (state & 0xffffffff);
    if (extent.state.compare_exchange_strong(state, mine, std::memory_order_acq_rel)) {
      const uint32_t size = extent.size.load(std::memory_order_relaxed);
      claimed.push_back({&extent, state, size <= ExtentPool::RoomOf(run) ? size : 0});
    }
  });
  arena_.Unlock();
  for (const auto& [extent, state, size] : claimed) {
    FaultPointHere(fault::kQueueItemRecovered);
    if (header_->if_getter_dies == IfGetterDies::kIsPutBack) {
      const absl::Status put = PutCopy(thread, {extent->payload(), size});
      FaultPointHere(fault::kQueueItemPutBack);
      if (!put.ok() && !IsClosed(put)) {
        extent->state.store(state, std::memory_order_release);  // There is no room now: it is looked at again later.
        continue;
      }
    }
    header_->abandoned.fetch_add(1, std::memory_order_relaxed);
    Finish(extent);
  }
}

absl::Status QueueSegment::PutCopy(QueueThread* thread, absl::Span<const std::byte> bytes) {
  const absl::StatusOr<LaneWriter*> writer = ClaimWriter(thread, Deadline::Now());
  if (!writer.ok()) return writer.status();
  Extent* extent = nullptr;
  const absl::StatusOr<std::byte*> room = (*writer)->Reserve(bytes.size(), Deadline::Now(), &extent);
  if (!room.ok()) return room.status();
  std::memcpy(*room, bytes.data(), bytes.size());
  (*writer)->Commit(static_cast<uint32_t>(bytes.size()), extent);  // True, as the writer's thread is this one.
  return absl::OkStatus();
}

uint64_t QueueSegment::SettledHop(const QueueLane& lane, uint64_t next) const {
  const uint64_t hop = lane.hop.load(std::memory_order_relaxed);
  uint64_t mask = 0;
  const QueueSlot* ring = Ring(lane, hop, &mask);
  const bool marked =
      ring != nullptr && ring[next & mask].sequence.load(std::memory_order_relaxed) == (QueueSlot::kJump | (next + 1));
  const bool head_is_ahead = (lane.head.load(std::memory_order_acquire) >> 56) == ((hop + 1) & 0xff);
  return marked || head_is_ahead ? hop + 1 : hop;
}

void QueueSegment::ResetLane(uint32_t index) {
  QueueLane& lane = this->lane(index);
  uint64_t head = lane.head.load(std::memory_order_acquire);
  // `used` would be wrong: the owner may be trying to begin an item, and will fail.
  const uint64_t next = head & kIndexMask;
  if (!OwnerLives(lane)) lane.used.store(next, std::memory_order_relaxed);
  // The owner, if there is one, needs the lock because its limit is 0. It then reads everything again.
  lane.resets.fetch_add(1, std::memory_order_relaxed);
  const uint64_t base = BaseRingOffset(index);
  uint64_t hop = SettledHop(lane, next);
  lane.hop.store(hop, std::memory_order_release);
  // The lane is empty, so getters can only move its head from ring to ring.
  const auto move_head = [&] {
    while ((head >> 56) != (hop & 0xff) &&
           !lane.head.compare_exchange_weak(head, PackHead(hop, head), std::memory_order_acq_rel)) {
    }
  };
  if ((lane.rings[hop % kLaneRings].load(std::memory_order_relaxed) & ~uint64_t{63}) != base) {
    // The head must leave the base ring before the mark in that ring is cleared. Otherwise a death in between would
    // leave the head without a way on.
    move_head();
    ++hop;
    ClearMark(base, kBaseRingLog2, next);
    lane.rings[hop % kLaneRings].store(base | kBaseRingLog2, std::memory_order_release);
  }
  // Move the head first: after a death SettledHop finds it ahead of `hop`.
  move_head();
  FaultPointHere(fault::kQueueLaneReset);
  lane.hop.store(hop, std::memory_order_release);
}

}  // namespace regatta
