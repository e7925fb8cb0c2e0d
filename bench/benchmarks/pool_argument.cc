// pool_argument: a task there and back, with a number or with a queue as its argument.
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/benchmarks/add_arms.h"
#include "bench/peers/core_pool.h"
#include "core/ipc/queue.h"
#include "core/os/deadline.h"

namespace regatta::bench {
namespace {

constexpr int64_t kCapacity = 7;

int64_t TakeNumber(int64_t number) { return number; }
int64_t TakeQueue(const Queue<int64_t>& queue) { return queue.capacity(); }

class ArgumentTasks : public Fixture {
 public:
  static absl::StatusOr<std::unique_ptr<Fixture>> Start(const PoolShape& shape, bool with_queue) {
    absl::StatusOr<std::unique_ptr<CorePool>> pool = CorePool::Create(shape);
    if (!pool.ok()) return pool.status();
    absl::StatusOr<Queue<int64_t>> queue = Queue<int64_t>::Create(kCapacity);
    if (!queue.ok()) return queue.status();
    return std::unique_ptr<Fixture>(new ArgumentTasks(*std::move(pool), *std::move(queue), with_queue));
  }

  absl::Status Run(int64_t operations, Meter& meter) override {
    std::vector<int64_t> samples(static_cast<size_t>(operations));
    meter.Begin();
    for (int64_t& sample : samples) {
      const int64_t began = MonotonicNanos();
      const absl::StatusOr<int64_t> result =
          with_queue_ ? pool_->Apply(&TakeQueue, queue_) : pool_->Apply(&TakeNumber, kCapacity);
      sample = MonotonicNanos() - began;
      if (!result.ok()) return result.status();
      if (*result != kCapacity) return absl::DataLossError(absl::StrCat("a task returned ", *result));
    }
    meter.End(operations);
    meter.AddLatencies(samples);
    return absl::OkStatus();
  }

  absl::Status Finish() override { return pool_->Finish(); }

 private:
  ArgumentTasks(std::unique_ptr<CorePool> pool, Queue<int64_t> queue, bool with_queue)
      : pool_(std::move(pool)), queue_(std::move(queue)), with_queue_(with_queue) {}

  std::unique_ptr<CorePool> pool_;
  Queue<int64_t> queue_;
  const bool with_queue_;
};

}  // namespace

template <>
void AddArms<RowIndex("pool_argument")>(const Benchmark& row, const Configuration& configuration,
                                        std::vector<Arm>& arms) {
  for (const ArmPlacement& placement : configuration.PoolPairs(1)) {
    for (const bool with_queue : {false, true}) {
      Arm arm = configuration.NewArm(
          row, "core", {{"argument", with_queue ? "queue" : "int"}, {"workers", "1"}, {"placement", placement.name}},
          placement);
      arm.min_operations = 200;
      arm.start = [shape = PoolShape{.workers = 1, .cpus = placement.cpus}, with_queue](PartnerWatch&) {
        return ArgumentTasks::Start(shape, with_queue);
      };
      arms.push_back(std::move(arm));
    }
  }
}

}  // namespace regatta::bench
