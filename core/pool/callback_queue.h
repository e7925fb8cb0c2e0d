// CallbackQueue: the callbacks of a pool that are to run, and the thread that runs them, one after another.
//
// Internal to the pool. The thread starts with the first task that wants a callback. It runs user code under no lock.
//
// Errors     What a callback throws is given to the task's error callback. If there is none, or it throws as well, the
//            exception is counted and the last one is kept for Pool::statistics. The pool goes on.
// Threads    Thread-safe. mutex_ guards the queue, starting_ the thread's beginning and end; starting_ comes first.
#ifndef REGATTA_CORE_POOL_CALLBACK_QUEUE_H_
#define REGATTA_CORE_POOL_CALLBACK_QUEUE_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "core/os/mutex.h"
#include "core/pool/task_state.h"
#include "core/process/helper_thread.h"

namespace regatta {

class CallbackQueue {
 public:
  // `returned` is called after each callback, under no lock.
  explicit CallbackQueue(std::function<void()> returned) : returned_(std::move(returned)) {}

  // Makes sure that the thread runs, unless the queue has been stopped. ResourceExhausted: no threads left.
  absl::Status Start();
  // Once the queue has been stopped, the calling thread runs the callback.
  void Push(std::shared_ptr<TaskState> state);
  // Whether the calling thread is running a callback of this pool.
  bool OnItsThread() const { return thread_.load() == std::this_thread::get_id(); }
  // Ends the thread, after the callback that it is running, and runs what is left in the calling thread.
  void Stop();

  // What callbacks threw and no error callback took.
  uint64_t failures() const;
  absl::Status last_failure() const;

 private:
  void Body(HelperThread& self);
  bool RunOne();

  const std::function<void()> returned_;
  std::atomic<uint32_t> pushed_{0};  // A futex word.
  std::atomic<std::thread::id> thread_{};
  std::atomic<bool> started_{false};
  std::atomic<bool> stopped_{false};

  Mutex starting_ ABSL_ACQUIRED_BEFORE(mutex_);
  std::unique_ptr<HelperThread> helper_ ABSL_GUARDED_BY(starting_);

  mutable Mutex mutex_;
  std::deque<std::shared_ptr<TaskState>> queue_ ABSL_GUARDED_BY(mutex_);
  uint64_t failures_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status last_failure_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace regatta

#endif  // REGATTA_CORE_POOL_CALLBACK_QUEUE_H_
