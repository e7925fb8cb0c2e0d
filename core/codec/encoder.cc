#include "core/codec/encoder.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace regatta {

void Encoder::Fail(absl::Status status) {
  if (!status_.ok()) return;
  status_ = status.ok() ? absl::InternalError(absl::StrCat("encoding ", what_, ": its codec failed with an OK status"))
                        : std::move(status);
}

void Encoder::WriteDescriptor(const Fd& fd) {
  uint32_t index = 0;
  if (descriptors_ == nullptr) {
    Fail(absl::InvalidArgumentError(absl::StrCat(
        "encoding ", what_, ": it holds a descriptor, which can't travel here: pass it as an argument of a ",
        "process or through a connection")));
  } else if (!fd.valid()) {
    Fail(absl::InvalidArgumentError(
        absl::StrCat("encoding ", what_, ": a descriptor in it is closed or was moved away: use std::optional<Fd> ",
                     "if there may be none")));
  } else {
    index = descriptors_->Add(fd);
  }
  WriteBytes(&index, sizeof(index));
}

std::byte* Encoder::FailRoom() {
  Fail(absl::FailedPreconditionError(absl::StrCat(
      "encoding ", what_, ": it takes more bytes than Size returned: a Codec's Size and Encode must agree, ",
      "and the value must not change meanwhile")));
  return nullptr;
}

void Encoder::FailNesting() {
  Fail(absl::InvalidArgumentError(absl::StrCat("encoding ", what_, ": it is nested more than ", kMaxNesting,
                                               " levels deep: send it in a flatter form")));
}

void Encoder::FailEmpty() {
  Fail(absl::FailedPreconditionError(
      absl::StrCat("encoding ", what_, ": the Codec of a part wrote nothing: it must write at least one byte")));
}

absl::Status Encoder::FinishFailed() {
  if (!status_.ok()) return std::move(status_);
  return absl::FailedPreconditionError(absl::StrCat("encoding ", what_, ": it takes ", end_ - next_,
                                                    " bytes fewer than Size returned: a Codec's Size and ",
                                                    "Encode must agree, and the value must not change meanwhile"));
}

}  // namespace regatta
