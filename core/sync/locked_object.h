// LockedObject: the base of a handle whose object has a lock: one of its own, one that its creator gave, or none.
//
// Layout     The object's layout has a `LockPlace lock_place`, and an `RLockLayout own_lock` whose header is zero.
// Crossing   A lock that its creator gave is no part of the object. The handle carries it, also to other processes.
#ifndef REGATTA_CORE_SYNC_LOCKED_OBJECT_H_
#define REGATTA_CORE_SYNC_LOCKED_OBJECT_H_

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "core/codec/codec.h"
#include "core/os/deadline.h"
#include "core/os/fd.h"
#include "core/shm/shared_object.h"
#include "core/sync/acquired.h"
#include "core/sync/lock.h"
#include "core/sync/rlock.h"

namespace regatta {

// What Create of a type with a lock takes: the object gets a recursive lock of its own, or none, or it uses a lock of
// yours, which several objects may share.
struct OwnLock {};
struct NoLock {};
class LockChoice {
 public:
  LockChoice(OwnLock) {}
  LockChoice(NoLock) : kind_(Kind::kNone) {}
  LockChoice(Lock lock) : kind_(Kind::kLock), lock_(std::move(lock)) {}
  LockChoice(RLock lock) : kind_(Kind::kRLock), rlock_(std::move(lock)) {}

 private:
  template <class H, class Ref>
  friend class LockedObject;
  // Not a std::variant: gcc 12 warns in its users' sources that one may be used uninitialized.
  enum class Kind { kOwn, kNone, kLock, kRLock };
  Kind kind_ = Kind::kOwn;
  Lock lock_;
  RLock rlock_;
};

// In shared memory.
enum class LockPlace : uint64_t {
  kInObject = 0,
  kInHandle = 1,  // Its creator gave a lock.
  kNone = 2,
};

template <class H>
struct LockedObjectCodec;

template <class H, class Ref>
class LockedObject : public ObjectHandle<H, Ref> {
 public:
  // The object at `offset` of a file that another process passed on. DataLoss: no object of this type is there.
  // FailedPrecondition: it belongs to another family of processes, or it was created with a lock: then pass the handle
  // itself. InvalidArgument: it holds values of another type.
  static absl::StatusOr<H> Attach(Fd descriptor, uint64_t offset) {
    absl::StatusOr<H> object = ObjectHandle<H, Ref>::Attach(std::move(descriptor), offset);
    if (object.ok() && object->object_->lock_place == LockPlace::kInHandle) {
      return absl::FailedPreconditionError(absl::StrCat("the ", H::kType.noun,
                                                        " was created with a lock, which is not here: pass the ",
                                                        H::kType.noun, " itself, its lock goes with it"));
    }
    if (object.ok()) object->FindOwnLock();
    return object;
  }

  // Those of the lock. FailedPrecondition also: the object was created without one.
  absl::StatusOr<Acquired> Acquire(Deadline deadline = Deadline::Never()) {
    if (!has_lock()) return NoLockError();
    return WithLock([&](auto& lock) { return lock.Acquire(deadline); });
  }
  absl::Status Release() {
    if (!has_lock()) return NoLockError();
    return WithLock([](auto& lock) { return lock.Release(); });
  }

 protected:
  friend struct LockedObjectCodec<H>;

  // Gives a new object its lock. InvalidArgument: `lock` was never created.
  static absl::StatusOr<H> GiveLock(absl::StatusOr<H> made, LockChoice lock) {
    if (!made.ok()) return made;
    const auto use = [&](auto& given, auto& place) -> absl::Status {
      if (!given.valid()) return NoObjectError(given.kType);
      place = std::move(given);
      made->object_->lock_place = LockPlace::kInHandle;
      return absl::OkStatus();
    };
    absl::Status used;
    if (lock.kind_ == LockChoice::Kind::kNone) made->object_->lock_place = LockPlace::kNone;
    if (lock.kind_ == LockChoice::Kind::kLock) used = use(lock.lock_, made->lock_);
    if (lock.kind_ == LockChoice::Kind::kRLock) used = use(lock.rlock_, made->rlock_);
    if (!used.ok()) return used;
    made->FindOwnLock();
    return made;
  }

  bool has_lock() const { return rlock_.valid() || lock_.valid(); }
  // For Condition. Whether this thread, or with a Lock this process, holds the lock.
  bool LockIsMine() const { return rlock_.valid() ? rlock_.IsMine() : lock_.valid() && lock_.IsMine(); }
  bool lock_is_recursive() const { return rlock_.valid(); }
  uint32_t ReleaseAll() {
    return WithLock([](auto& lock) { return lock.ReleaseAll(); });
  }
  absl::StatusOr<Acquired> AcquireAgain(uint32_t depth) {
    return WithLock([&](auto& lock) { return lock.AcquireAgain(depth); });
  }

 private:
  absl::Status NoLockError() const {
    return absl::FailedPreconditionError(
        absl::StrCat("the ", H::kType.noun, " was created without a lock: give Create an OwnLock or a lock of yours"));
  }
  void FindOwnLock() {
    if (this->object_->lock_place != LockPlace::kInObject) return;
    using Layout = std::remove_reference_t<decltype(*this->object_)>;
    rlock_ = RLock(this->object_.Part(&Layout::own_lock));
  }

  template <class Use>
  auto WithLock(Use use) {
    return rlock_.valid() ? use(rlock_) : use(lock_);
  }

  // At most one of them is valid.
  RLock rlock_;
  Lock lock_;
};

// The codec of a handle H: the descriptor and the offset; then a byte, 0, or 1 and the lock that its creator gave, as a
// variant.
template <class H>
struct LockedObjectCodec {
  static constexpr bool kCarriesDescriptors = true;
  static size_t Size(const H& handle) {
    const size_t own = ObjectCodec<H>::Size(handle) + 1;
    return LockFollows(handle) ? own + EncodedSize(Given(handle)) : own;
  }
  static void Encode(const H& handle, Encoder& out) {
    ObjectCodec<H>::Encode(handle, out);
    if (!handle.valid()) return;
    out.Write(LockFollows(handle));
    if (LockFollows(handle)) out.Write(Given(handle));
  }
  static bool Decode(Decoder& in, H& handle) {
    Fd descriptor;
    uint64_t offset = 0;
    bool lock_follows = false;
    if (!in.Read(descriptor) || !in.Read(offset) || !in.Read(lock_follows)) return false;
    absl::StatusOr<H> attached = lock_follows ? H::ObjectHandle::Attach(std::move(descriptor), offset)
                                              : H::Attach(std::move(descriptor), offset);
    if (!attached.ok()) return in.Fail(attached.status());
    handle = *std::move(attached);
    if (!lock_follows) return true;
    AnyLock given;
    if (!in.Read(given)) return false;
    if (given.index() == 0) {
      handle.rlock_ = std::get<RLock>(std::move(given));
    } else if (given.index() == 1) {
      handle.lock_ = std::get<Lock>(std::move(given));
    }
    return true;
  }

 private:
  using AnyLock = std::variant<RLock, Lock>;
  static AnyLock Given(const H& handle) {
    if (handle.rlock_.valid()) return handle.rlock_;
    return handle.lock_;
  }
  static bool LockFollows(const H& handle) {
    return handle.valid() && handle.object_->lock_place == LockPlace::kInHandle;
  }
};

}  // namespace regatta

#endif  // REGATTA_CORE_SYNC_LOCKED_OBJECT_H_
