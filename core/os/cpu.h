// The processor under this thread, and how to be polite on it.
#ifndef REGATTA_CORE_OS_CPU_H_
#define REGATTA_CORE_OS_CPU_H_

#include <atomic>
#include <cstdint>

namespace regatta {

// Index of the processor this thread runs on; already a hint when returned. A nanosecond where glibc registers rseq.
uint32_t CurrentProcessor();

// Tells the processor that this is a spin loop.
inline void CpuPause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");
#endif
}

// Asks for the cache line at `at`, to be written soon. (__builtin_prefetch asks for a shared one, unless the compiler
// may assume newer processors.)
inline void PrefetchForWrite(const void* at) {
#if defined(__x86_64__)
  asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(at)));
#else
  __builtin_prefetch(at, 1);
#endif
}

// Gives the processor to another runnable thread.
void YieldProcessor();

// An asymmetric fence, so that the side that runs often pays nothing: AsymmetricFenceLight orders like a full fence
// against any AsymmetricFenceHeavy of any process that has called EnableAsymmetricFence. Heavy costs 0.4 to 8 us.
//
// Heavy is the kernel's membarrier, GLOBAL_EXPEDITED. Where the kernel or a sandbox refuses it to one process, now or
// later, Light becomes a full fence in all: `refused` lies in memory that all processes share that fence against each
// other, and is 0 at first.
void EnableAsymmetricFence(std::atomic<uint32_t>& refused);
void AsymmetricFenceHeavy();

namespace cpu_internal {
inline constinit std::atomic<uint32_t> g_never_enabled{1};
inline constinit std::atomic<std::atomic<uint32_t>*> g_refused{&g_never_enabled};
}  // namespace cpu_internal

inline void AsymmetricFenceLight() {
  if (cpu_internal::g_refused.load(std::memory_order_acquire)->load(std::memory_order_relaxed) != 0) [[unlikely]] {
    std::atomic_thread_fence(std::memory_order_seq_cst);
  } else {
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
}

}  // namespace regatta

#endif  // REGATTA_CORE_OS_CPU_H_
