// Verdict: what a run of a scenario is worth.
#ifndef REGATTA_CONFORMANCE_JUDGE_VERDICT_H_
#define REGATTA_CONFORMANCE_JUDGE_VERDICT_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "conformance/checks/expectation.h"
#include "conformance/judge/testee.h"

namespace regatta::conformance {

enum class Outcome { kPassed, kFailed, kAbsent };

struct Verdict {
  Outcome outcome = Outcome::kFailed;
  // What didn't hold: rules of every run (it ended with 0, in time, left nothing), then the scenario's. Or why it is
  // absent.
  std::vector<Failure> failures;
  absl::Duration took;

  // The failures' headlines in one line: what known failures are told by.
  std::string Message() const;
  // Everything, for people.
  std::string Explanation() const;
};

// A testee that says it can't play the scenario is absent.
Verdict Judge(const Expectations& expectations, const TesteeRun& run);
// The testee isn't there.
Verdict Absent(const std::string& why);

}  // namespace regatta::conformance

#endif  // REGATTA_CONFORMANCE_JUDGE_VERDICT_H_
