#include "core/pool/task_table.h"

#include <malloc.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/codec/codec.h"
#include "core/os/cpu.h"
#include "core/os/memfd.h"

namespace regatta {
namespace {

constexpr uint32_t kOwner = 0;      // The owner's extents; worker i's are i + 1.
constexpr uint32_t kSlotStep = 64;  // Slots that get memory at a time.
constexpr int kTidySteps = 64;
constexpr size_t kBatchKept = kTaskSlots;    // Entries whose memory a thread keeps for its next batch.
constexpr size_t kLargeBacklog = 16 * 1024;  // Tasks that leave memory worth giving back.
constexpr size_t kFirstLine = 8;             // Bytes of arguments in the slot's first cache line.

// Reads a field that a worker writes, once: the compiler may not read it again.
template <class T>
T ReadOnce(const T& field) {
  return __atomic_load_n(&field, __ATOMIC_RELAXED);
}

Submitted NotEncoded(absl::Status status) { return {Submitted::Kind::kNotEncoded, std::move(status)}; }
Submitted Refused(absl::Status status) { return {Submitted::Kind::kRefused, std::move(status)}; }

}  // namespace

// The memory of a batch, borrowed from the thread: user code that runs as a batch is destroyed may collect another.
class TaskTable::BorrowedBatch {
 public:
  BorrowedBatch() : batch_(std::move(t_spare)) {}
  ~BorrowedBatch() {
    batch_.clear();
    if (batch_.capacity() <= kBatchKept) t_spare = std::move(batch_);
  }
  BorrowedBatch(const BorrowedBatch&) = delete;
  BorrowedBatch& operator=(const BorrowedBatch&) = delete;
  Batch& operator*() { return batch_; }

 private:
  static thread_local Batch t_spare;
  Batch batch_;
};
thread_local TaskTable::Batch TaskTable::BorrowedBatch::t_spare;

TaskTable::TaskTable(std::shared_ptr<Board> board, uint32_t workers, uint32_t slots,
                     std::function<void(std::shared_ptr<TaskState>)> call_back)
    : board_(std::move(board)),
      workers_(workers),
      call_back_(std::move(call_back)),
      waiters_(this, board_.get()),
      positions_(workers),
      extents_(&board_->arena(), kOwner, board_->self()),
      pending_(kTaskSlots),
      serials_(kTaskSlots),
      slots_made_(slots) {
  for (uint32_t i = slots; i-- > 0;) free_.push_back(i);
}

// --- Posting ---

std::optional<uint32_t> TaskTable::TakeSlot() {
  if (free_.empty() && slots_made_ < kTaskSlots) {
    // Without memory for more slots a task waits for one of those that there are; Create made the first.
    if (board_->Back(slots_made_ + kSlotStep, workers_).ok()) {
      for (uint32_t i = kSlotStep; i-- > 0;) free_.push_back(slots_made_ + i);
      slots_made_ += kSlotStep;
    }
  }
  if (free_.empty()) return std::nullopt;
  const uint32_t slot = free_.back();
  free_.pop_back();
  return slot;
}

absl::StatusOr<Extent*> TaskTable::TakeExtent(uint64_t bytes, uint32_t slot) {
  untidy_.store(true, std::memory_order_relaxed);
  return Board::TakeExtent(extents_, bytes, slot);
}

void TaskTable::Post(uint32_t index, const TaskSpec& spec, size_t bytes, Extent* arguments,
                     std::shared_ptr<TaskState> state, std::unique_ptr<std::vector<Fd>> descriptors) {
  TaskSlot& slot = board_->slot(index);
  slot.function = spec.function;
  slot.items = spec.items > 1 ? spec.items : 0;
  slot.arguments_size = static_cast<uint32_t>(bytes);
  slot.arguments_at = arguments == nullptr ? 0 : board_->OffsetOf(arguments);
  slot.descriptors = descriptors == nullptr ? 0 : static_cast<uint32_t>(descriptors->size());
  Pending& task = pending_[index];
  task.state = std::move(state);
  task.descriptors = std::move(descriptors);
  task.arguments = arguments;
  task.first = spec.first;
  task.items = spec.items;
  task.retries = spec.retries;
  slot.state.store(TaskWord{TaskPhase::kQueued, 0, 0, ++serials_[index]}.Pack(), std::memory_order_release);
  if (const uint32_t here = CurrentProcessor(); here != processor_) {
    processor_ = here;
    board_->header().owner_processor.store(here, std::memory_order_relaxed);
  }
  PostAgain(index);
}

void TaskTable::PostAgain(uint32_t slot) {
  if (!board_->Post(slot)) unposted_.push_back(slot);
}

void TaskTable::Accepted(const TaskState& state) {
  outstanding_.fetch_add(1, std::memory_order_relaxed);
  if (state.wants_callback) waiters_.AddUnattended(1);
}

Submitted TaskTable::Submit(const TaskSpec& spec, size_t bytes,
                            absl::FunctionRef<absl::Status(absl::Span<std::byte>)> encode,
                            const std::shared_ptr<TaskState>& state, std::unique_ptr<std::vector<Fd>> descriptors) {
  const size_t keys = descriptors == nullptr ? 0 : descriptors->size() * sizeof(uint64_t);
  const size_t all = bytes + keys;
  if (bytes > kLargestResult || all > kLargestResult) {
    return NotEncoded(
        absl::InvalidArgumentError("a task's arguments are over the largest, 1 GiB: pass them in pieces"));
  }
  const auto encode_all = [&](std::byte* at) {
    absl::Status encoded = encode({at, bytes});
    for (size_t i = 0; i * sizeof(uint64_t) < keys; ++i) {
      const uint64_t key = MemfdIdentity((*descriptors)[i]);
      std::memcpy(at + bytes + i * sizeof(key), &key, sizeof(key));
    }
    return encoded;
  };
  // Small arguments are encoded before a slot is taken: one turn of the lock.
  std::byte small[kInlineArguments];
  const bool is_small = all <= kInlineArguments;
  if (is_small) {
    if (absl::Status encoded = encode_all(small); !encoded.ok()) return NotEncoded(std::move(encoded));
    MutexLock lock(mutex_);
    if (!refusal_.ok()) return Refused(refusal_);
    if (const std::optional<uint32_t> slot = backlog_.empty() ? TakeSlot() : std::nullopt) {
      std::memcpy(board_->slot(*slot).arguments, small, all <= kFirstLine ? kFirstLine : kInlineArguments);
      Accepted(*state);
      Post(*slot, spec, bytes, nullptr, state, std::move(descriptors));
      return {};
    }
  }

  BorrowedBatch batch;
  Collect(false);  // Slots may become free.
  std::optional<uint32_t> slot;
  Extent* extent = nullptr;
  {
    MutexLock lock(mutex_);
    if (!refusal_.ok()) return Refused(refusal_);
    if (backlog_.empty()) slot = TakeSlot();
    if (slot.has_value() && !is_small) {
      absl::StatusOr<Extent*> taken = TakeExtent(all, *slot);
      if (!taken.ok()) {
        free_.push_back(*slot);
        return Refused(taken.status());
      }
      extent = *taken;
    }
  }
  std::unique_ptr<std::byte[]> copy;
  if (!slot.has_value()) {
    copy.reset(new (std::nothrow) std::byte[all]);
    if (copy == nullptr) {
      return Refused(
          absl::ResourceExhaustedError(absl::StrCat("no memory to keep a task's arguments of ", bytes, " bytes")));
    }
  }
  if (is_small) std::memcpy(copy != nullptr ? copy.get() : board_->slot(*slot).arguments, small, all);
  absl::Status encoded;
  if (!is_small) encoded = encode_all(extent != nullptr ? extent->payload() : copy.get());
  absl::Status refused;
  if (encoded.ok()) {
    MutexLock lock(mutex_);
    refused = refusal_;
    if (refused.ok()) {
      Accepted(*state);
      if (slot.has_value()) {
        Post(*slot, spec, bytes, extent, state, std::move(descriptors));
      } else {
        waiters_.AddUnattended(1);
        backlog_.push_back({spec, bytes, std::move(copy), std::move(descriptors), state});
        if (backlog_.size() == kLargeBacklog) {
          backlog_was_large_ = true;
          untidy_.store(true, std::memory_order_relaxed);
        }
        Feed(*batch);  // All that was under way may have ended meanwhile.
      }
    }
  }
  if (slot.has_value() && !(encoded.ok() && refused.ok())) GiveBack(*slot, extent, *batch);
  Announce(*batch, false);
  if (!encoded.ok()) return NotEncoded(std::move(encoded));
  return refused.ok() ? Submitted() : Refused(std::move(refused));
}

void TaskTable::GiveBack(uint32_t slot, Extent* arguments, Batch& batch) {
  if (arguments != nullptr) arguments->state.store(Extent::kFree, std::memory_order_release);
  MutexLock lock(mutex_);
  free_.push_back(slot);
  Feed(batch);
}

void TaskTable::Fail(const TaskSpec& spec, std::shared_ptr<TaskState> state, absl::Status why) {
  Accepted(*state);
  BorrowedBatch batch;
  Ended& ended = (*batch).emplace_back();
  ended.last = state->Take(spec.first, spec.items, RawResult(std::move(why)));
  ended.task.state = std::move(state);
  Announce(*batch, false);
}

void TaskTable::Refuse(absl::Status why) {
  MutexLock lock(mutex_);
  refusal_ = std::move(why);
}

void TaskTable::Feed(Batch& batch) {
  while (!unposted_.empty() && board_->Post(unposted_.back())) unposted_.pop_back();
  while (!backlog_.empty()) {
    const std::optional<uint32_t> slot = TakeSlot();
    if (!slot.has_value()) return;
    Waiting& next = backlog_.front();
    const size_t keys = next.descriptors == nullptr ? 0 : next.descriptors->size() * sizeof(uint64_t);
    const size_t all = next.size + keys;
    Extent* extent = nullptr;
    if (all > kInlineArguments) {
      absl::StatusOr<Extent*> taken = TakeExtent(all, *slot);
      if (!taken.ok()) {
        // No memory for large arguments now: what is under way will free some. With nothing under way it never comes.
        free_.push_back(*slot);
        if (free_.size() < slots_made_) return;
        Ended& ended = batch.emplace_back();
        ended.last = next.state->Take(next.spec.first, next.spec.items, RawResult(taken.status()));
        ended.task.state = std::move(next.state);
        waiters_.AddUnattended(-1);
        tasks_done_.fetch_add(1, std::memory_order_relaxed);
        backlog_.pop_front();
        continue;
      }
      extent = *taken;
    }
    std::memcpy(extent != nullptr ? extent->payload() : board_->slot(*slot).arguments, next.bytes.get(), all);
    Post(*slot, next.spec, next.size, extent, std::move(next.state), std::move(next.descriptors));
    waiters_.AddUnattended(-1);
    backlog_.pop_front();
  }
}

// --- Collecting ---

bool TaskTable::AnythingPosted() const {
  for (uint32_t i = 0; i < workers_; ++i) {
    if (board_->DoneAt(i, positions_[i].load(std::memory_order_relaxed))) return true;
  }
  return false;
}

void TaskTable::TakePosted(Batch& batch) {
  for (uint32_t i = 0; i < workers_; ++i) {
    uint32_t position = positions_[i].load(std::memory_order_relaxed);
    while (const std::optional<uint32_t> slot = board_->DoneAt(i, position)) {
      positions_[i].store(++position, std::memory_order_relaxed);
      __builtin_prefetch(&board_->slot(*slot).result_serial);
      Ended& ended = batch.emplace_back();
      ended.slot = *slot;
    }
  }
}

bool TaskTable::Collect(bool leading) {
  if (!AnythingPosted()) return false;
  if (!drain_.TryLock()) return false;  // Its holder collects for all.
  BorrowedBatch batch;
  TakePosted(*batch);
  Resolve(*batch);
  drain_.Unlock();
  Announce(*batch, leading);
  // A thread that came meanwhile may have looked in vain and sleep now, with its result posted.
  AsymmetricFenceLight();
  WaitPoint& results = board_->header().results;
  if (results.anybody_sleeps() && AnythingPosted()) results.Notify();
  return true;
}

bool TaskTable::TakeResult(const Pending& task, const TaskSlot& slot) {
  const uint32_t code = ReadOnce(slot.outcome);
  const uint32_t parts = ReadOnce(slot.result_parts);
  TaskState& state = *task.state;
  RawResult result = RawResult::Take(board_, ReadOnce(slot.result_at), ReadOnce(slot.result_size), slot.result,
                                     /*chunked=*/task.items > 1);
  if (!result.error().ok() || (code == 0 && parts == 0)) [[likely]]
    return state.Take(task.first, task.items, std::move(result));
  if (code != 0) {
    absl::Status error;
    if (!DecodeInto(result.bytes(), error).ok() || error.ok()) {
      error = absl::DataLossError("a task's error was overwritten in shared memory");
    }
    return state.Take(task.first, task.items, RawResult(std::move(error)));
  }
  // A chunk's results in several pieces, and this is their list.
  absl::Span<const std::byte> list = result.bytes();
  bool last = false;
  uint32_t taken = 0;
  while (list.size() >= sizeof(ResultPart) && taken < task.items) {
    ResultPart part;
    std::memcpy(&part, list.data(), sizeof(part));
    list.remove_prefix(sizeof(part));
    if (part.at == 0 || part.items == 0 || part.items > task.items - taken) break;
    last = state.Take(task.first + taken, part.items,
                      RawResult::Take(board_, part.at, part.size, slot.result, /*chunked=*/true));
    taken += part.items;
  }
  if (taken == task.items) return last;
  return state.Take(task.first + taken, task.items - taken,
                    RawResult(absl::DataLossError("a chunk's results were overwritten in shared memory")));
}

void TaskTable::Resolve(Batch& batch) {
  if (batch.empty()) return;
  {
    MutexLock lock(mutex_);
    for (Ended& ended : batch) {
      // Else posted twice or never written, by a broken worker.
      if (ended.error == nullptr && ReadOnce(board_->slot(ended.slot).result_serial) != serials_[ended.slot]) continue;
      ended.task = std::move(pending_[ended.slot]);
    }
  }
  uint64_t done = 0;
  for (Ended& ended : batch) {
    if (ended.task.state == nullptr) continue;
    TaskSlot& slot = board_->slot(ended.slot);
    ended.last = ended.error == nullptr
                     ? TakeResult(ended.task, slot)
                     : ended.task.state->Take(ended.task.first, ended.task.items, RawResult(*ended.error));
    if (ended.task.arguments != nullptr) ended.task.arguments->state.store(Extent::kFree, std::memory_order_release);
    slot.state.store(TaskWord{}.Pack(), std::memory_order_relaxed);
    ++done;
  }
  tasks_done_.fetch_add(done, std::memory_order_relaxed);
  MutexLock lock(mutex_);
  for (const Ended& ended : batch) {
    if (ended.task.state != nullptr) free_.push_back(ended.slot);
  }
  if (!backlog_.empty() || !unposted_.empty()) Feed(batch);
}

void TaskTable::Announce(Batch& batch, bool leading) {
  if (batch.empty()) return;
  uint64_t settled = 0;
  int64_t attended = 0;
  for (Ended& ended : batch) {
    TaskState* state = ended.task.state.get();
    if (state == nullptr) continue;
    if (state->wants_callback) ++attended;
    if (ended.last) state->done.store(true, std::memory_order_release);
    if (ended.last && state->wants_callback) {
      call_back_(ended.task.state);
    } else {
      ++settled;
    }
  }
  if (attended > 0) waiters_.AddUnattended(-attended);
  const bool all_done = outstanding_.fetch_sub(settled, std::memory_order_acq_rel) == settled;
  if (waiters_.AnySleeps()) {
    for (Ended& ended : batch) {
      if (ended.last) waiters_.Wake(*ended.task.state->waiters);
    }
    if (all_done) waiters_.Wake(all_done_);
  }
  if (!leading) waiters_.WakeLeader();
}

void TaskTable::CallbackReturned() {
  if (outstanding_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (waiters_.AnySleeps()) waiters_.Wake(all_done_);
  waiters_.WakeLeader();
}

void TaskTable::ResetWorker(uint32_t worker) {
  MutexLock drain(drain_);
  board_->ResetWorker(worker);
  positions_[worker].store(0, std::memory_order_release);
}

bool TaskTable::Bury(uint32_t worker, const absl::Status& error) {
  BorrowedBatch batch;
  {
    MutexLock drain(drain_);
    TakePosted(*batch);  // What it posted before counts.
    std::vector<bool> taken(kTaskSlots);
    for (const Ended& ended : *batch) taken[ended.slot] = true;
    const uint64_t trying = board_->worker(worker).trying.load(std::memory_order_acquire);
    {
      MutexLock lock(mutex_);
      if (trying > 0 && trying - 1 < slots_made_) {
        const auto slot = static_cast<uint32_t>(trying - 1);
        // It may have taken this task's entry without claiming the task. A second entry does no harm.
        const TaskWord word = TaskWord::Unpack(board_->slot(slot).state.load(std::memory_order_acquire));
        if (word.phase == TaskPhase::kQueued) PostAgain(slot);
      }
      for (uint32_t slot = 0; slot < slots_made_; ++slot) {
        TaskWord word = TaskWord::Unpack(board_->slot(slot).state.load(std::memory_order_acquire));
        if (word.worker != worker || taken[slot]) continue;
        if (word.phase == TaskPhase::kRunning && pending_[slot].state != nullptr &&
            word.attempts <= pending_[slot].retries) {
          word.phase = TaskPhase::kQueued;
          board_->slot(slot).state.store(word.Pack(), std::memory_order_release);
          tasks_retried_.fetch_add(1, std::memory_order_relaxed);
          PostAgain(slot);
        } else if (word.phase == TaskPhase::kRunning || word.phase == TaskPhase::kDone) {
          Ended& ended = (*batch).emplace_back();
          ended.slot = slot;
          if (word.phase == TaskPhase::kRunning) ended.error = &error;
        }
      }
    }
    Resolve(*batch);
  }
  Announce(*batch, false);
  return board_->worker(worker).ready.load(std::memory_order_acquire) != 0;
}

void TaskTable::FailAll(const absl::Status& why) {
  BorrowedBatch batch;
  {
    MutexLock drain(drain_);
    TakePosted(*batch);
    std::vector<bool> taken(kTaskSlots);
    for (const Ended& ended : *batch) taken[ended.slot] = true;
    std::deque<Waiting> backlog;
    {
      MutexLock lock(mutex_);
      for (uint32_t slot = 0; slot < slots_made_; ++slot) {
        if (taken[slot] || pending_[slot].state == nullptr) continue;
        Ended& ended = (*batch).emplace_back();
        ended.slot = slot;
        ended.error = &why;
      }
      backlog.swap(backlog_);
      unposted_.clear();
    }
    Resolve(*batch);
    waiters_.AddUnattended(-static_cast<int64_t>(backlog.size()));
    for (Waiting& waiting : backlog) {
      Ended& ended = (*batch).emplace_back();
      ended.last = waiting.state->Take(waiting.spec.first, waiting.spec.items, RawResult(why));
      ended.task.state = std::move(waiting.state);
    }
    tasks_done_.fetch_add(backlog.size(), std::memory_order_relaxed);
  }
  Announce(*batch, false);
}

absl::StatusOr<std::vector<Fd>> TaskTable::DescriptorsOf(uint32_t slot, uint32_t serial) {
  std::vector<Fd> copies;
  MutexLock lock(mutex_);
  if (slot >= slots_made_ || serials_[slot] != serial || pending_[slot].descriptors == nullptr) return copies;
  for (const Fd& fd : *pending_[slot].descriptors) {
    absl::StatusOr<Fd> copy = fd.Duplicate();
    if (!copy.ok()) return copy.status();
    copies.push_back(*std::move(copy));
  }
  return copies;
}

void TaskTable::Tidy() {
  // A bounded piece at a time, so that others get the lock.
  untidy_.store(false, std::memory_order_relaxed);
  bool more = true;
  for (int i = 0; i < kTidySteps && more; ++i) {
    MutexLock lock(mutex_);
    more = extents_.GiveBackUnused();
  }
  if (more) untidy_.store(true, std::memory_order_relaxed);
  bool heap = false;
  {
    MutexLock lock(mutex_);
    heap = std::exchange(backlog_was_large_, false);
  }
#if defined(__GLIBC__)
  // The C library keeps what lies below anything that was allocated last.
  if (heap) malloc_trim(0);
#endif
}

}  // namespace regatta
