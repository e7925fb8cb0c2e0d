// Expectations on how things end: exit statuses, errors, times, and values that must agree.
#ifndef REGATTA_CONFORMANCE_CHECKS_OUTCOME_H_
#define REGATTA_CONFORMANCE_CHECKS_OUTCOME_H_

#include <string>

#include "absl/time/time.h"
#include "conformance/checks/events.h"
#include "conformance/checks/expectation.h"
#include "conformance/checks/trace.h"

namespace regatta::conformance {

// Every event of kind "exit" whose first value is `process` has `code` as its second: an exit code, or minus a signal.
Expectation EndsWith(const std::string& process, int code);

// There are some, and all end with this kind of error (FORMAT.md, "Traces", lists them).
Expectation FailsWith(Events events, std::string error);
// There are some, and none ends with an error.
Expectation Succeeds(Events events);

// There are some, and each takes `least` or longer.
Expectation NotSooner(Events events, absl::Duration least);

// There are some of each, and all have the same values.
Expectation SameValues(Events one, Events other);
// There are some of each, and no process has both.
Expectation OtherProcess(Events one, Events other);

// There are some, and every text among their values stands in what the testee and its children printed to standard
// error.
Expectation StandardErrorHas(Events texts);

}  // namespace regatta::conformance

#endif  // REGATTA_CONFORMANCE_CHECKS_OUTCOME_H_
