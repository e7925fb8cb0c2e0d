// Codecs of absl::Status, with its payloads, and absl::StatusOr.
#ifndef REGATTA_CORE_CODEC_STATUS_H_
#define REGATTA_CORE_CODEC_STATUS_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/codec/block.h"
#include "core/codec/decoder.h"
#include "core/codec/encoder.h"
#include "core/codec/fingerprint.h"
#include "core/codec/traits.h"

namespace regatta {

// The code; then, unless it is OK, the message and the payloads in the order of their type URLs. absl::Status finds a
// payload by a linear search, so a status with more than kMaxPayloads payloads can't be encoded or decoded.
template <>
struct Codec<absl::Status> {
  static constexpr uint64_t kMaxPayloads = 100;
  using Parts = codec_internal::TypeList<>;
  static constexpr size_t kMinSize = sizeof(int32_t);
  static constexpr uint64_t kFingerprint = FingerprintOf("status");
  static size_t Size(const absl::Status& value) { return value.ok() ? kMinSize : SizeOfError(value); }
  static void Encode(const absl::Status& value, Encoder& out) {
    value.ok() ? out.Write<int32_t>(0) : EncodeError(value, out);
  }
  static bool Decode(Decoder& in, absl::Status& value);

 private:
  static size_t SizeOfError(const absl::Status& value);
  static void EncodeError(const absl::Status& value, Encoder& out);
};

// The status; then, if it is OK, the value.
template <class T>
struct Codec<absl::StatusOr<T>> {
  using Parts = codec_internal::TypeList<absl::Status, T>;
  static constexpr size_t kMinSize = sizeof(int32_t);
  static constexpr uint64_t kFingerprint = FingerprintOf("status or", {Codec<T>::kFingerprint});

  static size_t Size(const absl::StatusOr<T>& value) {
    return codec_internal::SizeOf(value.status()) + (value.ok() ? codec_internal::SizeOf(*value) : 0);
  }
  static void Encode(const absl::StatusOr<T>& value, Encoder& out) {
    out.Write(value.status());
    if (value.ok()) out.Write(*value);
  }
  static bool Decode(Decoder& in, absl::StatusOr<T>& value) {
    absl::Status status;
    if (!in.Read(status)) return false;
    if (!status.ok()) {
      value = std::move(status);
      return true;
    }
    codec_internal::Slot<T> held;
    if (!held.Read(in)) return false;
    value = held.Release();
    return true;
  }
};

}  // namespace regatta

#endif  // REGATTA_CORE_CODEC_STATUS_H_
