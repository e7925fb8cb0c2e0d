// The processor on which this thread runs, and what a thread tells it.
#ifndef REGATTA_CORE_OS_CPU_H_
#define REGATTA_CORE_OS_CPU_H_

#include <atomic>
#include <cstdint>

namespace regatta {

// The index of the processor on which this thread runs. It is only a hint, as the thread may have moved by then. Takes
// a nanosecond if glibc registers rseq.
uint32_t CurrentProcessor();

// Tells the processor that the thread spins.
inline void CpuPause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");
#endif
}

// Requests the cache line at `at` for a write that follows soon. (__builtin_prefetch requests a shared line, unless the
// compiler may assume newer processors.)
inline void PrefetchForWrite(const void* at) {
#if defined(__x86_64__)
  asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(at)));
#else
  __builtin_prefetch(at, 1);
#endif
}

// Lets another runnable thread run on this processor.
void YieldProcessor();

// An asymmetric fence, for which the side that runs often pays nothing: AsymmetricFenceLight orders like a full fence
// against any AsymmetricFenceHeavy in any process that has called EnableAsymmetricFence. Heavy costs 0.4 to 8 us.
//
// Heavy is the kernel's membarrier with GLOBAL_EXPEDITED. If the kernel or a sandbox refuses it to one process, at once
// or later, Light becomes a full fence in all processes. `refused` must lie in memory that all these processes share,
// and must be 0 at first.
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
