// Futex: sleeping in the kernel on a 32-bit word of shared memory.
//
// Processes  Any that map the word; it is found by its page, not by its address.
// Spurious   A wait may return early; callers look again.
#ifndef REGATTA_CORE_OS_FUTEX_H_
#define REGATTA_CORE_OS_FUTEX_H_

#include <atomic>
#include <cstdint>

#include "core/os/deadline.h"

namespace regatta {

enum class FutexResult {
  kWoken,     // Woken, interrupted by a signal, or spuriously.
  kChanged,   // The word did not hold `expected`.
  kTimedOut,  // The deadline passed.
};

// Sleeps while *word == expected, until woken or `deadline`.
FutexResult FutexWait(const std::atomic<uint32_t>& word, uint32_t expected, Deadline deadline);

// The same on two words at once: returns when either was woken or differs from what was expected. Where the kernel
// lacks futex_waitv (before 5.16) it sleeps on `first` alone, for at most 50 ms.
FutexResult FutexWaitEither(const std::atomic<uint32_t>& first, uint32_t expected_first,
                            const std::atomic<uint32_t>& second, uint32_t expected_second, Deadline deadline);

// Wakes at most `count` sleepers; returns how many.
int FutexWake(const std::atomic<uint32_t>& word, int count);

}  // namespace regatta

#endif  // REGATTA_CORE_OS_FUTEX_H_
