// queue_try_get: TryGet of a queue that is empty, after one or many threads have put to it.
#include <barrier>
#include <cstdint>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/benchmarks/add_arms.h"
#include "core/ipc/queue.h"
#include "core/os/error.h"

namespace regatta::bench {
namespace {

// Has each of `producers` threads put an item, all of them alive at once, so that each uses a lane of its own.
absl::Status PutByThreads(Queue<int64_t>& queue, int producers) {
  std::vector<absl::Status> put(static_cast<size_t>(producers));
  std::vector<std::jthread> threads;
  std::barrier all_have_put(producers);
  for (int i = 0; i < producers; ++i) {
    try {
      threads.emplace_back([&, i] {
        put[static_cast<size_t>(i)] = queue.Put(i);
        all_have_put.arrive_and_wait();
      });
    } catch (const std::system_error& error) {
      // The threads that were started would wait for those that were not.
      for (int missing = i; missing < producers; ++missing) all_have_put.arrive_and_drop();
      return absl::ResourceExhaustedError(absl::StrCat("start thread ", i, " of ", producers, ": ", error.what()));
    }
  }
  threads.clear();  // Joins.
  for (const absl::Status& status : put) {
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

class EmptyTryGets : public Fixture {
 public:
  static absl::StatusOr<std::unique_ptr<Fixture>> Start(int producers) {
    absl::StatusOr<Queue<int64_t>> queue = Queue<int64_t>::Create();
    if (!queue.ok()) return queue.status();
    if (absl::Status put = PutByThreads(*queue, producers); !put.ok()) return put;
    int64_t sum = 0;
    for (int i = 0; i < producers; ++i) {
      const absl::StatusOr<int64_t> item = queue->TryGet();
      if (!item.ok()) return item.status();
      sum += *item;
    }
    if (sum != int64_t{producers} * (producers - 1) / 2) return absl::DataLossError("not every thread's item came");
    return std::unique_ptr<Fixture>(new EmptyTryGets(*std::move(queue)));
  }

  absl::Status Run(int64_t operations, Meter& meter) override {
    meter.Begin();
    for (int64_t i = 0; i < operations; ++i) {
      const absl::StatusOr<int64_t> item = queue_.TryGet();
      if (!IsEmpty(item.status())) [[unlikely]]
        return absl::DataLossError(absl::StrCat("an empty queue answered: ", item.status().ToString()));
    }
    meter.End(operations);
    return absl::OkStatus();
  }

 private:
  explicit EmptyTryGets(Queue<int64_t> queue) : queue_(std::move(queue)) {}
  Queue<int64_t> queue_;
};

}  // namespace

template <>
void AddArms<RowIndex("queue_try_get")>(const Benchmark& row, const Configuration& configuration,
                                        std::vector<Arm>& arms) {
  for (const int producers : {1, 1000}) {
    Arm arm = configuration.NewArm(row, "core", {{"producers", absl::StrCat(producers)}}, configuration.Alone());
    arm.min_operations = 1000;
    arm.start = [producers](PartnerWatch&) { return EmptyTryGets::Start(producers); };
    arms.push_back(std::move(arm));
  }
}

}  // namespace regatta::bench
