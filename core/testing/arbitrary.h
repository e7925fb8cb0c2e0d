// For tests: Arbitrary<T>(random) makes a random T. The same seed gives the same values. Small and extreme values are
// frequent.
#ifndef REGATTA_CORE_TESTING_ARBITRARY_H_
#define REGATTA_CORE_TESTING_ARBITRARY_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "core/codec/aggregate.h"
#include "core/codec/associative.h"

namespace regatta::codec_internal {

using Random = std::mt19937_64;

// A number from 0 to `most`, all with the same probability.
inline size_t Below(Random& random, size_t most) { return std::uniform_int_distribution<size_t>(0, most)(random); }

template <class T>
struct ArbitraryOf;

template <class T>
T Arbitrary(Random& random) {
  return ArbitraryOf<T>::Make(random);
}

template <class T>
requires std::is_arithmetic_v<T>
struct ArbitraryOf<T> {
  static T Make(Random& random) {
    switch (Below(random, 5)) {
      case 0:
        return T{0};
      case 1:
        return std::numeric_limits<T>::max();
      case 2:
        return std::numeric_limits<T>::lowest();
      case 3:
        return static_cast<T>(Below(random, 100));
      default:
        return static_cast<T>(random());
    }
  }
};

template <class T>
requires std::is_enum_v<T>
struct ArbitraryOf<T> {
  static T Make(Random& random) { return static_cast<T>(Arbitrary<std::underlying_type_t<T>>(random)); }
};

template <>
struct ArbitraryOf<std::string> {
  static std::string Make(Random& random) {
    std::string text(Below(random, 30), '\0');
    for (char& c : text) c = Arbitrary<char>(random);
    return text;
  }
};

template <class Element>
struct ArbitraryOf<std::vector<Element>> {
  static std::vector<Element> Make(Random& random) {
    std::vector<Element> value;
    for (size_t i = Below(random, 6); i > 0; --i) value.push_back(Arbitrary<Element>(random));
    return value;
  }
};

template <MapOrSet C>
struct ArbitraryOf<C> {
  static C Make(Random& random) {
    C value;
    for (size_t i = Below(random, 6); i > 0; --i) {
      auto key = Arbitrary<typename C::key_type>(random);
      if constexpr (Map<C>) {
        value.emplace(std::move(key), Arbitrary<typename C::mapped_type>(random));
      } else {
        value.insert(std::move(key));
      }
    }
    return value;
  }
};

template <class First, class Second>
struct ArbitraryOf<std::pair<First, Second>> {
  static std::pair<First, Second> Make(Random& random) { return {Arbitrary<First>(random), Arbitrary<Second>(random)}; }
};

template <class... Elements>
struct ArbitraryOf<std::tuple<Elements...>> {
  static std::tuple<Elements...> Make([[maybe_unused]] Random& random) { return {Arbitrary<Elements>(random)...}; }
};

template <class Element, size_t kCount>
struct ArbitraryOf<std::array<Element, kCount>> {
  static std::array<Element, kCount> Make([[maybe_unused]] Random& random) {
    std::array<Element, kCount> value{};
    for (Element& element : value) element = Arbitrary<Element>(random);
    return value;
  }
};

template <class T>
struct ArbitraryOf<std::optional<T>> {
  static std::optional<T> Make(Random& random) {
    if (Below(random, 2) == 0) return std::nullopt;
    return Arbitrary<T>(random);
  }
};

template <>
struct ArbitraryOf<std::monostate> {
  static std::monostate Make(Random&) { return {}; }
};

template <class... Alternatives>
struct ArbitraryOf<std::variant<Alternatives...>> {
  using Variant = std::variant<Alternatives...>;
  template <size_t... I>
  static Variant MakeAt(Random& random, size_t index, std::index_sequence<I...>) {
    std::optional<Variant> value;
    ((index == I ? void(value.emplace(std::in_place_index<I>, Arbitrary<Alternatives>(random))) : void()), ...);
    return *std::move(value);
  }
  static Variant Make(Random& random) {
    return MakeAt(random, Below(random, sizeof...(Alternatives) - 1), std::index_sequence_for<Alternatives...>());
  }
};

template <>
struct ArbitraryOf<absl::Status> {
  static absl::Status Make(Random& random) {
    const auto code = static_cast<absl::StatusCode>(Below(random, 17));
    absl::Status status(code, Arbitrary<std::string>(random));
    for (size_t i = Below(random, 3); i > 0 && !status.ok(); --i) {
      status.SetPayload(absl::StrCat("type/", random()), absl::Cord(Arbitrary<std::string>(random)));
    }
    return status;
  }
};

template <class T>
struct ArbitraryOf<absl::StatusOr<T>> {
  static absl::StatusOr<T> Make(Random& random) {
    absl::Status status = Arbitrary<absl::Status>(random);
    if (!status.ok()) return status;
    return Arbitrary<T>(random);
  }
};

template <>
struct ArbitraryOf<absl::Duration> {
  static absl::Duration Make(Random& random) {
    const auto seconds = absl::Seconds(Arbitrary<int64_t>(random));
    return seconds + (absl::Nanoseconds(1) / 4) * static_cast<int64_t>(Below(random, 3'999'999'999));
  }
};

template <class Number, class Period>
struct ArbitraryOf<std::chrono::duration<Number, Period>> {
  static std::chrono::duration<Number, Period> Make(Random& random) {
    return std::chrono::duration<Number, Period>(Arbitrary<Number>(random));
  }
};

template <Aggregate T>
struct ArbitraryOf<T> {
  static T Make(Random& random) {
    T value{};
    VisitFields(value, [&random](auto&... fields) { (Fill(random, fields), ...); });
    return value;
  }
  template <class Field>
  static void Fill(Random& random, Field& field) {
    if constexpr (std::is_array_v<Field>) {
      for (auto& element : field) Fill(random, element);
    } else {
      field = Arbitrary<Field>(random);
    }
  }
};

}  // namespace regatta::codec_internal

#endif  // REGATTA_CORE_TESTING_ARBITRARY_H_
