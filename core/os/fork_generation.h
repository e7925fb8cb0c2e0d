// Fork generation: a number that changes in every new process, however the process was made.
//
// What      fork(), _Fork(), a raw clone(2): in the child ForkGeneration() returns a number that no ancestor ever had.
//           State that belongs to one process (a place in a table, a thread's cache, a mutex that another thread may
//           hold) is stored with the generation it was made under, and is stale once the generation differs.
// How       The numbers lie on a page that the kernel empties in a child (MADV_WIPEONFORK, Linux 4.14). Where it can't,
//           a handler of pthread_atfork empties it; then only fork() and CloneSibling are seen.
// vfork     Such a child shares its parent's memory and has its parent's generation. It must not use the core.
// Threads   Everything here is thread-safe and takes no lock, so a fork at any instant leaves it whole.
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
// Where no page could be mapped, or none is yet.
inline constinit Page g_static_page{};
inline constinit std::atomic<Page*> g_page{&g_static_page};

inline Page& ThePage() { return *g_page.load(std::memory_order_acquire); }
uint32_t Renew();
// In a process just made by a call that no handler of pthread_atfork sees.
void ForgetParent();
// For tests: from now on as on a kernel without MADV_WIPEONFORK. Renews the generation.
void UseHandlersOnly();

}  // namespace fork_generation_internal

// Never 0. Two loads.
inline uint32_t ForkGeneration() {
  const uint32_t generation = fork_generation_internal::ThePage().generation.load(std::memory_order_acquire);
  if (generation != 0) [[likely]]
    return generation;
  return fork_generation_internal::Renew();
}

// Whether `generation`, a number that ForkGeneration returned, is this process's. Cheaper than comparing, for hot
// paths.
inline bool IsForkGeneration(uint32_t generation) {
  return fork_generation_internal::ThePage().generation.load(std::memory_order_acquire) == generation;
}

// One word that is 0 in every new process; core/shm/family.h keeps this process's member in it.
inline uint32_t OwnWord() { return fork_generation_internal::ThePage().own_word.load(std::memory_order_relaxed); }
// False, and nothing was stored: there was no memory to watch for forks with.
bool SetOwnWord(uint32_t value);

// A T for each process: Get() makes a fresh one in a new process. The parent's copy is leaked there, for the parent's
// threads may have held its locks or been changing it.
//
// Use     As a constinit variable of static storage. T has a default constructor; it may run in several threads at once
//         at first use, and all but one of the results are destroyed.
// Cost    Three loads once made.
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
