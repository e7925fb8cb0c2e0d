// What a child of the core does from its first instruction to its end.
//
// Nothing here returns, and nothing of the creator's stack is unwound: a child ends by EndProcess or by a signal.
#ifndef REGATTA_CORE_PROCESS_CHILD_MAIN_H_
#define REGATTA_CORE_PROCESS_CHILD_MAIN_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "core/os/fd.h"
#include "core/process/boot.h"
#include "core/process/runtime_state.h"

namespace regatta {

// In the child of a fork: becomes `identity` and runs `run`, whose result is the exit code. Where `gate` is valid, not
// before a byte has come through it. `lifeline`: the dependent's end, for a daemonic child.
[[noreturn]] void RunForkedChild(ProcessIdentity identity, Fd gate, Fd lifeline, absl::FunctionRef<int()> run) noexcept;

// In a fresh or cloned process that has its orders: becomes what they say, and calls.
[[noreturn]] void RunOrderedChild(ReceivedBootOrder boot) noexcept;

// Ties this process to its creator; ends it at once if the creator has gone.
void DependOnCreator(Fd lifeline);

// Says on stderr that this process fails with `status`.
void ReportFailure(const absl::Status& status);
// The end of a child that received no boot order: silent if its creator gave up or is gone, which OutOfRange tells.
[[noreturn]] void EndWithoutBoot(const absl::Status& why);

// A child's end: the end of the runtime (exit callbacks, its own children), stdio flushed, _exit.
[[noreturn]] void EndProcess(int exit_code);

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_CHILD_MAIN_H_
