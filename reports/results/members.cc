#include "reports/results/members.h"

namespace regatta::reports {

using json = nlohmann::ordered_json;

const json& Member(const json& object, const char* name) {
  static const json& none = *new json(nullptr);
  if (!object.is_object()) return none;
  const auto member = object.find(name);
  return member == object.end() ? none : *member;
}

std::optional<double> NumberMember(const json& object, const char* name) {
  const json& member = Member(object, name);
  if (!member.is_number()) return std::nullopt;
  return member.get<double>();
}

int64_t WholeMember(const json& object, const char* name, int64_t otherwise) {
  const json& member = Member(object, name);
  return member.is_number_integer() ? member.get<int64_t>() : otherwise;
}

std::string StringMember(const json& object, const char* name) {
  const json& member = Member(object, name);
  return member.is_string() ? member.get<std::string>() : std::string();
}

std::vector<std::string> StringsMember(const json& object, const char* name) {
  std::vector<std::string> strings;
  const json& array = Member(object, name);
  if (!array.is_array()) return strings;
  for (const json& value : array) {
    if (value.is_string()) strings.push_back(value.get<std::string>());
  }
  return strings;
}

bool BoolMember(const json& object, const char* name, bool otherwise) {
  const json& member = Member(object, name);
  return member.is_boolean() ? member.get<bool>() : otherwise;
}

}  // namespace regatta::reports
