// For tests: decodes arbitrary bytes. The result must be a value or DataLoss, and the encoding of the value must be
// these bytes. The fuzz target and its short run in the tests share this.
#ifndef REGATTA_CORE_TESTING_HOSTILE_INPUT_H_
#define REGATTA_CORE_TESTING_HOSTILE_INPUT_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "core/codec/codec.h"

namespace regatta::codec_internal {

enum class HostileColour : uint8_t { kRed };
enum class HostileFlag : bool { kOff, kOn };
struct HostileNothing {
  bool operator==(const HostileNothing&) const = default;
};
struct HostileBlock {
  uint64_t id;
  double weight;
  char text[16];
};
struct HostilePadded {
  char letter;
  int64_t number;
  bool flag;
  HostileNothing nothing;
};
struct HostileRecord {
  HostileColour colour;
  std::vector<std::vector<std::string>> words;
  std::map<std::string, std::vector<HostilePadded>> table;
  std::variant<std::monostate, HostileBlock, std::string, std::vector<bool>> choice;
  std::array<std::optional<std::string>, 2> maybe;
  absl::Duration time;
};

// The first byte of an input selects one of these types, modulo their number. Append new types, or the corpus loses its
// meaning.
using HostileTypes =
    TypeList<int32_t, bool, HostileFlag, std::string, std::vector<int32_t>, std::vector<bool>,
             std::vector<HostileNothing>, std::vector<std::tuple<>>, std::vector<std::vector<std::vector<char>>>,
             std::vector<HostilePadded>, std::array<bool, 4>, std::optional<std::optional<bool>>,
             std::variant<bool, std::string, HostileBlock>, std::map<int16_t, std::string>, std::set<std::string>,
             std::multimap<int8_t, bool>, std::multiset<int8_t>, std::unordered_map<std::string, std::vector<int32_t>>,
             std::unordered_set<HostileColour>, absl::Status, absl::StatusOr<std::vector<std::string>>, absl::Duration,
             std::chrono::seconds, long double, std::vector<std::variant<std::monostate, HostileRecord>>,
             HostileRecord>;

template <class T>
inline constexpr bool kCanonical = true;
template <class K, class V>
inline constexpr bool kCanonical<std::unordered_map<K, V>> = false;
template <class K>
inline constexpr bool kCanonical<std::unordered_set<K>> = false;

inline void RequireOfDecoding(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "decoding hostile bytes: broken: %s\n", what);
  std::abort();
}

// Returns true if the bytes were accepted. Aborts if one of the rules is broken.
template <class T>
bool DecodeHostileAs(absl::Span<const std::byte> bytes) {
  T value{};
  if (absl::Status status = DecodeInto(bytes, value); !status.ok()) {
    RequireOfDecoding(status.code() == absl::StatusCode::kDataLoss, "an error other than DataLoss");
    return false;
  }
  const absl::StatusOr<std::string> again = EncodeToString(value);
  RequireOfDecoding(again.ok(), "an accepted value can't be encoded");
  if constexpr (kCanonical<T>) {
    RequireOfDecoding(AsBytes(*again) == bytes, "an accepted value has other bytes");
  } else {
    RequireOfDecoding(again->size() == bytes.size(), "an accepted value has another size");
    T back{};
    RequireOfDecoding(DecodeInto(AsBytes(*again), back).ok() && back == value, "an accepted value does not come back");
  }
  return true;
}

template <class... Types>
bool DecodeHostile(absl::Span<const std::byte> input, TypeList<Types...>) {
  if (input.empty()) return false;
  const size_t index = static_cast<size_t>(input.front()) % sizeof...(Types);
  size_t i = 0;
  return ((index == i++ && DecodeHostileAs<Types>(input.subspan(1))) || ...);
}

}  // namespace regatta::codec_internal

#endif  // REGATTA_CORE_TESTING_HOSTILE_INPUT_H_
