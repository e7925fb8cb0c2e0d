// Members of JSON objects that may lack them or hold something else: never a throw, never a crash. Objects keep their
// order, so that what is written again looks as it did.

#ifndef REGATTA_REPORTS_RESULTS_MEMBERS_H_
#define REGATTA_REPORTS_RESULTS_MEMBERS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"

namespace regatta::reports {

// The member, or null where `object` is no object or has none of that name.
const nlohmann::ordered_json& Member(const nlohmann::ordered_json& object, const char* name);

// The member's value, or nothing, "" or `otherwise` where it isn't there or of another type (null included).
std::optional<double> NumberMember(const nlohmann::ordered_json& object, const char* name);
int64_t WholeMember(const nlohmann::ordered_json& object, const char* name, int64_t otherwise);
std::string StringMember(const nlohmann::ordered_json& object, const char* name);
// The strings among the values of a member that is an array.
std::vector<std::string> StringsMember(const nlohmann::ordered_json& object, const char* name);
bool BoolMember(const nlohmann::ordered_json& object, const char* name, bool otherwise);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_RESULTS_MEMBERS_H_
