// What a program asks of memory, counted: it must be linked in, and then stands in for the C library's malloc and
// memcpy.
//
// Processes  Those forked after CountMemoryCalls count into the same place.
// Misses     Copies that the compiler made part of its own code, of small things of known size, and those inside the C
//            library.
#ifndef REGATTA_BENCH_BUDGETS_MEMORY_CALLS_H_
#define REGATTA_BENCH_BUDGETS_MEMORY_CALLS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace regatta::bench {

struct MemoryCalls {
  std::atomic<size_t> large;          // What counts as a copy or a fill: so many bytes or more.
  std::atomic<uint64_t> allocations;  // malloc, calloc, realloc, aligned_alloc, operator new.
  std::atomic<uint64_t> copies;       // memcpy, memmove.
  std::atomic<uint64_t> fills;        // memset.
};

// From now on; null: no more.
void CountMemoryCalls(MemoryCalls* into);
// Of the calling thread nothing is counted while this lives.
class MemoryCallsAside {
 public:
  MemoryCallsAside();
  ~MemoryCallsAside();
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_BUDGETS_MEMORY_CALLS_H_
