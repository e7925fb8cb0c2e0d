// TaskPool: what a benchmark needs of a pool of workers, so that one body races many of them.
//
// A pool calls functions without captures, each with one item. Serial is the pool without workers: the very same
// functions, called by the caller itself.
#ifndef REGATTA_BENCH_PEERS_TASK_POOL_H_
#define REGATTA_BENCH_PEERS_TASK_POOL_H_

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace regatta::bench {

// Workers and where they run.
struct PoolShape {
  int workers = 1;
  std::vector<int> cpus;  // The submitter's, then each worker's. Empty: not pinned.
};

namespace task_pool_internal {
template <class T>
struct Unwrapped {
  using Type = T;
};
template <class T>
struct Unwrapped<absl::StatusOr<T>> {
  using Type = T;
};
}  // namespace task_pool_internal

// What F returns for an Item: T, also where it returns StatusOr<T>.
template <class F, class Item>
using ResultOf = typename task_pool_internal::Unwrapped<std::invoke_result_t<F, const Item&>>::Type;

// For the concept: a function such as the benchmarks have.
using ExampleTask = uint64_t (*)(int64_t);

template <class P>
concept TaskPool = requires(P& pool, ExampleTask function, const std::vector<int64_t>& items, int64_t chunk,
                            std::function<absl::Status(int64_t)> done, std::vector<uint64_t>& results) {
  { P::Create(PoolShape()) } -> std::same_as<absl::StatusOr<std::unique_ptr<P>>>;
  // One task, on a worker, and its result.
  { pool.Apply(function, items[0]) } -> std::same_as<absl::StatusOr<uint64_t>>;
  // All of them, results in the items' order. `chunk` items travel together; 0: as the pool thinks best.
  { pool.Map(function, items, chunk, results) } -> std::same_as<absl::Status>;
  // One by one, as they end; `done` is told the result, never twice at once.
  {
    pool.MapUnordered(function, items, [](uint64_t) {})
    } -> std::same_as<absl::Status>;
  // Ends the workers in order.
  { pool.Finish() } -> std::same_as<absl::Status>;
};

// No workers.
class Serial {
 public:
  static absl::StatusOr<std::unique_ptr<Serial>> Create(const PoolShape&) { return std::make_unique<Serial>(); }

  template <class F, class Item>
  absl::StatusOr<ResultOf<F, Item>> Apply(F function, const Item& item) {
    return function(item);
  }
  template <class F, class Item>
  absl::Status Map(F function, const std::vector<Item>& items, int64_t, std::vector<ResultOf<F, Item>>& results) {
    results.resize(items.size());
    for (size_t i = 0; i < items.size(); ++i) {
      if constexpr (std::is_same_v<std::invoke_result_t<F, const Item&>, ResultOf<F, Item>>) {
        results[i] = function(items[i]);
      } else {
        absl::StatusOr<ResultOf<F, Item>> result = function(items[i]);
        if (!result.ok()) return result.status();
        results[i] = *std::move(result);
      }
    }
    return absl::OkStatus();
  }
  template <class F, class Item, class Done>
  absl::Status MapUnordered(F function, const std::vector<Item>& items, Done done) {
    for (const Item& item : items) {
      absl::StatusOr<ResultOf<F, Item>> result = function(item);
      if (!result.ok()) return result.status();
      done(*result);
    }
    return absl::OkStatus();
  }
  absl::Status Finish() { return absl::OkStatus(); }
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_PEERS_TASK_POOL_H_
