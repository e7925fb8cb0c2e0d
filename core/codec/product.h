// Codecs of values that consist of several parts in a row: pair, tuple, arrays, and structs by their fields. A value
// without any part takes one zero byte.
#ifndef REGATTA_CORE_CODEC_PRODUCT_H_
#define REGATTA_CORE_CODEC_PRODUCT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "core/codec/aggregate.h"
#include "core/codec/decoder.h"
#include "core/codec/encoder.h"
#include "core/codec/fingerprint.h"
#include "core/codec/traits.h"

namespace regatta {
namespace codec_internal {

template <class... Parts>
constexpr size_t SumOfFixedSizes(TypeList<Parts...>) {
  if (((kFixedSize<Parts> == kVariable) || ...)) return kVariable;
  return sizeof...(Parts) == 0 ? 1 : (size_t{0} + ... + kFixedSize<Parts>);
}
template <class... Parts>
constexpr size_t SumOfMinSizes(TypeList<Parts...>) {
  return sizeof...(Parts) == 0 ? 1 : (size_t{0} + ... + kMinSize<Parts>);
}
template <class... Parts>
constexpr bool AreBlocks(TypeList<Parts...>) {
  return sizeof...(Parts) > 0 && (kIsBlock<Parts> && ...);
}
template <class... Parts>
constexpr uint64_t ProductFingerprint(TypeList<Parts...>) {
  return FingerprintOf("product", {Codec<Parts>::kFingerprint...});
}

// The base of the codec of a `T` whose parts `Visit(value, visitor)` passes to visitor(part, ...).
template <class T, class Visit>
struct ProductCodec {
  static constexpr size_t kSize = SumOfFixedSizes(PartsOf<T>());
  static constexpr size_t kMinSize = SumOfMinSizes(PartsOf<T>());
  static constexpr uint64_t kFingerprint = ProductFingerprint(PartsOf<T>());

  static void Put(const T& value, std::byte* out) {
    Visit()(value, [out]<class... Parts>(const Parts&... parts) mutable {
      if constexpr (sizeof...(Parts) == 0) *out = std::byte{0};
      ((PutFixed(parts, out), out += kFixedSize<Parts>), ...);
    });
  }
  static bool Get(const std::byte* in, T& value) {
    return Visit()(value, [in]<class... Parts>(Parts&... parts) mutable {
      if constexpr (sizeof...(Parts) == 0) return *in == std::byte{0};
      return (GetFixed(std::exchange(in, in + kFixedSize<Parts>), parts) && ...);
    });
  }
  static size_t Size(const T& value) {
    return Visit()(value, [](const auto&... parts) { return (size_t{0} + ... + SizeOf(parts)); });
  }
  static void Encode(const T& value, Encoder& out) {
    Visit()(value, [&out](const auto&... parts) { (out.Write(parts), ...); });
  }
  static bool Decode(Decoder& in, T& value) requires std::is_default_constructible_v<T> {
    return Visit()(value, [&in](auto&... parts) { return (in.Read(parts) && ...); });
  }
  static std::optional<T> Decode(Decoder& in) requires(!std::is_default_constructible_v<T>) {
    return Build(in, PartsOf<T>());
  }

 private:
  // Decodes the parts before the whole is made, for types whose parts have no default constructor.
  template <class... Parts>
  static std::optional<T> Build(Decoder& in, TypeList<Parts...>) {
    std::tuple<Slot<Parts>...> made;
    return std::apply(
        [&in](auto&... part) -> std::optional<T> {
          if (!(part.Read(in) && ...)) return std::nullopt;
          return T{part.Release()...};
        },
        made);
  }
};

struct VisitTuple {
  template <class T, class Visitor>
  constexpr decltype(auto) operator()(T& value, Visitor&& visitor) const {
    return std::apply(visitor, value);
  }
};
struct VisitAggregate {
  template <class T, class Visitor>
  constexpr decltype(auto) operator()(T& value, Visitor&& visitor) const {
    return VisitFields(value, visitor);
  }
};

// For std::array and built-in arrays.
template <class T, class Element, size_t kCount>
struct ArrayCodec {
  using Parts = TypeList<Element>;
  static constexpr bool kBlock = kCount > 0 && kIsBlock<Element> && sizeof(T) == kCount * sizeof(Element);
  static constexpr size_t kSize = kCount == 0                        ? 1
                                  : kFixedSize<Element> == kVariable ? kVariable
                                                                     : kCount * kFixedSize<Element>;
  static constexpr size_t kMinSize = kCount == 0 ? 1 : kCount * codec_internal::kMinSize<Element>;
  static constexpr uint64_t kFingerprint = FingerprintOf("array", {Codec<Element>::kFingerprint, kCount});

  static void Put(const T& value, std::byte* out) {
    if constexpr (kCount == 0) {
      *out = std::byte{0};
    } else {
      for (const Element& element : value) {
        PutFixed(element, out);
        out += kFixedSize<Element>;
      }
    }
  }
  static bool Get(const std::byte* in, T& value) {
    if constexpr (kCount == 0) {
      return *in == std::byte{0};
    } else {
      for (Element& element : value) {
        if (!GetFixed(in, element)) return false;
        in += kFixedSize<Element>;
      }
      return true;
    }
  }
  static size_t Size(const T& value) {
    size_t size = 0;
    for (const Element& element : value) size += SizeOf(element);
    return size;
  }
  static void Encode(const T& value, Encoder& out) {
    for (const Element& element : value) out.Write(element);
  }
  static bool Decode(Decoder& in, T& value) requires std::is_default_constructible_v<T> {
    for (Element& element : value) {
      if (!in.Read(element)) return false;
    }
    return true;
  }
};

}  // namespace codec_internal

template <class First, class Second>
struct Codec<std::pair<First, Second>>
    : codec_internal::ProductCodec<std::pair<First, Second>, codec_internal::VisitTuple> {
  using Parts = codec_internal::TypeList<First, Second>;
};

template <class... Elements>
struct Codec<std::tuple<Elements...>>
    : codec_internal::ProductCodec<std::tuple<Elements...>, codec_internal::VisitTuple> {
  using Parts = codec_internal::TypeList<Elements...>;
};

template <class Element, size_t kCount>
struct Codec<std::array<Element, kCount>> : codec_internal::ArrayCodec<std::array<Element, kCount>, Element, kCount> {};

template <class Element, size_t kCount>
struct Codec<Element[kCount]> : codec_internal::ArrayCodec<Element[kCount], Element, kCount> {};

// A struct without a specialisation of its own.
template <codec_internal::Aggregate T>
struct Codec<T> : codec_internal::ProductCodec<T, codec_internal::VisitAggregate>, codec_internal::Reflected {
  // There is no padding if all fields are blocks and their sizes add up to the size of the struct.
  static constexpr bool kBlock = std::is_trivially_copyable_v<T> &&
                                 codec_internal::AreBlocks(codec_internal::PartsOf<T>()) &&
                                 sizeof(T) == codec_internal::SumOfFixedSizes(codec_internal::PartsOf<T>());
};

}  // namespace regatta

#endif  // REGATTA_CORE_CODEC_PRODUCT_H_
