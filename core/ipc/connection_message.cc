#include "core/ipc/connection_message.h"

#include <cstring>
#include <new>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "core/ipc/connection_format.h"

namespace regatta {

ConnectionMessage& ConnectionMessage::operator=(ConnectionMessage&& other) noexcept {
  if (this == &other) return *this;
  size_ = std::exchange(other.size_, 0);
  heap_ = std::move(other.heap_);
  mapping_ = std::move(other.mapping_);
  file_ = std::move(other.file_);
  descriptors_ = std::move(other.descriptors_);
  if (data() == inline_ && size_ > 0) std::memcpy(inline_, other.inline_, size_);
  return *this;
}

absl::Status ConnectionMessage::Resize(uint64_t size) {
  size_ = 0;
  heap_.reset();
  mapping_ = Mapping();
  file_.Reset();
  descriptors_.clear();
  if (size > kLargestMessage) {
    return absl::InvalidArgumentError(
        absl::StrCat("a message of ", size, " bytes is over the largest, ", kLargestMessage, ": send it in pieces"));
  }
  if (size > kLargestInRing) return ResizeInFile(size);
  if (size > kInline) {
    // Under a lock of the connection, where nothing may be thrown.
    heap_.reset(new (std::nothrow) std::byte[size]);
    if (heap_ == nullptr) return absl::ResourceExhaustedError("no memory for a message");
  }
  size_ = size;
  return absl::OkStatus();
}

absl::Status ConnectionMessage::ResizeInFile(uint64_t size) {
  absl::StatusOr<Fd> file = CreateMemfd("regatta message");
  if (!file.ok()) return file.status();
  if (absl::Status grown = GrowMemfd(*file, 0, size); !grown.ok()) return grown;
  return TakeFile(*std::move(file), size);
}

absl::Status ConnectionMessage::TakeFile(Fd file, uint64_t size) {
  const absl::StatusOr<uint64_t> there = MemfdSize(file);
  if (MemfdIdentity(file) == 0 || !there.ok() || *there < size || size == 0) {
    return absl::DataLossError("a message's file is not what its sender claims; the message is gone");
  }
  absl::StatusOr<Mapping> mapping = Mapping::Map(file, size);
  if (!mapping.ok()) return mapping.status();
  mapping_ = *std::move(mapping);
  file_ = std::move(file);
  size_ = size;
  return absl::OkStatus();
}

}  // namespace regatta
