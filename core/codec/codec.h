// codec: encodes values as bytes and decodes them, for all data that crosses between processes.
//
// Types      Numbers, bool, enums with a fixed underlying type, std::string, vector, array, pair, tuple, optional,
//            variant, maps and sets (ordered, hashed, multi, Abseil's), std::chrono and absl durations, absl::Status
//            and StatusOr, Fd, and built-in arrays. Also structs of these types with up to 20 public fields, without
//            constructor and base class; they need no code. Views (string_view, span) can be encoded. Their content is
//            decoded as std::string or std::vector. Any other type, such as a pointer, reference, function or smart
//            pointer, fails to compile with a message that says what to do. Move-only types cross like the others:
//            encoding reads a value, and decoding makes a new one.
// Format     FORMAT.md, "Encoded values". Equal values have equal bytes, except for hashed containers.
// Speed      kIsBlock types and vectors of them are copied by memcpy. kFixedSize types are written without any check.
// Trust      Decode does not trust its bytes, and they may even change while it reads them. It returns a value or an
//            error. It allocates memory only as fast as the bytes prove that the elements exist.
// Threads    Any number of threads may encode one value at once. The codec has no state.
//
// A type of your own crosses if you specialise Codec for it, in one of two forms:
//
//   template <>
//   struct regatta::Codec<Colour> {  // Fixed size: encoding cannot fail.
//     static constexpr size_t kSize = 4;
//     static constexpr uint64_t kFingerprint = regatta::FingerprintOf("paint.Colour/1");  // Names the format.
//     static void Put(const Colour& value, std::byte* out);    // Writes kSize bytes.
//     static bool Get(const std::byte* in, Colour& value);     // Returns false if the bytes are no Colour.
//   };
//   template <>
//   struct regatta::Codec<Tree> {  // Any size from 1 byte.
//     static constexpr uint64_t kFingerprint = regatta::FingerprintOf("wood.Tree/1");
//     static size_t Size(const Tree& value);                   // The exact number of bytes that Encode writes.
//     static void Encode(const Tree& value, regatta::Encoder& out);  // out.Write(part), or out.Fail(status).
//     static bool Decode(regatta::Decoder& in, Tree& value);   // return in.Read(part) && ...; or in.Fail(status)
//   };
//
// The second form may also have `static constexpr size_t kMinSize` (default 1) and `static constexpr bool
// kCarriesDescriptors`. A type without default constructor has `static std::optional<Tree> Decode(regatta::Decoder&
// in)` instead. Such a codec may call itself through its parts, up to kMaxNesting levels deep. AsBlock (block.h) is the
// short form for a trivially copyable class.
#ifndef REGATTA_CORE_CODEC_CODEC_H_
#define REGATTA_CORE_CODEC_CODEC_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/codec/associative.h"
#include "core/codec/block.h"
#include "core/codec/check.h"
#include "core/codec/choice.h"
#include "core/codec/decoder.h"
#include "core/codec/descriptors.h"
#include "core/codec/encoder.h"
#include "core/codec/fingerprint.h"
#include "core/codec/product.h"
#include "core/codec/sequences.h"
#include "core/codec/status.h"
#include "core/codec/traits.h"

namespace regatta {

template <class T>
concept Encodable = (codec_internal::FindProblem<false, T>() == codec_internal::Problem::kNone);
template <class T>
concept Codable = (codec_internal::FindProblem<true, T>() == codec_internal::Problem::kNone);

// traits.h has more facts about a type: kIsBlock<T>, kFixedSize<T> (or kVariable), kCarriesDescriptors<T>.

// Types of the same encoded structure have the same fingerprint; others differ, except for a chance of 1 in 2^64.
// Compare it before you take another process's bytes for a value of your own type.
template <class T>
constexpr uint64_t TypeFingerprint() {
  codec_internal::Require<false, T>();
  if constexpr (Encodable<T>) {
    return Codec<T>::kFingerprint;
  } else {
    codec_internal::Refused();
  }
}

// The exact number of bytes that `value` takes: at least 1.
template <class T>
size_t EncodedSize(const T& value) {
  codec_internal::Require<false, T>();
  if constexpr (Encodable<T>) {
    return codec_internal::SizeOf(value);
  } else {
    codec_internal::Refused();
  }
}

// Writes kFixedSize<T> bytes to `out`, which needs no alignment, and returns a pointer past their end. Cannot fail.
template <class T>
requires(Encodable<T>&& kFixedSize<T> != kVariable) std::byte* EncodeFixed(const T& value, std::byte* out) {
  codec_internal::PutFixed(value, out);
  return out + kFixedSize<T>;
}

// Fills `out`, whose size must be EncodedSize(value). `descriptors` borrows the descriptors in `value`.
// On error the content of `out` and what was added to `descriptors` are unspecified; nothing else has changed.
// InvalidArgument: `value` holds an invalid descriptor, a descriptor although `descriptors` is null, a variant without
// value, or too deep a nesting. FailedPrecondition: `out` has another size, or the Size and Encode of a Codec disagree.
// A Codec of your own may fail with any other status, which Encode returns.
template <class T>
absl::Status Encode(const T& value, absl::Span<std::byte> out, DescriptorSink* descriptors = nullptr) {
  codec_internal::Require<false, T>();
  if constexpr (Encodable<T>) {
    if constexpr (kFixedSize<T> != kVariable) {
      if (ABSL_PREDICT_TRUE(out.size() == kFixedSize<T>)) {
        codec_internal::PutFixed(value, out.data());
        return absl::OkStatus();
      }
    }
    Encoder encoder(out, descriptors, codec_internal::TypeName<T>());
    encoder.Write(value);
    return encoder.Finish();
  } else {
    codec_internal::Refused();
  }
}

// Decodes `bytes` into `value`. All of `bytes` must be the encoding of one T. `descriptors` holds the descriptors that
// arrived with the bytes; DecodeInto takes those out to which `value` refers. DataLoss: the bytes are no T. A Codec of
// your own may fail with any other status, which DecodeInto returns. On error `value` is in an unspecified state: it
// may be destroyed, assigned to, or decoded into.
template <class T>
absl::Status DecodeInto(absl::Span<const std::byte> bytes, T& value, DescriptorSource* descriptors = nullptr) {
  codec_internal::Require<true, T>();
  if constexpr (Codable<T>) {
    if constexpr (kFixedSize<T> != kVariable) {
      if (ABSL_PREDICT_TRUE(bytes.size() == kFixedSize<T> && codec_internal::GetFixed(bytes.data(), value))) {
        return absl::OkStatus();
      }
    }
    Decoder decoder(bytes, descriptors, codec_internal::TypeName<T>());
    return decoder.Finish(decoder.Read(value));
  } else {
    codec_internal::Refused();
  }
}

// The same, but returns a new value. Not for a Status, a StatusOr or a type that converts from Status: use DecodeInto
// for these.
template <class T>
absl::StatusOr<T> Decode(absl::Span<const std::byte> bytes, DescriptorSource* descriptors = nullptr) {
  codec_internal::Require<true, T>();
  static_assert(!std::is_convertible_v<absl::Status, T>,
                "in a StatusOr this value could not be told from an error: use DecodeInto");
  if constexpr (Codable<T>) {
    if constexpr (std::is_default_constructible_v<T>) {
      absl::StatusOr<T> result(absl::in_place);
      if (absl::Status status = DecodeInto(bytes, *result, descriptors); ABSL_PREDICT_FALSE(!status.ok())) {
        return status;
      }
      return result;
    } else {
      Decoder decoder(bytes, descriptors, codec_internal::TypeName<T>());
      std::optional<T> value = decoder.Take<T>();
      if (absl::Status status = decoder.Finish(value.has_value()); ABSL_PREDICT_FALSE(!status.ok())) return status;
      return *std::move(value);
    }
  } else {
    codec_internal::Refused();
  }
}

// Returns the encoding as a string. Fails like Encode.
template <class T>
absl::StatusOr<std::string> EncodeToString(const T& value, DescriptorSink* descriptors = nullptr) {
  std::string bytes(EncodedSize(value), '\0');
  absl::Status status =
      Encode(value, absl::MakeSpan(reinterpret_cast<std::byte*>(bytes.data()), bytes.size()), descriptors);
  if (!status.ok()) return status;
  return bytes;
}

// A string's bytes, to decode from.
inline absl::Span<const std::byte> AsBytes(absl::string_view bytes) {
  return absl::MakeConstSpan(reinterpret_cast<const std::byte*>(bytes.data()), bytes.size());
}

}  // namespace regatta

#endif  // REGATTA_CORE_CODEC_CODEC_H_
