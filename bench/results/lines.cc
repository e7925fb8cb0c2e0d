#include "bench/results/lines.h"

#include "tools/json/members.h"

namespace regatta::bench {
namespace {

// `object` with the members of `value` behind its own.
template <class T>
std::string Joined(Json object, const T& value) {
  object.update(ToJson(value));
  return JsonLine(object);
}

}  // namespace

std::string LineOf(const Header& header) {
  return Joined({{"record", "header"}, {"schema", kResultsSchema}, {"version", kResultsVersion}}, header);
}

std::string LineOf(const Record& record) { return Joined({{"record", "arm"}}, record); }

std::string LineOf(const Footer& footer) { return Joined({{"record", "footer"}}, footer); }

std::string ListOf(const std::vector<ArmInfo>& arms) {
  return ToJson(arms).dump(1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace regatta::bench
