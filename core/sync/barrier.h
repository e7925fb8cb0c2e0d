// Barrier: a place where a fixed number of threads, of any processes, wait for each other.
//
// Turns      When the last of the parties has called Wait, all calls return and the next turn begins. Each returns an
//            index from 0 to parties - 1, which no other call of the turn has.
// Broken     A turn fails for all who wait in it if one of them dies, or gives up at its deadline, if its action fails,
//            or if a process calls Abort. Then the barrier is broken: each call of Wait fails at once until a process
//            calls Reset.
// Processes  Pass a Barrier to a process or a pool's task as an argument, or keep it across fork.
// Threads    Thread-safe.
// Order      What the parties write before Wait is visible to the action, and to all parties after Wait.
// Crash      A process may be killed at any instruction. If it had arrived, the turn fails at the latest one second
//            later. Otherwise the others go on waiting for a party that is still to come: give Wait a deadline.
// Stopped    A process that is stopped inside a call of the barrier may hold its lock. Then Abort, Reset, and a Wait
//            without a deadline block until it continues.
// Cost       Wait makes no system call if nobody sleeps. A waiter looks for at most 40 us, then it sleeps.
// Copies     A Barrier is a handle: copies are the same barrier.
// Format     barrier_format.h, described in FORMAT.md.
#ifndef REGATTA_CORE_SYNC_BARRIER_H_
#define REGATTA_CORE_SYNC_BARRIER_H_

#include <atomic>
#include <cstdint>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/codec/codec.h"
#include "core/os/deadline.h"
#include "core/os/fd.h"
#include "core/shm/family.h"
#include "core/shm/shared_object.h"
#include "core/sync/barrier_format.h"

namespace regatta {

// Attach, valid, descriptor, offset and CheckDescriptor: see ObjectHandle.
class Barrier : public ObjectHandle<Barrier, ObjectRef<BarrierLayout>> {
 public:
  static constexpr int kMostParties = BarrierLayout::kSlots;

  // Makes a barrier of `parties` threads. InvalidArgument: fewer than 1 or more than kMostParties. ResourceExhausted:
  // no memory or descriptors.
  static absl::StatusOr<Barrier> Create(int64_t parties = 1);

  // Blocks until all parties have called Wait. Returns the index of this call.
  // Aborted: the barrier is broken, or was reset; the text says which process broke it. DeadlineExceeded: not all
  // parties came by `deadline`, and the barrier is broken now; or the action of the last turn still ran, so that this
  // call had not arrived yet, and the barrier is as before. Unavailable: the same for Deadline::Now(), and the barrier
  // is as before; or a process is stopped inside a call of this barrier. ResourceExhausted: kMostParties threads wait
  // for this turn or are still to return from the last one; or this process had to join the family of processes, and
  // found no memory or descriptors.
  absl::StatusOr<int> Wait(Deadline deadline = Deadline::Never());
  // The same. The last party calls `action`, its own, before any party is released. If it returns an error or throws,
  // the barrier is broken, and the last party's Wait returns that error. Wait must not be called in an action.
  absl::StatusOr<int> Wait(absl::FunctionRef<absl::Status()> action, Deadline deadline = Deadline::Never());

  // Breaks the barrier: all who wait get Aborted, and all who come until Reset. ResourceExhausted: as for Wait.
  absl::Status Abort();
  // Makes the barrier as new. All who wait get Aborted. ResourceExhausted: as for Wait.
  absl::Status Reset();

  int parties() const;
  // How many threads wait. Another process may change it at once.
  int waiting() const;
  bool broken() const { return object_->broken.load(std::memory_order_acquire) != BarrierLayout::kNotBroken; }

 private:
  using Slot = std::atomic<uint32_t>;

  absl::StatusOr<int> WaitWith(const absl::FunctionRef<absl::Status()>* action, Deadline deadline);
  // Acquires the lock, and makes good what a dead process left half done. False: a live process held it until
  // `deadline`, and for at least 100 ms.
  bool Enter(Member self, Deadline deadline);
  void Leave() { object_->lock.Release(); }
  // The rest is called between Enter and Leave.
  // Ends the turn for all who have arrived.
  void End(BarrierLayout::State outcome, BarrierLayout::Cause cause, int32_t pid);
  void GoOnEnding();
  // Breaks the barrier if a process that has arrived is dead: `is_alive` is Family::IsAlive or Recheck.
  void BreakIfOneDied(bool (*is_alive)(Member));
  // The slots that may be in use.
  absl::Span<Slot> UsedSlots() const;
  // A slot for a thread that arrives; null if there is none.
  Slot* FreeSlot();
  // Ends the call of the thread in `slot`, whose turn has ended.
  absl::StatusOr<int> ResultOf(Slot& slot, int index);
  absl::Status BrokenError() const;
};

template <>
struct Codec<Barrier> : ObjectCodec<Barrier> {
  static constexpr uint64_t kFingerprint = FingerprintOf("regatta.Barrier/1");
};

}  // namespace regatta

#endif  // REGATTA_CORE_SYNC_BARRIER_H_
