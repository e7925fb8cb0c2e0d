// Codecs of strings and vectors, and of views of them: a count, then that many elements.
#ifndef REGATTA_CORE_CODEC_SEQUENCES_H_
#define REGATTA_CORE_CODEC_SEQUENCES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "absl/types/span.h"
#include "core/codec/block.h"
#include "core/codec/decoder.h"
#include "core/codec/encoder.h"
#include "core/codec/fingerprint.h"
#include "core/codec/traits.h"

namespace regatta {
namespace codec_internal {

// A view can only be encoded. Its bytes are the same as those of a container with these elements.
template <class View, class Element>
struct SequenceEncoder {
  using Parts = TypeList<Element>;
  static constexpr size_t kMinSize = kCountSize;
  static constexpr uint64_t kFingerprint = FingerprintOf("sequence", {Codec<Element>::kFingerprint});

  static size_t Size(const View& view) {
    if constexpr (kFixedSize<Element> != kVariable) {
      return kCountSize + view.size() * kFixedSize<Element>;
    } else {
      size_t size = kCountSize;
      for (const Element& element : view) size += SizeOf(element);
      return size;
    }
  }
  static void Encode(const View& view, Encoder& out) {
    out.WriteCount(view.size());
    if constexpr (kIsBlock<Element>) {
      out.WriteBytes(view.data(), view.size() * sizeof(Element));
    } else if constexpr (kFixedSize<Element> != kVariable) {
      std::byte* next = out.Reserve(view.size() * kFixedSize<Element>);
      if (next == nullptr) return;
      for (const Element& element : view) {
        PutFixed(element, next);
        next += kFixedSize<Element>;
      }
    } else {
      for (const Element& element : view) out.Write(element);
    }
  }
};

struct StringEncoder {
  using Parts = TypeList<>;
  static constexpr size_t kMinSize = kCountSize;
  static constexpr uint64_t kFingerprint = FingerprintOf("string");
  static size_t Size(std::string_view value) { return kCountSize + value.size(); }
  static void Encode(std::string_view value, Encoder& out) {
    out.WriteCount(value.size());
    out.WriteBytes(value.data(), value.size());
  }
};

}  // namespace codec_internal

template <>
struct Codec<std::string_view> : codec_internal::StringEncoder {};

template <>
struct Codec<std::string> : codec_internal::StringEncoder {
  static bool Decode(Decoder& in, std::string& value) {
    size_t size = 0;
    if (!in.ReadCount(1, size)) return false;
    const std::byte* const bytes = in.ReadBytes(size);
    if (bytes == nullptr) return false;
    value.assign(reinterpret_cast<const char*>(bytes), size);
    return true;
  }
};

template <class Element>
struct Codec<absl::Span<Element>> : codec_internal::SequenceEncoder<absl::Span<Element>, std::remove_const_t<Element>> {
};

template <class Element, size_t kExtent>
struct Codec<std::span<Element, kExtent>>
    : codec_internal::SequenceEncoder<std::span<Element, kExtent>, std::remove_const_t<Element>> {};

template <class Element, class Allocator>
struct Codec<std::vector<Element, Allocator>>
    : codec_internal::SequenceEncoder<std::vector<Element, Allocator>, Element> {
  using Vector = std::vector<Element, Allocator>;

  static bool Decode(Decoder& in, Vector& value) {
    size_t count = 0;
    if (!in.ReadCount(codec_internal::kMinSize<Element>, count)) return false;
    if constexpr (kIsBlock<Element>) {
      const std::byte* const bytes = in.ReadBytes(count * sizeof(Element));
      if (bytes == nullptr) return false;
      Assign(bytes, count, value);
      return true;
    } else if constexpr (kFixedSize<Element> != kVariable) {
      const std::byte* bytes = in.ReadBytes(count * kFixedSize<Element>);
      if (bytes == nullptr) return false;
      value.resize(count);
      for (Element& element : value) {
        if (!codec_internal::GetFixed(bytes, element)) return in.Fail("bytes that are no value of the elements' type");
        bytes += kFixedSize<Element>;
      }
      return true;
    } else {
      value.clear();
      // Reserve only what the bytes prove: an element with a small encoding may be large in memory.
      value.reserve(std::min(count, in.remaining() / sizeof(Element) + 1));
      for (; count > 0; --count) {
        if (!Append(in, value)) return false;
      }
      return true;
    }
  }

 private:
  static void Assign(const std::byte* bytes, size_t count, Vector& value) {
    if (reinterpret_cast<uintptr_t>(bytes) % alignof(Element) == 0) {
      const auto* const elements = reinterpret_cast<const Element*>(bytes);
      value.assign(elements, elements + count);
    } else {
      value.resize(count);
      if (count > 0)
        std::memcpy(value.data(), bytes, count * sizeof(Element));  // data() of an empty vector may be null.
    }
  }
  static bool Append(Decoder& in, Vector& value) {
    if constexpr (std::is_default_constructible_v<Element>) {
      return in.Read(value.emplace_back());
    } else {
      codec_internal::Slot<Element> element;
      if (!element.Read(in)) return false;
      value.push_back(element.Release());
      return true;
    }
  }
};

// An element is a bit in memory, and a byte in the encoding.
template <class Allocator>
struct Codec<std::vector<bool, Allocator>> {
  using Vector = std::vector<bool, Allocator>;
  using Parts = codec_internal::TypeList<bool>;
  static constexpr size_t kMinSize = codec_internal::kCountSize;
  static constexpr uint64_t kFingerprint = FingerprintOf("sequence", {Codec<bool>::kFingerprint});
  static size_t Size(const Vector& value) { return codec_internal::kCountSize + value.size(); }
  static void Encode(const Vector& value, Encoder& out) {
    out.WriteCount(value.size());
    for (const bool element : value) out.Write(element);
  }
  static bool Decode(Decoder& in, Vector& value) {
    size_t count = 0;
    if (!in.ReadCount(1, count)) return false;
    value.assign(count, false);
    for (size_t i = 0; i < count; ++i) {
      bool element = false;
      if (!in.Read(element)) return false;
      value[i] = element;
    }
    return true;
  }
};

}  // namespace regatta

#endif  // REGATTA_CORE_CODEC_SEQUENCES_H_
