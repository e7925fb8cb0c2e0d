// Fork generation: a number that changes in every new process, whatever call made the process.
//
// What      In a child of fork(), _Fork() or a raw clone(2), ForkGeneration() returns a number that no ancestor ever
//           had. State that belongs to one process (a place in a table, a thread's cache, a mutex that another thread
//           may hold) is stored with the current generation. It is stale once the generation differs.
// How       The numbers lie on a page that the kernel clears in a child (MADV_WIPEONFORK, Linux 4.14). If the kernel
//           can't do that, a handler of pthread_atfork clears it; then only fork() and CloneSibling are noticed.
// vfork     Such a child shares its parent's memory and generation. It must not use the core.
// Threads   Everything here is thread-safe and takes no lock, so a fork at any moment leaves it intact.
#ifndef REGATTA_CORE_OS_FORK_GENERATION_H_
#define REGATTA_CORE_OS_FORK_GENERATION_H_

#include <atomic>
#include <cstdint>

namespace regatta {

namespace fork_generation_internal {

struct Page {
  std::atomic<uint32_t> generation;
  std::atomic<uint32_t> own_word;
};
// Used until a page is mapped, and if none can be.
inline constinit Page g_static_page{};
inline constinit std::atomic<Page*> g_page{&g_static_page};

inline Page& ThePage() { return *g_page.load(std::memory_order_acquire); }
uint32_t Renew();
// Called in a process that was just made by a call for which no handler of pthread_atfork runs.
void ForgetParent();
// For tests: behaves from now on as on a kernel without MADV_WIPEONFORK. Changes the generation.
void UseHandlersOnly();

}  // namespace fork_generation_internal

// Never 0. Costs two loads.
inline uint32_t ForkGeneration() {
  const uint32_t generation = fork_generation_internal::ThePage().generation.load(std::memory_order_acquire);
  if (generation != 0) [[likely]]
    return generation;
  return fork_generation_internal::Renew();
}

// Whether `generation`, a result of ForkGeneration, is this process's generation. Cheaper than a comparison, for hot
// paths.
inline bool IsForkGeneration(uint32_t generation) {
  return fork_generation_internal::ThePage().generation.load(std::memory_order_acquire) == generation;
}

// A word that is 0 in every new process. core/shm/family.h keeps this process's member in it.
inline uint32_t OwnWord() { return fork_generation_internal::ThePage().own_word.load(std::memory_order_relaxed); }
// Returns false and stores nothing if there was no memory with which to notice forks.
bool SetOwnWord(uint32_t value);

// Holds one T for each process: Get() makes a new one in a new process. The child leaks the copy of its parent's T,
// because the parent's threads may have held its locks or been changing it.
//
// Use     Define it as a constinit variable of static storage. T needs a default constructor. At first use several
//         threads may run it at once; all results but one are destroyed.
// Cost    Three loads once the T exists.
template <typename T>
class PerProcess {
 public:
  constexpr PerProcess() = default;
  PerProcess(const PerProcess&) = delete;
  PerProcess& operator=(const PerProcess&) = delete;

  T& Get() {
    const uint32_t generation = ForkGeneration();
    Slot* seen = slot_.load(std::memory_order_acquire);
    if (seen != nullptr && seen->generation == generation) [[likely]]
      return seen->value;
    auto* const fresh = new Slot{generation};
    do {
      if (slot_.compare_exchange_strong(seen, fresh, std::memory_order_acq_rel)) return fresh->value;
    } while (seen == nullptr || seen->generation != generation);
    delete fresh;
    return seen->value;
  }

 private:
  struct Slot {
    explicit Slot(uint32_t made_under) : generation(made_under) {}
    const uint32_t generation;
    T value{};
  };
  std::atomic<Slot*> slot_{nullptr};
};

}  // namespace regatta

#endif  // REGATTA_CORE_OS_FORK_GENERATION_H_
