// queue_turns: one thread puts an item into a queue and gets it back, and goes on to the next of its queues.
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/benchmarks/add_arms.h"
#include "core/ipc/queue.h"

namespace regatta::bench {
namespace {

class Turns : public Fixture {
 public:
  static absl::StatusOr<std::unique_ptr<Fixture>> Start(int queues) {
    std::vector<Queue<int64_t>> made;
    for (int i = 0; i < queues; ++i) {
      absl::StatusOr<Queue<int64_t>> queue = Queue<int64_t>::Create();
      if (!queue.ok()) return queue.status();
      made.push_back(*std::move(queue));
    }
    return std::unique_ptr<Fixture>(new Turns(std::move(made)));
  }

  absl::Status Run(int64_t operations, Meter& meter) override {
    size_t turn = 0;
    meter.Begin();
    for (int64_t item = 0; item < operations; ++item) {
      Queue<int64_t>& queue = queues_[turn];
      if (++turn == queues_.size()) turn = 0;
      if (absl::Status put = queue.Put(item); !put.ok()) [[unlikely]]
        return put;
      const absl::StatusOr<int64_t> got = queue.TryGet();
      if (!got.ok()) [[unlikely]]
        return got.status();
      if (*got != item) [[unlikely]]
        return absl::DataLossError(absl::StrCat("item ", *got, " came instead of ", item));
    }
    meter.End(operations);
    return absl::OkStatus();
  }

 private:
  explicit Turns(std::vector<Queue<int64_t>> queues) : queues_(std::move(queues)) {}
  std::vector<Queue<int64_t>> queues_;
};

}  // namespace

template <>
void AddArms<RowIndex("queue_turns")>(const Benchmark& row, const Configuration& configuration,
                                      std::vector<Arm>& arms) {
  for (const int queues : {1, 1000}) {
    Arm arm = configuration.NewArm(row, "core", {{"queues", absl::StrCat(queues)}}, configuration.Alone());
    arm.min_operations = 2000;
    arm.start = [queues](PartnerWatch&) { return Turns::Start(queues); };
    arms.push_back(std::move(arm));
  }
}

}  // namespace regatta::bench
