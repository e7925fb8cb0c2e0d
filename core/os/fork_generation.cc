#include "core/os/fork_generation.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

namespace regatta {
namespace fork_generation_internal {
namespace {

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

// The newest number given out. An ordinary variable, so that a child begins with its parent's value.
constinit std::atomic<uint32_t> g_last{0};
constinit std::atomic<bool> g_handlers_only{false};
// Whether g_static_page is cleared in the child of a fork().
constinit std::atomic<bool> g_handler_set{false};
// {generation:32, pid:32}. Used if there is neither a page nor a handler: then each call compares the pid.
constinit std::atomic<uint64_t> g_by_pid{0};

bool MapPage() {
  if (g_handlers_only.load(std::memory_order_relaxed)) return false;
  const auto size = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  void* const at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return false;
  Page* expected = &g_static_page;
  if (madvise(at, size, MADV_WIPEONFORK) == 0 && g_page.compare_exchange_strong(expected, static_cast<Page*>(at))) {
    return true;
  }
  munmap(at, size);
  return expected != &g_static_page;
}

bool SetHandler() {
  if (g_handler_set.load(std::memory_order_acquire)) return true;
  // A second registration is harmless.
  if (pthread_atfork(nullptr, nullptr, ForgetParent) != 0) return false;
  g_handler_set.store(true, std::memory_order_release);
  return true;
}

// Makes sure that the page is cleared in a new process. Returns false if it is not.
bool Watch() {
  return &ThePage() != &g_static_page || g_handler_set.load(std::memory_order_acquire) || MapPage() || SetHandler();
}

uint32_t NextGeneration() {
  uint32_t next;
  do {
    next = g_last.fetch_add(1, std::memory_order_relaxed) + 1;
  } while (next == 0);
  return next;
}

}  // namespace

uint32_t Renew() {
  if (!Watch()) {
    const auto pid = static_cast<uint32_t>(getpid());
    uint64_t seen = g_by_pid.load(std::memory_order_relaxed);
    while (seen == 0 || static_cast<uint32_t>(seen) != pid) {
      if (g_by_pid.compare_exchange_weak(seen, uint64_t{NextGeneration()} << 32 | pid)) {
        seen = g_by_pid.load(std::memory_order_relaxed);
      }
    }
    return static_cast<uint32_t>(seen >> 32);
  }
  // The number counts as given out before any thread can read it, so that a child made in between gets another number.
  const uint32_t next = NextGeneration();
  uint32_t expected = 0;
  return ThePage().generation.compare_exchange_strong(expected, next, std::memory_order_acq_rel) ? next : expected;
}

void ForgetParent() {
  ThePage().own_word.store(0, std::memory_order_relaxed);
  ThePage().generation.store(0, std::memory_order_release);
}

void UseHandlersOnly() {
  g_handlers_only.store(true, std::memory_order_relaxed);
  g_page.store(&g_static_page, std::memory_order_release);
}

}  // namespace fork_generation_internal

bool SetOwnWord(uint32_t value) {
  if (!fork_generation_internal::Watch()) return false;
  fork_generation_internal::ThePage().own_word.store(value, std::memory_order_relaxed);
  return true;
}

}  // namespace regatta
