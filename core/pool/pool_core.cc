#include "core/pool/pool_core.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/os/cpu.h"
#include "core/os/error.h"
#include "core/os/event_fd.h"
#include "core/topology/affinity.h"
#include "core/topology/topology.h"
#include "core/topology/usable_cpus.h"

namespace regatta {
namespace {

constexpr uint32_t kOwner = 0;  // The owner's extents; worker i's are i + 1.
constexpr absl::Duration kGrace = absl::Seconds(1);

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
  for (const auto& child : children) child->Terminate().IgnoreError();  // End() follows, and has the last word.
  const Deadline patience = Deadline::After(kGrace);
  absl::Status all;
  for (const auto& child : children) {
    if (child->Wait(patience).ok()) continue;
    all.Update(child->End().status());
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

}  // namespace regatta
