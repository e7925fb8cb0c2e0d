// ArrayRef: the shared memory of an Array, of elements of any type.
#ifndef REGATTA_CORE_IPC_ARRAY_REF_H_
#define REGATTA_CORE_IPC_ARRAY_REF_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/ipc/array_format.h"
#include "core/os/fd.h"
#include "core/shm/shared_object.h"

namespace regatta {

class ArrayRef : public ObjectRef<ArrayLayout> {
 public:
  static constexpr uint64_t kMostBytes = uint64_t{64} << 30;
  // An array of up to so many bytes has its memory from the start.
  static constexpr uint64_t kReservedBytes = uint64_t{1} << 20;

  ArrayRef() = default;
  // `touched`: memory is put behind all elements. InvalidArgument: `count` is negative. ResourceExhausted: no memory,
  // descriptors or address space, or more than kMostBytes.
  static absl::StatusOr<ArrayRef> Create(uint64_t fingerprint, int64_t count, uint64_t element_bytes, bool touched);
  static absl::StatusOr<ArrayRef> Attach(Fd descriptor, uint64_t offset, uint64_t fingerprint);

  std::byte* elements() const { return elements_; }
  uint64_t bytes() const { return bytes_; }

 private:
  // DataLoss: the elements do not lie in the segment.
  static absl::StatusOr<ArrayRef> Of(absl::StatusOr<ObjectRef> object);

  std::byte* elements_ = nullptr;
  uint64_t bytes_ = 0;
};

}  // namespace regatta

#endif  // REGATTA_CORE_IPC_ARRAY_REF_H_
