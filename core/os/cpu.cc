#include "core/os/cpu.h"

#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if __has_include(<sys/rseq.h>)
#include <sys/rseq.h>
#define REGATTA_HAVE_RSEQ 1
#endif

namespace regatta {

uint32_t CurrentProcessor() {
#if defined(REGATTA_HAVE_RSEQ)
  if (__rseq_size != 0) {
    const auto* area =
        reinterpret_cast<const struct rseq*>(static_cast<const char*>(__builtin_thread_pointer()) + __rseq_offset);
    return *static_cast<const volatile uint32_t*>(&area->cpu_id_start);
  }
#endif
  const int cpu = sched_getcpu();
  return cpu < 0 ? 0 : static_cast<uint32_t>(cpu);
}

void YieldProcessor() { sched_yield(); }

namespace {

constexpr uint32_t kTurning = 1;
constexpr uint32_t kTurned = 2;

// Makes Light a full fence in all processes from now on.
void TurnToFullFences(std::atomic<uint32_t>& refused) {
  if (refused.load(std::memory_order_acquire) == kTurned) return;
  refused.store(kTurning, std::memory_order_seq_cst);
  // A thread may have passed a Light that was no fence, and still have its store in the processor's store buffer. No
  // call is left that would empty the buffers of other processors. They empty themselves, and each interrupt empties
  // them.
  constexpr timespec kBuffersAreEmpty{0, 20'000'000};
  nanosleep(&kBuffersAreEmpty, nullptr);
  refused.store(kTurned, std::memory_order_seq_cst);
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

}  // namespace

void EnableAsymmetricFence(std::atomic<uint32_t>& refused) {
  if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) != 0) TurnToFullFences(refused);
  cpu_internal::g_refused.store(&refused, std::memory_order_release);
}

void AsymmetricFenceHeavy() {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) == 0) return;
  std::atomic<uint32_t>& refused = *cpu_internal::g_refused.load(std::memory_order_acquire);
  if (&refused != &cpu_internal::g_never_enabled) TurnToFullFences(refused);
}

}  // namespace regatta
