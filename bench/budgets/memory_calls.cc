#include "bench/budgets/memory_calls.h"

#include <cerrno>

// The C library's own, under the names by which it offers them to those who stand in for malloc.
extern "C" {
void* __libc_malloc(size_t size);                      // NOLINT(bugprone-reserved-identifier)
void* __libc_calloc(size_t count, size_t size);        // NOLINT(bugprone-reserved-identifier)
void* __libc_realloc(void* at, size_t size);           // NOLINT(bugprone-reserved-identifier)
void* __libc_memalign(size_t alignment, size_t size);  // NOLINT(bugprone-reserved-identifier)
}

namespace regatta::bench {
namespace {

std::atomic<MemoryCalls*> g_into{nullptr};
thread_local int t_aside = 0;

void Allocated() {
  if (MemoryCalls* into = g_into.load(std::memory_order_relaxed); into != nullptr && t_aside == 0) {
    into->allocations.fetch_add(1, std::memory_order_relaxed);
  }
}

void Passed(std::atomic<uint64_t> MemoryCalls::*what, size_t bytes) {
  if (MemoryCalls* into = g_into.load(std::memory_order_relaxed);
      into != nullptr && bytes >= into->large.load(std::memory_order_relaxed) && t_aside == 0) {
    (into->*what).fetch_add(1, std::memory_order_relaxed);
  }
}

// In assembler: a loop would be made a call of memcpy, and so of itself.
void CopyUp(void* to, const void* from, size_t bytes) {
  asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
}
void CopyDown(void* to, const void* from, size_t bytes) {
  to = static_cast<char*>(to) + bytes - 1;
  from = static_cast<const char*>(from) + bytes - 1;
  asm volatile("std\n\trep movsb\n\tcld" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
}

}  // namespace

void CountMemoryCalls(MemoryCalls* into) { g_into.store(into, std::memory_order_relaxed); }
MemoryCallsAside::MemoryCallsAside() { ++t_aside; }
MemoryCallsAside::~MemoryCallsAside() { --t_aside; }

}  // namespace regatta::bench

// operator new calls malloc.
extern "C" {

void* malloc(size_t size) {
  regatta::bench::Allocated();
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  regatta::bench::Allocated();
  return __libc_calloc(count, size);
}
void* realloc(void* at, size_t size) {
  regatta::bench::Allocated();
  return __libc_realloc(at, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  regatta::bench::Allocated();
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** out, size_t alignment, size_t size) {
  regatta::bench::Allocated();
  *out = __libc_memalign(alignment, size);
  return *out == nullptr ? ENOMEM : 0;
}

void* memcpy(void* to, const void* from, size_t bytes) {
  regatta::bench::Passed(&regatta::bench::MemoryCalls::copies, bytes);
  regatta::bench::CopyUp(to, from, bytes);
  return to;
}
void* memmove(void* to, const void* from, size_t bytes) {
  regatta::bench::Passed(&regatta::bench::MemoryCalls::copies, bytes);
  if (to <= from || static_cast<char*>(to) >= static_cast<const char*>(from) + bytes) {
    regatta::bench::CopyUp(to, from, bytes);
  } else {
    regatta::bench::CopyDown(to, from, bytes);
  }
  return to;
}
void* memset(void* at, int value, size_t bytes) {
  regatta::bench::Passed(&regatta::bench::MemoryCalls::fills, bytes);
  void* next = at;
  asm volatile("rep stosb" : "+D"(next), "+c"(bytes) : "a"(value) : "memory");
  return at;
}

}  // extern "C"
