#include "core/codec/decoder.h"

#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace regatta {

bool Decoder::Fail(absl::string_view why) {
  if (!status_.ok()) return false;
  return Fail(absl::DataLossError(
      absl::StrCat("decoding ", what_, ": before byte ", next_ - begin_, " of ", end_ - begin_, ": ", why)));
}

bool Decoder::Fail(absl::Status status) {
  if (!status_.ok()) return false;
  status_ = status.ok() ? absl::InternalError(absl::StrCat("decoding ", what_, ": its codec failed with an OK status"))
                        : std::move(status);
  return false;
}

bool Decoder::ReadDescriptor(Fd& fd) {
  const std::byte* const in = ReadBytes(sizeof(uint32_t));
  if (in == nullptr) return false;
  const auto index = codec_internal::LoadOnce<uint32_t>(in);
  if (descriptors_ == nullptr) return Fail("the value holds a descriptor, but no descriptors came with the bytes");
  std::optional<Fd> taken = descriptors_->Take(index);
  if (!taken.has_value()) {
    return Fail(absl::StrCat("descriptor number ", index, " did not come with the bytes, or was taken already"));
  }
  fd = *std::move(taken);
  return true;
}

bool Decoder::FailCount(uint64_t count, size_t least) {
  return Fail(absl::StrCat("there are ", count, " elements of at least ", least, " bytes, but only ", remaining(),
                           " bytes are left"));
}

const std::byte* Decoder::FailShort(size_t size) {
  Fail(absl::StrCat("at least ", size, " more bytes are needed, but only ", remaining(), " are left"));
  return nullptr;
}

absl::Status Decoder::FinishFailed(bool read) {
  if (!read) {
    Fail("the codec of a part refused the bytes");
  } else {
    Fail(absl::StrCat(remaining(), " bytes are left over"));
  }
  return std::move(status_);
}

}  // namespace regatta
