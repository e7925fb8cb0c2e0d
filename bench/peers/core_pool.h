// CorePool: the core's Pool, as the benchmarks use a pool.
#ifndef REGATTA_BENCH_PEERS_CORE_POOL_H_
#define REGATTA_BENCH_PEERS_CORE_POOL_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/peers/task_pool.h"
#include "core/pool/pool.h"

namespace regatta::bench {

class CorePool {
 public:
  static absl::StatusOr<std::unique_ptr<CorePool>> Create(const PoolShape& shape) {
    PoolOptions options{.workers = shape.workers};
    if (!shape.cpus.empty()) options.cpus = std::vector<int>(shape.cpus.begin() + 1, shape.cpus.end());
    absl::StatusOr<Pool> pool = Pool::Create(options);
    if (!pool.ok()) return pool.status();
    return std::make_unique<CorePool>(*std::move(pool));
  }
  explicit CorePool(Pool pool) : pool_(std::move(pool)) {}

  template <class F, class Item>
  absl::StatusOr<ResultOf<F, Item>> Apply(F function, const Item& item) {
    return pool_.Apply(function, item);
  }
  // Returns at once; what it returns is asked Ready, and then Get.
  template <class F, class Item>
  absl::StatusOr<AsyncResult<ResultOf<F, Item>>> Submit(F function, const Item& item) {
    return pool_.ApplyAsync(function, item);
  }
  template <class F, class Item>
  absl::Status Map(F function, const std::vector<Item>& items, int64_t chunk, std::vector<ResultOf<F, Item>>& results) {
    absl::StatusOr<std::vector<ResultOf<F, Item>>> all = pool_.Map(function, items, {.chunk = chunk});
    if (!all.ok()) return all.status();
    results = *std::move(all);
    return absl::OkStatus();
  }
  template <class F, class Item, class Done>
  absl::Status MapUnordered(F function, const std::vector<Item>& items, Done done) {
    auto results = pool_.ImapUnordered(function, items);
    if (!results.ok()) return results.status();
    for (;;) {
      absl::StatusOr<ResultOf<F, Item>> result = absl::UnknownError("no result");
      const absl::StatusOr<bool> more = results->Next(&result);
      if (!more.ok()) return more.status();
      if (!*more) return absl::OkStatus();
      if (!result.ok()) return result.status();
      done(*result);
    }
  }
  absl::Status Finish() {
    if (absl::Status closed = pool_.Close(); !closed.ok()) return closed;
    return pool_.Join();
  }

 private:
  Pool pool_;
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_PEERS_CORE_POOL_H_
