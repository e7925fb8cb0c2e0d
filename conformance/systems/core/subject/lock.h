// The core's Lock, as the scenarios see it: the same calls, and the place of the seeded faults.
#ifndef REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_LOCK_H_
#define REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_LOCK_H_

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "conformance/systems/core/subject/fault.h"
#include "core/codec/codec.h"
#include "core/os/deadline.h"
#include "core/sync/lock.h"

namespace regatta::subject {

class Lock {
 public:
  Lock() = default;
  static absl::StatusOr<Lock> Create() {
    absl::StatusOr<regatta::Lock> lock = regatta::Lock::Create();
    if (!lock.ok()) return lock.status();
    return Lock(*std::move(lock));
  }
  explicit Lock(regatta::Lock lock) : lock_(std::move(lock)) {}

  absl::StatusOr<Acquired> Acquire(Deadline deadline = Deadline::Never()) {
    if (Injected(Fault::kLockOpen)) return Acquired{};
    return lock_.Acquire(deadline);
  }
  absl::Status Release() {
    if (Injected(Fault::kLockOpen) || Injected(Fault::kLockReleaseLost)) return absl::OkStatus();
    absl::Status released = lock_.Release();
    return Injected(Fault::kLockReleaseUnchecked) ? absl::OkStatus() : released;
  }
  std::optional<int32_t> holder() const { return lock_.holder(); }

  const regatta::Lock& under_test() const { return lock_; }

 private:
  regatta::Lock lock_;
};

// Releases on every way out of a scope, as the core's does.
class ScopedLock {
 public:
  static absl::StatusOr<ScopedLock> Acquire(Lock lock, Deadline deadline = Deadline::Never()) {
    if (Injected(Fault::kLockOpen)) return ScopedLock();
    absl::StatusOr<regatta::ScopedLock> held = regatta::ScopedLock::Acquire(lock.under_test(), deadline);
    if (!held.ok()) return held.status();
    if (!Injected(Fault::kLockReleaseLost)) return ScopedLock(*std::move(held));
    [[maybe_unused]] const auto* never_released = new regatta::ScopedLock(*std::move(held));
    return ScopedLock();
  }

 private:
  ScopedLock() = default;
  explicit ScopedLock(regatta::ScopedLock held) : held_(std::move(held)) {}
  std::optional<regatta::ScopedLock> held_;
};

}  // namespace regatta::subject

template <>
struct regatta::Codec<regatta::subject::Lock> {
  static constexpr uint64_t kFingerprint = TypeFingerprint<Lock>();
  static constexpr bool kCarriesDescriptors = true;
  static size_t Size(const subject::Lock& lock) { return EncodedSize(lock.under_test()); }
  static void Encode(const subject::Lock& lock, Encoder& out) { out.Write(lock.under_test()); }
  static bool Decode(Decoder& in, subject::Lock& lock) {
    Lock inner;
    if (!in.Read(inner)) return false;
    lock = subject::Lock(std::move(inner));
    return true;
  }
};

#endif  // REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_LOCK_H_
