// For tests of the pool: a pool, and tasks and inputs that several of them use.
#ifndef REGATTA_CORE_TESTING_POOL_TASKS_H_
#define REGATTA_CORE_TESTING_POOL_TASKS_H_

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/ipc/queue.h"
#include "core/os/proc.h"
#include "core/pool/pool.h"
#include "gtest/gtest.h"

namespace regatta {

// Ends the program if the pool can't be made.
inline Pool MakePool(int workers, StartMethod method = StartMethod::kFork) {
  absl::StatusOr<Pool> pool = Pool::Create({.workers = workers, .method = method});
  if (!pool.ok()) {
    ADD_FAILURE() << pool.status();
    abort();
  }
  return *std::move(pool);
}

inline int Square(int x) { return x * x; }
inline std::string Large(size_t bytes) { return std::string(bytes, 'x'); }
// Returns `result` once there is an item in `gate`.
inline absl::StatusOr<int> WaitFor(Queue<int> gate, int result) {
  const absl::StatusOr<int> opened = gate.Get();
  if (!opened.ok()) return opened.status();
  return result;
}
// The same; puts its pid into `begun` first.
inline absl::StatusOr<int> BeginAndWaitFor(Queue<int> gate, Queue<int> begun, int result) {
  if (absl::Status told = begun.Put(getpid()); !told.ok()) return told;
  return WaitFor(gate, result);
}

// Whether the process `pid` has ended.
inline bool Gone(int32_t pid) {
  const absl::StatusOr<char> letter = ProcessStateLetter(pid);
  return !letter.ok() || *letter == 'Z' || *letter == 'X';
}

// An input whose items are 0, 1, 2 and so on below `size`, and whose iterator then throws.
struct BreaksOff {
  struct Iterator {
    using value_type = int;
    using difference_type = std::ptrdiff_t;
    int operator*() const {
      if (at == size) throw std::runtime_error("the input breaks off");
      return at;
    }
    Iterator& operator++() {
      ++at;
      return *this;
    }
    void operator++(int) { ++at; }
    int size = 0;
    int at = 0;
  };
  Iterator begin() const { return {.size = size}; }
  static std::unreachable_sentinel_t end() { return {}; }

  int size = 0;
};

}  // namespace regatta

#endif  // REGATTA_CORE_TESTING_POOL_TASKS_H_
