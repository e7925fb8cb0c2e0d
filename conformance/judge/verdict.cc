#include "conformance/judge/verdict.h"

#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "conformance/checks/events.h"
#include "conformance/checks/trace.h"
#include "conformance/checks/trace_format.h"

namespace regatta::conformance {

std::string Verdict::Message() const {
  return absl::StrJoin(failures, "; ",
                       [](std::string* out, const Failure& failure) { absl::StrAppend(out, failure.headline); });
}

std::string Verdict::Explanation() const {
  return absl::StrJoin(failures, "\n", [](std::string* out, const Failure& failure) {
    absl::StrAppend(out, failure.headline, failure.detail.empty() ? "" : "\n    ", failure.detail);
  });
}

Verdict Judge(const Expectations& expectations, const TesteeRun& run) {
  Verdict verdict{.outcome = Outcome::kFailed, .failures = {}, .took = run.took};
  if (!run.hung && run.code >= kFirstCantPlay && run.code <= kLastCantPlay) {
    return Absent(absl::StrCat("the testee can't play it: ", run.standard_error));
  }
  if (run.hung) {
    verdict.failures.push_back({"the testee comes to its end: it was ended by the watchdog", run.standard_error});
  } else if (run.code != 0) {
    verdict.failures.push_back({absl::StrCat("the testee ends with 0: it is ", run.code), run.standard_error});
  }
  if (run.processes_left > 0) {
    verdict.failures.push_back({"no process is left: some were", absl::StrCat(run.processes_left)});
  }
  if (!run.shared_memory_left.empty()) {
    verdict.failures.push_back(
        {"nothing is left in /dev/shm: something was", absl::StrJoin(run.shared_memory_left, " ")});
  }
  absl::StatusOr<Trace> trace = ParseTrace(run.trace);
  if (!trace.ok()) {
    verdict.failures.push_back({"the trace can be read: it can't", std::string(trace.status().message())});
  } else {
    trace->standard_output = run.standard_output;
    trace->standard_error = run.standard_error;
    if (const auto left = Events("descriptor left").In(*trace); !left.empty()) {
      verdict.failures.push_back({"no descriptor is left open: some are", ToString(left[0]->values)});
    }
    for (const Expectation& expectation : expectations) {
      if (std::optional<Failure> failure = expectation.Against(*trace)) verdict.failures.push_back(*std::move(failure));
    }
  }
  if (verdict.failures.empty()) verdict.outcome = Outcome::kPassed;
  return verdict;
}

Verdict Absent(const std::string& why) {
  return {.outcome = Outcome::kAbsent, .failures = {{why, ""}}, .took = absl::ZeroDuration()};
}

}  // namespace regatta::conformance
