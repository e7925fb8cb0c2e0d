// GrowingObject: the base of objects in shared memory that grow, such as the queue. Each has a file of its own, with an
// arena. (Objects of fixed size use ObjectRef.)
//
// Header is the layout of the file's first bytes. It begins with an ObjectHeader named `object`, has an ArenaState
// named `arena`, and a `static constexpr ObjectType kType`. It must be valid if all of it is zero except what
// CreateFile fills in. A type may guard more of its object by the arena's lock.
#ifndef REGATTA_CORE_SHM_GROWING_OBJECT_H_
#define REGATTA_CORE_SHM_GROWING_OBJECT_H_

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "core/os/fd.h"
#include "core/shm/arena.h"
#include "core/shm/segment.h"
#include "core/shm/shared_object.h"

namespace regatta {

template <class Header>
class GrowingObject {
 public:
  GrowingObject(const GrowingObject&) = delete;
  GrowingObject& operator=(const GrowingObject&) = delete;

  Header& header() const { return *header_; }
  Arena& arena() { return arena_; }
  const Arena& arena() const { return arena_; }
  // The same as Segment's functions.
  const Fd& file() const { return segment_->file(); }
  absl::Status CheckFile() const { return segment_->CheckFile(); }
  uint64_t OffsetOf(const void* at) const { return segment_->OffsetOf(at); }
  absl::Status Grow(uint64_t offset, uint64_t length) const { return segment_->Grow(offset, length); }

 protected:
  // Makes the file of a new object, with memory for its first `bytes`. `fill` sets the fields of the header that are
  // not zero. ResourceExhausted: no memory, descriptors or address space left.
  static absl::StatusOr<std::shared_ptr<Segment>> CreateFile(uint64_t bytes, uint64_t fingerprint,
                                                             absl::FunctionRef<void(Header&)> fill) {
    auto segment = Segment::Create(absl::StrCat("regatta ", Header::kType.noun), bytes);
    if (!segment.ok()) return segment.status();
    auto& header = *(*segment)->template Get<Header>(0);
    fill(header);
    if (absl::Status made = MakeObject(Header::kType, fingerprint, header.object); !made.ok()) return made;
    return segment;
  }
  // Opens the file of an object that another process passed on. Errors: as Segment::Attach and CheckObject.
  static absl::StatusOr<std::shared_ptr<Segment>> AttachFile(Fd file, uint64_t offset, uint64_t bytes,
                                                             uint64_t fingerprint) {
    absl::StatusOr<std::shared_ptr<Segment>> segment = Segment::Attach(std::move(file));
    if (!segment.ok()) return segment.status();
    absl::Status fits = CheckObject(**segment, offset, bytes, Header::kType, fingerprint);
    if (!fits.ok()) return fits;
    if (offset != 0) {
      return absl::DataLossError(
          absl::StrCat("not a ", Header::kType.noun, ": a ", Header::kType.noun, " begins at offset 0 of its file"));
    }
    return segment;
  }
  // At most `limit` chunks of the arena may be taken at one time.
  GrowingObject(std::shared_ptr<Segment> segment, const ArenaPlace& place, uint32_t limit)
      : segment_(std::move(segment)),
        header_(segment_->Get<Header>(0)),
        arena_(segment_.get(), &header_->arena, place, limit, Header::kType.noun) {}
  ~GrowingObject() = default;

  const std::shared_ptr<Segment> segment_;
  Header* const header_;
  Arena arena_;
};

}  // namespace regatta

#endif  // REGATTA_CORE_SHM_GROWING_OBJECT_H_
