// Structs to JSON objects and back, by one list of members.
//
// List   A struct lists its members in a function:
//          template <class Self, class Visit>
//          static void Members(Self& self, Visit visit) { visit("level", self.level, "cpus", self.cpus); }
// Types  bool, numbers, strings, optional, vector, map with string keys, pair (a list of two), and structs with such a
//        list. An absent optional is null. A double without fraction is written like an integer.
// Trust  Reading never throws: a member that is missing, or has another type, leaves the field as it was.
#ifndef REGATTA_TOOLS_JSON_MEMBERS_H_
#define REGATTA_TOOLS_JSON_MEMBERS_H_

#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "nlohmann/json.hpp"
#include "tools/json/null_if_empty.h"

namespace regatta {

// Objects keep the order of their members, so that what is written again looks as it did.
using Json = nlohmann::ordered_json;

template <class T>
concept HasMembers = requires(T& value) {
  T::Members(value, [](const auto&...) {});
};

template <class T>
Json ToJson(const T& value);
template <class T>
bool FromJson(const Json& json, T& value);

// Returns the text's value; one for which is_discarded() holds if the text is not JSON.
inline Json ParseJson(std::string_view text) {
  return Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
}

// On one line. Bytes that are not UTF-8 are replaced.
inline std::string JsonLine(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

// The member, or null if `object` is not an object or has no such member.
inline const Json& Member(const Json& object, const char* name) {
  static const Json& none = *new Json(nullptr);
  if (!object.is_object()) return none;
  const auto member = object.find(name);
  return member == object.end() ? none : *member;
}

// The member's value; `otherwise` if it is missing or has another type.
template <class T>
T MemberOr(const Json& object, const char* name, T otherwise) {
  FromJson(Member(object, name), otherwise);
  return otherwise;
}

namespace json_internal {

inline void AddTo(Json&) {}
template <class T, class... Rest>
void AddTo(Json& object, const char* name, const T& value, const Rest&... rest) {
  object[name] = ToJson(value);
  AddTo(object, rest...);
}

inline void ReadFrom(const Json&) {}
template <class T, class... Rest>
void ReadFrom(const Json& object, const char* name, T&& value, Rest&&... rest) {
  FromJson(Member(object, name), value);
  ReadFrom(object, rest...);
}

// How a type that is not a number, a string or a struct with a list of members becomes JSON.
template <class T>
struct Shape;

template <class T>
struct Shape<NullIfEmpty<T>> {
  static Json To(const NullIfEmpty<T>& field) {
    return field.value == std::remove_const_t<T>() ? Json(nullptr) : ToJson(field.value);
  }
  static bool From(const Json& json, const NullIfEmpty<T>& field) { return FromJson(json, field.value); }
};

template <class T>
struct Shape<std::optional<T>> {
  static Json To(const std::optional<T>& value) { return value ? ToJson(*value) : Json(nullptr); }
  static bool From(const Json& json, std::optional<T>& value) {
    T read{};
    if (!FromJson(json, read)) return false;
    value = std::move(read);
    return true;
  }
};

template <class T>
struct Shape<std::vector<T>> {
  static Json To(const std::vector<T>& values) {
    Json array = Json::array();
    for (const T& value : values) array.push_back(ToJson(value));
    return array;
  }
  // Elements of another type are left out.
  static bool From(const Json& json, std::vector<T>& values) {
    if (!json.is_array()) return false;
    values.clear();
    for (const Json& element : json) {
      if (T value{}; FromJson(element, value)) values.push_back(std::move(value));
    }
    return true;
  }
};

template <class T>
struct Shape<std::map<std::string, T>> {
  static Json To(const std::map<std::string, T>& values) {
    Json object = Json::object();
    for (const auto& [name, value] : values) object[name] = ToJson(value);
    return object;
  }
  static bool From(const Json& json, std::map<std::string, T>& values) {
    if (!json.is_object()) return false;
    values.clear();
    for (const auto& [name, member] : json.items()) {
      if (T value{}; FromJson(member, value)) values.emplace(name, std::move(value));
    }
    return true;
  }
};

template <class A, class B>
struct Shape<std::pair<A, B>> {
  static Json To(const std::pair<A, B>& pair) { return Json::array({ToJson(pair.first), ToJson(pair.second)}); }
  static bool From(const Json& json, std::pair<A, B>& pair) {
    return json.is_array() && json.size() == 2 && FromJson(json[0], pair.first) && FromJson(json[1], pair.second);
  }
};

}  // namespace json_internal

template <class T>
Json ToJson(const T& value) {
  if constexpr (HasMembers<const T>) {
    Json object = Json::object();
    T::Members(value, [&](const auto&... members) { json_internal::AddTo(object, members...); });
    return object;
  } else if constexpr (std::is_floating_point_v<T>) {
    constexpr double kExact = 9007199254740992;  // 2^53: up to here a double holds every integer.
    if (std::abs(value) < kExact && value == std::trunc(value)) return static_cast<int64_t>(value);
    return value;
  } else if constexpr (std::is_arithmetic_v<T> || std::is_convertible_v<T, std::string_view>) {
    return value;
  } else {
    return json_internal::Shape<T>::To(value);
  }
}

// Returns false, and leaves `value` as it was, if `json` has another type.
template <class T>
bool FromJson(const Json& json, T& value) {
  if constexpr (HasMembers<T>) {
    if (!json.is_object()) return false;
    T::Members(value, [&](auto&&... members) { json_internal::ReadFrom(json, members...); });
    return true;
  } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
    const bool fits = std::is_same_v<T, bool>          ? json.is_boolean()
                      : std::is_floating_point_v<T>    ? json.is_number()
                      : std::is_unsigned_v<T>          ? json.is_number_unsigned()
                      : std::is_same_v<T, std::string> ? json.is_string()
                                                       : json.is_number_integer();
    if (fits) value = json.get<T>();
    return fits;
  } else {
    return json_internal::Shape<std::remove_const_t<T>>::From(json, value);
  }
}

}  // namespace regatta

#endif  // REGATTA_TOOLS_JSON_MEMBERS_H_
