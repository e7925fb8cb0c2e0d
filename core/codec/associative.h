// Codecs of maps and sets: a count, then that many elements. An element of a map is its key, then its value.
//
// Order      The elements of an ordered container must arrive in order, so that equal values have equal bytes and each
//            element is inserted at the end. Those of a hashed container arrive in any order. A repeated key is an
//            error, except in the multi forms.
#ifndef REGATTA_CORE_CODEC_ASSOCIATIVE_H_
#define REGATTA_CORE_CODEC_ASSOCIATIVE_H_

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <utility>

#include "core/codec/decoder.h"
#include "core/codec/encoder.h"
#include "core/codec/fingerprint.h"
#include "core/codec/traits.h"

namespace regatta {
namespace codec_internal {

template <class C>
concept MapOrSet = requires(C& container, const C& constant, typename C::value_type&& element) {
  typename C::key_type;
  container.clear();
  container.insert(std::move(element));
  { constant.size() } -> std::convertible_to<size_t>;
  constant.begin() == constant.end();
};
template <class C>
concept Map = MapOrSet<C> && requires {
  typename C::mapped_type;
};
template <class C>
concept Ordered = requires {
  typename C::key_compare;
};
// insert returns only an iterator in the multi forms.
template <class C>
inline constexpr bool kUniqueKeys = requires(C& container, typename C::value_type&& element) {
  container.insert(std::move(element)).second;
};

template <class C>
constexpr auto ElementsOf() {
  if constexpr (Map<C>) {
    return TypeList<typename C::key_type, typename C::mapped_type>();
  } else {
    return TypeList<typename C::key_type>();
  }
}
template <class C, class... Elements>
constexpr uint64_t MapOrSetFingerprint(TypeList<Elements...>) {
  return FingerprintOf(Ordered<C>       ? (kUniqueKeys<C> ? "ordered" : "ordered multi")
                       : kUniqueKeys<C> ? "hashed"
                                        : "hashed multi",
                       {Codec<Elements>::kFingerprint...});
}

}  // namespace codec_internal

// std::map, std::set, their multi and unordered forms, and Abseil's containers with the same interface.
template <codec_internal::MapOrSet C>
struct Codec<C> {
  using Parts = decltype(codec_internal::ElementsOf<C>());
  using Key = typename C::key_type;
  static constexpr size_t kMinSize = codec_internal::kCountSize;
  static constexpr uint64_t kFingerprint = codec_internal::MapOrSetFingerprint<C>(Parts());

  static size_t Size(const C& value) {
    size_t size = codec_internal::kCountSize;
    for (const auto& element : value) {
      if constexpr (codec_internal::Map<C>) {
        size += codec_internal::SizeOf(element.first) + codec_internal::SizeOf(element.second);
      } else {
        size += codec_internal::SizeOf(element);
      }
    }
    return size;
  }
  static void Encode(const C& value, Encoder& out) {
    out.WriteCount(value.size());
    for (const auto& element : value) {
      if constexpr (codec_internal::Map<C>) {
        out.Write(element.first);
        out.Write(element.second);
      } else {
        out.Write(element);
      }
    }
  }
  static bool Decode(Decoder& in, C& value) {
    size_t count = 0;
    if (!in.ReadCount(LeastElement(Parts()), count)) return false;
    value.clear();
    for (; count > 0; --count) {
      codec_internal::Slot<Key> key;
      if (!key.Read(in)) return false;
      if constexpr (codec_internal::Map<C>) {
        codec_internal::Slot<typename C::mapped_type> mapped;
        if (!mapped.Read(in) || !Insert(in, value, key.Release(), mapped.Release())) return false;
      } else if (!Insert(in, value, key.Release())) {
        return false;
      }
    }
    return true;
  }

 private:
  template <class... Elements>
  static constexpr size_t LeastElement(codec_internal::TypeList<Elements...>) {
    return (codec_internal::kMinSize<Elements> + ...);
  }
  template <class... Elements>
  static bool Insert(Decoder& in, C& value, Elements&&... elements) {
    const size_t before = value.size();
    [[maybe_unused]] const auto at = value.emplace_hint(value.end(), std::forward<Elements>(elements)...);
    if (value.size() == before) return in.Fail("a key that came before");
    if constexpr (codec_internal::Ordered<C>) {
      if (std::next(at) != value.end()) return in.Fail("a key out of order");
    }
    return true;
  }
};

}  // namespace regatta

#endif  // REGATTA_CORE_CODEC_ASSOCIATIVE_H_
