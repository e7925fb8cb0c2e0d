// TaskTable: how tasks end. Workers post results, or die; or the pool ends.
#include <cstring>
#include <utility>

#include "core/codec/codec.h"
#include "core/os/cpu.h"
#include "core/pool/task_table.h"

namespace regatta {
namespace {

// Reads a field that a worker writes, once: the compiler may not read it again.
template <class T>
T ReadOnce(const T& field) {
  return __atomic_load_n(&field, __ATOMIC_RELAXED);
}

}  // namespace

bool TaskTable::AnyResultPosted(uint32_t after) const {
  for (uint32_t i = 0; i < workers_; ++i) {
    if (board_->DoneAt(i, positions_[i].load(std::memory_order_relaxed) + after)) return true;
  }
  return false;
}

bool TaskTable::TakePosted(Batch& batch) {
  uint32_t slots[kBatch];
  size_t count = 0;
  for (uint32_t i = 0; i < workers_ && count < kBatch; ++i) {
    const uint32_t worker = turn_;
    turn_ = worker + 1 < workers_ ? worker + 1 : 0;
    uint32_t position = positions_[worker].load(std::memory_order_relaxed);
    while (count < kBatch) {
      const std::optional<uint32_t> slot = board_->DoneAt(worker, position);
      if (!slot.has_value()) break;
      ++position;
      slots[count++] = *slot;
      __builtin_prefetch(&board_->slot(*slot).result_serial);
    }
    positions_[worker].store(position, std::memory_order_relaxed);
  }
  for (size_t i = 0; i < count; ++i) Settle(slots[i], nullptr, batch);
  return count > 0;
}

// A thread that tried to collect meanwhile may sleep now, although its result is posted.
void TaskTable::UnlockDrain() {
  drain_.Unlock();
  AsymmetricFenceLight();
  WaitPoint& results = board_->header().results;
  if (results.anybody_sleeps() && AnyResultPosted(0)) results.Notify();
}

bool TaskTable::Collect(bool leading) {
  if (!AnyResultPosted(0) || !drain_.TryLock()) return false;  // The holder of drain_ collects for all.
  Batch batch;
  TakePosted(batch);
  UnlockDrain();
  Finish(batch, leading);
  return true;
}

bool TaskTable::TakeResult(const std::shared_ptr<Board>& board, const Pending& task, const TaskSlot& slot) {
  const uint32_t code = ReadOnce(slot.outcome);
  const uint32_t parts = ReadOnce(slot.result_parts);
  TaskState& state = *task.state;
  RawResult result = RawResult::Take(board, ReadOnce(slot.result_at), ReadOnce(slot.result_size), slot.result,
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
                      RawResult::Take(board, part.at, part.size, slot.result, /*chunked=*/true));
    taken += part.items;
  }
  if (taken == task.items) return last;
  return state.Take(task.first + taken, task.items - taken,
                    RawResult(absl::DataLossError("a chunk's results were overwritten in shared memory")));
}

void TaskTable::Settle(uint32_t index, const absl::Status* error, Batch& batch) {
  Pending& task = pending_[index];
  TaskSlot& slot = board_->slot(index);
  if (!task.posted.load(std::memory_order_acquire)) return;
  // A broken worker may post a task twice, or without having written its result.
  if (error == nullptr && ReadOnce(slot.result_serial) != task.serial) return;
  Ended& ended = batch.emplace_back();
  HandOver(*task.state, ended, [&] {
    return error == nullptr ? TakeResult(board_, task, slot)
                            : task.state->Take(task.first, task.items, RawResult(*error));
  });
  ended.descriptors = std::move(task.descriptors);
  ended.slot = index;
  if (task.arguments != nullptr) task.arguments->state.store(Extent::kFree, std::memory_order_release);
  slot.state.store(TaskWord{}.Pack(), std::memory_order_relaxed);
  task.posted.store(false, std::memory_order_relaxed);
}

void TaskTable::Finish(Batch& batch, bool leading) {
  if (batch.empty()) return;
  bool all_done = false;
  bool anybody_sleeps = false;
  int64_t attended = 0;
  {
    MutexLock lock(mutex_);
    for (const Ended& ended : batch) {
      if (ended.slot != kNoSlot) free_.push_back(ended.slot);
    }
    Feed(batch);
    Add(tasks_done_, batch.size());
    uint64_t settled = 0;  // With a callback, a state's last task is outstanding until the callback has returned.
    for (const Ended& ended : batch) {
      if (ended.finished != nullptr) ended.finished->done.store(true, std::memory_order_release);
      if (ended.wants_callback) ++attended;
      if (ended.finished == nullptr || !ended.wants_callback) ++settled;
    }
    all_done = Add(outstanding_, -settled) == 0;
    anybody_sleeps = waiters_.AnySleeps();
  }
  if (attended > 0) {
    waiters_.AddUnattended(-attended);
    for (const Ended& ended : batch) {
      if (ended.finished != nullptr && ended.wants_callback) call_back_(ended.finished);
    }
  }
  if (anybody_sleeps) {
    for (const Ended& ended : batch) {
      if (ended.finished != nullptr) waiters_.Wake(*ended.finished->waiters);
    }
    if (all_done) waiters_.Wake(all_done_);
  }
  if (!leading) waiters_.WakeLeader();
}

void TaskTable::CallbackReturned() {
  {
    MutexLock lock(mutex_);
    if (Add(outstanding_, -1) > 0) return;
  }
  waiters_.Wake(all_done_);
  waiters_.WakeLeader();
}

void TaskTable::ResetWorker(uint32_t worker) {
  drain_.Lock();
  board_->ResetWorker(worker);
  positions_[worker].store(0, std::memory_order_release);
  UnlockDrain();
}

bool TaskTable::Bury(uint32_t worker, const absl::Status& error) {
  Batch batch;
  drain_.Lock();
  while (TakePosted(batch)) {  // What the worker posted before it died counts.
  }
  {
    MutexLock lock(mutex_);
    const uint64_t trying = board_->worker(worker).trying.load(std::memory_order_acquire);
    if (trying > 0 && trying - 1 < slots_made_) {
      const auto slot = static_cast<uint32_t>(trying - 1);
      // It may have taken this task's entry without claiming the task. A second entry does no harm.
      const TaskWord word = TaskWord::Unpack(board_->slot(slot).state.load(std::memory_order_acquire));
      if (word.phase == TaskPhase::kQueued) PostAgain(slot);
    }
    for (uint32_t slot = 0; slot < slots_made_; ++slot) {
      TaskWord word = TaskWord::Unpack(board_->slot(slot).state.load(std::memory_order_acquire));
      const Pending& task = pending_[slot];
      if (word.worker != worker || !task.posted.load(std::memory_order_acquire)) continue;
      if (word.phase == TaskPhase::kRunning && word.attempts <= task.retries) {
        word.phase = TaskPhase::kQueued;
        board_->slot(slot).state.store(word.Pack(), std::memory_order_release);
        Add(tasks_retried_, 1);
        PostAgain(slot);
      } else if (word.phase == TaskPhase::kRunning || word.phase == TaskPhase::kDone) {
        Settle(slot, word.phase == TaskPhase::kRunning ? &error : nullptr, batch);
      }
    }
  }
  UnlockDrain();
  Finish(batch, /*leading=*/false);
  return board_->worker(worker).ready.load(std::memory_order_acquire) != 0;
}

void TaskTable::FailAll(const absl::Status& why) {
  Batch batch;
  std::deque<Waiting> backlog;
  drain_.Lock();
  while (TakePosted(batch)) {
  }
  {
    MutexLock lock(mutex_);
    backlog.swap(backlog_);
    if (!backlog.empty()) waiters_.AddUnattended(-1);
    unposted_.clear();
    for (uint32_t slot = 0; slot < slots_made_; ++slot) Settle(slot, &why, batch);
  }
  UnlockDrain();
  for (Waiting& waiting : backlog) {
    AddFailed(waiting.spec, *waiting.state, why, batch);
  }
  Finish(batch, /*leading=*/false);
}

}  // namespace regatta
