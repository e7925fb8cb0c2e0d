// For tests: traces every system call that a program and its children make.
//
//   TraceCalls([] { Work(); return 0; }, [&](const SeenCall& call) { ++calls; });
//
// Exact      No call of any thread or child is missed. A call that does not enter the kernel (the clock's, in the vDSO)
//            does not count.
// Time       Each call costs two stops. Code without calls runs at full speed.
// Threads    The tracing thread must be the only one of its process.
#ifndef REGATTA_CORE_TESTING_CALL_TRACE_H_
#define REGATTA_CORE_TESTING_CALL_TRACE_H_

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"

namespace regatta {

struct SeenCall {
  enum class Kind { kSleep, kWake, kOther };

  int32_t thread = 0;
  Kind kind = Kind::kOther;  // A sleep or wake-up by futex, or another call.
  uint64_t number = 0;       // The kernel's number of the call.
};

// A name like "futex_wake" for the calls that the core makes often, "call 123" for others.
std::string NameOfCall(const SeenCall& call);

// Forks a child that runs `body`, and traces it, its threads and its children until all have ended. This thread calls
// `seen` when a call begins, before the kernel does anything. Returns the exit code of the child, or minus the signal
// that ended it.
int TraceCalls(absl::FunctionRef<int()> body, absl::FunctionRef<void(const SeenCall&)> seen);

}  // namespace regatta

#endif  // REGATTA_CORE_TESTING_CALL_TRACE_H_
