// One run of a testee: a program that plays one scenario and leaves its trace.
//
// Order      COMMAND SCENARIO METHOD, with $REGATTA_TRACE naming a file to append to and, for faulty runs,
//            $REGATTA_FAULT.
// Watchdog   A testee that goes on for too long is ended, with all that it started.
// Left over  What it started and leaves behind comes to this process (a subreaper): it is waited for a while,
//            then ended and counted. Entries that it leaves in /dev/shm are counted and removed, where this process can
//            have a /dev/shm of its own; see PrepareToJudge.
// Processes  Call PrepareToJudge once, from a process without other threads or children.
#ifndef REGATTA_CONFORMANCE_JUDGE_TESTEE_H_
#define REGATTA_CONFORMANCE_JUDGE_TESTEE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace regatta::conformance {

// What a testee exits with that doesn't know the scenario, or can't play it: 64 to 78, as sysexits.h has them.
inline constexpr int kFirstCantPlay = 64;
inline constexpr int kLastCantPlay = 78;

struct TesteeOrder {
  std::vector<std::string> command = {};
  std::string scenario = {};
  std::string method = {};
  std::string fault = {};  // Empty: none.
  absl::Duration watchdog = absl::Seconds(60);
  // What a testee left may still be on its way out when its main process has ended.
  absl::Duration patience_with_the_rest = absl::Seconds(10);
};

struct TesteeRun {
  std::string trace;  // The file's text.
  std::string standard_output;
  std::string standard_error;
  int code = 0;       // Its exit code, or minus the signal that ended it.
  bool hung = false;  // It was ended by the watchdog.
  int processes_left = 0;
  std::vector<std::string> shared_memory_left;  // Names in /dev/shm.
  absl::Duration took;
};

// OK, and `*private_shared_memory` says whether testees get a /dev/shm of their own, so that what they leave there can
// be told from what others do there.
absl::Status PrepareToJudge(bool* private_shared_memory);

// NotFound: there is no such program.
absl::StatusOr<TesteeRun> RunTestee(const TesteeOrder& order);

}  // namespace regatta::conformance

#endif  // REGATTA_CONFORMANCE_JUDGE_TESTEE_H_
