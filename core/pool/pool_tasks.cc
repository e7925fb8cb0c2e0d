// PoolCore: tasks on their way out, and results on their way in.
#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/codec/codec.h"
#include "core/os/cpu.h"
#include "core/os/event_fd.h"
#include "core/pool/pool_core.h"

namespace regatta {
namespace {

constexpr uint32_t kSlotStep = 64;  // Slots that get memory at a time.
constexpr int kPausesBetween = 8;   // Between looks for results of which some have come.

}  // namespace

// --- Posting ---

absl::StatusOr<uint32_t> PoolCore::TakeSlot() {
  if (free_.empty() && slots_made_ < kTaskSlots) {
    const absl::Status backed = board_->Back(slots_made_ + kSlotStep, static_cast<uint32_t>(workers_.size()));
    if (!backed.ok() && slots_made_ == 0) return backed;
    if (backed.ok()) {
      for (uint32_t i = kSlotStep; i-- > 0;) free_.push_back(slots_made_ + i);
      slots_made_ += kSlotStep;
    }
  }
  if (free_.empty()) return absl::UnavailableError("no slot is free");
  const uint32_t slot = free_.back();
  free_.pop_back();
  return slot;
}

absl::Status PoolCore::Fill(uint32_t index, const TaskSpec& spec, size_t bytes,
                            absl::FunctionRef<absl::Status(absl::Span<std::byte>)> encode,
                            absl::Span<const Fd> descriptors) {
  TaskSlot& slot = board_->slot(index);
  const uint64_t keys = descriptors.size() * sizeof(uint64_t);
  std::byte* at = slot.arguments;
  Extent* extent = nullptr;
  if (bytes + keys > kInlineArguments) {
    absl::StatusOr<Extent*> taken = extents_.Take(bytes + keys);
    if (!taken.ok()) return taken.status();
    extent = *taken;
    at = extent->payload();
  }
  if (absl::Status encoded = encode({at, bytes}); !encoded.ok()) return encoded;
  for (size_t i = 0; i < descriptors.size(); ++i) {
    const uint64_t key = MemfdIdentity(descriptors[i]);
    std::memcpy(at + bytes + i * sizeof(key), &key, sizeof(key));
  }
  if (extent != nullptr) extent->state.store(Extent::kQueued | index, std::memory_order_relaxed);
  slot.function = spec.function;
  slot.items = spec.items;
  slot.arguments_size = static_cast<uint32_t>(bytes);
  slot.arguments_at = extent == nullptr ? 0 : board_->OffsetOf(extent);
  slot.descriptors = static_cast<uint32_t>(descriptors.size());
  return absl::OkStatus();
}

void PoolCore::PostSlot(uint32_t index) {
  TaskSlot& slot = board_->slot(index);
  slot.state.store(TaskWord{TaskPhase::kQueued, 0, 0, ++serials_[index]}.Pack(), std::memory_order_release);
  if (const uint32_t here = CurrentProcessor(); here != processor_) {
    processor_ = here;
    board_->header().owner_processor.store(here, std::memory_order_relaxed);
  }
  if (!board_->Post(index)) unposted_.push_back(index);
}

absl::Status PoolCore::Submit(const TaskSpec& spec, size_t bytes,
                              absl::FunctionRef<absl::Status(absl::Span<std::byte>)> encode,
                              std::shared_ptr<TaskState> state, std::vector<Fd> descriptors) {
  if (absl::Status owner = CheckOwner(); !owner.ok()) return owner;
  if (bytes + descriptors.size() * sizeof(uint64_t) > kLargestResult) {
    return absl::InvalidArgumentError("a task's arguments are over the largest, 1 GiB: pass them in pieces");
  }
  if (state->wants_callback) {
    if (absl::Status caller = StartCaller(); !caller.ok()) return caller;
  }
  std::unique_lock<std::mutex> lock(mutex_);
  if (absl::Status open = CheckOpen(); !open.ok()) return open;
  if (free_.empty() && slots_made_ == kTaskSlots) {
    lock.unlock();
    Collect(false);
    lock.lock();
    if (absl::Status open = CheckOpen(); !open.ok()) return open;
  }
  const bool wants_callback = state->wants_callback;
  const absl::StatusOr<uint32_t> slot =
      backlog_.empty() ? TakeSlot() : absl::StatusOr<uint32_t>(absl::UnavailableError("others wait"));
  if (slot.ok()) {
    if (absl::Status filled = Fill(*slot, spec, bytes, encode, descriptors); !filled.ok()) {
      free_.push_back(*slot);
      return filled;
    }
    pending_[*slot] = {std::move(state), std::move(descriptors), spec.item, spec.retries};
    outstanding_.fetch_add(1, std::memory_order_relaxed);
    if (wants_callback) callbacks_expected_.fetch_add(1, std::memory_order_relaxed);
    PostSlot(*slot);
  } else {
    if (!absl::IsUnavailable(slot.status())) return slot.status();
    Waiting waiting{spec, bytes, std::unique_ptr<std::byte[]>(new (std::nothrow) std::byte[bytes]),
                    std::move(descriptors), std::move(state)};
    if (waiting.bytes == nullptr) {
      return absl::ResourceExhaustedError(absl::StrCat("no memory to keep a task's arguments of ", bytes, " bytes"));
    }
    if (absl::Status encoded = encode({waiting.bytes.get(), bytes}); !encoded.ok()) return encoded;
    backlog_.push_back(std::move(waiting));
    outstanding_.fetch_add(1, std::memory_order_relaxed);
    if (wants_callback) callbacks_expected_.fetch_add(1, std::memory_order_relaxed);
  }
  const bool helper_is_needed = wants_callback || backlog_.size() == 1;
  lock.unlock();
  if (helper_is_needed) WakeHelper();
  return absl::OkStatus();
}

void PoolCore::Fail(const TaskSpec& spec, std::shared_ptr<TaskState> state, absl::Status why) {
  std::lock_guard<std::mutex> drain(drain_);
  const bool last = state->Resolve(spec.item, std::move(why), {});
  std::lock_guard<std::mutex> lock(mutex_);
  outstanding_.fetch_add(1, std::memory_order_relaxed);
  if (state->wants_callback) callbacks_expected_.fetch_add(1, std::memory_order_relaxed);
  Conclude(std::move(state), last);
}

void PoolCore::Conclude(std::shared_ptr<TaskState> state, bool last) {
  if (last && state->wants_callback) {
    callbacks_.push_back(state);
    if (callbacks_.size() == 1) SignalEventFd(calls_);
  } else {
    if (state->wants_callback) callbacks_expected_.fetch_sub(1, std::memory_order_relaxed);
    outstanding_.fetch_sub(1, std::memory_order_release);
  }
  if (last) state->done.store(true, std::memory_order_release);
}

void PoolCore::Feed() {
  while (!unposted_.empty() && board_->Post(unposted_.back())) unposted_.pop_back();
  while (!backlog_.empty()) {
    const absl::StatusOr<uint32_t> slot = TakeSlot();
    if (!slot.ok()) return;
    Waiting& next = backlog_.front();
    const absl::Status filled = Fill(
        *slot, next.spec, next.size,
        [&](absl::Span<std::byte> out) {
          std::copy_n(next.bytes.get(), out.size(), out.data());
          return absl::OkStatus();
        },
        next.descriptors);
    if (!filled.ok()) {
      // No memory for large arguments now: what is under way will free some. With nothing under way it never comes.
      free_.push_back(*slot);
      if (free_.size() < slots_made_) return;
      std::shared_ptr<TaskState> state = std::move(next.state);
      const uint64_t next_item = next.spec.item;
      backlog_.pop_front();
      const bool last = state->Resolve(next_item, filled, {});
      Conclude(std::move(state), last);
      continue;
    }
    pending_[*slot] = {std::move(next.state), std::move(next.descriptors), next.spec.item, next.spec.retries};
    backlog_.pop_front();
    PostSlot(*slot);
  }
}

// --- Collecting ---

bool PoolCore::AnythingPosted() const {
  for (uint32_t i = 0; i < workers_.size(); ++i) {
    if (board_->DoneAt(i, workers_[i].position)) return true;
  }
  return false;
}

void PoolCore::TakePosted() {
  for (uint32_t i = 0; i < workers_.size(); ++i) {
    WorkerPlace& place = workers_[i];
    uint32_t position = place.position.load(std::memory_order_relaxed);
    while (const std::optional<uint32_t> slot = board_->DoneAt(i, position)) {
      place.position.store(++position, std::memory_order_relaxed);
      __builtin_prefetch(&board_->slot(*slot).result_serial);
      outcomes_.push_back({*slot, true, absl::OkStatus(), {}});
    }
  }
}

bool PoolCore::Collect(bool waiting) {
  if (!AnythingPosted()) return false;
  if (!drain_.try_lock()) return false;  // Whoever has it collects for all.
  {
    std::lock_guard<std::mutex> drain(drain_, std::adopt_lock);
    TakePosted();
    Finish(waiting);
  }
  // Who came meanwhile may have looked in vain and sleep now, with its result posted.
  AsymmetricFenceLight();
  WaitPoint& results = board_->header().results;
  if (results.anybody_sleeps() && AnythingPosted()) results.Notify();
  return true;
}

void PoolCore::Finish(bool waiting) {
  if (outcomes_.empty()) return;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    for (Outcome& outcome : outcomes_) {
      // Else posted twice or never written, by a broken worker.
      if (outcome.has_result && board_->slot(outcome.slot).result_serial != serials_[outcome.slot]) continue;
      outcome.task = std::move(pending_[outcome.slot]);
    }
  }
  for (Outcome& outcome : outcomes_) {
    if (outcome.task.state == nullptr) continue;
    TaskSlot& slot = board_->slot(outcome.slot);
    absl::Span<const std::byte> bytes;
    if (outcome.has_result) {
      const auto found = board_->Bytes(slot.result_at, slot.result_size, slot.result, kInlineResult);
      if (!found.has_value()) {
        outcome.status = absl::DataLossError("a task's result was overwritten in shared memory");
      } else if (slot.outcome == 0) {
        bytes = *found;
      } else if (absl::Status decoded = DecodeInto(*found, outcome.status); !decoded.ok() || outcome.status.ok()) {
        outcome.status = absl::DataLossError("a task's error was overwritten in shared memory");
      }
    }
    outcome.last = outcome.task.state->Resolve(outcome.task.item, std::move(outcome.status), bytes);
    if (outcome.has_result) board_->FreeExtent(slot.result_at);
    board_->FreeExtent(slot.arguments_at);
    slot.state.store(TaskWord{}.Pack(), std::memory_order_relaxed);
  }
  {
    std::lock_guard<std::mutex> lock(mutex_);
    for (Outcome& outcome : outcomes_) {
      if (outcome.task.state == nullptr) continue;
      free_.push_back(outcome.slot);
      ++statistics_.tasks_done;
      Conclude(std::move(outcome.task.state), outcome.last);
    }
    if (!backlog_.empty() || !unposted_.empty()) Feed();
  }
  outcomes_.clear();
  // The caller looks for itself; others may sleep, for one of these.
  if (waiters_.load(std::memory_order_relaxed) > (waiting ? 1U : 0U)) {
    AsymmetricFenceLight();
    if (board_->header().results.anybody_sleeps()) board_->header().results.NotifyAll();
  }
}

bool PoolCore::Wait(absl::FunctionRef<bool()> done, Deadline deadline) {
  if (done()) return true;
  if (!CheckOwner().ok()) return false;
  Collect(false);  // Not counted among the waiters yet: those that sleep are all to be told.
  if (done()) return true;
  if (deadline.is_now()) return false;
  BoardHeader& header = board_->header();
  waiters_.fetch_add(1, std::memory_order_seq_cst);
  const bool is_done = header.results.Await(
      [&] {
        if (done()) return true;
        const bool some = Collect(true);
        if (done()) return true;
        // Others will follow: to look less often leaves the workers' lines to them.
        for (int i = 0; some && i < kPausesBetween; ++i) CpuPause();
        return false;
      },
      deadline, [&] { return header.worker_processor.load(std::memory_order_relaxed) == CurrentProcessor(); },
      board_->self(), [] {});
  const bool last = waiters_.fetch_sub(1, std::memory_order_seq_cst) == 1;
  if (header.results.anybody_sleeps() && AnythingPosted()) header.results.Notify();
  // Nobody else looks any more: the helper has to, if something depends on it.
  if (last && HelperIsNeeded()) WakeHelper();
  return is_done;
}

}  // namespace regatta
