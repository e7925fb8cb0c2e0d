// Liveness: what the kernel knows of a process that may have ended.
//
// Certainty  kDead is certain, and final: no thread of the process executes another instruction. Everything else may
//            change.
// Sources    /proc first. Where it shows nothing of the process (a chroot, hidepid, another mount namespace) or can't
//            be opened, kill(2), waitid(2) and a pidfd decide. A process that exits, or that writes its core dump,
//            counts as dead once the last of its threads has left user code, which is long before it can be reaped.
// No descriptors  A spare one is kept for this (KeepSpareDescriptor), and given up when none is left.
// Trust      Pids are compared, so only processes of one PID namespace may ask about each other.
#ifndef REGATTA_CORE_OS_LIVENESS_H_
#define REGATTA_CORE_OS_LIVENESS_H_

#include <cstdint>

namespace regatta {

enum class Liveness {
  kAlive,    // Some thread of the process may still run. A process that execs is alive.
  kDead,     // None can.
  kUnknown,  // A process of this pid exists, and nothing says whether it is the same one.
};

// Names a process for ever.
struct ProcessStamp {
  int32_t pid = 0;
  uint32_t clock = 0;       // The time namespace: start times of two can't be compared.
  uint64_t start_time = 0;  // Clock ticks since boot. 0: /proc could not be read when the stamp was taken.
};
ProcessStamp ThisProcessStamp();

// Costs a read of /proc, and while the process ends some more for each of its threads. Takes no lock, allocates
// nothing.
Liveness LivenessOf(const ProcessStamp& process);

// Puts a descriptor by for LivenessOf, if this process has none put by. Without a free one it does nothing.
void KeepSpareDescriptor();

}  // namespace regatta

#endif  // REGATTA_CORE_OS_LIVENESS_H_
