// The largest allocation by operator new, which a program that links this has replaced. For tests.
#ifndef REGATTA_CORE_TESTING_LARGEST_ALLOCATION_H_
#define REGATTA_CORE_TESTING_LARGEST_ALLOCATION_H_

#include <cstddef>

namespace regatta::codec_internal {

// Forgets what was allocated so far.
void ResetLargestAllocation();
// Bytes; 0 if there was none since.
size_t LargestAllocation();

}  // namespace regatta::codec_internal

#endif  // REGATTA_CORE_TESTING_LARGEST_ALLOCATION_H_
