#include "core/os/cpu.h"

#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
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

void EnableAsymmetricFence() {
  const bool registered = syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0;
  cpu_internal::g_light_is_full.store(!registered, std::memory_order_relaxed);
}

void AsymmetricFenceHeavy() {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  // Refused only where EnableAsymmetricFence was refused too, and there Light is a full fence.
  syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0);
}

}  // namespace regatta
