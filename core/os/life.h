// Life: a word in shared memory that shows whether the process that holds it is alive, at the cost of one load.
//
// The holder locks a robust process-shared mutex for its whole life. At the holder's death (also by SIGKILL, and at
// exec) the kernel marks the word, before it frees the memory, and wakes one sleeper. No other process ever locks the
// mutex, so a reused pid does no harm. The mark belongs to the holding thread: it also appears if that thread ends and
// the process goes on.
//
// Limits     The mark may be late or never appear: the kernel sets it after it has written a core dump, and only for
//            the 2,048 robust mutexes that the thread locked last. core/os/liveness.h is the second source.
// Trust      Only processes of one PID namespace may share a Life, because thread ids are compared.
#ifndef REGATTA_CORE_OS_LIFE_H_
#define REGATTA_CORE_OS_LIFE_H_

#include <pthread.h>

#include <atomic>
#include <cstdint>

#include "absl/status/status.h"
#include "core/os/deadline.h"

namespace regatta {

// Lies in shared memory. All zero bytes mean "never held".
struct alignas(64) Life {
  // Makes the calling thread the holder. The Life must not be held, and only its one new owner may call this.
  // FailedPrecondition: the kernel would not mark the death of this thread, because the process was made by a raw
  // clone(2).
  absl::Status Hold();
  // Ends the hold without a death.
  void Release();
  // False before Hold, after Release, and after the death of the holding thread.
  bool held() const { return IsHeld(word().load(std::memory_order_acquire)); }

  // Sleeps until the holder may have died, until `word` differs from `expected` or is woken, or until the deadline.
  void WaitBeside(const std::atomic<uint32_t>& word, uint32_t expected, Deadline deadline);
  // Wakes the other threads that sleep in WaitBeside, as the kernel wakes only one at a death.
  void WakeOthers();

  pthread_mutex_t mutex;

 private:
  static bool IsHeld(uint32_t word);
  std::atomic<uint32_t>& word() const;
};

}  // namespace regatta

#endif  // REGATTA_CORE_OS_LIFE_H_
