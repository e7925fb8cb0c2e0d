// codec: values to bytes and back, for what crosses between processes.
//
// Types      Numbers, bool, enums with an underlying type, std::string, vector, array, pair, tuple, optional, variant,
//            maps and sets (ordered, hashed, multi, Abseil's), std::chrono and absl durations, absl::Status and
//            StatusOr, Fd, built-in arrays, and structs of these: up to 20 public fields, no constructor, no base, no
//            code. Views (string_view, span) can be encoded; what they show is decoded as std::string or std::vector.
//            Everything else fails to compile with words that say what to do: pointers, references, functions, smart
//            pointers... Move-only types cross like others: encoding reads a value, decoding makes a new one.
// Format     FORMAT.md, "Encoded values". Equal values have equal bytes but for hashed containers.
// Speed      kIsBlock types and vectors of them are copied by memcpy; kFixedSize types are written without any check.
// Trust      Decode takes its bytes for somebody else's, even for changing under it: the outcome is a value or an
//            error, and memory grows only as the bytes prove their elements.
// Threads    Any number may encode one value at once; nothing here has state.
//
// A type of your own crosses by a specialisation, in one of two forms:
//
//   template <>
//   struct regatta::Codec<Colour> {  // Fixed size: cannot fail when encoded.
//     static constexpr size_t kSize = 4;
//     static constexpr uint64_t kFingerprint = regatta::FingerprintOf("paint.Colour/1");  // Names the format.
//     static void Put(const Colour& value, std::byte* out);    // Writes kSize bytes.
//     static bool Get(const std::byte* in, Colour& value);     // False: the bytes are no Colour.
//   };
//   template <>
//   struct regatta::Codec<Tree> {  // Any size from 1 byte.
//     static constexpr uint64_t kFingerprint = regatta::FingerprintOf("wood.Tree/1");
//     static size_t Size(const Tree& value);                   // Exactly what Encode writes.
//     static void Encode(const Tree& value, regatta::Encoder& out);  // out.Write(part); out.Fail(status) to give up.
//     static bool Decode(regatta::Decoder& in, Tree& value);   // return in.Read(part) && ...; or in.Fail(status)
//   };
//
// Optional in the second: `static constexpr size_t kMinSize` (default 1), `static constexpr bool kCarriesDescriptors`;
// and for a type without default constructor `static std::optional<Tree> Decode(regatta::Decoder& in)`. Such codecs may
// call themselves through their parts up to kMaxNesting deep. AsBlock (block.h) is the short form for a trivially
// copyable class.
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
concept Encodable = codec_internal::FindProblem<false, T>()
== codec_internal::Problem::kNone;
template <class T>
concept Codable = codec_internal::FindProblem<true, T>()
== codec_internal::Problem::kNone;

// Also about a type: kIsBlock<T>, kFixedSize<T> (or kVariable), kCarriesDescriptors<T>, in traits.h.

// Equal for types of the same encoded structure, different (but for a hash's chance) for others: compare it before
// trusting that somebody else's bytes are of one's own type.
template <class T>
constexpr uint64_t TypeFingerprint() {
  codec_internal::Require<false, T>();
  if constexpr (Encodable<T>) {
    return Codec<T>::kFingerprint;
  } else {
    codec_internal::Refused();
  }
}

// Exactly the bytes that `value` takes; at least 1.
template <class T>
size_t EncodedSize(const T& value) {
  codec_internal::Require<false, T>();
  if constexpr (Encodable<T>) {
    return codec_internal::SizeOf(value);
  } else {
    codec_internal::Refused();
  }
}

// Writes the kFixedSize<T> bytes at `out`, which needs no alignment, and returns their end. Cannot fail.
template <class T>
requires(Encodable<T>&& kFixedSize<T> != kVariable) std::byte* EncodeFixed(const T& value, std::byte* out) {
  codec_internal::PutFixed(value, out);
  return out + kFixedSize<T>;
}

// Fills `out`, whose size is EncodedSize(value). Descriptors in `value` are borrowed by `descriptors`.
// On error `out` and what was added to `descriptors` are of no use, and nothing else changed.
// InvalidArgument: `value` holds an invalid descriptor, or any where `descriptors` is null; or a variant without value,
// or too deep a nesting. FailedPrecondition: `out` has another size, or a Codec's Size and Encode disagree. Otherwise
// the status with which a Codec of the user's failed.
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

// Makes `value` what the bytes say. All of `bytes` must be the encoding of one T. `descriptors` are what came beside
// them; those that `value` refers to are taken out. DataLoss: the bytes are no T. Otherwise the status with which a
// Codec of the user's failed. On error `value` may be destroyed, assigned to, or decoded into.
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

// The same, as a new value. Not for a Status, a StatusOr or what is made from one: there use DecodeInto.
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

// The encoding in a string of its own. Errors as Encode.
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
