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
  if (descriptors_ == nullptr) return Fail("a descriptor, where none came beside the bytes");
  std::optional<Fd> taken = descriptors_->Take(index);
  if (!taken.has_value()) {
    return Fail(absl::StrCat("the descriptor number ", index, ", which did not come or was used already"));
  }
  fd = *std::move(taken);
  return true;
}

bool Decoder::FailCount(uint64_t count, size_t least) {
  return Fail(absl::StrCat("a count of ", count, " things of ", least, " bytes or more, where ", remaining(),
                           " bytes are left"));
}

const std::byte* Decoder::FailShort(size_t size) {
  Fail(absl::StrCat("it goes on for ", size, " bytes or more, but ", remaining(), " bytes are left"));
  return nullptr;
}

absl::Status Decoder::FinishFailed(bool read) {
  if (!read) {
    Fail("a codec in it refused the bytes");
  } else {
    Fail(absl::StrCat(remaining(), " bytes are left over"));
  }
  return std::move(status_);
}

}  // namespace regatta
