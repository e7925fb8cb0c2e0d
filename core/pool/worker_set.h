// WorkerSet: the worker processes of a pool: starts them, replaces those that die, and answers their questions.
//
// Internal to the pool. One thread, the keeper, runs Step in a loop and sees to deaths, whatever callbacks and waiting
// threads do. It runs no user code.
//
// Death      A worker's death is reported to the TaskTable before its successor starts. Five in a row that die before
//            their first task, or five attempts to start one while none lives, break the pool. The keeper heals the
//            nursery (nursery.h) as soon as one of its processes dies.
// Waiting    No wait on a worker or on the nursery is without a bound.
// Locks      mutex_ guards the places. It is taken under no other lock and takes none. Only the keeper (before it:
//            Start) uses nursery_ and changes places.
// Fork       A forked child closes the descriptors that are here.
#ifndef REGATTA_CORE_POOL_WORKER_SET_H_
#define REGATTA_CORE_POOL_WORKER_SET_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/os/deadline.h"
#include "core/os/fd.h"
#include "core/os/mutex.h"
#include "core/pool/board.h"
#include "core/pool/pool_options.h"
#include "core/pool/task_table.h"
#include "core/process/child.h"
#include "core/process/nursery.h"

namespace regatta {

class WorkerSet {
 public:
  // ResourceExhausted: no descriptors or processes. FailedPrecondition: as Nursery::Create.
  // Worker i runs on cpus[i modulo its size] of `options`; `count` workers.
  static absl::StatusOr<std::unique_ptr<WorkerSet>> Create(const PoolOptions& options, uint32_t count,
                                                           std::shared_ptr<Board> board, TaskTable* tasks);
  ~WorkerSet();
  WorkerSet(const WorkerSet&) = delete;
  WorkerSet& operator=(const WorkerSet&) = delete;

  // Starts all of them.
  absl::Status Start();
  // For the keeper: waits for a death, a question or Wake, and sees to it. An error: the pool is broken, for that
  // reason.
  absl::Status Step();
  // Waits for Wake alone.
  absl::Status AwaitWake();
  void Wake();
  // Tells the workers to end once they have nothing to do. From now on none is replaced.
  void Stop();
  bool stopping() const { return stopping_.load(std::memory_order_acquire); }
  // Waits until all have ended. DeadlineExceeded.
  absl::Status Join(Deadline deadline);
  // Terminates, kills and reaps all. Errors: as Child::End; a process still runs.
  absl::Status End();
  // Ends the nursery. The keeper has ended.
  void EndNursery() { nursery_.reset(); }

  uint32_t count() const { return count_; }
  std::vector<int32_t> pids() const;
  uint64_t started() const { return started_.load(std::memory_order_relaxed); }
  uint64_t died() const { return died_.load(std::memory_order_relaxed); }

 private:
  struct Place {
    std::shared_ptr<Child> child;  // Null while there is none.
    std::shared_ptr<Fd> socket;
    std::string name;
  };

  WorkerSet(const PoolOptions& options, uint32_t count, std::shared_ptr<Board> board, TaskTable* tasks,
            std::unique_ptr<Nursery> nursery, Fd control);

  absl::Status StartOne(uint32_t index);
  absl::Status StartMissing();
  void Bury(uint32_t index, const Place& place, const ExitStatus& status);
  // Returns false if the worker has died or does not take the answer.
  bool Answer(const Place& place);
  std::vector<Place> Places() const;
  std::vector<std::shared_ptr<Child>> Children() const;

  const PoolOptions options_;
  const uint32_t count_;
  const std::shared_ptr<Board> board_;
  TaskTable* const tasks_;
  Fd control_;  // Signalled to wake the keeper.
  std::unique_ptr<Nursery> nursery_;
  const uint64_t fork_handler_;
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> started_{0};
  std::atomic<uint64_t> died_{0};
  // The keeper's.
  uint32_t startup_failures_ = 0;  // In a row: workers that died before their first task.
  uint32_t starts_in_vain_ = 0;    // In a row: attempts while no worker lived.
  absl::Status start_error_;
  uint64_t done_before_ = 0;  // Tasks, at the last look for memory to give back.
  Deadline heal_again_ = Deadline::Now();

  mutable Mutex mutex_;
  std::vector<Place> places_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace regatta

#endif  // REGATTA_CORE_POOL_WORKER_SET_H_
