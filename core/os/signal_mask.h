// Signal masks, and the question "has my parent died?" that the kernel asks by a signal.
//
// Fork       Masks and dispositions are inherited; the parent's watch is not.
#ifndef REGATTA_CORE_OS_SIGNAL_MASK_H_
#define REGATTA_CORE_OS_SIGNAL_MASK_H_

#include <cstdint>

namespace regatta {

// A set of signals: bit N-1 for signal N.
using SignalSet = uint64_t;

// What this thread blocks.
SignalSet BlockedSignals();
void SetBlockedSignals(SignalSet blocked);

// Blocks every signal that can be, in this thread; puts it back as it was in the end.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked();
  ~AllSignalsBlocked() { SetBlockedSignals(before_); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
  SignalSet before_;
};

// Whether the process `pid` is this process's parent now. Also true if the parent lives outside of this process's PID
// namespace, where it has no number.
bool IsParent(int32_t pid);

// From now on this process kills itself (SIGKILL) when its parent, the process `parent_pid`, ends. False: it had ended
// already (and nothing was done).
//
// The kernel sends its parent-death signal whenever the *thread* that made the child ends; the handler then asks
// getppid(). By that time the kernel has given the child its new parent, so the answer is exact. This watch is the
// second source beside a lifeline (lifeline.h): it does nothing while every thread blocks ParentWatchSignal(), after
// user code has changed the signal's handler, after a change of user or group id, and after exec. That signal is
// ignored by default, so exec leaves nothing behind that could kill the new program.
bool DieWithParent(int32_t parent_pid);
// Ends that.
void LiveOnWithoutParent();
int ParentWatchSignal();
// `blocked` without it.
SignalSet WithoutParentWatch(SignalSet blocked);

}  // namespace regatta

#endif  // REGATTA_CORE_OS_SIGNAL_MASK_H_
