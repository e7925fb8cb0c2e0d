// Board: one process's view of a pool's shared memory, and the steps that owner and workers take on it.
//
// Internal to the pool. The steps are lock-free; a death between any two of them leaves the slot's state word telling
// what is to be done, by the owner (see pool_core.h).
#ifndef REGATTA_CORE_POOL_BOARD_H_
#define REGATTA_CORE_POOL_BOARD_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "core/os/deadline.h"
#include "core/os/fd.h"
#include "core/os/fork_generation.h"
#include "core/pool/board_format.h"
#include "core/shm/extent_pool.h"
#include "core/shm/family.h"
#include "core/shm/growing_object.h"
#include "core/shm/segment.h"

namespace regatta {

class Board : public GrowingObject<BoardHeader> {
 public:
  // ResourceExhausted: no memory, descriptors or address space.
  static absl::StatusOr<std::unique_ptr<Board>> Create();
  // DataLoss: not a board. FailedPrecondition: of another family.
  static absl::StatusOr<std::unique_ptr<Board>> Attach(Fd file);
  Board(std::shared_ptr<Segment> segment, Member self);

  TaskSlot& slot(uint32_t index) const { return At<TaskSlot>(kSlotsOffset)[index]; }
  WorkerLine& worker(uint32_t index) const { return At<WorkerLine>(kWorkersOffset)[index]; }
  Member self() const { return self_; }

  // Puts memory behind slots [0, slots) and the lines of workers [0, workers). ResourceExhausted: none left.
  absl::Status Back(uint32_t slots, uint32_t workers);

  // Owner, one thread at a time: says that `slot` is queued. False: the ring is full.
  bool Post(uint32_t slot);
  // Worker: the next queued task, now running and claimed by `worker`, one of `workers`.
  std::optional<uint32_t> Claim(uint16_t worker, uint32_t workers);
  // Whether a task is posted that nobody has taken; a hint.
  bool AnyPosted() const;
  // Worker: the result of its running task `slot` is written. `position` is its count of tasks done before.
  void Finish(uint32_t slot, uint16_t worker, uint32_t position);
  // Owner: the entry at `position` of what `worker` has done, if it is there.
  std::optional<uint32_t> DoneAt(uint32_t worker, uint32_t position) const {
    const uint64_t entry = Done(worker).entries[position % kTaskSlots].load(std::memory_order_acquire);
    if (static_cast<uint32_t>(entry >> 32) != position + 1) return std::nullopt;
    return static_cast<uint32_t>(entry) % kTaskSlots;
  }
  // Owner: a new process takes the worker's place.
  void ResetWorker(uint32_t worker);

  // The bytes at `at` (0: `in_slot`), if they can be there.
  std::optional<absl::Span<const std::byte>> Bytes(uint64_t at, uint32_t size, const std::byte* in_slot,
                                                   uint32_t in_slot_size) const;
  void FreeExtent(uint64_t at) const;
  // Owner: the extent at `at` belongs to this process from now on. Null: there is none that holds `size` bytes.
  const std::byte* TakeExtent(uint64_t at, uint32_t size) const;
  // Frees what TakeExtent returned. Does nothing in a forked child.
  void FreeTaken(const std::byte* payload) const;

  // How long the owner and the workers wait for a process that is stopped while it holds the arena's lock.
  static Deadline Patience() { return Deadline::After(absl::Seconds(10)); }
  // An extent of `extents` for `bytes` bytes, published for the task in `slot`. Errors: ExtentPool::Take's.
  static absl::StatusOr<Extent*> TakeExtent(ExtentPool& extents, uint64_t bytes, uint32_t slot);

 private:
  static absl::StatusOr<std::unique_ptr<Board>> ViewOf(absl::StatusOr<std::shared_ptr<Segment>> segment);
  // What lies in the first window, at an address that never changes.
  template <typename T>
  T* At(uint64_t offset) const {
    return reinterpret_cast<T*>(reinterpret_cast<std::byte*>(header_) + offset);
  }
  // Back() has put memory behind it, and an address.
  DoneRing& Done(uint32_t worker) const {
    if (done_[worker] == nullptr) [[unlikely]]
      done_[worker] = segment_->Get<DoneRing>(kDoneOffset + worker * sizeof(DoneRing));
    return *done_[worker];
  }
  std::atomic<uint64_t>& RingEntry(uint64_t index) const {
    return At<std::atomic<uint64_t>>(kRingOffset)[index % kTaskRing];
  }

  // By worker. The owner's Back fills it before other threads see it; a worker uses its own.
  mutable std::vector<DoneRing*> done_ = std::vector<DoneRing*>(kMostWorkers);
  const Member self_;
  const uint32_t fork_generation_ = ForkGeneration();
  uint64_t ring_tail_ = 0;       // The owner's.
  uint64_t ring_head_seen_ = 0;  // The owner's; read again only when it seems full, as workers write it all the time.
};

}  // namespace regatta

#endif  // REGATTA_CORE_POOL_BOARD_H_
