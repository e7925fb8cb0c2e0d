// What a child of the core does from its first instruction to its end.
//
// A child ends by EndProcess or by a signal. These functions do not return, and nothing of the creator's stack is
// unwound.
#ifndef REGATTA_CORE_PROCESS_CHILD_MAIN_H_
#define REGATTA_CORE_PROCESS_CHILD_MAIN_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "core/os/fd.h"
#include "core/process/boot.h"
#include "core/process/runtime_state.h"

namespace regatta {

// Called in the child of a fork: takes `identity` and calls `run`, whose result is the exit code. If `gate` is valid,
// first waits for a byte from it. `lifeline` is the dependent's end, for a daemonic child.
[[noreturn]] void RunForkedChild(ProcessIdentity identity, Fd gate, Fd lifeline, absl::FunctionRef<int()> run) noexcept;

// Called in a fresh or cloned process that has its order: sets up what the order says, and calls the function.
[[noreturn]] void RunOrderedChild(ReceivedBootOrder boot) noexcept;

// Ties this process to its creator. Ends this process at once if the creator is gone.
void DependOnCreator(Fd lifeline);

// Prints to stderr that this process fails with `status`.
void ReportFailure(const absl::Status& status);
// Ends a child that received no boot order. Prints nothing if `why` is OutOfRange: the creator gave up or is gone.
[[noreturn]] void EndWithoutBoot(const absl::Status& why);

// Ends a child: ends the runtime (exit callbacks, its own children), flushes stdio, and calls _exit.
[[noreturn]] void EndProcess(int exit_code);

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_CHILD_MAIN_H_
