// Value: one value in shared memory, which any process may read and change.
//
//   absl::StatusOr<regatta::Value<int>> hits = regatta::Value<int>::Create(0);
//   hits->FetchAdd(1);                                   // In any process that has the handle.
//
// Types      Any trivially copyable T that holds no pointer. A process that receives the handle as that of another type
//            gets an error.
// Whole      A T of 1, 2, 4 or 8 bytes (kIsWhole) is never seen torn. Get, Set, FetchAdd and CompareExchange are one
//            operation of the processor and take no lock. For any other T, Get and Set acquire the lock.
// Lock       OwnLock: a recursive lock of its own. Or a Lock or RLock of yours, which several objects may share. Or
//            NoLock: then a T that is not whole may be seen torn. Acquire and Release, or Scoped<Value<T>>, hold it for
//            longer than one call. They do not hold up Get, Set, FetchAdd and CompareExchange of a whole T.
// Processes  Pass a Value to a process or a pool's task as an argument, or keep it across fork.
// Threads    Thread-safe.
// Order      What a process writes before it changes the value is visible to a process that sees the change.
// Crash      A process may be killed at any instruction. A whole T then has its old or its new value. If the process
//            held the lock, the next call that acquires it returns its pid (Acquired), since a T that is not whole may
//            be half changed. Waiting for a dead holder takes as long as for an RLock.
// Trust      Any process that has the handle can write any bytes there.
// Copies     A Value is a handle: copies are the same value.
// Format     value_format.h, described in FORMAT.md.
#ifndef REGATTA_CORE_IPC_VALUE_H_
#define REGATTA_CORE_IPC_VALUE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "absl/status/statusor.h"
#include "core/codec/codec.h"
#include "core/ipc/shared_values.h"
#include "core/ipc/value_format.h"
#include "core/os/deadline.h"
#include "core/shm/shared_object.h"
#include "core/sync/acquired.h"
#include "core/sync/locked_object.h"

namespace regatta {

namespace value_internal {
template <class T>
using RefFor = ObjectRef<ValueLayout<sizeof(T), std::max(alignof(T), kIsWhole<T> ? sizeof(T) : 1)>>;
}  // namespace value_internal

// Attach, Acquire and Release: see LockedObject. valid, descriptor, offset and CheckDescriptor: see ObjectHandle.
template <class T>
class Value : public SharedValues<Value<T>, value_internal::RefFor<T>, T> {
  using Base = SharedValues<Value<T>, value_internal::RefFor<T>, T>;

 public:
  // ResourceExhausted: no memory or descriptors. InvalidArgument: `lock` was never created.
  static absl::StatusOr<Value> Create(const T& initial = T(), LockChoice lock = OwnLock()) {
    absl::StatusOr<Value> made = Base::GiveLock(Base::ObjectHandle::Create(), std::move(lock));
    if (made.ok()) std::memcpy(made->at(), &initial, sizeof(T));
    return made;
  }

  T Get() const requires(kIsWhole<T>) { return Base::Load(at()); }
  void Set(const T& value) requires(kIsWhole<T>) { Base::Store(at(), value); }
  // Adds `delta` and returns the value before. Integers wrap around.
  T FetchAdd(T delta) requires(kIsAddable<T>) { return Base::FetchAdd(at(), delta); }
  // Makes the value `desired` if its bytes are those of `expected`. Else returns false, and sets `expected` to what the
  // value is.
  bool CompareExchange(T& expected, const T& desired) requires(kIsComparable<T>) {
    return Base::CompareExchange(at(), expected, desired);
  }

  // For a T that is not whole. Errors: those of the lock's Acquire. Get also returns Aborted, once, if a process died
  // while it held the lock.
  absl::StatusOr<T> Get(Deadline deadline = Deadline::Never()) requires(!kIsWhole<T>) {
    return Base::GetAt(at(), deadline);
  }
  absl::StatusOr<Acquired> Set(const T& value, Deadline deadline = Deadline::Never()) requires(!kIsWhole<T>) {
    return Base::SetAt(at(), value, deadline);
  }

  // Acquires the lock, calls change(value) in this thread with a copy of the value, and stores the copy. A change that
  // takes (value, Acquired) learns of a holder's death before it changes anything. If another process has changed a
  // whole T meanwhile without the lock, calls `change` again, so that no change is lost. Errors: those of the lock's
  // Acquire. Unknown: `change` threw, and the value is as before.
  template <class Change>
  absl::StatusOr<Acquired> Update(Change change, Deadline deadline = Deadline::Never()) {
    return Base::UpdateAt(at(), change, deadline);
  }

 private:
  T* at() const { return reinterpret_cast<T*>(this->object_->bytes); }
};

template <class T>
struct Codec<Value<T>> : LockedObjectCodec<Value<T>> {
  static constexpr uint64_t kFingerprint = FingerprintOf("regatta.Value/1", {MemoryFingerprint<T>()});
};

}  // namespace regatta

#endif  // REGATTA_CORE_IPC_VALUE_H_
