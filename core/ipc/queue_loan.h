// Loan and Borrowed: an item of a Queue that is written, or read, where it lies in shared memory.
//
//   absl::StatusOr<regatta::Loan<std::vector<float>>> frame = queue.Reserve(1 << 20);
//   Render(frame->span());                                   // In the producer.
//   frame->Publish();
//
//   absl::StatusOr<regatta::Borrowed<std::vector<float>>> frame = queue.GetInPlace();
//   Show(frame->span());                                     // In a consumer.
//
// Types      A T whose encoding is its memory (kIsBlock: trivially copyable, no bool, no padding, no pointer), a
//            std::vector of such, and std::string. Such items mix with those of Put and Get.
// Threads    Any thread may publish or drop a Loan. While it is open, the thread that reserved it can't put anything
//            else into the same queue (FailedPrecondition), so that the order of that thread's items is kept.
// Processes  Both belong to the process that got them. In a child of fork they are void.
// Crash      If a process dies with an open Loan, nothing was put, and its memory and its place in the queue's capacity
//            are free again. If it dies with a Borrowed, its memory is free again.
// Trust      The memory is shared. A process of the family that misbehaves can change an item while it is read.
#ifndef REGATTA_CORE_IPC_QUEUE_LOAN_H_
#define REGATTA_CORE_IPC_QUEUE_LOAN_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "core/codec/codec.h"
#include "core/ipc/byte_queue.h"

namespace regatta {

template <typename T>
class Queue;

// Where the elements of an item of type T lie in its encoding. kOne: it is one element; kMany: their number and they.
template <class T>
struct ItemLayout {
  using Element = T;
  static constexpr bool kOne = kIsBlock<T> && alignof(T) <= 16;
  static constexpr bool kMany = false;
  static constexpr size_t kElementsAt = 0;
};
template <class E>
struct ItemLayout<std::vector<E>> {
  using Element = E;
  static constexpr bool kOne = false;
  static constexpr bool kMany = kIsBlock<E> && alignof(E) <= 8;
  static constexpr size_t kElementsAt = sizeof(uint64_t);  // Their number comes first.
};
template <>
struct ItemLayout<std::string> : ItemLayout<std::vector<char>> {};

namespace queue_loan_internal {
// The elements in the bytes of an item; none if there is no item.
template <class Element, size_t kAt, class Byte>
absl::Span<Element> Elements(absl::Span<Byte> bytes) {
  if (bytes.size() < kAt) return {};
  return {reinterpret_cast<Element*>(bytes.data() + kAt), (bytes.size() - kAt) / sizeof(Element)};
}
}  // namespace queue_loan_internal

// Room for one item. Its bytes are what an earlier item left there. Dropped without Publish, nothing was put.
template <class T>
class Loan {
 public:
  using Element = typename ItemLayout<T>::Element;

  Loan() = default;
  absl::Span<Element> span() const {
    return queue_loan_internal::Elements<Element, ItemLayout<T>::kElementsAt>(room_.bytes());
  }
  // The item, if it is one T.
  T& operator*() const requires(ItemLayout<T>::kOne) { return span()[0]; }
  T* operator->() const requires(ItemLayout<T>::kOne) { return span().data(); }
  // Puts the item. What the caller wrote before is visible to the getter. From then on its memory must not be touched.
  void Publish() { room_.Commit(); }

 private:
  friend class Queue<T>;
  explicit Loan(QueueReservation room) : room_(std::move(room)) {
    const uint64_t count = span().size();
    if (ItemLayout<T>::kMany) std::memcpy(room_.bytes().data(), &count, sizeof(count));
  }

  QueueReservation room_;
};

// An item that was got. Its memory is free again when this is dropped.
template <class T>
class Borrowed {
 public:
  using Element = typename ItemLayout<T>::Element;

  Borrowed() = default;
  absl::Span<const Element> span() const {
    return queue_loan_internal::Elements<const Element, ItemLayout<T>::kElementsAt>(item_.bytes());
  }
  // The item, if it is one T.
  const T& operator*() const requires(ItemLayout<T>::kOne) { return span()[0]; }
  const T* operator->() const requires(ItemLayout<T>::kOne) { return span().data(); }

 private:
  friend class Queue<T>;
  // Whether the item's bytes are a T.
  bool IsWhole() const {
    const absl::Span<const std::byte> bytes = item_.bytes();
    if (ItemLayout<T>::kOne) return bytes.size() == sizeof(Element);
    uint64_t count = 0;
    if (bytes.size() < sizeof(count)) return false;
    std::memcpy(&count, bytes.data(), sizeof(count));
    return (bytes.size() - sizeof(count)) % sizeof(Element) == 0 && count == span().size();
  }

  QueueItem item_;
};

}  // namespace regatta

#endif  // REGATTA_CORE_IPC_QUEUE_LOAN_H_
