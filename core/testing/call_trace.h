// For tests: every system call that a program and its children make, seen from outside.
//
//   TraceCalls([] { Work(); return 0; }, [&](const SeenCall& call) { ++calls; });
//
// Exact      No call is missed, of whatever thread or child. A call that the processor never enters the kernel for (the
//            clock's, by way of the vDSO) is none.
// Time       Each call costs two stops; what makes none runs at full speed.
// Threads    The one that traces must be the only one of its process.
#ifndef REGATTA_CORE_TESTING_CALL_TRACE_H_
#define REGATTA_CORE_TESTING_CALL_TRACE_H_

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"

namespace regatta {

struct SeenCall {
  enum class Kind { kSleep, kWake, kOther };

  int32_t thread = 0;
  Kind kind = Kind::kOther;  // On a futex, or neither.
  uint64_t number = 0;       // The kernel's.
};

// "futex_wake" and the like for those that the core makes often, "call 123" for others.
std::string NameOfCall(const SeenCall& call);

// Forks a child that runs `body`, and traces it, its threads and its children until all have ended. `seen` is called by
// this thread as a call begins, before the kernel does anything of it. Returns the exit code, or minus the signal that
// ended the child.
int TraceCalls(absl::FunctionRef<int()> body, absl::FunctionRef<void(const SeenCall&)> seen);

}  // namespace regatta

#endif  // REGATTA_CORE_TESTING_CALL_TRACE_H_
