// Codecs of single values: numbers, bool, enums, durations and descriptors. AsBlock is for a class whose memory is its
// encoding.
#ifndef REGATTA_CORE_CODEC_BLOCK_H_
#define REGATTA_CORE_CODEC_BLOCK_H_

#include <bit>
#include <cfloat>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "absl/time/time.h"
#include "core/codec/decoder.h"
#include "core/codec/encoder.h"
#include "core/codec/fingerprint.h"
#include "core/codec/traits.h"
#include "core/os/fd.h"

namespace regatta {

static_assert(std::endian::native == std::endian::little, "encoded numbers are little-endian, as memory is here");

// The codec of a trivially copyable class with private fields:
//   template <> struct regatta::Codec<Point> : regatta::AsBlock<Point> {
//     static constexpr uint64_t kFingerprint = regatta::FingerprintOf("geo.Point/1");
//   };
// By this line you promise what can't be checked: the class holds no address; it has no padding, which would carry
// stray bytes of this process's memory; and any bytes are a valid value.
template <class T>
struct AsBlock {
  static_assert(std::is_trivially_copyable_v<T>, "only a trivially copyable type can cross as its memory");
  static constexpr bool kBlock = true;
  static constexpr size_t kSize = sizeof(T);
};

namespace codec_internal {

template <class T>
concept Number = std::is_arithmetic_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, long double>;

template <class T>
constexpr uint64_t NumberFingerprint() {
  if constexpr (std::is_same_v<T, char>) return FingerprintOf("char");  // Signed here, unsigned elsewhere.
  if constexpr (std::is_floating_point_v<T>) return FingerprintOf("float", {sizeof(T)});
  return FingerprintOf(std::is_signed_v<T> ? "int" : "uint", {sizeof(T)});
}

}  // namespace codec_internal

template <codec_internal::Number T>
struct Codec<T> {
  static constexpr bool kBlock = true;
  static constexpr size_t kSize = sizeof(T);
  static constexpr uint64_t kFingerprint = codec_internal::NumberFingerprint<T>();
};

template <>
struct Codec<bool> {
  static constexpr size_t kSize = 1;
  static constexpr uint64_t kFingerprint = FingerprintOf("bool");
  static void Put(bool value, std::byte* out) { *out = std::byte{value}; }
  static bool Get(const std::byte* in, bool& value) {
    const auto byte = codec_internal::LoadOnce<uint8_t>(in);
    value = byte == 1;
    return byte <= 1;
  }
};

// The encoding is the significant bytes: on x86 ten bytes, without the six of padding.
template <>
struct Codec<long double> {
  static constexpr size_t kSize = LDBL_MANT_DIG == 64 ? 10 : sizeof(long double);
  static constexpr uint64_t kFingerprint = FingerprintOf("float", {kSize});
  static void Put(long double value, std::byte* out) { std::memcpy(out, &value, kSize); }
  static bool Get(const std::byte* in, long double& value) {
    value = 0;
    std::memcpy(&value, in, kSize);
    return true;
  }
};

// Any value of the underlying type is a valid value of the enum, whether it has a name or not. If the underlying type
// is bool, only 0 and 1 are.
template <class T>
requires std::is_enum_v<T>
struct Codec<T> {
  using Underlying = std::underlying_type_t<T>;
  static constexpr bool kBlock = kIsBlock<Underlying>;
  static constexpr size_t kSize = sizeof(T);
  static constexpr uint64_t kFingerprint = FingerprintOf("enum", {Codec<Underlying>::kFingerprint});
  static void Put(T value, std::byte* out) { codec_internal::PutFixed(static_cast<Underlying>(value), out); }
  static bool Get(const std::byte* in, T& value) {
    Underlying number{};
    const bool ok = codec_internal::GetFixed(in, number);
    value = static_cast<T>(number);
    return ok;
  }
};

template <class Number, class Period>
struct Codec<std::chrono::duration<Number, Period>> {
  using Duration = std::chrono::duration<Number, Period>;
  using Parts = codec_internal::TypeList<Number>;
  static constexpr bool kBlock = kIsBlock<Number> && sizeof(Duration) == sizeof(Number);
  static constexpr size_t kSize = kFixedSize<Number>;
  static_assert(kSize != kVariable, "a std::chrono::duration crosses if its count is a number");
  static constexpr uint64_t kFingerprint =
      FingerprintOf("chrono", {Codec<Number>::kFingerprint, uint64_t{Period::num}, uint64_t{Period::den}});
  static void Put(const Duration& value, std::byte* out) { codec_internal::PutFixed(value.count(), out); }
  static bool Get(const std::byte* in, Duration& value) {
    Number count{};
    const bool ok = codec_internal::GetFixed(in, count);
    value = Duration(count);
    return ok;
  }
};

// The whole seconds, rounded down, then the quarters of a nanosecond above them. An infinite duration has kInfinite
// quarters.
template <>
struct Codec<absl::Duration> {
  static constexpr size_t kSize = 12;
  static constexpr uint64_t kFingerprint = FingerprintOf("duration");
  static void Put(absl::Duration value, std::byte* out);
  static bool Get(const std::byte* in, absl::Duration& value);

 private:
  static constexpr uint32_t kInfinite = std::numeric_limits<uint32_t>::max();
  static constexpr int64_t kQuartersPerSecond = 4'000'000'000;
};

// An index into the list beside the bytes. Encoding borrows the descriptor; decoding takes its ownership.
template <>
struct Codec<Fd> {
  using Parts = codec_internal::TypeList<>;
  static constexpr bool kCarriesDescriptors = true;
  static constexpr size_t kMinSize = sizeof(uint32_t);
  static constexpr uint64_t kFingerprint = FingerprintOf("descriptor");
  static size_t Size(const Fd&) { return sizeof(uint32_t); }
  static void Encode(const Fd& value, Encoder& out) { out.WriteDescriptor(value); }
  static bool Decode(Decoder& in, Fd& value) { return in.ReadDescriptor(value); }
};

}  // namespace regatta

#endif  // REGATTA_CORE_CODEC_BLOCK_H_
