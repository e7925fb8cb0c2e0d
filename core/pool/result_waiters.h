// ResultWaiters: the threads of a pool's owner that wait for results. One of them collects for all.
//
// Internal to the pool. A thread first collects for itself, for about as long as a wake-up costs: short tasks end
// within that. After that one thread is the leader: it waits on the board's WaitPoint and collects what the workers
// post. Every other waiting thread sleeps on a word of its own and is woken when what it waits for is done, or when it
// is to lead. So a result wakes the leader and the thread that it is for, whatever the number of threads.
//
// The collector is a thread of the pool's. It leads while no other thread waits and somebody depends on results all the
// same: tasks with callbacks, and tasks that wait for a free slot. These are counted by AddUnattended.
//
// Threads    Thread-safe. The mutex, which guards the lists, is shared with the Source.
// Lost wakes A sleeper joins a list under the mutex before it looks for the last time. What it waits for becomes true
// under the
//            mutex too, so either the sleeper sees that, or AnySleeps() sees the sleeper.
#ifndef REGATTA_CORE_POOL_RESULT_WAITERS_H_
#define REGATTA_CORE_POOL_RESULT_WAITERS_H_

#include <atomic>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "core/os/deadline.h"
#include "core/os/mutex.h"
#include "core/pool/board.h"

namespace regatta {

class ResultWaiters {
  struct Waiter;

 public:
  // Where results come from.
  class Source {
   public:
    virtual ~Source() = default;
    // Collects what has been posted. Returns whether there was anything. `leading`: the caller is the leader and checks
    // by itself whether it is done, so that it need not be woken.
    virtual bool Collect(bool leading) = 0;
    virtual bool AnyResultPosted() const = 0;
  };
  // The threads that sleep until one thing is done.
  class List {
    friend class ResultWaiters;
    Waiter* first_ = nullptr;  // Guarded by the mutex.
  };

  ResultWaiters(Source* source, Board* board, Mutex* mutex) : source_(source), board_(board), mutex_(*mutex) {}

  // Waits until `done` returns true (then true) or the deadline has passed (then false). A thread makes `done` true
  // under the mutex and calls Wake of `list` afterwards. `done` is called under no lock.
  bool Wait(List& list, absl::FunctionRef<bool()> done, Deadline deadline);

  // Whether a thread sleeps in a list. The caller holds the mutex.
  bool AnySleeps() const { return sleepers_.load(std::memory_order_relaxed) > 0; }
  void Wake(List& list);
  // Wakes the leader, so that it calls its `done`; for a thread that collected without leading.
  void WakeLeader();

  // `change` more (or fewer) tasks must be collected though no thread may wait for them.
  void AddUnattended(int64_t change);

  // For the collector: leads while it must, else sleeps; returns at the latest once nudges() differs from `seen`.
  void Attend(uint32_t seen);
  uint32_t nudges() const { return nudges_.load(std::memory_order_seq_cst); }
  // Makes Attend return.
  void Interrupt();

 private:
  struct Waiter {
    std::atomic<uint32_t> woken{0};  // A futex word.
    List* list = nullptr;
    Waiter* next_in_list = nullptr;
    Waiter* next = nullptr;  // In all.
    Waiter* previous = nullptr;
    bool linked = false;
  };

  bool TryLead(Waiter* me);
  void StepDown();
  // Makes a sleeper the next leader; without one wakes the collector if anything is unattended.
  void PassOn();
  void Link(Waiter& waiter);
  void Unlink(Waiter& waiter);
  void UnlinkLocked(Waiter& waiter) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void NudgeCollector();

  Source* const source_;
  Board* const board_;
  std::atomic<Waiter*> leader_{nullptr};
  std::atomic<int64_t> unattended_{0};
  std::atomic<uint32_t> sleepers_{0};          // In the lists.
  std::atomic<uint32_t> nudges_{0};            // A futex word, of the collector.
  std::atomic<bool> collector_sleeps_{false};  // On nudges_.
  std::atomic<bool> collector_awaits_{false};  // On the board, or is about to.
  Waiter collector_;                           // Only its address counts, as leader_.
  Mutex& mutex_;
  Waiter* first_ ABSL_GUARDED_BY(mutex_) = nullptr;  // Of all sleepers.
};

}  // namespace regatta

#endif  // REGATTA_CORE_POOL_RESULT_WAITERS_H_
