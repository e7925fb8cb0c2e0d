#include "core/shm/shared_object.h"

#include <atomic>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "core/os/fork_generation.h"
#include "core/os/mutex.h"
#include "core/shm/family.h"

namespace regatta {

absl::Status MakeObject(const ObjectType& type, uint64_t fingerprint, ObjectHeader& header) {
  const absl::StatusOr<uint64_t> family = Family::Id();
  if (!family.ok()) return family.status();
  header.family = *family;
  header.fingerprint = fingerprint;
  std::atomic_ref<uint64_t>(header.magic).store(type.magic, std::memory_order_release);
  return absl::OkStatus();
}

absl::Status CheckObject(const Segment& segment, uint64_t offset, uint64_t bytes, const ObjectType& type,
                         uint64_t fingerprint) {
  const absl::StatusOr<uint64_t> family = Family::Id();
  if (!family.ok()) return family.status();
  if (offset % shared_object_internal::kPlaceBytes != 0 || !segment.Contains(offset, bytes)) {
    return absl::DataLossError(absl::StrCat("not a ", type.noun, ": its file is too short"));
  }
  if (absl::Status mapped = segment.Reserve(offset); !mapped.ok()) return mapped;
  auto* header = segment.Get<ObjectHeader>(offset);
  if (std::atomic_ref<uint64_t>(header->magic).load(std::memory_order_acquire) != type.magic) {
    return absl::DataLossError(absl::StrCat("not a ", type.noun, " of this version: its first bytes differ"));
  }
  if (header->family != *family) {
    return absl::FailedPreconditionError(
        absl::StrCat("the ", type.noun,
                     " belongs to another family of processes: pass it only to processes started by this library"));
  }
  if (header->fingerprint != fingerprint) {
    return absl::InvalidArgumentError(
        absl::StrCat("the ", type.noun, " holds values of another type than the one asked for"));
  }
  return absl::OkStatus();
}

absl::Status NoObjectError(const ObjectType& type) {
  return absl::InvalidArgumentError(
      absl::StrCat("a ", type.noun, " that was never created can't be passed on: call its Create first"));
}

namespace shared_object_internal {
namespace {

// The bank from which this process takes places. It is freed with the last of its objects. A child of fork uses another
// bank, so that it takes no place that its parent will take.
struct Bank {
  Mutex mutex;
  std::weak_ptr<Segment> segment ABSL_GUARDED_BY(mutex);
  uint64_t used ABSL_GUARDED_BY(mutex) = 0;
};
constinit PerProcess<Bank> g_bank;

}  // namespace

absl::StatusOr<Place> TakePlace(uint64_t bytes) {
  bytes = (bytes + kPlaceBytes - 1) / kPlaceBytes * kPlaceBytes;
  if (bytes > kBankBytes / 4) {
    absl::StatusOr<std::shared_ptr<Segment>> own = Segment::Create("regatta object", bytes);
    if (!own.ok()) return own.status();
    return Place{*std::move(own), 0};
  }
  Bank& bank = g_bank.Get();
  MutexLock lock(bank.mutex);
  std::shared_ptr<Segment> segment = bank.segment.lock();
  if (segment == nullptr || bank.used + bytes > kBankBytes) {
    absl::StatusOr<std::shared_ptr<Segment>> fresh = Segment::Create("regatta objects", kBankBytes);
    if (!fresh.ok()) return fresh.status();
    segment = *std::move(fresh);
    bank.segment = segment;
    bank.used = 0;
  }
  return Place{std::move(segment), std::exchange(bank.used, bank.used + bytes)};
}

}  // namespace shared_object_internal
}  // namespace regatta
