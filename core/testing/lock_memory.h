// For tests: locks the memory of this process, so that it is not swapped out.
#ifndef REGATTA_CORE_TESTING_LOCK_MEMORY_H_
#define REGATTA_CORE_TESTING_LOCK_MEMORY_H_

namespace regatta {

// Locks all memory that this process maps from now on and, if `all` is true, what it has mapped. Returns false if it
// may not.
bool LockMemory(bool all);

}  // namespace regatta

#endif  // REGATTA_CORE_TESTING_LOCK_MEMORY_H_
