// For tests: a process whose memory may not be swapped out.
#ifndef REGATTA_CORE_TESTING_LOCK_MEMORY_H_
#define REGATTA_CORE_TESTING_LOCK_MEMORY_H_

namespace regatta {

// Locks what this process maps from now on and, if `all`, what it has mapped. False: it may not.
bool LockMemory(bool all);

}  // namespace regatta

#endif  // REGATTA_CORE_TESTING_LOCK_MEMORY_H_
