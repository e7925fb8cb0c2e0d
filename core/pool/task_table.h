// TaskTable: the tasks of a pool, from Submit until they have been resolved; the owner's side of the board's slots.
//
// Internal to the pool. A task is reserved (its slot and extent are taken and its arguments are being encoded), pending
// (on the board), or in the backlog (it found no free slot). Collect takes in what the workers have posted.
//
// Invariants A slot is free, reserved by one thread, or has a pending task. A task that was accepted is resolved
// exactly once.
//            While the backlog holds a task, another task is pending or reserved, and its end feeds the backlog.
// User code  Arguments are encoded, and states and descriptors are destroyed, under no lock.
// Locks      drain_ before mutex_. One thread at a time collects, under drain_. mutex_ guards slots, backlog and
//            extents, and the lists of ResultWaiters. The locks of task states are taken under either and take no
//            other.
// Trust      What workers write to a slot is copied once and checked.
#ifndef REGATTA_CORE_POOL_TASK_TABLE_H_
#define REGATTA_CORE_POOL_TASK_TABLE_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/inlined_vector.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/os/fd.h"
#include "core/os/mutex.h"
#include "core/pool/board.h"
#include "core/pool/result_waiters.h"
#include "core/pool/task_state.h"
#include "core/shm/extent_pool.h"

namespace regatta {

struct TaskSpec {
  FunctionId function;
  uint32_t items = 1;    // Over 1: a chunk of so many calls (chunk.h).
  uint32_t retries = 0;  // Times that it may be run again after its worker died.
  uint64_t first = 0;    // The number of its first item, for its state.
};

// Whether a task was accepted, and if not, what is the matter.
struct Submitted {
  enum class Kind {
    kAccepted,
    kNotEncoded,  // The arguments: another task may be accepted.
    kRefused,     // The pool: it is closed or broken, or has no memory now.
  };
  Kind kind = Kind::kAccepted;
  absl::Status status;  // OK if accepted.
};

// Encoded arguments that fit into a slot.
struct SmallArguments {
  uint32_t size;
  std::byte bytes[kInlineArguments];
};

class TaskTable final : public ResultWaiters::Source {
 public:
  static constexpr size_t kBatch = 64;  // Tasks that one call of Collect takes, at most.

  // `call_back` is called with each state that has become done and wants its callback; `became_untidy`, under the
  // table's locks, when untidy() has become true. `slots` of the board have memory already, at least one.
  TaskTable(std::shared_ptr<Board> board, uint32_t workers, uint32_t slots,
            std::function<void(std::shared_ptr<TaskState>)> call_back, std::function<void()> became_untidy);
  ~TaskTable() override;

  // Accepts a task; `encode` fills exactly `bytes` bytes and throws nothing. They end with the key (MemfdIdentity) of
  // each of `descriptors`, which may be null. Unless it is accepted, `state` is never resolved.
  Submitted Submit(const TaskSpec& spec, size_t bytes, absl::FunctionRef<absl::Status(absl::Span<std::byte>)> encode,
                   const std::shared_ptr<TaskState>& state, std::unique_ptr<std::vector<Fd>> descriptors);
  // Accepts `tasks`, of which each has the arguments and the number after its predecessor's, or refuses all of them. If
  // memory runs out after the first of them was accepted, each of the rest fails by itself.
  Submitted SubmitSmall(TaskSpec spec, absl::Span<const SmallArguments> tasks, const std::shared_ptr<TaskState>& state);
  // Resolves a task of `state` as one that was accepted and failed.
  void Fail(const TaskSpec& spec, const std::shared_ptr<TaskState>& state, absl::Status why);
  // From now on Submit refuses with `why`.
  void Refuse(absl::Status why);

  bool Collect(bool leading) override;
  bool AnyResultPosted() const override { return AnyResultPosted(0); }

  // A new process takes the worker's place.
  void ResetWorker(uint32_t worker);
  // A worker has died: the task that it held fails with `error`, or is done again, and no other does. Returns whether
  // the worker had come so far as to ask for tasks.
  bool Bury(uint32_t worker, const absl::Status& error);
  // Every task that is pending or in the backlog fails with `why`.
  void FailAll(const absl::Status& why);

  // Copies of the descriptors that the task of that serial was given; none if the slot has another task by now.
  // ResourceExhausted: no descriptors are left for the copies.
  absl::StatusOr<std::vector<Fd>> DescriptorsOf(uint32_t slot, uint32_t serial);

  // Whether memory for large arguments, or for a large backlog, may stand unused once nothing is under way.
  bool untidy() const { return untidy_.load(std::memory_order_relaxed); }
  // Gives back what stands unused.
  void Tidy();

  ResultWaiters& waiters() { return waiters_; }
  // Tasks accepted and not yet resolved, and callbacks that have not returned; all_done() is woken when there are none.
  uint64_t outstanding() const { return outstanding_.load(std::memory_order_acquire); }
  ResultWaiters::List& all_done() { return all_done_; }
  // The callback of a state has returned.
  void CallbackReturned();

  uint64_t tasks_done() const { return tasks_done_.load(std::memory_order_relaxed); }
  uint64_t tasks_retried() const { return tasks_retried_.load(std::memory_order_relaxed); }

 private:
  static constexpr uint32_t kNoSlot = UINT32_MAX;
  // The task of a slot. While `posted` is true it belongs to the holder of drain_, else to the thread that holds the
  // slot.
  struct Pending {
    std::atomic<bool> posted{false};  // It is on the board and has not been collected.
    uint32_t serial = 0;              // Of the task that the slot was last given.
    uint32_t items = 0;
    uint32_t retries = 0;
    uint64_t first = 0;
    TaskState* state = nullptr;                    // Its kept_by_pool keeps it.
    std::unique_ptr<std::vector<Fd>> descriptors;  // Null: none travel with it.
    Extent* arguments = nullptr;                   // Null: they are in the slot.
  };
  struct Waiting {  // A task that found no free slot.
    TaskSpec spec;
    size_t bytes = 0;
    std::unique_ptr<std::byte[]> encoded;
    TaskState* state = nullptr;  // Its kept_by_pool keeps it.
    std::unique_ptr<std::vector<Fd>> descriptors;
  };
  // A task that has ended: its state has taken the outcome.
  struct Ended {
    std::shared_ptr<TaskState> finished;  // The state, if this was its last task.
    bool wants_callback = false;          // Of the state.
    uint32_t slot = kNoSlot;              // That it leaves.
    std::unique_ptr<std::vector<Fd>> descriptors;
  };
  using Batch = absl::InlinedVector<Ended, kBatch>;

  // Changes a counter that only the holder of mutex_ changes. Returns its new value.
  static uint64_t Add(std::atomic<uint64_t>& counter, uint64_t change) {
    const uint64_t value = counter.load(std::memory_order_relaxed) + change;
    counter.store(value, std::memory_order_release);
    return value;
  }
  // Returns kNoSlot if none is free.
  uint32_t TakeSlot() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<Extent*> TakeExtent(uint64_t bytes, uint32_t slot) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void MarkUntidy() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Accept(const std::shared_ptr<TaskState>& state) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Posts the task whose arguments are in `arguments`, or in the slot; its descriptors are in pending_.
  void Post(uint32_t slot, const TaskSpec& spec, size_t bytes, Extent* arguments, TaskState* state)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // SubmitSmall as far as slots are free: removes the tasks that it posts from `tasks`.
  void PostSmall(TaskSpec& spec, absl::Span<const SmallArguments>& tasks, const std::shared_ptr<TaskState>& state)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AddToBacklog(Waiting task) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Collects if much is posted. Collect costs about as much for one task as for many, so a thread that only submits
  // waits until there are many.
  void CollectMany() ABSL_LOCKS_EXCLUDED(drain_, mutex_);
  void PostAgain(uint32_t slot) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Posts what waits, as far as slots are free. A task that can never be posted fails and is added to `batch`.
  void Feed(Batch& batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Adds a task that has no slot and fails with `why`.
  static void AddFailed(const TaskSpec& spec, TaskState& state, absl::Status why, Batch& batch);
  // Hands an outcome to `state` by `take`, and notes in `ended` what follows from it.
  template <class Take>
  static void HandOver(TaskState& state, Ended& ended, Take take) {
    // After the call, another thread may hand over the last outcome and free the state.
    ended.wants_callback = state.wants_callback;
    if (take()) ended.finished = std::move(state.kept_by_pool);
  }
  // Whether a worker has posted more than `after` tasks that have not been collected.
  bool AnyResultPosted(uint32_t after) const;
  // Adds up to kBatch of the tasks that workers have posted as done to `batch`. Returns false if there were none.
  bool TakePosted(Batch& batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(drain_);
  // Hands the outcome of the slot's task to its state: `error`, or if that is null, what the worker wrote.
  void Settle(uint32_t slot, const absl::Status* error, Batch& batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(drain_);
  static bool TakeResult(const std::shared_ptr<Board>& board, const Pending& task, const TaskSlot& slot);
  void UnlockDrain() ABSL_UNLOCK_FUNCTION(drain_);
  // Frees the slots of `batch`, marks states as done, and wakes the threads that wait for them. `leading`: see Collect.
  void Finish(Batch& batch, bool leading) ABSL_LOCKS_EXCLUDED(drain_, mutex_);

  const std::shared_ptr<Board> board_;
  const uint32_t workers_;
  const std::function<void(std::shared_ptr<TaskState>)> call_back_;
  const std::function<void()> became_untidy_;
  std::vector<Pending> pending_;  // By slot.
  std::atomic<bool> untidy_{false};

  Mutex drain_ ABSL_ACQUIRED_BEFORE(mutex_);
  std::vector<std::atomic<uint32_t>> positions_;  // In the workers' done rings; changed under drain_.
  uint32_t turn_ ABSL_GUARDED_BY(drain_) = 0;     // The worker whose ring is read first.

  Mutex mutex_;
  ResultWaiters waiters_;
  ResultWaiters::List all_done_;
  absl::Status refusal_ ABSL_GUARDED_BY(mutex_);
  ExtentPool extents_ ABSL_GUARDED_BY(mutex_);
  std::vector<uint32_t> free_ ABSL_GUARDED_BY(mutex_);      // Used last, used first: their lines are warm.
  std::vector<uint32_t> unposted_ ABSL_GUARDED_BY(mutex_);  // Queued, while the task ring was full.
  std::deque<Waiting> backlog_ ABSL_GUARDED_BY(mutex_);
  bool backlog_was_large_ ABSL_GUARDED_BY(mutex_) = false;
  uint32_t slots_made_ ABSL_GUARDED_BY(mutex_);  // That have memory.
  uint32_t processor_ ABSL_GUARDED_BY(mutex_) = ~0U;
  // Changed under mutex_, read without it.
  std::atomic<uint64_t> outstanding_{0};
  std::atomic<uint64_t> tasks_done_{0};
  std::atomic<uint64_t> tasks_retried_{0};
};

}  // namespace regatta

#endif  // REGATTA_CORE_POOL_TASK_TABLE_H_
