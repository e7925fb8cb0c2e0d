// BoundedSemaphore: a fixed number of permits that processes acquire and release, and that come back when their holder
// dies.
//
// Holder     A permit is held by the process that acquired it. Release gives back a permit of this process, whichever
//            thread acquired it. If this process holds none, Release gives back one of another process.
// Processes  Pass a BoundedSemaphore to a process or a pool's task as an argument, or keep it across fork. A child of
//            fork does not hold what its parent holds.
// Threads    Thread-safe.
// Order      What a process writes before Release is visible to the process that acquires the permit. Waiters acquire
//            in no particular order.
// Crash      A process may be killed at any instruction. Its permits are free at once. Acquire of such a permit returns
//            the pid of the dead process, since what the permit stands for may be half used. A process that sleeps in
//            Acquire finds it at the latest one second after the death.
// Cost       Acquire of a permit that is free, and Release without waiters make no system call. Both search through the
//            permits.
// Copies     A BoundedSemaphore is a handle: copies are the same semaphore.
// Format     bounded_semaphore_format.h, described in FORMAT.md.
#ifndef REGATTA_CORE_SYNC_BOUNDED_SEMAPHORE_H_
#define REGATTA_CORE_SYNC_BOUNDED_SEMAPHORE_H_

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/codec/codec.h"
#include "core/os/deadline.h"
#include "core/os/fd.h"
#include "core/shm/family.h"
#include "core/shm/shared_object.h"
#include "core/sync/acquired.h"
#include "core/sync/bounded_semaphore_format.h"
#include "core/sync/scoped.h"

namespace regatta {

// Attach, valid, descriptor, offset and CheckDescriptor: see ObjectHandle.
class BoundedSemaphore : public ObjectHandle<BoundedSemaphore, ObjectRef<BoundedSemaphoreLayout>> {
 public:
  static constexpr int64_t kMostPermits = BoundedSemaphoreLayout::kMostPermits;

  // Makes a semaphore with `permits` permits. InvalidArgument: fewer than 1 or more than kMostPermits.
  // ResourceExhausted: no memory or descriptors.
  static absl::StatusOr<BoundedSemaphore> Create(int64_t permits = 1);

  // Blocks until a permit is free, and takes it. DeadlineExceeded: none was free by `deadline`. Unavailable: the same
  // for Deadline::Now(), which does not block. ResourceExhausted: this process had to join the family of processes, and
  // found no memory or descriptors.
  absl::StatusOr<Acquired> Acquire(Deadline deadline = Deadline::Never());
  // FailedPrecondition: no process holds a permit; it was released more often than acquired.
  absl::Status Release();
  // How many permits are free. Another process may change it at once.
  int64_t value() const;

 private:
  uint32_t permits() const;
  // Returns the dead holder whose permit it took, or kNobody; nothing if no permit is free.
  std::optional<Member> TryAcquire(Member self);
};

using ScopedBoundedPermit = Scoped<BoundedSemaphore>;

template <>
struct Codec<BoundedSemaphore> : ObjectCodec<BoundedSemaphore> {
  static constexpr uint64_t kFingerprint = FingerprintOf("regatta.BoundedSemaphore/1");
};

}  // namespace regatta

#endif  // REGATTA_CORE_SYNC_BOUNDED_SEMAPHORE_H_
