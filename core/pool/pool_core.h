// PoolCore: the owner's side of a pool, without types: posts tasks, collects results, and heals.
//
// Internal to the pool. Any thread of the owner may call anything. Whoever waits for a result collects them itself, so a hot
// round trip crosses no second thread; a helper thread sees to deaths and to what doesn't fit on the board yet, and another
// runs the callbacks.
//
// Locks (in this order): drain_ (collecting, one thread at a time), mutex_ (everything else). User code (decoding a result
// aside) runs under neither.
#ifndef REGATTA_CORE_POOL_POOL_CORE_H_
#define REGATTA_CORE_POOL_POOL_CORE_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/os/deadline.h"
#include "core/os/fd.h"
#include "core/pool/board.h"
#include "core/pool/pool_options.h"
#include "core/process/helper_thread.h"
#include "core/process/nursery.h"
#include "core/shm/extent_pool.h"

namespace regatta {

// What is to become of a task, or of several that belong together. Shared by its handle and the core.
class TaskState {
 public:
  virtual ~TaskState() = default;
  // Called once for each task, before `done`, by one thread at a time; `item` is its TaskSpec's. OK: `result` is what the function
  // returned, encoded, readable during the call only. True: that was the last of this state's tasks.
  virtual bool Resolve(uint64_t item, absl::Status outcome, absl::Span<const std::byte> result) = 0;
  // Called once after the last, by the thread for callbacks, if `wants_callback`.
  virtual void RunCallback() {}

  std::atomic<bool> done{false};
  bool wants_callback = false;
};

struct TaskSpec {
  FunctionId function;
  uint32_t items = 0;    // As TaskSlot::items.
  uint32_t retries = 0;  // Times that it may be run again after its worker died.
  uint64_t item = 0;     // What its state knows it by.
};

class PoolCore : public std::enable_shared_from_this<PoolCore> {
 public:
  static absl::StatusOr<std::shared_ptr<PoolCore>> Create(const PoolOptions& options);
  ~PoolCore();

  // Accepts a task; `encode` fills exactly `bytes` bytes. On error nothing was accepted, and `state` is not resolved.
  absl::Status Submit(const TaskSpec& spec, size_t bytes, absl::FunctionRef<absl::Status(absl::Span<std::byte>)> encode,
                      std::shared_ptr<TaskState> state, std::vector<Fd> descriptors = {});
  // Resolves a task of `state` as one that was accepted and failed.
  void Fail(const TaskSpec& spec, std::shared_ptr<TaskState> state, absl::Status why);
  // Takes results in until `done` says true (then true) or the deadline (then false). `done` only looks.
  bool Wait(absl::FunctionRef<bool()> done, Deadline deadline);
  // Takes in what workers have posted, without waiting.
  void Collect() { Collect(/*waiting=*/false); }

  absl::Status Close();
  absl::Status Terminate();
  absl::Status Join(Deadline deadline);

  int workers() const { return static_cast<int>(workers_.size()); }
  PoolStatistics statistics();

 private:
  struct Pending {
    std::shared_ptr<TaskState> state;
    std::vector<Fd> descriptors;
    uint64_t item = 0;
    uint32_t retries = 0;
  };
  struct Waiting {  // A task that found no free slot.
    TaskSpec spec;
    size_t size;
    std::unique_ptr<std::byte[]> bytes;
    std::vector<Fd> descriptors;
    std::shared_ptr<TaskState> state;
  };
  struct WorkerPlace {
    std::shared_ptr<Child> child;  // Null while there is none.
    Fd socket;
    std::string name;
    std::atomic<uint32_t> position{0};  // In its done ring; moved on under drain_.
  };
  // What became of a slot's task.
  struct Outcome {
    uint32_t slot;
    bool has_result;  // Else `status` says what befell it.
    absl::Status status;
    Pending task;
    bool last = false;  // Of its state's tasks.
  };

  PoolCore(PoolOptions options, std::unique_ptr<Board> board, std::unique_ptr<Nursery> nursery, Fd event, Fd control,
           Fd calls);

  absl::Status CheckOwner() const;
  // mutex_ is held in these.
  absl::Status CheckOpen() const;
  absl::StatusOr<uint32_t> TakeSlot();
  absl::Status Fill(uint32_t slot, const TaskSpec& spec, size_t bytes,
                    absl::FunctionRef<absl::Status(absl::Span<std::byte>)> encode, absl::Span<const Fd> descriptors);
  void PostSlot(uint32_t slot);
  void Feed();
  // `last` of its tasks has been resolved.
  void Conclude(std::shared_ptr<TaskState> state, bool last);

  bool AnythingPosted() const;
  // True: there was something.
  bool Collect(bool waiting);
  // drain_ is held in these.
  void TakePosted();
  // Resolves the tasks of outcomes_.
  void Finish(bool waiting);
  void Bury(uint32_t worker, const ExitStatus& status);

  absl::Status StartWorker(uint32_t worker);
  // Every pending task fails with `why`.
  void FailAll(const absl::Status& why);
  void Break(absl::Status why);
  void StopWorkers();
  // Terminates and reaps all.
  absl::Status EndWorkers();

  void HelperBody(HelperThread& self);
  bool HelperStep();
  bool HelperIsNeeded();
  void AnswerWorker(uint32_t worker);
  absl::Status StartCaller();
  void CallerBody(HelperThread& self);
  void RunCallbacks();
  void WakeHelper();

  const PoolOptions options_;
  const int32_t owner_pid_;
  const uint32_t fork_generation_;
  std::unique_ptr<Board> board_;
  std::unique_ptr<Nursery> nursery_;
  Fd event_;    // Workers signal it while the board is armed.
  Fd control_;  // This process signals it, for the helper.
  Fd calls_;    // And this for the caller.
  ExtentPool extents_;

  std::mutex drain_;
  std::vector<Outcome> outcomes_;  // Guarded by drain_; kept for its memory.
  std::mutex mutex_;
  std::deque<WorkerPlace> workers_;
  std::vector<Pending> pending_;   // By slot.
  std::vector<uint32_t> serials_;  // By slot: of the task that it was last given.
  std::vector<uint32_t> free_;     // Used last, used first: their lines are warm.
  std::vector<uint32_t> unposted_;
  std::deque<Waiting> backlog_;
  std::deque<std::shared_ptr<TaskState>> callbacks_;
  uint32_t slots_made_ = 0;
  uint32_t processor_ = ~0U;
  bool closed_ = false;
  bool terminated_ = false;
  absl::Status broken_;
  std::atomic<uint64_t> outstanding_{0};  // Tasks accepted and not yet resolved, and callbacks yet to run.
  std::atomic<uint32_t> waiters_{0};
  std::atomic<uint32_t> callbacks_expected_{0};
  std::atomic<bool> stopping_{false};
  uint32_t startup_failures_ = 0;
  uint32_t starts_in_vain_ = 0;  // The helper's.
  absl::Status start_error_;
  PoolStatistics statistics_;
  std::atomic<std::thread::id> callback_thread_{};
  std::mutex ending_;  // Taken before the others: guards the two threads' beginning and end.
  std::atomic<bool> caller_runs_{false};
  std::unique_ptr<HelperThread> caller_;  // Runs callbacks, once there is one to run.
  std::unique_ptr<HelperThread> helper_;
};

}  // namespace regatta

#endif  // REGATTA_CORE_POOL_POOL_CORE_H_
