// The fields of an aggregate struct, found without any code for it: their number is how many initialisers the struct
// accepts, and a structured binding of that many names reaches them.
//
// Limits     Up to kMaxFields; no base class, no bit-field, no anonymous union; each field accepts `{}` as initialiser,
//            or each but arrays does without. Whatever is beyond these has its own Codec.
#ifndef REGATTA_CORE_CODEC_AGGREGATE_H_
#define REGATTA_CORE_CODEC_AGGREGATE_H_

#include <cstddef>
#include <type_traits>
#include <utility>

namespace regatta::codec_internal {

// Raising it takes a line in CountBraced and one in VisitFields.
inline constexpr size_t kMaxFields = 20;

template <class... Ts>
struct TypeList {};

// A struct, not a union or an array, that is initialised field by field.
template <class T>
concept Aggregate = std::is_aggregate_v<T> && std::is_class_v<T>;

// An initialiser for a field of any type, and one for bases of T alone. Never evaluated, hence without bodies.
struct AnyField {
  // const, so that a field's own converting constructor template (std::optional has one) wins instead of being
  // ambiguous.
  template <class Field>
  operator Field() const noexcept;  // NOLINT(google-explicit-constructor): it stands for any initialiser.
};
template <class T>
struct AnyBaseOf {
  template <class Base>
  requires(std::is_base_of_v<Base, T> && !std::is_same_v<Base, T>) constexpr operator Base()
      const noexcept;  // NOLINT(google-explicit-constructor): it stands for any base.
};

// A base class counts as an initialiser but not as a field, so the two ways of counting would part.
template <class T>
inline constexpr bool kHasBase = requires {
  T{AnyBaseOf<T>{}};
};

// A pair of braces initialises exactly one field, be it an array or a struct; anything else may spill into several.
template <class T>
constexpr size_t CountBraced() {
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; })
    return 21;
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; })
    return 20;
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 19;
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 18;
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 17;
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 16;
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 15;
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 14;
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 13;
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 12;
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 11;
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 10;
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 9;
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}}; }) return 8;
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}}; }) return 7;
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}}; }) return 6;
  if constexpr (requires { T{{}, {}, {}, {}, {}}; }) return 5;
  if constexpr (requires { T{{}, {}, {}, {}}; }) return 4;
  if constexpr (requires { T{{}, {}, {}}; }) return 3;
  if constexpr (requires { T{{}, {}}; }) return 2;
  if constexpr (requires { T{{}}; }) return 1;
  return 0;
}

template <class T, class Indexes>
inline constexpr bool kAcceptsAny = false;
template <class T, size_t... I>
inline constexpr bool kAcceptsAny<T, std::index_sequence<I...>> = requires {
  T{(static_cast<void>(I), AnyField{})...};
};

// For structs with a field that has no default constructor.
template <class T, size_t N = kMaxFields + 1>
constexpr size_t CountAny() {
  if constexpr (N == 0 || kAcceptsAny<T, std::make_index_sequence<N>>) {
    return N;
  } else {
    return CountAny<T, N - 1>();
  }
}

template <class T>
constexpr size_t CountFields() {
  if constexpr (requires { T{}; }) {
    return CountBraced<T>();
  } else {
    return CountAny<T>();
  }
}
// More than kMaxFields if T has more.
template <class T>
inline constexpr size_t kFieldCount = CountFields<std::remove_cv_t<T>>();

// Returns visit(first field, second field, ...), fields as lvalues as const as `value`.
template <class T, class Visitor>
constexpr decltype(auto) VisitFields(T& value, Visitor&& visit) {
  constexpr size_t n = kFieldCount<T>;
  static_assert(n <= kMaxFields);
  if constexpr (n == 1) {
    auto& [a] = value;
    return visit(a);
  } else if constexpr (n == 2) {
    auto& [a, b] = value;
    return visit(a, b);
  } else if constexpr (n == 3) {
    auto& [a, b, c] = value;
    return visit(a, b, c);
  } else if constexpr (n == 4) {
    auto& [a, b, c, d] = value;
    return visit(a, b, c, d);
  } else if constexpr (n == 5) {
    auto& [a, b, c, d, e] = value;
    return visit(a, b, c, d, e);
  } else if constexpr (n == 6) {
    auto& [a, b, c, d, e, f] = value;
    return visit(a, b, c, d, e, f);
  } else if constexpr (n == 7) {
    auto& [a, b, c, d, e, f, g] = value;
    return visit(a, b, c, d, e, f, g);
  } else if constexpr (n == 8) {
    auto& [a, b, c, d, e, f, g, h] = value;
    return visit(a, b, c, d, e, f, g, h);
  } else if constexpr (n == 9) {
    auto& [a, b, c, d, e, f, g, h, i] = value;
    return visit(a, b, c, d, e, f, g, h, i);
  } else if constexpr (n == 10) {
    auto& [a, b, c, d, e, f, g, h, i, j] = value;
    return visit(a, b, c, d, e, f, g, h, i, j);
  } else if constexpr (n == 11) {
    auto& [a, b, c, d, e, f, g, h, i, j, k] = value;
    return visit(a, b, c, d, e, f, g, h, i, j, k);
  } else if constexpr (n == 12) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l] = value;
    return visit(a, b, c, d, e, f, g, h, i, j, k, l);
  } else if constexpr (n == 13) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m] = value;
    return visit(a, b, c, d, e, f, g, h, i, j, k, l, m);
  } else if constexpr (n == 14) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = value;
    return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n);
  } else if constexpr (n == 15) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] = value;
    return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o);
  } else if constexpr (n == 16) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = value;
    return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
  } else if constexpr (n == 17) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q] = value;
    return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q);
  } else if constexpr (n == 18) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r] = value;
    return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r);
  } else if constexpr (n == 19) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s] = value;
    return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s);
  } else if constexpr (n == 20) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t] = value;
    return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t);
  } else {
    return visit();
  }
}

struct ListTypes {
  template <class... Fields>
  constexpr TypeList<Fields...> operator()(Fields&...) const {
    return {};
  }
};
// The types of T's fields, with their const where they have one.
template <class T>
using FieldTypes = decltype(VisitFields(std::declval<T&>(), ListTypes{}));

}  // namespace regatta::codec_internal

#endif  // REGATTA_CORE_CODEC_AGGREGATE_H_
