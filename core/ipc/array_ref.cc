#include "core/ipc/array_ref.h"

#include <bit>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/shm/segment.h"

namespace regatta {
namespace {

using shared_object_internal::Place;

// Room for `bytes` of elements, and where they lie in it.
absl::StatusOr<Place> TakeRoom(uint64_t bytes, bool touched, uint64_t* elements_at) {
  *elements_at = sizeof(ArrayLayout);
  if (bytes <= ArrayRef::kReservedBytes) return shared_object_internal::TakePlace(sizeof(ArrayLayout) + bytes);
  // A window begins at each power of two, and ends at the next one.
  *elements_at = std::bit_ceil(bytes);
  absl::StatusOr<std::shared_ptr<Segment>> segment =
      Segment::CreateSparse("regatta array", sizeof(ArrayLayout), *elements_at, bytes);
  if (!segment.ok()) return segment.status();
  if (absl::Status mapped = (*segment)->Reserve(*elements_at); !mapped.ok()) return mapped;
  if (touched) {
    if (absl::Status grown = (*segment)->Grow(*elements_at, bytes); !grown.ok()) return grown;
  }
  return Place{*std::move(segment), 0};
}

}  // namespace

absl::StatusOr<ArrayRef> ArrayRef::Create(uint64_t fingerprint, int64_t count, uint64_t element_bytes, bool touched) {
  if (count < 0) return absl::InvalidArgumentError(absl::StrCat("an array of ", count, " elements: give 0 or more"));
  if (static_cast<uint64_t>(count) > kMostBytes / element_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat("an array of ", count, " elements of ", element_bytes,
                                                     " bytes is larger than 64 GiB, the most that one can have"));
  }
  const uint64_t bytes = static_cast<uint64_t>(count) * element_bytes;
  uint64_t elements_at = 0;
  absl::StatusOr<ObjectRef> object = CreateAt(TakeRoom(bytes, touched, &elements_at), fingerprint);
  if (object.ok()) {
    (*object)->bytes = bytes;
    (*object)->elements_at = elements_at;
  }
  return Of(std::move(object));
}

absl::StatusOr<ArrayRef> ArrayRef::Attach(Fd descriptor, uint64_t offset, uint64_t fingerprint) {
  return Of(ObjectRef::Attach(std::move(descriptor), offset, fingerprint));
}

absl::StatusOr<ArrayRef> ArrayRef::Of(absl::StatusOr<ObjectRef> object) {
  if (!object.ok()) return object.status();
  ArrayRef array;
  static_cast<ObjectRef&>(array) = *std::move(object);
  const ArrayLayout& layout = *array;
  array.bytes_ = layout.bytes;
  const uint64_t at = array.offset() + layout.elements_at;
  if (layout.elements_at % alignof(ArrayLayout) != 0 || !array.segment().Contains(at, array.bytes_)) {
    return absl::DataLossError("not an array: its elements do not lie in its file");
  }
  if (absl::Status mapped = array.segment().Reserve(at); !mapped.ok()) return mapped;
  array.elements_ = array.segment().At(at, array.bytes_);
  return array;
}

}  // namespace regatta
