// Finds at compile time why a type cannot cross, and puts the reason into words.
#ifndef REGATTA_CORE_CODEC_CHECK_H_
#define REGATTA_CORE_CODEC_CHECK_H_

#include <functional>
#include <memory>
#include <type_traits>

#include "core/codec/aggregate.h"
#include "core/codec/traits.h"

namespace regatta::codec_internal {

enum class Problem {
  kNone,
  kPointer,
  kFunction,
  kSmartPointer,
  kQualified,
  kUnion,
  kPlainEnum,
  kBase,
  kFields,
  kTooManyFields,
  kBitField,
  kRecursive,
  kView,
  kNotConstructible,
  kNoCodec,
};

template <class T>
inline constexpr bool kSmartPointer = false;
template <class T, class Deleter>
inline constexpr bool kSmartPointer<std::unique_ptr<T, Deleter>> = true;
template <class T>
inline constexpr bool kSmartPointer<std::shared_ptr<T>> = true;
template <class T>
inline constexpr bool kSmartPointer<std::weak_ptr<T>> = true;
template <class T>
inline constexpr bool kReferenceWrapper = false;
template <class T>
inline constexpr bool kReferenceWrapper<std::reference_wrapper<T>> = true;

// The problem of T itself, without its parts. Uses no member of Codec<T> that could fail to compile.
template <class T>
constexpr Problem OwnProblem() {
  using Bare = std::remove_pointer_t<std::remove_cv_t<T>>;
  if constexpr (std::is_function_v<std::remove_reference_t<Bare>> || std::is_member_pointer_v<T>) {
    return Problem::kFunction;
  } else if constexpr (std::is_pointer_v<T> || std::is_reference_v<T> || std::is_null_pointer_v<T> ||
                       kReferenceWrapper<std::remove_cv_t<T>>) {
    return Problem::kPointer;
  } else if constexpr (std::is_const_v<T> || std::is_volatile_v<T>) {
    return Problem::kQualified;
  } else if constexpr (kSmartPointer<T>) {
    return Problem::kSmartPointer;
  } else if constexpr (std::is_enum_v<T>) {
    // Only an enum with a fixed underlying type accepts this initialiser. Another enum would have values out of its
    // range.
    return requires { T{0}; }
    ? Problem::kNone : Problem::kPlainEnum;
  } else if constexpr (!HasCodec<T>) {
    if constexpr (std::is_union_v<T>) return Problem::kUnion;
    // True for a closure and for std::function, but not for an aggregate class that happens to be callable.
    if constexpr (requires { &T::operator(); }) return Problem::kFunction;
    return Problem::kNoCodec;
  } else if constexpr (kReflected<T>) {
    if constexpr (kHasBase<T>) {
      return Problem::kBase;
    } else if constexpr (kMaxFields < kFieldCount<T>) {
      return Problem::kTooManyFields;
    } else if constexpr (kFieldCount<T> == 0 && !std::is_empty_v<T>) {
      return Problem::kFields;
    } else {
      return kHasBitField<T> ? Problem::kBitField : Problem::kNone;
    }
  } else {
    return Problem::kNone;
  }
}

template <class... Parts>
constexpr bool HasArray(TypeList<Parts...>) {
  return (std::is_array_v<Parts> || ...);
}

// Whether bytes can be decoded as a T; its parts are not examined.
template <class T>
constexpr Problem DecodingProblem() {
  if constexpr (kFixedSize<T> != kVariable) {
    if constexpr (!Gets<T>) return Problem::kView;
    return std::is_default_constructible_v<T> || std::is_array_v<T> ? Problem::kNone : Problem::kNotConstructible;
  } else if constexpr (DecodesNew<T>) {
    // A struct is built from its parts, and an array cannot be passed as one initialiser.
    return kReflected<T> && HasArray(PartsOf<T>()) ? Problem::kNotConstructible : Problem::kNone;
  } else if constexpr (DecodesInto<T>) {
    return std::is_default_constructible_v<T> || std::is_array_v<T> ? Problem::kNone : Problem::kNotConstructible;
  } else {
    return std::is_default_constructible_v<T> ? Problem::kView : Problem::kNotConstructible;
  }
}

// The first problem of T or of its parts. T is part of the types `Outer`.
template <bool kDecode, class T, class... Outer>
constexpr Problem FindProblem();

template <bool kDecode, class... Outer, class... Parts>
constexpr Problem FindPartsProblem(TypeList<Parts...>) {
  Problem problem = Problem::kNone;
  ((problem == Problem::kNone ? void(problem = FindProblem<kDecode, Parts, Outer...>()) : void()), ...);
  return problem;
}

template <bool kDecode, class T, class... Outer>
constexpr Problem FindProblem() {
  if constexpr (OwnProblem<T>() != Problem::kNone) {
    return OwnProblem<T>();
  } else if constexpr ((std::is_same_v<T, Outer> || ...)) {
    return Problem::kRecursive;
  } else if constexpr (constexpr Problem kOfParts = FindPartsProblem<kDecode, T, Outer...>(PartsOf<T>());
                       kOfParts != Problem::kNone) {
    return kOfParts;
  } else if constexpr (!(kFixedSize<T> != kVariable ? Puts<T> : EncodesItself<T>)) {
    return Problem::kNoCodec;
  } else {
    return kDecode ? DecodingProblem<T>() : Problem::kNone;
  }
}

// Fails to compile if the problem is T's own, with a message that says what to do. The compiler then names T.
template <Problem kProblem, class T>
constexpr void Report() {
  static_assert(kProblem != Problem::kPointer,
                "a pointer or reference means nothing in another process: send the value, or an index or offset");
  static_assert(
      kProblem != Problem::kFunction,
      "a function does not cross as a value: hand it to a Process or a Pool as the function to call, and what "
      "it captures as arguments");
  static_assert(
      kProblem != Problem::kSmartPointer,
      "a smart pointer does not cross: send what it points to, in a std::optional or a std::vector if need be");
  static_assert(kProblem != Problem::kQualified, "a const or volatile part can't be decoded: drop the qualifier");
  static_assert(kProblem != Problem::kUnion, "a union does not say which member it holds: use std::variant");
  static_assert(kProblem != Problem::kPlainEnum,
                "this enum has values it can't hold: give it an underlying type, as in `enum class Colour : int`");
  static_assert(
      kProblem != Problem::kBase,
      "the fields of a struct with a base can't be told: make the base a field, or specialise regatta::Codec");
  static_assert(kProblem != Problem::kFields,
                "the fields of this struct can't be told (is one a reference?): specialise regatta::Codec for it");
  static_assert(kProblem != Problem::kTooManyFields,
                "this struct has too many fields: group some in structs, or specialise regatta::Codec for it");
  static_assert(kProblem != Problem::kBitField,
                "a bit-field has no address, so this struct can't be encoded field by field: make its bit-fields whole "
                "fields, as in `uint8_t flag`, or specialise regatta::Codec for it");
  static_assert(
      kProblem != Problem::kRecursive,
      "this type contains itself, so nothing bounds its depth: keep its nodes in a vector and refer to them by "
      "index, or specialise regatta::Codec for it");
  static_assert(kProblem != Problem::kView,
                "this type can be encoded but not decoded: of a view receive the owner, std::string or std::vector; a "
                "Codec of your own needs Decode (or Get)");
  static_assert(kProblem != Problem::kNotConstructible,
                "this type has no default constructor to decode into: give it one, or let its Codec's Decode return "
                "std::optional of it");
  static_assert(kProblem != Problem::kNoCodec,
                "there is no codec for this type: make it a struct of public fields without constructors, send its "
                "content instead, or specialise regatta::Codec for it (core/codec/codec.h says how)");
}

template <bool kDecode, class T, class... Outer>
constexpr void Require();

template <bool kDecode, class... Outer, class... Parts>
constexpr void RequireParts(TypeList<Parts...>) {
  (Require<kDecode, Parts, Outer...>(), ...);
}

// Reports each problem of T and of its parts at the type that has it.
template <bool kDecode, class T, class... Outer>
constexpr void Require() {
  constexpr Problem kProblem = FindProblem<kDecode, T, Outer...>();
  if constexpr (kProblem == Problem::kNone) {
    return;
  } else if constexpr (OwnProblem<T>() != Problem::kNone || (std::is_same_v<T, Outer> || ...)) {
    Report<kProblem, T>();
  } else if constexpr (FindPartsProblem<kDecode, T, Outer...>(PartsOf<T>()) != Problem::kNone) {
    RequireParts<kDecode, T, Outer...>(PartsOf<T>());
  } else {
    Report<kProblem, T>();
  }
}

// For a function that would return a value of a refused type. Such a program does not compile.
[[noreturn]] inline void Refused() { __builtin_unreachable(); }

}  // namespace regatta::codec_internal

#endif  // REGATTA_CORE_CODEC_CHECK_H_
