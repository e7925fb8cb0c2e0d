#include "bench/table/arm_pattern.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace regatta::bench {
namespace {

bool MatchesPart(std::string_view part, const FieldOf& field, int processors) {
  const size_t colon = part.find(':');
  const std::string_view name = colon == std::string_view::npos ? "" : part.substr(0, colon);
  absl::string_view values = colon == std::string_view::npos ? part : part.substr(colon + 1);
  const bool excluded = absl::ConsumePrefix(&values, "!");
  const std::string_view value = field(name);
  const std::vector<absl::string_view> listed = absl::StrSplit(values, ',');
  const bool among = std::any_of(listed.begin(), listed.end(), [&](absl::string_view one) {
    return one == "N" ? value == absl::StrCat(processors) : value == std::string_view(one.data(), one.size());
  });
  return among != excluded;
}

}  // namespace

bool MatchesArm(std::string_view pattern, const FieldOf& field, int processors) {
  const std::vector<std::string> alternatives = absl::StrSplit(absl::string_view(pattern.data(), pattern.size()), '|');
  return std::any_of(alternatives.begin(), alternatives.end(), [&](const std::string& alternative) {
    const std::vector<std::string> parts = absl::StrSplit(alternative, '/', absl::SkipEmpty());
    return std::all_of(parts.begin(), parts.end(),
                       [&](const std::string& part) { return MatchesPart(part, field, processors); });
  });
}

}  // namespace regatta::bench
