// Metric results, from files that may be cut short, old, or not what they claim.
//
// Trust    Every member is checked before use; a file never makes the reader crash.
// Errors   InvalidArgument names the file, the line, and what was wrong with it; a schema or version that this reader
//          doesn't know is refused, with the versions it does know.

#ifndef REGATTA_REPORTS_RESULTS_READ_RESULTS_H_
#define REGATTA_REPORTS_RESULTS_READ_RESULTS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "reports/results/results.h"

namespace regatta::reports {

inline constexpr std::string_view kReportSchema = "regatta.report";
inline constexpr int kReportVersion = 1;

// Takes one line of a benchmark's results. A header begins a new invocation at the end of `invocations`, any other
// known record joins the last one; unknown kinds of record are ignored, as the format asks. InvalidArgument: not JSON,
// not a record, an unknown schema or version, or a record before any header.
absl::Status ReadLine(std::string_view line, std::vector<Invocation>& invocations);

// Reads the text of a results file: JSON lines of one or more invocations, or a report's results.json. `name` is for
// messages. A last line that is cut short is dropped, and said so in `missing`.
absl::StatusOr<Results> ReadResults(std::string_view text, std::string_view name);

// Reads files and joins them. InvalidArgument as above, also where they come from machines that can't be compared
// (fingerprints differ) or the same invocation comes twice; NotFound or another errno's code where a file can't be
// read.
absl::StatusOr<Results> ReadResultFiles(const std::vector<std::string>& paths);

// The arms of `bench --regatta_list`.
absl::StatusOr<std::vector<ArmInfo>> ReadArmList(std::string_view text);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_RESULTS_READ_RESULTS_H_
