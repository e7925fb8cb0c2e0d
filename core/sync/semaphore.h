// Semaphore: a number of permits in shared memory that processes acquire and release.
//
// Processes  Any process may acquire and release, whichever process acquired before. Pass a Semaphore to a process or a
//            pool's task as an argument, or keep it across fork.
// Threads    Thread-safe. Release and value may be called in a signal handler.
// Order      What a process writes before Release is visible to the process that acquires the permit. Waiters acquire
//            in no particular order.
// Crash      A process may be killed at any instruction. A permit that it had acquired stays acquired, since any
//            process may release it. Use BoundedSemaphore if the permits of a dead process shall come back. If a
//            process is killed inside Acquire or Release, the call has happened or it has not. Other waiters are
//            delayed by at most one second.
// Cost       Acquire of a permit that is there, and Release without waiters make no system call: one locked instruction
//            each. (The first Release after a waiter has slept makes one.) A waiter looks for at most 40 us, then it
//            sleeps.
// Copies     A Semaphore is a handle: copies are the same semaphore.
// Format     semaphore_format.h, described in FORMAT.md.
#ifndef REGATTA_CORE_SYNC_SEMAPHORE_H_
#define REGATTA_CORE_SYNC_SEMAPHORE_H_

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/codec/codec.h"
#include "core/os/deadline.h"
#include "core/os/fd.h"
#include "core/shm/shared_object.h"
#include "core/sync/scoped.h"
#include "core/sync/semaphore_format.h"

namespace regatta {

// Attach, valid, descriptor, offset and CheckDescriptor: see ObjectHandle.
class Semaphore : public ObjectHandle<Semaphore, ObjectRef<SemaphoreLayout>> {
 public:
  static constexpr int64_t kMostPermits = (int64_t{1} << 31) - 1;

  // Makes a semaphore with `permits` permits. InvalidArgument: a negative number, or more than kMostPermits.
  // ResourceExhausted: no memory or descriptors.
  static absl::StatusOr<Semaphore> Create(int64_t permits = 1);

  // Blocks until a permit is there, and takes it. DeadlineExceeded: none was there by `deadline`. Unavailable: the same
  // for Deadline::Now(), which does not block. ResourceExhausted: this process had to join the family of processes, and
  // found no memory or descriptors.
  absl::Status Acquire(Deadline deadline = Deadline::Never());
  // Adds `permits` permits, and wakes as many waiters. The number may grow beyond the one of Create. InvalidArgument:
  // `permits` is below 1. OutOfRange: there would be more than kMostPermits; none is added.
  absl::Status Release(int64_t permits = 1);
  // How many permits are there. Another process may change it at once.
  int64_t value() const { return object_->permits.load(std::memory_order_relaxed); }

 private:
  bool TryAcquire();
};

using ScopedPermit = Scoped<Semaphore>;

template <>
struct Codec<Semaphore> : ObjectCodec<Semaphore> {
  static constexpr uint64_t kFingerprint = FingerprintOf("regatta.Semaphore/1");
};

}  // namespace regatta

#endif  // REGATTA_CORE_SYNC_SEMAPHORE_H_
