// A trace's form in a file: one event a line, JSON. FORMAT.md, "Traces".
//
// Trust  ParseTrace takes its bytes for somebody else's: the outcome is a trace or an error.
#ifndef REGATTA_CONFORMANCE_CHECKS_TRACE_FORMAT_H_
#define REGATTA_CONFORMANCE_CHECKS_TRACE_FORMAT_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "conformance/checks/trace.h"

namespace regatta::conformance {

// Lines are no longer than this, so that one write(2) to a file opened for appending leaves a whole line or none.
inline constexpr size_t kMaxTraceLine = 4096;

// With its newline. InvalidArgument: longer than kMaxTraceLine, or a text that isn't UTF-8.
absl::StatusOr<std::string> FormatEvent(const Event& event);

// Events are sorted by begin. DataLoss: a line that can't be what it claims, by number ("line 3: ...").
absl::StatusOr<Trace> ParseTrace(absl::string_view text);

}  // namespace regatta::conformance

#endif  // REGATTA_CONFORMANCE_CHECKS_TRACE_FORMAT_H_
