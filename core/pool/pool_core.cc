#include "core/pool/pool_core.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/codec/codec.h"
#include "core/os/cpu.h"
#include "core/os/error.h"
#include "core/os/event_fd.h"
#include "core/os/local_socket.h"
#include "core/os/poll.h"
#include "core/pool/worker.h"
#include "core/process/call.h"
#include "core/process/this_process.h"
#include "core/topology/affinity.h"
#include "core/topology/topology.h"
#include "core/topology/usable_cpus.h"

namespace regatta {
namespace {

constexpr uint32_t kSlotStep = 64;        // Slots that get memory at a time.
constexpr uint32_t kStartupFailures = 5;  // In a row: then it isn't bad luck.
constexpr int kPausesBetween = 8;
constexpr uint32_t kOwner = 0;  // The owner's extents; worker i's are i + 1.
constexpr absl::Duration kGrace = absl::Seconds(1);
constexpr absl::Duration kStartAgain = absl::Milliseconds(100);

using WorkerCall = Call<decltype(&RunWorker)>;

// The processor of each worker; empty: not pinned.
absl::StatusOr<std::vector<int>> PlaceWorkers(const PoolOptions& options, int workers) {
  if (!options.cpus.empty() || options.pin == PinPolicy::kNone) return options.cpus;
  const absl::StatusOr<Topology> topology = Topology::Load();
  if (!topology.ok()) return topology.status();
  return topology->CpusFor(options.pin, workers, options.submitter_cpu.value_or(CurrentCpu()));
}

}  // namespace

absl::StatusOr<std::shared_ptr<PoolCore>> PoolCore::Create(const PoolOptions& given) {
  PoolOptions options = given;
  const int workers = options.workers.value_or(0);
  if (options.workers.has_value() && (workers < 1 || workers > static_cast<int>(kMostWorkers))) {
    return absl::InvalidArgumentError(
        absl::StrCat("a pool of ", workers, " workers: give 1 to ", kMostWorkers, ", or none for as many as fit"));
  }
  const int count = options.workers.has_value() ? workers : UsableCpus();
  absl::StatusOr<std::vector<int>> cpus = PlaceWorkers(options, count);
  if (!cpus.ok()) return cpus.status();
  options.cpus = *std::move(cpus);
  absl::StatusOr<std::unique_ptr<Board>> board = Board::Create();
  if (!board.ok()) return board.status();
  if (absl::Status backed = (*board)->Back(0, static_cast<uint32_t>(count)); !backed.ok()) return backed;
  absl::StatusOr<Fd> event = CreateEventFd();
  if (!event.ok()) return event.status();
  absl::StatusOr<Fd> control = CreateEventFd();
  if (!control.ok()) return control.status();
  absl::StatusOr<Fd> calls = CreateEventFd();
  if (!calls.ok()) return calls.status();
  absl::StatusOr<std::unique_ptr<Nursery>> nursery =
      Nursery::Create(options.method == StartMethod::kFork ? Nursery::Origin::kFork : Nursery::Origin::kExec);
  if (!nursery.ok()) return nursery.status();
  std::shared_ptr<PoolCore> core(new PoolCore(std::move(options), *std::move(board), *std::move(nursery),
                                              *std::move(event), *std::move(control), *std::move(calls)));
  core->workers_.resize(static_cast<size_t>(count));
  for (uint32_t i = 0; i < core->workers_.size(); ++i) {
    if (absl::Status started = core->StartWorker(i); !started.ok()) {
      core->Terminate().IgnoreError();
      return started;
    }
  }
  PoolCore* raw = core.get();
  absl::StatusOr<std::unique_ptr<HelperThread>> helper = HelperThread::Start(
      "regatta-pool", [raw](HelperThread& self) { raw->HelperBody(self); }, [raw] { raw->WakeHelper(); });
  if (!helper.ok()) {
    core->Terminate().IgnoreError();
    return helper.status();
  }
  core->helper_ = *std::move(helper);
  return core;
}

PoolCore::PoolCore(PoolOptions options, std::unique_ptr<Board> board, std::unique_ptr<Nursery> nursery, Fd event,
                   Fd control, Fd calls)
    : options_(std::move(options)),
      owner_pid_(getpid()),
      fork_generation_(Family::fork_generation()),
      board_(std::move(board)),
      nursery_(std::move(nursery)),
      event_(std::move(event)),
      control_(std::move(control)),
      calls_(std::move(calls)),
      extents_(&board_->arena(), kOwner, board_.get()),
      pending_(kTaskSlots),
      serials_(kTaskSlots) {}

PoolCore::~PoolCore() {
  if (!CheckOwner().ok()) return;  // A child of fork: the workers and the thread are its parent's.
  Terminate().IgnoreError();
}

absl::Status PoolCore::CheckOwner() const {
  if (Family::fork_generation() == fork_generation_) [[likely]]
    return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("this pool belongs to process ", owner_pid_, ": make one of your own in a child"));
}

absl::Status PoolCore::CheckOpen() const {
  if (terminated_) return absl::FailedPreconditionError("the pool was terminated: it takes no more tasks");
  if (closed_) return ClosedError("the pool");
  return broken_;
}

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

// --- Workers ---

absl::Status PoolCore::StartWorker(uint32_t index) {
  absl::StatusOr<LocalSocketPair> pair = MakeLocalSocketPair();
  if (!pair.ok()) return pair.status();
  WorkerStart start;
  start.index = index;
  start.workers = static_cast<uint32_t>(workers_.size());
  absl::StatusOr<Fd> board = board_->file().Duplicate();
  if (!board.ok()) return board.status();
  start.board = *std::move(board);
  absl::StatusOr<Fd> event = event_.Duplicate();
  if (!event.ok()) return event.status();
  start.event = *std::move(event);
  start.socket = std::move(pair->second);
  const WorkerCall::Arguments arguments = WorkerCall::Pack(std::move(start));
  DescriptorSink descriptors;
  const absl::StatusOr<std::string> encoded = EncodeToString(arguments, &descriptors);
  if (!encoded.ok()) return encoded.status();
  absl::StatusOr<FunctionId> function = WorkerCall::Id(&RunWorker);
  if (!function.ok()) return function.status();
  ChildSpec spec;
  spec.identity = NextChildIdentity("PoolWorker");
  spec.function = *function;
  spec.arguments = std::as_bytes(std::span(encoded->data(), encoded->size()));
  spec.descriptors = descriptors.descriptors();
  if (!options_.cpus.empty()) spec.cpus = {options_.cpus[index % options_.cpus.size()]};
  board_->ResetWorker(index);
  workers_[index].position.store(0, std::memory_order_release);
  absl::StatusOr<std::shared_ptr<Child>> child = nursery_->Start(spec);
  if (absl::IsUnavailable(child.status()) && options_.method != StartMethod::kFork && !stopping_.load()) {
    // It was killed. One that inherits nothing can be made again at any time.
    absl::StatusOr<std::unique_ptr<Nursery>> nursery = Nursery::Create(Nursery::Origin::kExec);
    if (!nursery.ok()) return nursery.status();
    nursery_ = *std::move(nursery);
    child = nursery_->Start(spec);
  }
  if (!child.ok()) return child.status();
  std::lock_guard<std::mutex> lock(mutex_);
  WorkerPlace& place = workers_[index];
  place.child = *std::move(child);
  place.socket = std::move(pair->first);
  place.name = spec.identity.name;
  ++statistics_.workers_started;
  return absl::OkStatus();
}

// A worker has died: what it held fails, or is done again, and nothing else does.
void PoolCore::Bury(uint32_t index, const ExitStatus& status) {
  Death death{workers_[index].child->pid(), status.signal().value_or(0), status.exit_code().value_or(0)};
  // How it ended isn't known if somebody else reaped it; that it did is.
  if (status.unknown()) death.exit_code = -1;
  const absl::Status error = DeathError(workers_[index].name, death);
  TakePosted();  // What it posted before counts.
  std::vector<bool> taken(kTaskSlots);
  for (const Outcome& outcome : outcomes_) taken[outcome.slot] = true;
  const uint64_t trying = board_->worker(index).trying.load(std::memory_order_acquire);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (trying > 0 && trying - 1 < slots_made_) {
      const auto slot = static_cast<uint32_t>(trying - 1);
      // It may have taken this task's entry without claiming the task. A second entry does no harm.
      const TaskWord word = TaskWord::Unpack(board_->slot(slot).state.load(std::memory_order_acquire));
      if (word.phase == TaskPhase::kQueued && !board_->Post(slot)) unposted_.push_back(slot);
    }
    for (uint32_t slot = 0; slot < slots_made_; ++slot) {
      TaskWord word = TaskWord::Unpack(board_->slot(slot).state.load(std::memory_order_acquire));
      if (word.worker != index || taken[slot]) continue;
      if (word.phase == TaskPhase::kDone) {
        outcomes_.push_back({slot, true, absl::OkStatus(), {}});
      } else if (word.phase == TaskPhase::kRunning && pending_[slot].state != nullptr &&
                 word.attempts <= pending_[slot].retries) {
        word.phase = TaskPhase::kQueued;
        board_->slot(slot).state.store(word.Pack(), std::memory_order_release);
        ++statistics_.tasks_retried;
        if (!board_->Post(slot)) unposted_.push_back(slot);
      } else if (word.phase == TaskPhase::kRunning) {
        outcomes_.push_back({slot, false, error, {}});
      }
    }
    ++statistics_.workers_died;
    startup_failures_ = board_->worker(index).ready.load(std::memory_order_acquire) == 0 ? startup_failures_ + 1 : 0;
    if (startup_failures_ > 0) start_error_ = error;
    workers_[index].child.reset();
    workers_[index].socket.Reset();
  }
  Finish(false);
}

void PoolCore::FailAll(const absl::Status& why) {
  std::lock_guard<std::mutex> drain(drain_);
  TakePosted();
  std::vector<bool> taken(kTaskSlots);
  for (const Outcome& outcome : outcomes_) taken[outcome.slot] = true;
  std::deque<Waiting> backlog;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    for (uint32_t slot = 0; slot < slots_made_; ++slot) {
      if (!taken[slot] && pending_[slot].state != nullptr) outcomes_.push_back({slot, false, why, {}});
    }
    backlog.swap(backlog_);
    unposted_.clear();
  }
  Finish(false);
  for (Waiting& waiting : backlog) {
    const bool last = waiting.state->Resolve(waiting.spec.item, why, {});
    std::lock_guard<std::mutex> lock(mutex_);
    Conclude(std::move(waiting.state), last);
  }
  board_->header().results.NotifyAll();
}

void PoolCore::Break(absl::Status why) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!broken_.ok()) return;
    broken_ = std::move(why);
  }
  StopWorkers();
  FailAll(broken_);
}

absl::Status PoolCore::Close() {
  if (absl::Status owner = CheckOwner(); !owner.ok()) return owner;
  std::lock_guard<std::mutex> lock(mutex_);
  closed_ = true;
  return absl::OkStatus();
}

void PoolCore::StopWorkers() {
  stopping_.store(true, std::memory_order_release);
  board_->header().stop.store(1, std::memory_order_release);
  board_->header().tasks.NotifyAll();
}

absl::Status PoolCore::EndWorkers() {
  std::vector<std::shared_ptr<Child>> children;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    for (const WorkerPlace& place : workers_) {
      if (place.child != nullptr) children.push_back(place.child);
    }
  }
  for (const auto& child : children) child->Terminate().IgnoreError();  // It has ended by itself, then.
  const Deadline patience = Deadline::After(kGrace);
  absl::Status all;
  for (const auto& child : children) {
    if (child->Wait(patience).ok()) continue;
    child->Kill().IgnoreError();
    all.Update(child->Wait().status());
  }
  return all;
}

// Whoever calls it returns with workers and threads gone, but a callback, which they wait for.
absl::Status PoolCore::Terminate() {
  if (absl::Status owner = CheckOwner(); !owner.ok()) return owner;
  const bool in_callback = callback_thread_.load() == std::this_thread::get_id();
  bool first = false;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    first = !std::exchange(terminated_, true);
    closed_ = true;
  }
  absl::Status all;
  if (first) {
    StopWorkers();
    all = EndWorkers();
    FailAll(absl::CancelledError("the pool was terminated before the task had ended"));
  }
  if (in_callback) return all;
  std::lock_guard<std::mutex> one(ending_);
  helper_.reset();
  caller_.reset();
  // One that the helper was just starting.
  all.Update(EndWorkers());
  nursery_.reset();  // Results may keep this object for long.
  callback_thread_.store(std::this_thread::get_id());
  RunCallbacks();
  callback_thread_.store({});
  return all;
}

absl::Status PoolCore::Join(Deadline deadline) {
  if (absl::Status owner = CheckOwner(); !owner.ok()) return owner;
  if (callback_thread_.load() == std::this_thread::get_id()) {
    return absl::FailedPreconditionError("Join from a callback would wait for itself: call it elsewhere");
  }
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!closed_) {
      return absl::FailedPreconditionError("Join of an open pool: call Close or Terminate first");
    }
    if (terminated_) return absl::OkStatus();
  }
  const bool done = Wait([this] { return outstanding_.load(std::memory_order_acquire) == 0; }, deadline);
  if (!done) return absl::DeadlineExceededError("tasks of the pool still run");
  StopWorkers();
  std::vector<std::shared_ptr<Child>> children;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    for (const WorkerPlace& place : workers_) {
      if (place.child != nullptr) children.push_back(place.child);
    }
  }
  for (const auto& child : children) {
    const absl::StatusOr<ExitStatus> ended = child->Wait(deadline);
    if (!ended.ok()) return ended.status();
  }
  return absl::OkStatus();
}

PoolStatistics PoolCore::statistics() {
  std::lock_guard<std::mutex> lock(mutex_);
  PoolStatistics result = statistics_;
  for (const WorkerPlace& place : workers_) {
    if (place.child != nullptr && !place.child->status().has_value()) result.pids.push_back(place.child->pid());
  }
  return result;
}

// --- The helper thread ---

void PoolCore::WakeHelper() { SignalEventFd(control_); }

void PoolCore::RunCallbacks() {
  for (;;) {
    std::shared_ptr<TaskState> state;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (callbacks_.empty()) return;
      state = std::move(callbacks_.front());
      callbacks_.pop_front();
    }
    state->RunCallback();
    callbacks_expected_.fetch_sub(1, std::memory_order_relaxed);
    outstanding_.fetch_sub(1, std::memory_order_release);
    if (waiters_.load(std::memory_order_seq_cst) > 0) board_->header().results.NotifyAll();  // Join may wait for it.
  }
}

// A worker asks for the descriptors that its task was given.
void PoolCore::AnswerWorker(uint32_t index) {
  DescriptorsRequest request;
  std::vector<Fd> copies;
  Fd* socket = &workers_[index].socket;
  if (!ReceiveAll(*socket, std::as_writable_bytes(std::span(&request, 1))).ok()) {
    std::lock_guard<std::mutex> lock(mutex_);
    socket->Reset();  // It has died; its sentinel says so too.
    return;
  }
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (request.slot < slots_made_ && serials_[request.slot] == request.serial) {
      for (const Fd& fd : pending_[request.slot].descriptors) {
        absl::StatusOr<Fd> copy = fd.Duplicate();
        if (copy.ok()) copies.push_back(*std::move(copy));
      }
    }
  }
  std::vector<const Fd*> descriptors;
  for (const Fd& fd : copies) descriptors.push_back(&fd);
  const DescriptorsAnswer answer{static_cast<uint32_t>(copies.size())};
  SendAll(*socket, std::as_bytes(std::span(&answer, 1)), descriptors).IgnoreError();  // It has died, then.
}

// Whether results must be taken in though nobody waits for them.
bool PoolCore::HelperIsNeeded() {
  if (callbacks_expected_.load(std::memory_order_relaxed) > 0) return true;
  std::lock_guard<std::mutex> lock(mutex_);
  return !backlog_.empty();
}

// Waits for one thing and sees to it. False: the pool is at its end.
bool PoolCore::HelperStep() {
  BoardHeader& header = board_->header();
  std::vector<PollEntry> entries = {{&control_}, {&event_}};
  std::vector<uint32_t> places;
  bool missing = false;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    for (uint32_t i = 0; i < workers_.size(); ++i) {
      if (workers_[i].child == nullptr) {
        missing = true;
        continue;
      }
      places.push_back(i);
      entries.push_back({&workers_[i].child->sentinel()});
      entries.push_back({workers_[i].socket.valid() ? &workers_[i].socket : nullptr});
    }
  }
  const bool needed = waiters_.load(std::memory_order_seq_cst) == 0 && HelperIsNeeded();
  if (needed) {
    header.armed.store(1, std::memory_order_seq_cst);
    AsymmetricFenceHeavy();
  }
  const bool retry_start = missing && !stopping_.load();
  // A worker that stands still between disarming and signalling is no death that would show.
  const Deadline until = needed && AnythingPosted() ? Deadline::Now()
                         : retry_start              ? Deadline::After(kStartAgain)
                         : needed                   ? Deadline::After(absl::Seconds(1))
                                                    : Deadline::Never();
  const absl::StatusOr<int> ready = PollReadable(std::span(entries), until);
  if (!ready.ok()) {
    Break(ready.status());
    return false;
  }
  if (entries[0].ready) ClearEventFd(control_);
  if (entries[1].ready) ClearEventFd(event_);
  Collect(false);
  for (size_t i = 0; i < places.size(); ++i) {
    if (entries[2 + 2 * i + 1].ready) AnswerWorker(places[i]);
    if (!entries[2 + 2 * i].ready || stopping_.load(std::memory_order_acquire)) continue;
    const absl::StatusOr<ExitStatus> status = workers_[places[i]].child->Wait(Deadline::Now());
    if (!status.ok()) continue;
    std::lock_guard<std::mutex> drain(drain_);
    Bury(places[i], *status);
  }
  if (stopping_.load(std::memory_order_acquire)) return false;
  if (startup_failures_ >= kStartupFailures) {
    Break(absl::AbortedError(
        absl::StrCat("the pool's workers don't start: ", kStartupFailures,
                     " in a row ended before their first task, the last: ", start_error_.message())));
    return false;
  }
  bool alive = false;
  absl::Status failed;
  for (uint32_t i = 0; i < workers_.size(); ++i) {
    if (workers_[i].child == nullptr) failed.Update(StartWorker(i));
    alive = alive || workers_[i].child != nullptr;
  }
  // What is short now may be there again soon; but nobody is to wait for ever.
  starts_in_vain_ = alive ? 0 : starts_in_vain_ + 1;
  if (starts_in_vain_ >= kStartupFailures) {
    Break(
        absl::AbortedError(absl::StrCat("no worker of the pool is left, and none can be started: ", failed.message())));
    return false;
  }
  return true;
}

void PoolCore::HelperBody(HelperThread& self) {
  while (!self.stopping() && HelperStep()) self.Park();
  while (!self.stopping()) {
    // At the pool's end there is nothing left to do but to stand still for forks.
    self.Park();
    PollEntry control{&control_};
    if (!PollReadable(std::span(&control, 1), Deadline::Never()).ok()) return;
    ClearEventFd(control_);
  }
}

// Callbacks have a thread of their own: deaths are seen to whatever they wait for.
absl::Status PoolCore::StartCaller() {
  if (caller_runs_.load(std::memory_order_acquire)) return absl::OkStatus();
  std::lock_guard<std::mutex> one(ending_);
  if (caller_ != nullptr || helper_ == nullptr) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<HelperThread>> caller = HelperThread::Start(
      "regatta-calls", [this](HelperThread& self) { CallerBody(self); }, [this] { SignalEventFd(calls_); });
  if (!caller.ok()) return caller.status();
  caller_ = *std::move(caller);
  caller_runs_.store(true, std::memory_order_release);
  return absl::OkStatus();
}

void PoolCore::CallerBody(HelperThread& self) {
  callback_thread_.store(std::this_thread::get_id());
  PollEntry calls{&calls_};
  while (!self.stopping()) {
    self.Park();
    // Without the poll it still only looks again.
    if (PollReadable(std::span(&calls, 1), Deadline::Never()).ok()) ClearEventFd(calls_);
    RunCallbacks();
  }
}

}  // namespace regatta
