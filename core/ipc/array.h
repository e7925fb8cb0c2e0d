// Array: values of one type in shared memory, a fixed number of them, which any process may read and change.
//
//   absl::StatusOr<regatta::Array<double>> samples = regatta::Array<double>::Create(1000);
//   samples->Set(3, 2.5);                                // In any process that has the handle.
//   std::sort(samples->span().begin(), samples->span().end());
//
// Elements   The contract of value.h holds for each of them: types, whole elements, the lock, order, crash and trust.
//            There is one lock for all.
// Span       span() and Slice() show the memory itself, for algorithms at the speed of a plain array. They are valid
//            while a handle of this process is. They take no lock: hold it, or see that no other process writes.
// Processes  Pass an Array to a process or a pool's task as an argument, or keep it across fork. Its content is not
//            copied.
// Threads    Thread-safe.
// Memory     An array of up to 1 MiB, and one made from initial values, has its memory from the start. A larger one
//            takes memory as its pages are touched. Create fails if there is too little at that moment. If other
//            programs have taken it by the time that a page is touched, the kernel kills the process.
// Copies     An Array is a handle: copies are the same array.
// Format     array_format.h, described in FORMAT.md.
#ifndef REGATTA_CORE_IPC_ARRAY_H_
#define REGATTA_CORE_IPC_ARRAY_H_

#include <cstdint>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "core/codec/codec.h"
#include "core/ipc/array_ref.h"
#include "core/ipc/shared_values.h"
#include "core/os/deadline.h"
#include "core/shm/shared_object.h"
#include "core/sync/acquired.h"
#include "core/sync/locked_object.h"

namespace regatta {

// Attach, Acquire and Release: see LockedObject. valid, descriptor, offset and CheckDescriptor: see ObjectHandle.
template <class T>
class Array : public SharedValues<Array<T>, ArrayRef, T> {
  static_assert(alignof(T) <= alignof(ArrayLayout));
  using Base = SharedValues<Array<T>, ArrayRef, T>;

 public:
  // An array of `size` elements whose bytes are all zero. InvalidArgument: `size` is negative, or `lock` was never
  // created. ResourceExhausted: it is larger than 64 GiB, or there are not enough memory, address space or descriptors.
  static absl::StatusOr<Array> Create(int64_t size = 0, LockChoice lock = OwnLock()) {
    return Make(size, false, std::move(lock));
  }
  // An array of these elements.
  static absl::StatusOr<Array> CreateFrom(absl::Span<const T> initial, LockChoice lock = OwnLock()) {
    absl::StatusOr<Array> made = Make(static_cast<int64_t>(initial.size()), true, std::move(lock));
    if (made.ok() && !initial.empty()) {
      std::memcpy(made->object_.elements(), initial.data(), initial.size() * sizeof(T));
    }
    return made;
  }

  int64_t size() const { return static_cast<int64_t>(this->object_.bytes() / sizeof(T)); }
  absl::Span<T> span() const { return {at(0), static_cast<size_t>(size())}; }
  // `count` elements from `begin` on. InvalidArgument: the array has not all of them.
  absl::StatusOr<absl::Span<T>> Slice(int64_t begin, int64_t count) const {
    if (begin < 0 || count < 0 || begin > size() || count > size() - begin) {
      return absl::InvalidArgumentError(
          absl::StrCat("a slice of ", count, " elements from index ", begin, " on of an array of ", size()));
    }
    return span().subspan(static_cast<size_t>(begin), static_cast<size_t>(count));
  }

  // The rest as for a Value, of the element at `index`. InvalidArgument: there is none. A whole T takes no lock and
  // ignores `deadline`.
  absl::StatusOr<T> Get(int64_t index, Deadline deadline = Deadline::Never()) {
    if (!Has(index)) return IndexError(index);
    return Base::GetAt(at(index), deadline);
  }
  absl::StatusOr<Acquired> Set(int64_t index, const T& value, Deadline deadline = Deadline::Never()) {
    if (!Has(index)) return IndexError(index);
    return Base::SetAt(at(index), value, deadline);
  }
  absl::StatusOr<T> FetchAdd(int64_t index, T delta) requires(kIsAddable<T>) {
    if (!Has(index)) return IndexError(index);
    return Base::FetchAdd(at(index), delta);
  }
  absl::StatusOr<bool> CompareExchange(int64_t index, T& expected, const T& desired) requires(kIsComparable<T>) {
    if (!Has(index)) return IndexError(index);
    return Base::CompareExchange(at(index), expected, desired);
  }
  template <class Change>
  absl::StatusOr<Acquired> Update(int64_t index, Change change, Deadline deadline = Deadline::Never()) {
    if (!Has(index)) return IndexError(index);
    return Base::UpdateAt(at(index), change, deadline);
  }

 private:
  static absl::StatusOr<Array> Make(int64_t size, bool touched, LockChoice lock) {
    return Base::GiveLock(Base::Of(ArrayRef::Create(Array::ValuesFingerprint(), size, sizeof(T), touched)),
                          std::move(lock));
  }
  bool Has(int64_t index) const { return index >= 0 && index < size(); }
  absl::Status IndexError(int64_t index) const {
    return absl::InvalidArgumentError(absl::StrCat("index ", index, " of an array of ", size(), " elements"));
  }
  T* at(int64_t index) const { return reinterpret_cast<T*>(this->object_.elements()) + index; }
};

template <class T>
struct Codec<Array<T>> : LockedObjectCodec<Array<T>> {
  static constexpr uint64_t kFingerprint = FingerprintOf("regatta.Array/1", {MemoryFingerprint<T>()});
};

}  // namespace regatta

#endif  // REGATTA_CORE_IPC_ARRAY_H_
