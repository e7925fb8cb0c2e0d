// Decoder: the interface by which the codecs of a value and of its parts read.
//
// Threads    Thread-compatible. Each value has its own Decoder.
// Trust      The bytes may come from another process, and may even change while they are read, as in a shared slot. The
//            result is then some value or an error. Each count, flag and index is loaded once, and checked before use.
#ifndef REGATTA_CORE_CODEC_DECODER_H_
#define REGATTA_CORE_CODEC_DECODER_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <type_traits>
#include <utility>

#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/codec/descriptors.h"
#include "core/codec/traits.h"
#include "core/os/fd.h"

namespace regatta {
namespace codec_internal {

// Loads a value once: the compiler may not load it again after the value was checked.
template <class Integer>
Integer LoadOnce(const std::byte* from) {
  Integer value;
  std::memcpy(&value, from, sizeof(value));
  asm("" : "+r"(value));
  return value;
}

template <class T>
[[nodiscard]] bool GetFixed(const std::byte* in, T& value) {
  if constexpr (kIsBlock<T>) {
    std::memcpy(&value, in, sizeof(T));
    return true;
  } else {
    return Codec<T>::Get(in, value);
  }
}

}  // namespace codec_internal

// Reads a value from bytes. A call that returns false, null or nullopt has failed the whole value.
class Decoder {
 public:
  Decoder(absl::Span<const std::byte> bytes, DescriptorSource* descriptors, absl::string_view what)
      : begin_(bytes.data()), next_(begin_), end_(begin_ + bytes.size()), descriptors_(descriptors), what_(what) {}

  // Overwrites `value`. After a failure `value` is in an unspecified state.
  template <class T>
  [[nodiscard]] bool Read(T& value) {
    static_assert(codec_internal::HasCodec<T>, "there is no codec for this type: codec.h says which there are");
    if constexpr (kFixedSize<T> != kVariable) {
      const std::byte* const in = ReadBytes(kFixedSize<T>);
      if (ABSL_PREDICT_FALSE(in == nullptr)) return false;
      return ABSL_PREDICT_TRUE(codec_internal::GetFixed(in, value)) || Fail("bytes that are no value of its type");
    } else if constexpr (codec_internal::DecodesInto<T>) {
      return Nest<T>([&] { return Codec<T>::Decode(*this, value); });
    } else {
      std::optional<T> decoded = Take<T>();
      if (!decoded.has_value()) return false;
      value = *std::move(decoded);
      return true;
    }
  }
  // The same for a T without default constructor.
  template <class T>
  [[nodiscard]] std::optional<T> Take() {
    std::optional<T> value;
    if constexpr (codec_internal::DecodesNew<T>) {
      Nest<T>([&] {
        value = Codec<T>::Decode(*this);
        return value.has_value();
      });
    } else if (value.emplace(); !Read(*value)) {
      value.reset();
    }
    return value;
  }
  // Reads the number of the elements that follow, each of which takes at least `least` > 0 bytes. Fails if the bytes
  // that are left could not hold them.
  [[nodiscard]] bool ReadCount(size_t least, size_t& count) {
    const std::byte* const in = ReadBytes(sizeof(uint64_t));
    if (ABSL_PREDICT_FALSE(in == nullptr)) return false;
    count = codec_internal::LoadOnce<uint64_t>(in);
    return ABSL_PREDICT_TRUE(count <= remaining() / least) || FailCount(count, least);
  }
  // Returns the next `size` bytes, or null if fewer are left.
  [[nodiscard]] const std::byte* ReadBytes(size_t size) {
    if (ABSL_PREDICT_FALSE(size > remaining())) return FailShort(size);
    return std::exchange(next_, next_ + size);
  }
  [[nodiscard]] bool ReadDescriptor(Fd& fd);
  size_t remaining() const { return static_cast<size_t>(end_ - next_); }

  // Fails this value: with DataLoss whose message names the place and `why`, or with `status`. The first failure stays.
  // Returns false.
  bool Fail(absl::string_view why);
  bool Fail(absl::Status status);
  // The result of the whole value; `read` is what Read returned. Bytes that are left over are DataLoss, too.
  absl::Status Finish(bool read) {
    if (ABSL_PREDICT_FALSE(!read || !status_.ok() || next_ != end_)) return FinishFailed(read);
    return absl::OkStatus();
  }

 private:
  // Runs a step of T's codec, and bounds the nesting if that codec is a user's own.
  template <class T, class Step>
  bool Nest(Step step) {
    if constexpr (codec_internal::kOpaque<T>) {
      const bool ok = ++nesting_ <= kMaxNesting ? step() : Fail("values nested too deep");
      --nesting_;
      return ok;
    } else {
      return step();
    }
  }
  bool FailCount(uint64_t count, size_t least);
  const std::byte* FailShort(size_t size);
  absl::Status FinishFailed(bool read);

  const std::byte* const begin_;
  const std::byte* next_;
  const std::byte* const end_;
  DescriptorSource* const descriptors_;
  const absl::string_view what_;
  int nesting_ = 0;
  absl::Status status_;
};

namespace codec_internal {

// Holds a decoded part until the object that contains it can be made.
template <class T>
class Slot {
 public:
  [[nodiscard]] bool Read(Decoder& in) {
    if constexpr (std::is_default_constructible_v<T>) {
      return in.Read(held_);
    } else {
      if (std::optional<T> taken = in.Take<T>()) held_.emplace(*std::move(taken));
      return held_.has_value();
    }
  }
  // Call it only after Read returned true.
  T&& Release() {
    if constexpr (std::is_default_constructible_v<T>) {
      return std::move(held_);
    } else {
      return *std::move(held_);
    }
  }

 private:
  std::conditional_t<std::is_default_constructible_v<T>, T, std::optional<T>> held_{};
};

}  // namespace codec_internal
}  // namespace regatta

#endif  // REGATTA_CORE_CODEC_DECODER_H_
