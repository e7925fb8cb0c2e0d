#include "core/sync/lock.h"

#include "absl/strings/str_cat.h"
#include "core/os/memfd.h"
#include "core/shm/family.h"
#include "core/sync/lock_format.h"

namespace regatta {

class LockSegment {
 public:
  LockSegment(Fd file, Mapping mapping) : file_(std::move(file)), mapping_(std::move(mapping)) {}
  LockData& data() const { return *reinterpret_cast<LockData*>(mapping_.data()); }
  const Fd& file() const { return file_; }

 private:
  Fd file_;
  Mapping mapping_;
};

absl::StatusOr<Lock> Lock::Create() {
  const absl::StatusOr<uint64_t> family = Family::Id();
  if (!family.ok()) return family.status();
  absl::StatusOr<Fd> file = CreateMemfd("regatta lock");
  if (!file.ok()) return file.status();
  if (absl::Status grown = GrowMemfd(*file, 0, sizeof(LockData)); !grown.ok()) return grown;
  absl::StatusOr<Mapping> mapping = Mapping::Map(*file, sizeof(LockData));
  if (!mapping.ok()) return mapping.status();
  auto segment = std::make_shared<LockSegment>(*std::move(file), *std::move(mapping));
  segment->data().family = *family;
  segment->data().magic = kLockMagic;
  return Lock(std::move(segment));
}

absl::StatusOr<Lock> Lock::Attach(Fd descriptor) {
  const absl::StatusOr<uint64_t> family = Family::Id();
  if (!family.ok()) return family.status();
  const absl::StatusOr<uint64_t> size = MemfdSize(descriptor);
  if (!size.ok()) return size.status();
  if (*size < sizeof(LockData)) return absl::DataLossError("not a lock: its file is too short");
  absl::StatusOr<Mapping> mapping = Mapping::Map(descriptor, sizeof(LockData));
  if (!mapping.ok()) return mapping.status();
  auto segment = std::make_shared<LockSegment>(std::move(descriptor), *std::move(mapping));
  if (segment->data().magic != kLockMagic) {
    return absl::DataLossError("not a lock of this version: its first bytes differ");
  }
  if (segment->data().family != *family) {
    return absl::FailedPreconditionError(
        "the lock belongs to another family of processes: pass it only to processes started by this library");
  }
  return Lock(std::move(segment));
}

absl::StatusOr<Acquired> Lock::Acquire(Deadline deadline) {
  Member self = Family::SelfIfAny();
  if (self == kNobody) [[unlikely]] {
    const absl::StatusOr<Member> taken = Family::Self();
    if (!taken.ok()) return taken.status();
    self = *taken;
  }
  LockCell& cell = segment_->data().cell;
  const LockTaken taken = cell.Acquire(self, deadline);
  if (!taken.acquired) {
    const std::string text = absl::StrCat("the lock is held by process ", Family::PidOf(cell.holder()));
    return deadline.is_now() ? absl::UnavailableError(text) : absl::DeadlineExceededError(text);
  }
  Acquired acquired;
  if (taken.previous_owner != kNobody) [[unlikely]]
    acquired.previous_owner_died = Family::PidOf(taken.previous_owner);
  return acquired;
}

absl::Status Lock::Release() {
  if (segment_->data().cell.Release()) [[likely]]
    return absl::OkStatus();
  return absl::FailedPreconditionError("Release of a lock that nobody holds");
}

std::optional<int32_t> Lock::holder() const {
  const Member holder = segment_->data().cell.holder();
  if (holder == kNobody) return std::nullopt;
  return Family::PidOf(holder);
}

const Fd& Lock::descriptor() const { return segment_->file(); }

absl::StatusOr<ScopedLock> ScopedLock::Acquire(Lock lock, Deadline deadline) {
  const absl::StatusOr<Acquired> how = lock.Acquire(deadline);
  if (!how.ok()) return how.status();
  return ScopedLock(std::move(lock), *how);
}

ScopedLock::ScopedLock(Lock lock, Acquired how)
    : lock_(std::move(lock)), how_(how), fork_generation_(Family::fork_generation()) {}

ScopedLock::~ScopedLock() {
  // Somebody may have released it already: who holds it is the process's business, not the scope's.
  if (lock_.valid() && fork_generation_ == Family::fork_generation()) lock_.Release().IgnoreError();
}

size_t Codec<Lock>::Size(const Lock& lock) { return lock.valid() ? EncodedSize(lock.descriptor()) : 1; }

void Codec<Lock>::Encode(const Lock& lock, Encoder& out) {
  if (lock.valid()) {
    out.Write(lock.descriptor());
  } else {
    out.Fail(absl::InvalidArgumentError("a Lock that was never created can't be passed on: use Lock::Create"));
  }
}

bool Codec<Lock>::Decode(Decoder& in, Lock& lock) {
  Fd descriptor;
  if (!in.Read(descriptor)) return false;
  absl::StatusOr<Lock> attached = Lock::Attach(std::move(descriptor));
  if (!attached.ok()) return in.Fail(attached.status());
  lock = *std::move(attached);
  return true;
}

}  // namespace regatta
