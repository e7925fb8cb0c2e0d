#include "core/pool/board.h"

#include <algorithm>
#include <utility>

#include "core/os/cpu.h"
#include "core/pool/fault_points.h"

namespace regatta {

Board::Board(std::shared_ptr<Segment> segment, Member self)
    : GrowingObject(std::move(segment), kBoardArena, kBoardChunks), self_(self) {}

absl::StatusOr<std::unique_ptr<Board>> Board::Create() {
  return ViewOf(CreateFile(kWorkersOffset, 0, [](BoardHeader&) {}));
}

absl::StatusOr<std::unique_ptr<Board>> Board::Attach(Fd file) {
  return ViewOf(AttachFile(std::move(file), 0, kWorkersOffset, 0));
}

absl::StatusOr<std::unique_ptr<Board>> Board::ViewOf(absl::StatusOr<std::shared_ptr<Segment>> segment) {
  if (!segment.ok()) return segment.status();
  const absl::StatusOr<Member> self = Family::Self();
  if (!self.ok()) return self.status();
  return std::make_unique<Board>(*std::move(segment), *self);
}

absl::Status Board::Back(uint32_t slots, uint32_t workers) {
  if (absl::Status grown = segment_->Grow(kWorkersOffset, workers * sizeof(WorkerLine)); !grown.ok()) return grown;
  if (absl::Status grown = segment_->Grow(kSlotsOffset, slots * sizeof(TaskSlot)); !grown.ok()) return grown;
  if (absl::Status grown = segment_->Grow(kDoneOffset, workers * sizeof(DoneRing)); !grown.ok()) return grown;
  // Done() finds each of them from now on.
  for (uint32_t i = 0; i < workers; ++i) {
    // Other threads read it once it is set.
    if (done_[i] == nullptr) done_[i] = segment_->Get<DoneRing>(kDoneOffset + i * sizeof(DoneRing));
    if (done_[i] == nullptr) {
      return absl::ResourceExhaustedError("no address space is left for the pool's results: raise `ulimit -v`");
    }
  }
  return absl::OkStatus();
}

bool Board::Post(uint32_t slot) {
  if (ring_tail_ - ring_head_seen_ >= kTaskRing) {
    ring_head_seen_ = header().ring_head.load(std::memory_order_acquire);
    if (ring_tail_ - ring_head_seen_ >= kTaskRing) return false;
  }
  const uint64_t entry = uint64_t{static_cast<uint32_t>(ring_tail_ + 1)} << 32 | slot;
  RingEntry(ring_tail_).store(entry, std::memory_order_release);
  ++ring_tail_;
  FaultPointHere(fault::kPoolTaskPosted);
  header().tasks.Notify();
  return true;
}

bool Board::AnyPosted() const {
  const uint64_t at = header().ring_head.load(std::memory_order_acquire);
  return static_cast<uint32_t>(RingEntry(at).load(std::memory_order_acquire) >> 32) == static_cast<uint32_t>(at + 1);
}

std::optional<uint32_t> Board::Claim(uint16_t worker, uint32_t workers) {
  WorkerLine& mine = this->worker(worker);
  std::atomic<uint64_t>& head = header().ring_head;
  uint64_t at = head.load(std::memory_order_acquire);
  for (;;) {
    const uint64_t entry = RingEntry(at).load(std::memory_order_acquire);
    if (static_cast<uint32_t>(entry >> 32) != static_cast<uint32_t>(at + 1)) {
      const uint64_t now = head.load(std::memory_order_acquire);
      if (now == at) return std::nullopt;
      at = now;
      continue;
    }
    const uint32_t index = static_cast<uint32_t>(entry) % kTaskSlots;
    // Whoever dies between taking the entry and claiming the task has left word here.
    mine.trying.store(uint64_t{index} + 1, std::memory_order_release);
    FaultPointHere(fault::kPoolTrying);
    if (!head.compare_exchange_strong(at, at + 1, std::memory_order_acq_rel)) continue;
    FaultPointHere(fault::kPoolTaken);
    TaskSlot& slot = this->slot(index);
    PrefetchForWrite(&slot.result_serial);  // It comes while the state's line does.
    uint64_t word = slot.state.load(std::memory_order_acquire);
    TaskWord task = TaskWord::Unpack(word);
    if (task.phase == TaskPhase::kQueued) {
      task.phase = TaskPhase::kRunning;
      task.worker = worker;
      ++task.attempts;
      if (slot.state.compare_exchange_strong(word, task.Pack(), std::memory_order_acq_rel)) {
        FaultPointHere(fault::kPoolClaimed);
        // The one that will be this worker's next, if all take turns: its lines come while the function runs.
        const uint64_t next = RingEntry(at + workers).load(std::memory_order_relaxed);
        if (static_cast<uint32_t>(next >> 32) == static_cast<uint32_t>(at + workers + 1)) {
          const TaskSlot& soon = this->slot(static_cast<uint32_t>(next) % kTaskSlots);
          PrefetchForWrite(&soon.state);
          PrefetchForWrite(&soon.result_serial);
        }
        return index;
      }
    }
    ++at;  // Cancelled, or an entry that a death doubled.
  }
}

void Board::Finish(uint32_t index, uint16_t worker, uint32_t position) {
  TaskSlot& slot = this->slot(index);
  TaskWord task = TaskWord::Unpack(slot.state.load(std::memory_order_relaxed));
  task.phase = TaskPhase::kDone;
  slot.result_serial = task.serial;
  FaultPointHere(fault::kPoolResultWritten);
  slot.state.store(task.Pack(), std::memory_order_release);
  FaultPointHere(fault::kPoolDone);
  Done(worker).entries[position % kTaskSlots].store(uint64_t{position + 1} << 32 | index, std::memory_order_release);
  FaultPointHere(fault::kPoolPublished);
}

void Board::ResetWorker(uint32_t index) {
  WorkerLine& line = worker(index);
  line.trying.store(0, std::memory_order_relaxed);
  line.ready.store(0, std::memory_order_relaxed);
  line.member.store(0, std::memory_order_relaxed);
  for (auto& entry : Done(index).entries) entry.store(0, std::memory_order_relaxed);
}

std::optional<absl::Span<const std::byte>> Board::Bytes(uint64_t at, uint32_t size, const std::byte* in_slot,
                                                        uint32_t in_slot_size) const {
  if (at == 0) {
    if (size > in_slot_size) return std::nullopt;
    return absl::MakeConstSpan(in_slot, size);
  }
  Extent* extent = ExtentPool::Find(arena_, at, size);
  if (extent == nullptr) return std::nullopt;
  return absl::MakeConstSpan(extent->payload(), size);
}

void Board::FreeExtent(uint64_t at) const {
  if (at == 0) return;
  if (Extent* extent = ExtentPool::Find(arena_, at, 0)) extent->state.store(Extent::kFree, std::memory_order_release);
}

const std::byte* Board::TakeExtent(uint64_t at, uint32_t size) const {
  Extent* extent = ExtentPool::Find(arena_, at, size);
  if (extent == nullptr) return nullptr;
  extent->state.store(Extent::kOwned | uint64_t{self_} << 32, std::memory_order_relaxed);
  return extent->payload();
}

void Board::FreeTaken(const std::byte* payload) const {
  if (!IsForkGeneration(fork_generation_)) return;
  auto* extent = reinterpret_cast<Extent*>(const_cast<std::byte*>(payload) - sizeof(Extent));
  extent->state.store(Extent::kFree, std::memory_order_release);
}

absl::StatusOr<Extent*> Board::TakeExtent(ExtentPool& extents, uint64_t bytes, uint32_t slot) {
  absl::StatusOr<Extent*> extent = extents.Take(bytes, Patience());
  if (extent.ok()) (*extent)->state.store(Extent::kQueued | slot, std::memory_order_release);
  return extent;
}

}  // namespace regatta
