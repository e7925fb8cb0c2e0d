// PoolCore: workers started, replaced and answered, by the helper thread; and callbacks.
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/codec/codec.h"
#include "core/os/cpu.h"
#include "core/os/error.h"
#include "core/os/event_fd.h"
#include "core/os/local_socket.h"
#include "core/os/poll.h"
#include "core/pool/pool_core.h"
#include "core/pool/worker.h"
#include "core/process/call.h"
#include "core/process/this_process.h"

namespace regatta {
namespace {

constexpr uint32_t kStartupFailures = 5;  // In a row: then it isn't bad luck.
constexpr absl::Duration kTimeToTakeAnswer =
    absl::Seconds(1);  // A worker sends a question at once, and waits for its answer.
constexpr absl::Duration kStartAgain = absl::Milliseconds(100);

using WorkerCall = Call<decltype(&RunWorker)>;

}  // namespace

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
  if (!child.ok() && nursery_->lost() && options_.method != StartMethod::kFork && !stopping_.load()) {
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

// --- The helper thread, and the one for callbacks ---

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
  const Peer worker{.pidfd = &workers_[index].child->sentinel(), .deadline = Deadline::After(kTimeToTakeAnswer)};
  if (!ReceiveAll(*socket, std::as_writable_bytes(std::span(&request, 1)), nullptr, worker).ok()) {
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
  if (SendAll(*socket, std::as_bytes(std::span(&answer, 1)), descriptors, worker).ok()) return;
  std::lock_guard<std::mutex> lock(mutex_);
  socket->Reset();  // It has died, or it gets the end of file as its answer.
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
