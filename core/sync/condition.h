// Condition: a lock, and a place where its holders wait for other holders to change what it guards.
//
//   // A consumer.                                        // A producer.
//   condition.Acquire();                                  condition.Acquire();
//   condition.WaitFor([&] { return !items.empty(); });    items.push_back(...);
//   ... take an item ...                                  condition.Notify();
//   condition.Release();                                  condition.Release();
//
// Lock       Create() makes a condition with an RLock of its own. Create(lock) uses a lock of yours, which several
//            conditions may share.
// Processes  Pass a Condition to a process or a pool's task as an argument, or keep it across fork. Its lock goes with
//            it.
// Threads    Thread-safe.
// Order      Notify wakes the threads that have waited longest. What a process writes before Notify is visible to the
//            thread that it wakes.
// Crash      A process may be killed at any instruction. A dead waiter delays nobody. If a waiter dies after Notify and
//            before it has returned from Wait, another gets its notification: the one that has waited longest, or if
//            none waits the next one that comes. That takes at most one second. No death makes one notification wake
//            two waiters.
// Cost       Notify makes one system call for each waiter that it wakes. A thread that waits alone looks for at most 40
//            us, then it sleeps.
// Limits     kMostWaiters threads wait at once.
// Copies     A Condition is a handle: copies are the same condition.
// Format     condition_format.h, described in FORMAT.md.
#ifndef REGATTA_CORE_SYNC_CONDITION_H_
#define REGATTA_CORE_SYNC_CONDITION_H_

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/codec/codec.h"
#include "core/os/deadline.h"
#include "core/os/fd.h"
#include "core/shm/shared_object.h"
#include "core/sync/acquired.h"
#include "core/sync/condition_format.h"
#include "core/sync/lock.h"
#include "core/sync/locked_object.h"
#include "core/sync/rlock.h"
#include "core/sync/scoped.h"

namespace regatta {

// How a wait ended. The thread holds the lock again.
struct Waited {
  // Wait: a notification ended it, and not the deadline. WaitFor: what the predicate returned last.
  bool notified = false;
  // The pid of the process that died while it held the lock, if one did; 0 if the pid is not known any more. The data
  // that the lock guards may be half changed.
  std::optional<int32_t> previous_owner_died;
};

// Attach, Acquire and Release: see LockedObject. valid, descriptor, offset and CheckDescriptor: see ObjectHandle.
class Condition : public LockedObject<Condition, ObjectRef<ConditionLayout>> {
 public:
  static constexpr int kMostWaiters = WaiterList::kSlots;

  // ResourceExhausted: no memory or descriptors. InvalidArgument: `lock` was never created.
  static absl::StatusOr<Condition> Create();
  static absl::StatusOr<Condition> Create(Lock lock);
  static absl::StatusOr<Condition> Create(RLock lock);
  // Releases the lock (an RLock at once, however often it was acquired), blocks until a notification or `deadline`, and
  // acquires the lock again, however long that takes. A thread that was not notified finds `notified` false, which is
  // no error. FailedPrecondition: this thread (with a Lock: this process) does not hold the lock. ResourceExhausted:
  // kMostWaiters threads wait.
  absl::StatusOr<Waited> Wait(Deadline deadline = Deadline::Never());
  // Waits until `predicate`, which is called with the lock held, returns true or `deadline` has passed. Errors: Wait's.
  template <class Predicate>
  absl::StatusOr<Waited> WaitFor(Predicate predicate, Deadline deadline = Deadline::Never());

  // Wakes `waiters` threads, or as many as wait. Call it with the lock held. FailedPrecondition: this thread (with a
  // Lock: this process) does not hold it. InvalidArgument: `waiters` is below 1.
  absl::Status Notify(int64_t waiters = 1);
  absl::Status NotifyAll();

 private:
  // FailedPrecondition: this thread, or with a Lock this process, does not hold the lock.
  absl::Status CheckHeld(absl::string_view call) const;
};

using ScopedCondition = Scoped<Condition>;

template <class Predicate>
absl::StatusOr<Waited> Condition::WaitFor(Predicate predicate, Deadline deadline) {
  Waited all;
  while (!(all.notified = predicate())) {
    const absl::StatusOr<Waited> once = Wait(deadline);
    if (!once.ok()) return once.status();
    if (once->previous_owner_died.has_value()) all.previous_owner_died = once->previous_owner_died;
    if (!once->notified && deadline.passed()) {
      all.notified = predicate();
      break;
    }
  }
  return all;
}

template <>
struct Codec<Condition> : LockedObjectCodec<Condition> {
  static constexpr uint64_t kFingerprint = FingerprintOf("regatta.Condition/1");
};

}  // namespace regatta

#endif  // REGATTA_CORE_SYNC_CONDITION_H_
