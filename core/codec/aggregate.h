// Finds the fields of an aggregate struct, which needs no code for this. The number of initialisers that the struct
// accepts is the number of its fields, and a structured binding with that many names reaches them.
//
// Limits     Up to kMaxFields fields; no base class, no bit-field, no anonymous union. Each field must accept `{}` as
//            initialiser; or each field must be something else than an array. A struct beyond these limits needs its
//            own Codec.
#ifndef REGATTA_CORE_CODEC_AGGREGATE_H_
#define REGATTA_CORE_CODEC_AGGREGATE_H_

#include <cstddef>
#include <type_traits>
#include <utility>

namespace regatta::codec_internal {

// If you raise it, add a line to CountBraced and one to VisitFields.
inline constexpr size_t kMaxFields = 20;

template <class... Ts>
struct TypeList {};

// A struct that is initialised field by field; neither a union nor an array.
template <class T>
concept Aggregate = std::is_aggregate_v<T> && std::is_class_v<T>;

// AnyField is an initialiser for a field of any type, AnyBaseOf<T> one for the bases of T only. Neither is ever
// evaluated, so the operators have no bodies.
struct AnyField {
  // The operator is const, so that a converting constructor template of the field (std::optional has one) is preferred
  // instead of being ambiguous.
  template <class Field>
  operator Field() const noexcept;  // NOLINT(google-explicit-constructor): it stands for any initialiser.
};
template <class T>
struct AnyBaseOf {
  template <class Base>
  requires(std::is_base_of_v<Base, T> && !std::is_same_v<Base, T>) constexpr operator Base()
      const noexcept;  // NOLINT(google-explicit-constructor): it stands for any base.
};

// A base class takes an initialiser but is no field, so the two ways of counting would differ.
template <class T>
inline constexpr bool kHasBase = requires {
  T{AnyBaseOf<T>{}};
};

// A pair of braces initialises exactly one field, even an array or a struct. Any other initialiser might be spread over
// several fields.
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
// Greater than kMaxFields if T has more fields than that.
template <class T>
inline constexpr size_t kFieldCount = CountFields<std::remove_cv_t<T>>();

struct ListTypes {
  template <class... Fields>
  constexpr TypeList<Fields...> operator()(Fields&...) const {
    return {};
  }
};
// Stands for all fields of a struct that has a bit-field, to which no reference can be bound.
struct BitField {};

// Returns visit(first field, second field, ...). The fields are lvalues, and const if `value` is. Returns
// visit(BitField) if the struct has a bit-field.
template <class T, class Visitor>
constexpr decltype(auto) VisitFields(T& value, Visitor&& visit) {
  constexpr size_t n = kFieldCount<T>;
  static_assert(n <= kMaxFields);
// Clang (at least up to 14) allows no structured bindings in a requires-expression. It refuses bit-fields with a
// message of its own.
#if defined(__clang__)
#define REGATTA_HAVE_ADDRESSES(...) true
#else
#define REGATTA_HAVE_ADDRESSES(...) \
  requires { ListTypes{}(__VA_ARGS__); }
#endif
#define REGATTA_FIELDS(count, ...)                     \
  if constexpr (n == count) {                          \
    auto& [__VA_ARGS__] = value;                       \
    if constexpr (REGATTA_HAVE_ADDRESSES(__VA_ARGS__)) \
      return visit(__VA_ARGS__);                       \
    else {                                             \
      BitField field;                                  \
      return visit(field);                             \
    }                                                  \
  }
  REGATTA_FIELDS(1, a)
  REGATTA_FIELDS(2, a, b)
  REGATTA_FIELDS(3, a, b, c)
  REGATTA_FIELDS(4, a, b, c, d)
  REGATTA_FIELDS(5, a, b, c, d, e)
  REGATTA_FIELDS(6, a, b, c, d, e, f)
  REGATTA_FIELDS(7, a, b, c, d, e, f, g)
  REGATTA_FIELDS(8, a, b, c, d, e, f, g, h)
  REGATTA_FIELDS(9, a, b, c, d, e, f, g, h, i)
  REGATTA_FIELDS(10, a, b, c, d, e, f, g, h, i, j)
  REGATTA_FIELDS(11, a, b, c, d, e, f, g, h, i, j, k)
  REGATTA_FIELDS(12, a, b, c, d, e, f, g, h, i, j, k, l)
  REGATTA_FIELDS(13, a, b, c, d, e, f, g, h, i, j, k, l, m)
  REGATTA_FIELDS(14, a, b, c, d, e, f, g, h, i, j, k, l, m, n)
  REGATTA_FIELDS(15, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o)
  REGATTA_FIELDS(16, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p)
  REGATTA_FIELDS(17, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q)
  REGATTA_FIELDS(18, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r)
  REGATTA_FIELDS(19, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s)
  REGATTA_FIELDS(20, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t)
#undef REGATTA_FIELDS
#undef REGATTA_HAVE_ADDRESSES
  if constexpr (n == 0) return visit();
}

// The types of T's fields, including their const.
template <class T>
using FieldTypes = decltype(VisitFields(std::declval<T&>(), ListTypes{}));
template <class T>
inline constexpr bool kHasBitField = std::is_same_v<FieldTypes<T>, TypeList<BitField>>;

}  // namespace regatta::codec_internal

#endif  // REGATTA_CORE_CODEC_AGGREGATE_H_
