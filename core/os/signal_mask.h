// Signal masks, and the watch by which a child ends with its parent.
//
// Fork       A child inherits masks and dispositions, but not the watch.
#ifndef REGATTA_CORE_OS_SIGNAL_MASK_H_
#define REGATTA_CORE_OS_SIGNAL_MASK_H_

#include <cstdint>

namespace regatta {

// A set of signals. Bit N-1 stands for signal N.
using SignalSet = uint64_t;

// The signals that this thread blocks.
SignalSet BlockedSignals();
void SetBlockedSignals(SignalSet blocked);

// Blocks all signals in this thread, as far as they can be blocked. The destructor restores the mask.
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
// namespace, where it has no pid.
bool IsParent(int32_t pid);

// Makes this process kill itself (SIGKILL) when its parent, the process `parent_pid`, ends. Returns false and does
// nothing if the parent has ended already.
//
// The kernel sends the parent-death signal whenever the *thread* that made the child ends, so the handler calls
// getppid(). By then the kernel has given the child its new parent, and the answer is exact. This watch is the second
// source beside a lifeline (lifeline.h). It has no effect while every thread blocks ParentWatchSignal(), after user
// code has changed the signal's handler, after a change of user or group id, and after exec. The signal is ignored by
// default, so after exec it can't kill the new program.
bool DieWithParent(int32_t parent_pid);
// Ends the watch.
void LiveOnWithoutParent();
int ParentWatchSignal();
// `blocked` without ParentWatchSignal().
SignalSet WithoutParentWatch(SignalSet blocked);

}  // namespace regatta

#endif  // REGATTA_CORE_OS_SIGNAL_MASK_H_
