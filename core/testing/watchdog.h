// For tests: how long a test waits for what must happen.
//
// A test is ordered by events. Its deadlines end only a test that has gone wrong: a call with this deadline then fails
// with DeadlineExceeded, and ForkedChild::Wait kills the child and says so.
#ifndef REGATTA_CORE_TESTING_WATCHDOG_H_
#define REGATTA_CORE_TESTING_WATCHDOG_H_

#include "absl/time/time.h"
#include "core/os/deadline.h"

namespace regatta {

// Shorter than the minute after which Bazel kills a small test, so that the failure's text still appears.
inline constexpr absl::Duration kWatchdog = absl::Seconds(45);

inline Deadline Watchdog() { return Deadline::After(kWatchdog); }

}  // namespace regatta

#endif  // REGATTA_CORE_TESTING_WATCHDOG_H_
