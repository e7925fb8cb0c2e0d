#include "reports/results/conformance.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "reports/results/read_file.h"
#include "tools/json/members.h"

namespace regatta::reports {
namespace {

constexpr int kVersion = 1;
constexpr std::string_view kWhatToGive = " (what can be read: the file that //conformance wrote to --results)";

}  // namespace

absl::StatusOr<Conformance> ReadConformance(const std::vector<std::string>& lines, std::string_view name) {
  Conformance conformance;
  for (const std::string& line : lines) {
    const Json object = ParseJson(line);
    const auto refuse = [&](std::string_view what) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, ", line ", conformance.lines.size() + 1, ": ", what, kWhatToGive));
    };
    if (!object.is_object()) return refuse("not a JSON object");
    const std::string kind = MemberOr<std::string>(object, "kind", "");
    if (conformance.lines.empty()) {
      if (kind != "conformance") return refuse("not the first line of conformance results");
      if (const int64_t version = MemberOr<int64_t>(object, "version", 0); version != kVersion) {
        return refuse(absl::StrCat("version ", version, " of conformance results, where this program reads version ",
                                   kVersion, " only"));
      }
    } else if (kind == "scenario") {
      FromJson(object, conformance.scenarios.emplace_back());
    } else if (kind == "case") {
      FromJson(object, conformance.cases.emplace_back());
    }
    conformance.lines.push_back(line);
  }
  if (conformance.cases.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": holds no case", kWhatToGive));
  }
  return conformance;
}

absl::StatusOr<Conformance> ReadConformanceFile(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return text.status();
  return ReadConformance(absl::StrSplit(*text, '\n', absl::SkipEmpty()), path);
}

}  // namespace regatta::reports
