// Codecs of types that hold one of several values: optional and variant.
#ifndef REGATTA_CORE_CODEC_CHOICE_H_
#define REGATTA_CORE_CODEC_CHOICE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "core/codec/block.h"
#include "core/codec/decoder.h"
#include "core/codec/encoder.h"
#include "core/codec/fingerprint.h"
#include "core/codec/traits.h"

namespace regatta {

// A byte, 0 or 1; then, if it is 1, the value.
template <class T>
struct Codec<std::optional<T>> {
  using Parts = codec_internal::TypeList<T>;
  static constexpr size_t kMinSize = 1;
  static constexpr uint64_t kFingerprint = FingerprintOf("optional", {Codec<T>::kFingerprint});

  static size_t Size(const std::optional<T>& value) {
    return value.has_value() ? 1 + codec_internal::SizeOf(*value) : 1;
  }
  static void Encode(const std::optional<T>& value, Encoder& out) {
    out.Write(value.has_value());
    if (value.has_value()) out.Write(*value);
  }
  static bool Decode(Decoder& in, std::optional<T>& value) {
    bool has_value = false;
    if (!in.Read(has_value)) return false;
    value.reset();
    if (!has_value) return true;
    if constexpr (std::is_default_constructible_v<T>) {
      return in.Read(value.emplace());
    } else {
      codec_internal::Slot<T> held;
      if (held.Read(in)) value.emplace(held.Release());
      return value.has_value();
    }
  }
};

// The empty alternative. It takes the same byte as a struct without fields.
template <>
struct Codec<std::monostate> {
  static constexpr size_t kSize = 1;
  static constexpr uint64_t kFingerprint = FingerprintOf("product");
  static void Put(std::monostate, std::byte* out) { *out = std::byte{0}; }
  static bool Get(const std::byte* in, std::monostate&) { return *in == std::byte{0}; }
};

// The index, as one byte; then the alternative.
template <class... Alternatives>
struct Codec<std::variant<Alternatives...>> {
  using Variant = std::variant<Alternatives...>;
  using Parts = codec_internal::TypeList<Alternatives...>;
  static_assert(sizeof...(Alternatives) <= 256, "a variant of more than 256 alternatives has no encoding; nest them");
  static constexpr size_t kMinSize = 1 + std::min({codec_internal::kMinSize<Alternatives>...});
  static constexpr uint64_t kFingerprint = FingerprintOf("variant", {Codec<Alternatives>::kFingerprint...});

  static size_t Size(const Variant& value) {
    if (value.valueless_by_exception()) return 1;
    return 1 + std::visit([](const auto& held) { return codec_internal::SizeOf(held); }, value);
  }
  static void Encode(const Variant& value, Encoder& out) {
    out.Write(static_cast<uint8_t>(value.index()));
    if (value.valueless_by_exception()) {
      out.Fail(
          absl::InvalidArgumentError("encoding a std::variant that an exception left without a value; assign one"));
    } else {
      std::visit([&out](const auto& held) { out.Write(held); }, value);
    }
  }
  static bool Decode(Decoder& in, Variant& value) requires std::is_default_constructible_v<Variant> {
    return DecodeInto(in, value, std::index_sequence_for<Alternatives...>());
  }
  static std::optional<Variant> Decode(Decoder& in) requires(!std::is_default_constructible_v<Variant>) {
    std::optional<Variant> value;
    if (!DecodeInto(in, value, std::index_sequence_for<Alternatives...>())) value.reset();
    return value;
  }

 private:
  // `out` is a variant, or an optional variant.
  template <class Out, size_t... I>
  static bool DecodeInto(Decoder& in, Out& out, std::index_sequence<I...>) {
    const std::byte* const bytes = in.ReadBytes(1);
    if (bytes == nullptr) return false;
    const auto index = codec_internal::LoadOnce<uint8_t>(bytes);
    bool ok = false;
    const bool known = ((index == I && (ok = DecodeAlternative<I, Alternatives>(in, out), true)) || ...);
    return known ? ok : in.Fail("an alternative that the variant does not have");
  }
  template <size_t kIndex, class Alternative, class Out>
  static bool DecodeAlternative(Decoder& in, Out& out) {
    codec_internal::Slot<Alternative> held;
    if (!held.Read(in)) return false;
    if constexpr (std::is_same_v<Out, Variant>) {
      out.template emplace<kIndex>(held.Release());
    } else {
      out.emplace(std::in_place_index<kIndex>, held.Release());
    }
    return true;
  }
};

}  // namespace regatta

#endif  // REGATTA_CORE_CODEC_CHOICE_H_
