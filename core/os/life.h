// Life: a word in shared memory that tells whether the process that holds it still lives, at the cost of one load.
//
// The holder locks a robust process-shared mutex for life; at its death (also by SIGKILL, and at exec) the kernel marks
// the word, before it tears the memory down, and wakes one sleeper. Nobody else ever locks it, so a pid used again
// cannot fool anybody. The mark is the holding thread's: it comes too when that thread ends and the process goes on.
//
// Limits     The mark may be late or never come: the kernel sets it after a core dump was written, and only for the
//            2,048 robust mutexes that the thread locked last. core/os/liveness.h is the second source.
// Trust      Only processes of one PID namespace may share a Life: thread ids are compared.
#ifndef REGATTA_CORE_OS_LIFE_H_
#define REGATTA_CORE_OS_LIFE_H_

#include <pthread.h>

#include <atomic>
#include <cstdint>

#include "absl/status/status.h"
#include "core/os/deadline.h"

namespace regatta {

// Lies in shared memory; all zero is "never held".
struct alignas(64) Life {
  // Makes the calling thread the holder. Only for a Life that is not held, by its only new owner.
  // FailedPrecondition: the kernel would not mark this thread's death, as the process was made by a raw clone(2).
  absl::Status Hold();
  // The holder lets go without dying.
  void Release();
  // False before Hold, after Release, and from the holding thread's death on.
  bool held() const { return IsHeld(word().load(std::memory_order_acquire)); }

  // Sleeps until the holder may have died, `word` differs from `expected` or was woken, or the deadline.
  void WaitBeside(const std::atomic<uint32_t>& word, uint32_t expected, Deadline deadline);
  // Passes a death's wake-up on to the others that sleep beside it.
  void WakeOthers();

  pthread_mutex_t mutex;

 private:
  static bool IsHeld(uint32_t word);
  std::atomic<uint32_t>& word() const;
};

}  // namespace regatta

#endif  // REGATTA_CORE_OS_LIFE_H_
