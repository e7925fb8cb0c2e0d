#include "core/pool/pool_core.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/os/cpu.h"
#include "core/os/error.h"
#include "core/topology/affinity.h"
#include "core/topology/topology.h"
#include "core/topology/usable_cpus.h"

namespace regatta {
namespace {

constexpr uint32_t kFirstSlots = 64;  // Have memory from the start, so that a task can always be posted.

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
  if (absl::Status backed = (*board)->Back(kFirstSlots, static_cast<uint32_t>(count)); !backed.ok()) return backed;
  std::shared_ptr<PoolCore> core(new PoolCore(static_cast<uint32_t>(count), *std::move(board)));
  absl::StatusOr<std::unique_ptr<WorkerSet>> set =
      WorkerSet::Create(options, core->workers_count_, core->board_, &core->tasks_);
  if (!set.ok()) return set.status();
  core->workers_ = *std::move(set);
  absl::Status started = core->workers_->Start();
  if (started.ok()) started = core->StartThreads();
  if (!started.ok()) {
    core->Terminate().IgnoreError();  // The first error counts.
    return started;
  }
  return core;
}

PoolCore::PoolCore(uint32_t workers, std::shared_ptr<Board> board)
    : owner_pid_(getpid()),
      fork_generation_(ForkGeneration()),
      workers_count_(workers),
      board_(std::move(board)),
      callbacks_([this] { tasks_.CallbackReturned(); }),
      tasks_(
          board_, workers, kFirstSlots, [this](std::shared_ptr<TaskState> state) { callbacks_.Push(std::move(state)); },
          [this] { workers_->Wake(); }) {}  // The keeper gives memory back once the pool is idle.

absl::Status PoolCore::StartThreads() {
  MutexLock one(ending_);
  absl::StatusOr<std::unique_ptr<HelperThread>> thread = HelperThread::Start(
      "regatta-pool", [this](HelperThread& self) { Keep(self); }, [this] { workers_->Wake(); });
  if (!thread.ok()) return thread.status();
  keeper_ = *std::move(thread);
  thread = HelperThread::Start(
      "regatta-results", [this](HelperThread& self) { CollectFor(self); }, [this] { tasks_.waiters().Interrupt(); });
  if (!thread.ok()) return thread.status();
  collector_ = *std::move(thread);
  return absl::OkStatus();
}

PoolCore::~PoolCore() {
  // In a forked child the workers and the threads are its parent's. Otherwise: what doesn't end was killed, and
  // Terminate has said so to its caller; a destructor has none.
  if (CheckOwner().ok() && workers_ != nullptr) Terminate().IgnoreError();
}

absl::Status PoolCore::NotOwnerError() const {
  return absl::FailedPreconditionError(
      absl::StrCat("this pool belongs to process ", owner_pid_, ": make one of your own in a child"));
}

absl::Status PoolCore::Wait(ResultWaiters::List& list, absl::FunctionRef<bool()> done, Deadline deadline) {
  if (absl::Status owner = CheckOwner(); !owner.ok()) return owner;
  // As often as what has been posted by now may need.
  for (uint32_t i = 0; i <= kTaskSlots / TaskTable::kBatch && !done(); ++i) {
    if (!tasks_.Collect(/*leading=*/false)) break;
  }
  if (done()) return absl::OkStatus();
  if (deadline.is_now()) return absl::UnavailableError("the task has not ended yet");
  if (tasks_.waiters().Wait(list, done, deadline)) return absl::OkStatus();
  return absl::DeadlineExceededError("the task has not ended yet");
}

absl::Status PoolCore::Close() {
  if (absl::Status owner = CheckOwner(); !owner.ok()) return owner;
  MutexLock lock(life_);
  closed_ = true;
  if (!terminated_) tasks_.Refuse(ClosedError("the pool"));
  return absl::OkStatus();
}

absl::Status PoolCore::EndTasks() {
  {
    MutexLock lock(life_);
    if (std::exchange(terminated_, true)) return absl::OkStatus();
    closed_ = true;
    tasks_.Refuse(absl::FailedPreconditionError("the pool was terminated: it takes no more tasks"));
  }
  workers_->Stop();
  absl::Status ended = workers_->End();
  tasks_.FailAll(absl::CancelledError("the pool was terminated before the task had ended"));
  return ended;
}

// On return workers and threads are gone. A callback can't wait for its own thread: there the threads go on until the
// pool is destroyed.
absl::Status PoolCore::Terminate() {
  if (absl::Status owner = CheckOwner(); !owner.ok()) return owner;
  if (InCallback()) return EndTasks();
  MutexLock one(ending_);
  absl::Status all = EndTasks();
  keeper_.reset();
  collector_.reset();
  callbacks_.Stop();
  // One that the keeper was just starting.
  all.Update(workers_->End());
  workers_->EndNursery();  // Results may keep this object for long.
  return all;
}

absl::Status PoolCore::Join(Deadline deadline) {
  if (absl::Status owner = CheckOwner(); !owner.ok()) return owner;
  if (InCallback()) {
    return absl::FailedPreconditionError("Join from a callback would wait for itself: call it elsewhere");
  }
  {
    MutexLock lock(life_);
    if (!closed_) {
      return absl::FailedPreconditionError("Join of an open pool: call Close or Terminate first");
    }
    if (terminated_) return absl::OkStatus();
  }
  if (!Wait(
           tasks_.all_done(), [this] { return tasks_.outstanding() == 0; }, deadline)
           .ok()) {
    return absl::DeadlineExceededError("tasks of the pool still run");
  }
  workers_->Stop();
  return workers_->Join(deadline);
}

void PoolCore::Break(const absl::Status& why) {
  {
    MutexLock lock(life_);
    if (std::exchange(broken_, true)) return;
    if (!closed_) tasks_.Refuse(why);
  }
  workers_->Stop();
  tasks_.FailAll(why);
}

void PoolCore::Keep(HelperThread& self) {
  while (!self.stopping() && !workers_->stopping()) {
    self.Park();
    if (const absl::Status state = workers_->Step(); !state.ok()) Break(state);
  }
  // At the pool's end there is nothing left to do but to stand still for forks.
  while (!self.stopping()) {
    self.Park();
    if (!workers_->AwaitWake().ok()) return;
  }
}

void PoolCore::CollectFor(HelperThread& self) {
  for (;;) {
    const uint32_t seen = tasks_.waiters().nudges();
    self.Park();
    if (self.stopping()) return;
    tasks_.waiters().Attend(seen);
  }
}

PoolStatistics PoolCore::statistics() const {
  PoolStatistics result;
  result.status = CheckOwner();
  if (!result.status.ok()) return result;
  result.pids = workers_->pids();
  result.tasks_done = tasks_.tasks_done();
  result.tasks_retried = tasks_.tasks_retried();
  result.workers_started = workers_->started();
  result.workers_died = workers_->died();
  result.callbacks_failed = callbacks_.failures();
  result.callback_error = callbacks_.last_failure();
  return result;
}

}  // namespace regatta
