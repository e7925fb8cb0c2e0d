// pool_getters: several threads of the submitter each hand a task to the pool and wait for its result, again and again.
#include <algorithm>
#include <cstdint>
#include <latch>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/benchmarks/add_arms.h"
#include "bench/peers/core_pool.h"
#include "bench/tasks.h"

namespace regatta::bench {
namespace {

constexpr int kWorkers = 2;

class Getters : public Fixture {
 public:
  static absl::StatusOr<std::unique_ptr<Fixture>> Start(const PoolShape& shape, int threads) {
    absl::StatusOr<std::unique_ptr<CorePool>> pool = CorePool::Create(shape);
    if (!pool.ok()) return pool.status();
    return std::unique_ptr<Fixture>(new Getters(*std::move(pool), threads));
  }

  absl::Status Run(int64_t operations, Meter& meter) override {
    const int64_t each = (operations + threads_ - 1) / threads_;
    std::vector<absl::Status> ended(static_cast<size_t>(threads_));
    std::latch ready(threads_ + 1);
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < threads_; ++i) {
        threads.emplace_back([&, i] {
          ready.arrive_and_wait();
          ended[static_cast<size_t>(i)] = RunTasks(static_cast<uint64_t>(i * each), each);
        });
      }
      meter.Begin();
      ready.arrive_and_wait();
    }  // Joins.
    meter.End(each * threads_);
    const auto failed =
        std::find_if(ended.begin(), ended.end(), [](const absl::Status& status) { return !status.ok(); });
    return failed == ended.end() ? absl::OkStatus() : *failed;
  }

  absl::Status Finish() override { return pool_->Finish(); }

 private:
  Getters(std::unique_ptr<CorePool> pool, int threads) : pool_(std::move(pool)), threads_(threads) {}

  absl::Status RunTasks(uint64_t first, int64_t tasks) {
    for (uint64_t value = first; value < first + static_cast<uint64_t>(tasks); ++value) {
      const absl::StatusOr<uint64_t> result = pool_->Apply(&RunGrain, Grain{.value = value, .steps = 0});
      if (!result.ok()) return result.status();
      if (*result != value)
        return absl::DataLossError(absl::StrCat("a task returned ", *result, " instead of ", value));
    }
    return absl::OkStatus();
  }

  std::unique_ptr<CorePool> pool_;
  const int threads_;
};

}  // namespace

template <>
void AddArms<RowIndex("pool_getters")>(const Benchmark& row, const Configuration& configuration,
                                       std::vector<Arm>& arms) {
  const ArmPlacement placement = configuration.Spread(kWorkers);
  for (const int threads : {1, 16, 64}) {
    Arm arm = configuration.NewArm(
        row, "core",
        {{"threads", absl::StrCat(threads)}, {"workers", absl::StrCat(kWorkers)}, {"placement", placement.name}},
        placement);
    arm.min_operations = 256;
    arm.start = [shape = PoolShape{.workers = kWorkers, .cpus = placement.cpus}, threads](PartnerWatch&) {
      return Getters::Start(shape, threads);
    };
    arms.push_back(std::move(arm));
  }
}

}  // namespace regatta::bench
