// WaiterList: the threads that wait for a notification, in shared memory, in the order in which they came.
//
// Lock     Join, Leave and Notify are called by the holder of a lock that all users of the list share; Await without
//          it.
// Crash    A process may be killed at any instruction. A waiter keeps its notification until it calls Leave. If it dies
//          before, the notification has no owner, and the waiter that came first takes it over: at the next Join or
//          Notify, or a second later. Each change is one compare-and-exchange of one word, so a notification is neither
//          lost nor doubled. A notification of all waiters (NotifyAll) ends with its waiter, since nobody else waits
//          for it.
// Fresh    All zero is an empty list.
#ifndef REGATTA_CORE_SYNC_WAITER_LIST_H_
#define REGATTA_CORE_SYNC_WAITER_LIST_H_

#include <atomic>
#include <cstdint>

#include "core/os/deadline.h"
#include "core/shm/family.h"

namespace regatta {

class WaiterList {
 public:
  static constexpr uint32_t kSlots = 1000;

  // One wait of one thread.
  class Slot {
   private:
    friend class WaiterList;
    std::atomic<uint32_t> word_;    // Futex word: {State:2 | Member:30}.
    std::atomic<uint32_t> number_;  // Of the wait. Earlier waits have smaller numbers, which may wrap.
  };

  // Begins a wait of a thread of `self`. Null: kSlots threads wait.
  Slot* Join(Member self);
  // Blocks until `slot` is notified or `deadline`. Returns null if the deadline came first. Otherwise it returns the
  // slot that holds the notification, which may be another: the wait goes on in that one.
  Slot* Await(Slot* slot, Member self, Deadline deadline);
  // Ends a wait. Its notification has had its effect.
  void Leave(Slot& slot);
  // Notifies the `count` waiters that came first, or as many as wait.
  void Notify(int64_t count);
  void NotifyAll();

 private:
  enum State : uint32_t {
    kFree = 0,  // The whole word is 0.
    kWaiting = 1,
    kNotified = 2,  // If the member is dead or nobody, another waiter may take the notification over.
    kNotifiedWithAll = 3,
  };
  static constexpr uint32_t Word(State state, Member member) { return state << kMemberBits | member; }
  static constexpr State StateOf(uint32_t word) { return static_cast<State>(word >> kMemberBits); }
  static constexpr Member MemberOf(uint32_t word) { return word & kMemberMask; }

  uint32_t Used() const;
  // The waiter that came first; null if none waits.
  Slot* First();
  // A notification whose owner is dead or nobody; null if there is none.
  Slot* Ownerless();
  static bool IsOwnerless(uint32_t word);
  // False: no live thread waits there.
  bool NotifySlot(Slot& slot, State state);
  void WakeFirst();
  // Gives a notification without an owner to `slot`, if its wait came first; otherwise wakes the waiter that came
  // first, so that it does the same. Returns the slot that holds the notification, or null.
  Slot* TakeOver(Slot* slot, Member self);

  // Both are written with the lock held.
  std::atomic<uint32_t> next_number_;
  std::atomic<uint32_t> used_;  // All slots from this one on are free.
  Slot slots_[kSlots];
};

}  // namespace regatta

#endif  // REGATTA_CORE_SYNC_WAITER_LIST_H_
