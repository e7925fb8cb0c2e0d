// The kit for objects in shared memory: what every type of them (lock, event, queue, ...) has in common.
//
// Header     Each object begins with an ObjectHeader. CheckObject compares it and refuses what does not fit, in one
//            wording.
// Small      An object of fixed size lies beside others in a bank, a segment of 16 KiB. It takes no descriptor or page
//            of its own: 10,000 locks are 80 banks. Each place of a bank is used once. So no count of users is kept,
//            which a death could falsify: the kernel frees a bank when no process has any of its objects any more.
// Handle     ObjectHandle gives a public type like Lock its Create, Attach and what else all handles have. Copies of a
//            handle are the same object.
// Crossing   An object crosses to another process as the descriptor of its segment and its offset there: Codec<Lock> is
//            ObjectCodec<Lock>.
//
// A new type of fixed size has three parts. The layout is a struct that begins with an ObjectHeader named `header`, has
// a `static constexpr ObjectType kType`, and is valid when the rest is zero. The class, `class Lock : public
// ObjectHandle<Lock, ObjectRef<LockLayout>>`, has the operations and their contract. The codec names its fingerprint.
// shared_object_suite.h tests what all types promise. A type that grows has a GrowingObject behind its handle instead
// of an ObjectRef, as Queue has.
#ifndef REGATTA_CORE_SHM_SHARED_OBJECT_H_
#define REGATTA_CORE_SHM_SHARED_OBJECT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "core/codec/codec.h"
#include "core/os/fd.h"
#include "core/shm/segment.h"

namespace regatta {

// The first bytes of every object in shared memory.
struct ObjectHeader {
  uint64_t magic;        // The type and the version of its layout, as eight letters.
  uint64_t family;       // Family::Id of its creator.
  uint64_t fingerprint;  // The fingerprint of the values that it holds; 0 if it holds none.
};

// What the errors call a type of object.
struct ObjectType {
  uint64_t magic;
  absl::string_view noun;  // "lock"
};

// Fills in the header of a new object. It stores `magic` last, so that no process takes a half-made object for whole.
absl::Status MakeObject(const ObjectType& type, uint64_t fingerprint, ObjectHeader& header);

// Whether the object at `offset` is of `type`, has `bytes` bytes, and belongs to this process's family.
// DataLoss: not an object of that type. FailedPrecondition: of another family. InvalidArgument: it holds values of
// another type.
absl::Status CheckObject(const Segment& segment, uint64_t offset, uint64_t bytes, const ObjectType& type,
                         uint64_t fingerprint);

// The error for a handle that holds no object.
absl::Status NoObjectError(const ObjectType& type);

namespace shared_object_internal {

inline constexpr uint64_t kPlaceBytes = 128;
inline constexpr uint64_t kBankBytes = 16 << 10;

struct Place {
  std::shared_ptr<Segment> segment;
  uint64_t offset = 0;
};
// Returns zeroed memory for an object: in a bank of this process, or in a segment of its own if the object is larger
// than a quarter of a bank.
absl::StatusOr<Place> TakePlace(uint64_t bytes);

}  // namespace shared_object_internal

// A reference to an object of fixed size, or to none.
template <class Layout>
class ObjectRef {
 public:
  static constexpr ObjectType kType = Layout::kType;
  static_assert(std::is_standard_layout_v<Layout> && alignof(Layout) <= shared_object_internal::kPlaceBytes);

  ObjectRef() = default;

  // Makes a new object, all zero except its header. ResourceExhausted: no memory, descriptors or address space left.
  static absl::StatusOr<ObjectRef> Create(uint64_t fingerprint = 0) {
    return CreateAt(shared_object_internal::TakePlace(sizeof(Layout)), fingerprint);
  }
  // The same in zeroed room that was taken for it.
  static absl::StatusOr<ObjectRef> CreateAt(absl::StatusOr<shared_object_internal::Place> place, uint64_t fingerprint) {
    if (!place.ok()) return place.status();
    ObjectRef ref(std::move(place->segment), place->offset);
    if (absl::Status made = MakeObject(Layout::kType, fingerprint, ref->header); !made.ok()) return made;
    return ref;
  }
  // Refers to the object at `offset` of the file `descriptor`. Errors: as Segment::Attach and CheckObject.
  static absl::StatusOr<ObjectRef> Attach(Fd descriptor, uint64_t offset, uint64_t fingerprint = 0) {
    absl::StatusOr<std::shared_ptr<Segment>> segment = Segment::Attach(std::move(descriptor));
    if (!segment.ok()) return segment.status();
    absl::Status fits = CheckObject(**segment, offset, sizeof(Layout), Layout::kType, fingerprint);
    if (!fits.ok()) return fits;
    return ObjectRef(*std::move(segment), offset);
  }

  bool valid() const { return layout_ != nullptr; }
  Layout* operator->() const { return layout_; }
  Layout& operator*() const { return *layout_; }
  // The place of the object, for passing it on.
  const Fd& descriptor() const { return segment_->file(); }
  uint64_t offset() const { return offset_; }
  absl::Status CheckDescriptor() const { return segment_->CheckFile(); }
  const Segment& segment() const { return *segment_; }
  // An object that is a member of this one.
  template <class Member>
  ObjectRef<Member> Part(Member Layout::*member) const {
    return ObjectRef<Member>(segment_, segment_->OffsetOf(&(layout_->*member)));
  }

 private:
  template <class>
  friend class ObjectRef;
  ObjectRef(std::shared_ptr<Segment> segment, uint64_t offset)
      : segment_(std::move(segment)), layout_(segment_->Get<Layout>(offset)), offset_(offset) {}

  std::shared_ptr<Segment> segment_;
  Layout* layout_ = nullptr;
  uint64_t offset_ = 0;
};

// The base of H, a public handle type. Ref is what H consists of: an ObjectRef, or a class with the same functions. H
// may hide Create by one with arguments, and ValuesFingerprint by one that returns the fingerprint of the values that
// the object holds.
template <class H, class Ref>
class ObjectHandle {
 public:
  // ResourceExhausted: no memory or descriptors.
  static absl::StatusOr<H> Create() { return Of(Ref::Create(H::ValuesFingerprint())); }
  // The object at `offset` of a file that another process passed on. DataLoss: no object of this type is there.
  // FailedPrecondition: it belongs to another family of processes. InvalidArgument: it holds values of another type.
  static absl::StatusOr<H> Attach(Fd descriptor, uint64_t offset) {
    return Of(Ref::Attach(std::move(descriptor), offset, H::ValuesFingerprint()));
  }

  // False until an object is assigned to the handle. Until then only valid() may be called.
  bool valid() const { return object_.valid(); }
  // Where the object lies in shared memory. The descriptor stays owned by the handle. Other objects may lie behind it,
  // too.
  const Fd& descriptor() const { return object_.descriptor(); }
  uint64_t offset() const { return object_.offset(); }
  // FailedPrecondition: code of this process has closed the descriptor.
  absl::Status CheckDescriptor() const { return object_.CheckDescriptor(); }

  static constexpr ObjectType kType = Ref::kType;
  static constexpr uint64_t ValuesFingerprint() { return 0; }

 protected:
  static absl::StatusOr<H> Of(absl::StatusOr<Ref> object) {
    if (!object.ok()) return object.status();
    H handle;
    static_cast<ObjectHandle&>(handle).object_ = *std::move(object);
    return handle;
  }

  Ref object_;
};

// The codec of a handle H.
template <class H>
struct ObjectCodec {
  static constexpr bool kCarriesDescriptors = true;
  static size_t Size(const H& handle) {
    return handle.valid() ? EncodedSize(handle.descriptor()) + EncodedSize(handle.offset()) : 1;
  }
  static void Encode(const H& handle, Encoder& out) {
    if (!handle.valid()) return out.Fail(NoObjectError(H::kType));
    // Otherwise another process could get a different file that has the same number now.
    if (absl::Status same = handle.CheckDescriptor(); !same.ok()) return out.Fail(same);
    out.Write(handle.descriptor());
    out.Write(handle.offset());
  }
  static bool Decode(Decoder& in, H& handle) {
    Fd descriptor;
    uint64_t offset = 0;
    if (!in.Read(descriptor) || !in.Read(offset)) return false;
    absl::StatusOr<H> attached = H::Attach(std::move(descriptor), offset);
    if (!attached.ok()) return in.Fail(attached.status());
    handle = *std::move(attached);
    return true;
  }
};

}  // namespace regatta

#endif  // REGATTA_CORE_SHM_SHARED_OBJECT_H_
