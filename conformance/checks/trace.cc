#include "conformance/checks/trace.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"

namespace regatta::conformance {

std::string Value::ToString() const {
  if (const std::optional<bool> is = truth()) return *is ? "true" : "false";
  if (const std::optional<int64_t> is = number()) return absl::StrCat(*is);
  if (const std::string* is = text()) {
    return nlohmann::json(*is).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  return "null";
}

std::string ToString(const Values& values) {
  return absl::StrCat(
      "[",
      absl::StrJoin(values, ", ", [](std::string* out, const Value& value) { absl::StrAppend(out, value.ToString()); }),
      "]");
}

std::string ToString(const std::vector<Values>& list) {
  return absl::StrJoin(list, " ", [](std::string* out, const Values& values) {
    absl::StrAppend(out, values.size() == 1 ? values[0].ToString() : ToString(values));
  });
}

}  // namespace regatta::conformance
