// PoolCore: the owner's side of a pool, without types. It wires the parts together and ends them in order.
//
//   TaskTable       tasks and slots: posting and collecting
//   ResultWaiters   the threads that wait for results
//   CallbackQueue   callbacks and their thread
//   WorkerSet       worker processes and the nursery
//
// Internal to the pool. Threads of a pool: the keeper (regatta-pool), which sees to deaths; the collector
// (regatta-results), which collects while no other thread waits; and the one for callbacks.
//
// Threads    Thread-safe. Locks, in this order: ending_ (the end of the threads), life_ (closed, terminated, broken),
//            and those of the parts, each of which names its own. User code runs under none of them.
// Processes  The owner only. In a forked child every call is FailedPrecondition before it touches a lock.
#ifndef REGATTA_CORE_POOL_POOL_CORE_H_
#define REGATTA_CORE_POOL_POOL_CORE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/os/deadline.h"
#include "core/os/fd.h"
#include "core/os/fork_generation.h"
#include "core/os/mutex.h"
#include "core/pool/board.h"
#include "core/pool/callback_queue.h"
#include "core/pool/pool_options.h"
#include "core/pool/result_waiters.h"
#include "core/pool/task_state.h"
#include "core/pool/task_table.h"
#include "core/pool/worker_set.h"
#include "core/process/helper_thread.h"

namespace regatta {

class PoolCore {
 public:
  static absl::StatusOr<std::shared_ptr<PoolCore>> Create(const PoolOptions& options);
  ~PoolCore();
  PoolCore(const PoolCore&) = delete;
  PoolCore& operator=(const PoolCore&) = delete;

  // FailedPrecondition: this process is a forked child of the owner. Costs a load.
  absl::Status CheckOwner() const { return IsOwner() ? absl::OkStatus() : NotOwnerError(); }
  bool IsOwner() const { return IsForkGeneration(fork_generation_); }

  // As TaskTable::Submit, SubmitSmall and Fail.
  Submitted Submit(const TaskSpec& spec, size_t bytes, absl::FunctionRef<absl::Status(absl::Span<std::byte>)> encode,
                   const std::shared_ptr<TaskState>& state, std::unique_ptr<std::vector<Fd>> descriptors = nullptr) {
    if (absl::Status ready = Prepare(*state); !ready.ok()) return {Submitted::Kind::kRefused, std::move(ready)};
    return tasks_.Submit(spec, bytes, encode, state, std::move(descriptors));
  }
  Submitted SubmitSmall(const TaskSpec& spec, absl::Span<const SmallArguments> tasks,
                        const std::shared_ptr<TaskState>& state) {
    if (!IsOwner() || state->wants_callback) [[unlikely]] {
      if (absl::Status ready = Prepare(*state); !ready.ok()) return {Submitted::Kind::kRefused, std::move(ready)};
    }
    return tasks_.SubmitSmall(spec, tasks, state);
  }
  void Fail(const TaskSpec& spec, const std::shared_ptr<TaskState>& state, absl::Status why) {
    tasks_.Fail(spec, state, std::move(why));
  }
  // Waits until `done` returns true; `list` is where whoever makes it true wakes threads. Collects results meanwhile.
  // DeadlineExceeded (Unavailable with Deadline::Now()): not yet. FailedPrecondition: CheckOwner.
  absl::Status Wait(ResultWaiters::List& list, absl::FunctionRef<bool()> done, Deadline deadline);
  // Whether the calling thread runs a callback of this pool.
  bool InCallback() const { return callbacks_.OnItsThread(); }

  absl::Status Close();
  absl::Status Terminate();
  absl::Status Join(Deadline deadline);

  int workers() const { return static_cast<int>(workers_count_); }
  PoolStatistics statistics() const;

 private:
  PoolCore(uint32_t workers, std::shared_ptr<Board> board);

  absl::Status NotOwnerError() const;
  // Before a task of `state` is submitted.
  absl::Status Prepare(const TaskState& state) {
    absl::Status ready = CheckOwner();
    return ready.ok() && state.wants_callback ? callbacks_.Start() : ready;
  }
  absl::Status StartThreads();
  void Keep(HelperThread& self);
  void CollectFor(HelperThread& self);
  void Break(const absl::Status& why);
  // The first time: ends the workers and fails all tasks.
  absl::Status EndTasks();

  const int32_t owner_pid_;
  const uint32_t fork_generation_;
  const uint32_t workers_count_;
  const std::shared_ptr<Board> board_;  // Results that have not been decoded keep it too.
  CallbackQueue callbacks_;
  TaskTable tasks_;
  std::unique_ptr<WorkerSet> workers_;

  Mutex ending_ ABSL_ACQUIRED_BEFORE(life_);
  std::unique_ptr<HelperThread> keeper_ ABSL_GUARDED_BY(ending_);
  std::unique_ptr<HelperThread> collector_ ABSL_GUARDED_BY(ending_);

  Mutex life_;
  bool closed_ ABSL_GUARDED_BY(life_) = false;
  bool terminated_ ABSL_GUARDED_BY(life_) = false;
  bool broken_ ABSL_GUARDED_BY(life_) = false;
};

}  // namespace regatta

#endif  // REGATTA_CORE_POOL_POOL_CORE_H_
