// Futex: a thread sleeps in the kernel until a 32-bit word of shared memory changes.
//
// Processes  All processes that map the word may use it. The kernel identifies the word by its page, not by its
//            address.
// Spurious   A wait may return early. Callers check their condition again.
#ifndef REGATTA_CORE_OS_FUTEX_H_
#define REGATTA_CORE_OS_FUTEX_H_

#include <atomic>
#include <cstdint>

#include "core/os/deadline.h"

namespace regatta {

enum class FutexResult {
  kWoken,     // Woken, interrupted by a signal, or woken spuriously.
  kChanged,   // The word did not hold `expected`.
  kTimedOut,  // The deadline passed.
};

// Sleeps while *word == expected, until a wake-up or the deadline.
FutexResult FutexWait(const std::atomic<uint32_t>& word, uint32_t expected, Deadline deadline);

// The same on two words at once: returns when either word was woken or differs from its expected value. If the kernel
// has no futex_waitv (before 5.16), it sleeps on `first` only, for at most 50 ms.
FutexResult FutexWaitEither(const std::atomic<uint32_t>& first, uint32_t expected_first,
                            const std::atomic<uint32_t>& second, uint32_t expected_second, Deadline deadline);

// Wakes at most `count` sleepers, and returns their number.
int FutexWake(const std::atomic<uint32_t>& word, int count);

}  // namespace regatta

#endif  // REGATTA_CORE_OS_FUTEX_H_
