// For tests: the size of the largest allocation. A program that links this has its own operator new.
#ifndef REGATTA_CORE_TESTING_LARGEST_ALLOCATION_H_
#define REGATTA_CORE_TESTING_LARGEST_ALLOCATION_H_

#include <cstddef>

namespace regatta::codec_internal {

// Forgets all earlier allocations.
void ResetLargestAllocation();
// In bytes. 0 if there was no allocation since the reset.
size_t LargestAllocation();

}  // namespace regatta::codec_internal

#endif  // REGATTA_CORE_TESTING_LARGEST_ALLOCATION_H_
