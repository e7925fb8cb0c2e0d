// What the codec knows about a type at compile time. It is derived from Codec<T> and from the codecs of its parts.
#ifndef REGATTA_CORE_CODEC_TRAITS_H_
#define REGATTA_CORE_CODEC_TRAITS_H_

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>

#include "core/codec/aggregate.h"

namespace regatta {

class Encoder;
class Decoder;

// How a T is encoded and decoded. codec.h describes the members of a specialisation.
template <class T>
struct Codec;

// The maximum nesting of users' own codecs in one value. A value with a deeper nesting can't be encoded or decoded.
inline constexpr int kMaxNesting = 100;

// Stands for a size that depends on the value.
inline constexpr size_t kVariable = static_cast<size_t>(-1);

namespace codec_internal {

// The base of the Codec of a struct that is encoded field by field.
struct Reflected {};

template <class T>
concept HasCodec = requires {
  sizeof(Codec<T>);
};
template <class T>
inline constexpr bool kReflected = std::is_base_of_v<Reflected, Codec<T>>;

// The types of which T's encoding consists, as a TypeList. It is empty for a codec that does not name them.
template <class T>
constexpr auto PartsOf() {
  if constexpr (kReflected<T>) {
    return FieldTypes<T>{};
  } else if constexpr (requires { typename Codec<T>::Parts; }) {
    return typename Codec<T>::Parts{};
  } else {
    return TypeList<>{};
  }
}

template <class T>
constexpr size_t FixedSizeOf() {
  if constexpr (requires { Codec<T>::kSize; }) {
    return Codec<T>::kSize;
  } else {
    return kVariable;
  }
}

template <class T>
constexpr bool IsBlockType() {
  if constexpr (requires { Codec<T>::kBlock; }) {
    return Codec<T>::kBlock;
  } else {
    return false;
  }
}

template <class T>
constexpr bool CarriesDescriptors();
template <class... Parts>
constexpr bool AnyCarriesDescriptors(TypeList<Parts...>) {
  return (CarriesDescriptors<Parts>() || ...);
}
template <class T>
constexpr bool CarriesDescriptors() {
  if constexpr (requires { Codec<T>::kCarriesDescriptors; }) {
    return Codec<T>::kCarriesDescriptors;
  } else {
    return AnyCarriesDescriptors(PartsOf<T>());
  }
}

}  // namespace codec_internal

// The number of bytes that every T takes, or kVariable. Encoding a type of fixed size cannot fail.
template <class T>
inline constexpr size_t kFixedSize = codec_internal::FixedSizeOf<T>();

// Whether T's encoding is its memory: T is trivially copyable, has no padding, and any bytes are a value. One memcpy
// then copies a T or a vector of T. False for bool and for types that contain one, as Decode refuses any byte but 0 and
// 1.
template <class T>
inline constexpr bool kIsBlock = codec_internal::IsBlockType<T>();

// Whether a T may hold descriptors. They travel beside the bytes.
template <class T>
inline constexpr bool kCarriesDescriptors = codec_internal::CarriesDescriptors<T>();

namespace codec_internal {

// The size of an encoded count in bytes.
inline constexpr size_t kCountSize = sizeof(uint64_t);

// The least number of bytes that a T takes. It is never 0, so that the bytes after a count bound the count.
template <class T>
constexpr size_t MinSizeOf() {
  if constexpr (kFixedSize<T> != kVariable) {
    return kFixedSize<T>;
  } else if constexpr (requires { Codec<T>::kMinSize; }) {
    return Codec<T>::kMinSize;
  } else {
    return 1;
  }
}
template <class T>
inline constexpr size_t kMinSize = MinSizeOf<T>();

// Whether T's codec is a user's own, of variable size. No type bounds the nesting of such codecs.
template <class T>
inline constexpr bool kOpaque = kFixedSize<T> == kVariable && !kReflected<T> && !requires {
  typename Codec<T>::Parts;
};

template <class T>
concept Puts = kIsBlock<T> || requires(const T& value, std::byte* out) {
  Codec<T>::Put(value, out);
};
template <class T>
concept Gets = kIsBlock<T> || requires(const std::byte* in, T& value) {
  { Codec<T>::Get(in, value) } -> std::same_as<bool>;
};
template <class T>
concept EncodesItself = requires(const T& value, Encoder& out) {
  { Codec<T>::Size(value) } -> std::same_as<size_t>;
  Codec<T>::Encode(value, out);
};
template <class T>
concept DecodesInto = requires(Decoder& in, T& value) {
  { Codec<T>::Decode(in, value) } -> std::same_as<bool>;
};
template <class T>
concept DecodesNew = requires(Decoder& in) {
  { Codec<T>::Decode(in) } -> std::same_as<std::optional<T>>;
};

}  // namespace codec_internal
}  // namespace regatta

#endif  // REGATTA_CORE_CODEC_TRAITS_H_
