#include "reports/run/results_json.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "reports/results/read_results.h"
#include "tools/json/members.h"

namespace regatta::reports {

std::string RenderResultsJson(const Results& results, std::string_view summary) {
  std::string file =
      absl::StrCat("{\n\"schema\": \"", kReportSchema, "\",\n\"version\": ", kReportVersion,
                   ",\n\"created_utc\": ", JsonLine(results.created_utc),
                   ",\n\"quick\": ", results.quick ? "true" : "false", ",\n\"seed\": ", results.seed,
                   ",\n\"missing\": ", JsonLine(results.missing), ",\n\"summary\": ", summary, ",\n\"invocations\": [");
  for (size_t i = 0; i < results.invocations.size(); ++i) {
    absl::StrAppend(&file, i == 0 ? "\n" : ",\n", "[\n", absl::StrJoin(results.invocations[i].lines, ",\n"), "\n]");
  }
  file += "\n]";
  if (!results.conformance.empty()) {
    absl::StrAppend(&file, ",\n\"conformance\": [\n", absl::StrJoin(results.conformance.lines, ",\n"), "\n]");
  }
  if (!results.doctor.empty()) absl::StrAppend(&file, ",\n\"doctor\": ", results.doctor.json);
  if (!results.trust.empty()) absl::StrAppend(&file, ",\n\"trust\": ", absl::StripSuffix(results.trust.text, "\n"));
  file += "\n}\n";
  return file;
}

}  // namespace regatta::reports
