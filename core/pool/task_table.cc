#include "core/pool/task_table.h"

#include <malloc.h>

#include <cstring>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/os/cpu.h"

namespace regatta {
namespace {

constexpr uint32_t kOwner = 0;      // The owner's extents; worker i's are i + 1.
constexpr uint32_t kSlotStep = 64;  // Slots that get memory at a time.
constexpr int kTidySteps = 64;
constexpr size_t kLargeBacklog = size_t{16} * 1024;  // Tasks that leave memory worth giving back.
constexpr size_t kFirstLine = 8;                     // Bytes of arguments in the slot's first cache line.

Submitted NotEncoded(absl::Status status) { return {Submitted::Kind::kNotEncoded, std::move(status)}; }
Submitted Refused(absl::Status status) { return {Submitted::Kind::kRefused, std::move(status)}; }
absl::Status NoMemoryFor(size_t bytes) {
  return absl::ResourceExhaustedError(absl::StrCat("no memory to keep a task's arguments of ", bytes, " bytes"));
}

}  // namespace

TaskTable::TaskTable(std::shared_ptr<Board> board, uint32_t workers, uint32_t slots,
                     std::function<void(std::shared_ptr<TaskState>)> call_back, std::function<void()> became_untidy)
    : board_(std::move(board)),
      workers_(workers),
      call_back_(std::move(call_back)),
      became_untidy_(std::move(became_untidy)),
      pending_(kTaskSlots),
      positions_(workers),
      waiters_(this, board_.get(), &mutex_),
      extents_(&board_->arena(), kOwner, board_->self()),
      slots_made_(slots) {
  for (uint32_t i = slots; i-- > 0;) free_.push_back(i);
}

TaskTable::~TaskTable() {
  // Tasks are left only in a forked child.
  std::vector<std::shared_ptr<TaskState>> kept;
  for (const Pending& task : pending_) {
    if (task.posted.load(std::memory_order_relaxed)) kept.push_back(std::move(task.state->kept_by_pool));
  }
  for (const Waiting& task : backlog_) kept.push_back(std::move(task.state->kept_by_pool));
}

uint32_t TaskTable::TakeSlot() {
  if (free_.empty() && slots_made_ < kTaskSlots) {
    // Without memory for more slots a task waits for one of those that there are; Create made the first.
    if (board_->Back(slots_made_ + kSlotStep, workers_).ok()) {
      for (uint32_t i = kSlotStep; i-- > 0;) free_.push_back(slots_made_ + i);
      slots_made_ += kSlotStep;
    }
  }
  if (free_.empty()) return kNoSlot;
  const uint32_t slot = free_.back();
  free_.pop_back();
  return slot;
}

absl::StatusOr<Extent*> TaskTable::TakeExtent(uint64_t bytes, uint32_t slot) {
  MarkUntidy();
  return Board::TakeExtent(extents_, bytes, slot);
}

void TaskTable::MarkUntidy() {
  if (untidy()) return;
  untidy_.store(true, std::memory_order_relaxed);
  became_untidy_();
}

void TaskTable::Accept(const std::shared_ptr<TaskState>& state) {
  Add(outstanding_, 1);
  if (state->wants_callback) waiters_.AddUnattended(1);
  if (state->kept_by_pool == nullptr) state->kept_by_pool = state;
}

void TaskTable::Post(uint32_t index, const TaskSpec& spec, size_t bytes, Extent* arguments, TaskState* state) {
  TaskSlot& slot = board_->slot(index);
  Pending& task = pending_[index];
  slot.function = spec.function;
  slot.items = spec.items > 1 ? spec.items : 0;
  slot.descriptors = task.descriptors == nullptr ? 0 : static_cast<uint32_t>(task.descriptors->size());
  slot.arguments_size = static_cast<uint32_t>(bytes) - slot.descriptors * static_cast<uint32_t>(sizeof(uint64_t));
  slot.arguments_at = arguments == nullptr ? 0 : board_->OffsetOf(arguments);
  task.state = state;
  task.arguments = arguments;
  task.first = spec.first;
  task.items = spec.items;
  task.retries = spec.retries;
  slot.state.store(TaskWord{TaskPhase::kQueued, 0, 0, ++task.serial}.Pack(), std::memory_order_release);
  task.posted.store(true, std::memory_order_release);
  if (const uint32_t here = CurrentProcessor(); here != processor_) {
    processor_ = here;
    board_->header().owner_processor.store(here, std::memory_order_relaxed);
  }
  PostAgain(index);
}

void TaskTable::PostAgain(uint32_t slot) {
  if (!board_->Post(slot)) unposted_.push_back(slot);
}

void TaskTable::AddToBacklog(Waiting task) {
  backlog_.push_back(std::move(task));
  if (backlog_.size() == 1) waiters_.AddUnattended(1);
  if (backlog_.size() == kLargeBacklog) {
    backlog_was_large_ = true;
    MarkUntidy();
  }
}

void TaskTable::CollectMany() {
  if (AnyResultPosted(kBatch / 2)) Collect(/*leading=*/false);
}

void TaskTable::PostSmall(TaskSpec& spec, absl::Span<const SmallArguments>& tasks,
                          const std::shared_ptr<TaskState>& state) {
  if (!backlog_.empty()) return;
  for (; !tasks.empty(); tasks.remove_prefix(1), spec.first += spec.items) {
    const uint32_t slot = TakeSlot();
    if (slot == kNoSlot) return;
    const SmallArguments& task = tasks.front();
    std::memcpy(board_->slot(slot).arguments, task.bytes, task.size <= kFirstLine ? kFirstLine : kInlineArguments);
    Accept(state);
    Post(slot, spec, task.size, nullptr, state.get());
  }
}

Submitted TaskTable::SubmitSmall(TaskSpec spec, absl::Span<const SmallArguments> tasks,
                                 const std::shared_ptr<TaskState>& state) {
  const size_t all = tasks.size();
  {
    MutexLock lock(mutex_);
    if (!refusal_.ok()) return Refused(refusal_);
    PostSmall(spec, tasks, state);
  }
  if (tasks.empty()) [[likely]]
    return {};
  Collect(/*leading=*/false);  // Slots may become free.
  Batch failed;
  {
    MutexLock lock(mutex_);
    if (refusal_.ok()) PostSmall(spec, tasks, state);
    for (; !tasks.empty(); tasks.remove_prefix(1), spec.first += spec.items) {
      const SmallArguments& task = tasks.front();
      std::unique_ptr<std::byte[]> copy(new (std::nothrow) std::byte[task.size]);
      absl::Status why = refusal_;
      if (copy == nullptr) why.Update(NoMemoryFor(task.size));
      if (!why.ok() && tasks.size() == all) return Refused(std::move(why));
      Accept(state);
      if (!why.ok()) {
        AddFailed(spec, *state, std::move(why), failed);
        continue;
      }
      std::memcpy(copy.get(), task.bytes, task.size);
      AddToBacklog({spec, task.size, std::move(copy), state.get(), nullptr});
    }
  }
  Finish(failed, /*leading=*/false);
  CollectMany();
  return {};
}

Submitted TaskTable::Submit(const TaskSpec& spec, size_t bytes,
                            absl::FunctionRef<absl::Status(absl::Span<std::byte>)> encode,
                            const std::shared_ptr<TaskState>& state, std::unique_ptr<std::vector<Fd>> descriptors) {
  if (bytes > kLargestResult) {
    return NotEncoded(
        absl::InvalidArgumentError("a task's arguments are over the largest, 1 GiB: pass them in pieces"));
  }
  if (bytes <= kInlineArguments && descriptors == nullptr) {
    SmallArguments small;
    small.size = static_cast<uint32_t>(bytes);
    if (absl::Status encoded = encode({small.bytes, bytes}); !encoded.ok()) return NotEncoded(std::move(encoded));
    return SubmitSmall(spec, {&small, 1}, state);
  }
  uint32_t slot = kNoSlot;
  Extent* extent = nullptr;
  for (const bool first : {true, false}) {
    if (!first) Collect(/*leading=*/false);  // Slots and memory may become free.
    MutexLock lock(mutex_);
    if (!refusal_.ok()) return Refused(refusal_);
    if (!backlog_.empty()) break;
    slot = TakeSlot();
    if (slot == kNoSlot) continue;
    if (bytes <= kInlineArguments) break;
    const absl::StatusOr<Extent*> taken = TakeExtent(bytes, slot);
    if (taken.ok()) {
      extent = *taken;
      break;
    }
    free_.push_back(std::exchange(slot, kNoSlot));
    if (!first) return Refused(taken.status());
  }

  std::unique_ptr<std::byte[]> copy;  // Of the arguments of a task that waits for a slot.
  if (slot == kNoSlot) {
    copy.reset(new (std::nothrow) std::byte[bytes]);
    if (copy == nullptr) return Refused(NoMemoryFor(bytes));
  }
  std::byte* const to = slot == kNoSlot     ? copy.get()
                        : extent != nullptr ? extent->payload()
                                            : board_->slot(slot).arguments;
  absl::Status encoded = encode({to, bytes});
  Submitted submitted;
  Batch failed;
  {
    MutexLock lock(mutex_);
    if (!encoded.ok()) {
      submitted = NotEncoded(std::move(encoded));
    } else if (!refusal_.ok()) {
      submitted = Refused(refusal_);
    } else {
      Accept(state);
      if (slot != kNoSlot) {
        pending_[slot].descriptors = std::move(descriptors);
        Post(slot, spec, bytes, extent, state.get());
      } else {
        AddToBacklog({spec, bytes, std::move(copy), state.get(), std::move(descriptors)});
      }
    }
    if (slot != kNoSlot && submitted.kind != Submitted::Kind::kAccepted) {
      if (extent != nullptr) extent->state.store(Extent::kFree, std::memory_order_release);
      free_.push_back(slot);
    }
    Feed(failed);  // Every task that was under way may have ended meanwhile.
  }
  Finish(failed, /*leading=*/false);
  if (slot == kNoSlot) CollectMany();
  return submitted;
}

void TaskTable::Fail(const TaskSpec& spec, const std::shared_ptr<TaskState>& state, absl::Status why) {
  {
    MutexLock lock(mutex_);
    Accept(state);
  }
  Batch batch;
  AddFailed(spec, *state, std::move(why), batch);
  Finish(batch, /*leading=*/false);
}

void TaskTable::AddFailed(const TaskSpec& spec, TaskState& state, absl::Status why, Batch& batch) {
  HandOver(state, batch.emplace_back(), [&] { return state.Take(spec.first, spec.items, RawResult(std::move(why))); });
}

void TaskTable::Refuse(absl::Status why) {
  MutexLock lock(mutex_);
  refusal_ = std::move(why);
}

void TaskTable::Feed(Batch& batch) {
  while (!unposted_.empty() && board_->Post(unposted_.back())) unposted_.pop_back();
  if (backlog_.empty()) return;
  do {
    const uint32_t slot = TakeSlot();
    if (slot == kNoSlot) return;
    Waiting& next = backlog_.front();
    const bool is_small = next.bytes <= kInlineArguments;
    const absl::StatusOr<Extent*> extent = is_small ? nullptr : TakeExtent(next.bytes, slot);
    if (extent.ok()) {
      std::memcpy(is_small ? board_->slot(slot).arguments : (*extent)->payload(), next.encoded.get(), next.bytes);
      pending_[slot].descriptors = std::move(next.descriptors);
      Post(slot, next.spec, next.bytes, *extent, next.state);
    } else {
      // The end of a task under way frees memory. If none is under way, there will never be enough.
      free_.push_back(slot);
      if (free_.size() < slots_made_) return;
      AddFailed(next.spec, *next.state, extent.status(), batch);
    }
    backlog_.pop_front();
  } while (!backlog_.empty());
  waiters_.AddUnattended(-1);
}

absl::StatusOr<std::vector<Fd>> TaskTable::DescriptorsOf(uint32_t slot, uint32_t serial) {
  std::vector<Fd> copies;
  absl::Status failed;
  drain_.Lock();
  if (slot < kTaskSlots && pending_[slot].posted.load(std::memory_order_acquire) && pending_[slot].serial == serial &&
      pending_[slot].descriptors != nullptr) {
    for (const Fd& fd : *pending_[slot].descriptors) {
      absl::StatusOr<Fd> copy = fd.Duplicate();
      failed.Update(copy.status());
      if (!copy.ok()) break;
      copies.push_back(*std::move(copy));
    }
  }
  UnlockDrain();
  if (!failed.ok()) return failed;
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
