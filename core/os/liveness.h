// Liveness: what the kernel knows of a process that may have ended.
//
// Certainty  kDead is certain and final: no thread of the process executes another instruction. The other values may
//            change.
// Sources    First /proc. If it does not show the process (a chroot, hidepid, another mount namespace) or can't be
//            opened, kill(2), waitid(2) and a pidfd decide. A process that exits or writes its core dump counts as dead
//            once its last thread has left user code, long before it can be reaped.
// Descriptors  A spare descriptor is kept for this (KeepSpareDescriptor), and used if no other is left.
// Trust      Only processes of one PID namespace may ask about each other, because pids are compared.
#ifndef REGATTA_CORE_OS_LIVENESS_H_
#define REGATTA_CORE_OS_LIVENESS_H_

#include <cstdint>

namespace regatta {

enum class Liveness {
  kAlive,    // Some thread of the process may still run. A process that execs is alive.
  kDead,     // No thread of it can run.
  kUnknown,  // A process of this pid exists, and nothing says whether it is the same one.
};

// Identifies a process for all time.
struct ProcessStamp {
  int32_t pid = 0;
  uint32_t clock = 0;       // The time namespace. Start times of different ones can't be compared.
  uint64_t start_time = 0;  // Clock ticks since boot. 0: /proc could not be read when the stamp was taken.
};
ProcessStamp ThisProcessStamp();

// Reads a file of /proc. While the process ends, it also reads files of each of its threads. Takes no lock and
// allocates nothing.
Liveness LivenessOf(const ProcessStamp& process);

// Reserves a descriptor for LivenessOf, if this process has not reserved one. Does nothing if no descriptor is free.
void KeepSpareDescriptor();

}  // namespace regatta

#endif  // REGATTA_CORE_OS_LIVENESS_H_
