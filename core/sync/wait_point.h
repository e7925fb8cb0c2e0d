// WaitPoint: a place in shared memory where processes wait for something to become true.
//
// Cost    Notify with nobody asleep is one load (no fence, no locked instruction). A waiter spins for about as long as
//         a wake-up costs (40 us; less where spinning keeps ending in sleep), then sleeps; asleep it costs nothing but
//         a look once a second. Of several waiters one spins, the others sleep at once. A waiter on its partner's
//         processor yields to it instead of spinning, and leaves that to another that lives and once spun elsewhere.
// Crash   All zero is a fresh one, and no state of it is wrong: a process that dies between its publishing and Notify,
//         or as the spinner or the woken one, delays others by at most a second.
// Why     Sleepers announce themselves and then fence heavily (AsymmetricFenceHeavy), so that notifiers needn't fence
//         at all.
#ifndef REGATTA_CORE_SYNC_WAIT_POINT_H_
#define REGATTA_CORE_SYNC_WAIT_POINT_H_

#include <atomic>
#include <cstdint>

#include "absl/functional/function_ref.h"
#include "core/os/cpu.h"
#include "core/os/deadline.h"
#include "core/shm/family.h"

namespace regatta {

class alignas(64) WaitPoint {
 public:
  // Calls `ready` until it says true (then true) or `deadline` has passed and it says false (then false). `ready`
  // looks, and may take, without waiting. `partner_here` says whether who will notify last ran on this thread's
  // processor.
  //
  // A waiter that took something calls Notify afterwards if more is there: wakes may have been left to it. `self` is
  // Family::Self. `idle` is called when a wait has lasted 50 ms, and every second from then on. Use it to tidy up, and
  // to ask whether those who are waited for are alive (Family::Recheck): their death wakes nobody where the kernel does
  // not mark it.
  //
  // `partner` returns a member whose death ends a sleep at once, so that `ready` is called again; kNobody if there is
  // none.
  bool Await(absl::FunctionRef<bool()> ready, Deadline deadline, absl::FunctionRef<bool()> partner_here, Member self,
             absl::FunctionRef<void()> idle, absl::FunctionRef<Member()> partner);
  bool Await(absl::FunctionRef<bool()> ready, Deadline deadline, absl::FunctionRef<bool()> partner_here, Member self,
             absl::FunctionRef<void()> idle) {
    return Await(ready, deadline, partner_here, self, idle, [] { return kNobody; });
  }

  // The part of Await before the sleep: calls `ready` for as long as a wake-up would cost. Returns what it returned
  // last; false at once if another waiter does the same.
  bool AwaitAwake(absl::FunctionRef<bool()> ready, absl::FunctionRef<bool()> partner_here, Member self);

  // What was written before Notify is seen by the next look of a waiter. Wakes one sleeper, unless a live one spins
  // (which will look again; one that is stopped is waited for no longer than a millisecond).
  void Notify() {
    AsymmetricFenceLight();
    if (anybody_sleeps()) [[unlikely]]
      WakeOne();
  }
  // Wakes all.
  void NotifyAll();

  // Whether a process may be asleep. (After a sleep it stays true until the next notification.)
  bool anybody_sleeps() const { return (sleeping_.load(std::memory_order_relaxed) & kAnnounced) != 0; }

 private:
  static constexpr uint32_t kAnnounced = 1;

  void WakeOne();
  // Takes the announcement back and counts the notification. False: there was no announcement.
  bool Disarm();
  bool TakeToken(Member self, bool partner_here);
  bool FirstLooks(absl::FunctionRef<bool()> ready, absl::FunctionRef<bool()> partner_here);
  // Looks with the token, and gives it up.
  bool LookWithToken(absl::FunctionRef<bool()> ready, bool partner_here);

  // Futex word: {notifications:31 << 1 | whether a process may be asleep}. The number changes with each notification,
  // so that a waiter that has looked before it does not fall asleep after it, although another waiter has announced
  // itself since.
  std::atomic<uint32_t> sleeping_;
  alignas(64) std::atomic<uint32_t> token_;  // The member that spins; its own line, as notifiers load the other.
  std::atomic<uint32_t> sleepers_;           // How many sleep, and how many died asleep.
  std::atomic<int64_t> trusted_until_;  // A spinner that holds the token for longer has been stopped or crowded out.
  std::atomic<uint32_t> elsewhere_;     // The member that last spun on another processor than its partner's.
};

}  // namespace regatta

#endif  // REGATTA_CORE_SYNC_WAIT_POINT_H_
