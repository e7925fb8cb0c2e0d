// Known failures, as data: one a line, `SYSTEM METHOD ID: MESSAGE | Q: WHY`.
//
// MESSAGE is the verdict's, whole. Where a known failure passes, or fails with another message, that is a failure too,
// and so is a line of no scenario. Blank lines and those that begin with # don't count.
#ifndef REGATTA_CONFORMANCE_JUDGE_KNOWN_FAILURES_H_
#define REGATTA_CONFORMANCE_JUDGE_KNOWN_FAILURES_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "conformance/judge/verdict.h"

namespace regatta::conformance {

struct KnownFailure {
  int line = 0;
  std::string system;
  std::string method;
  std::string id;
  std::string message;
  std::string quirk;  // What the system does, and why it is right to expect more.
};

// DataLoss: a line that isn't one, or two for the same case; by number.
absl::StatusOr<std::vector<KnownFailure>> ParseKnownFailures(absl::string_view text);
// conformance/known_failures.txt beside this program.
absl::StatusOr<std::vector<KnownFailure>> ReadKnownFailures();

// Null: that case must pass.
const KnownFailure* Find(const std::vector<KnownFailure>& known, absl::string_view system, absl::string_view method,
                         absl::string_view id);

// Why the verdict isn't what is known of the case; none: it is.
std::optional<std::string> Surprise(const Verdict& verdict, const KnownFailure* known);

}  // namespace regatta::conformance

#endif  // REGATTA_CONFORMANCE_JUDGE_KNOWN_FAILURES_H_
