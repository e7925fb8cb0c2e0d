// workload/waiting: ten tasks that only wait, as the documents' pool of three runs them, in a hundredth of their times.
// What such tasks gain is decided by the number of workers alone, not by that of processors.
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/benchmarks/add_arms.h"
#include "bench/peers/cpython.h"
#include "bench/peers/task_pool.h"
#include "bench/tasks.h"
#include "bench/workload.h"

namespace regatta::bench {
namespace {

// What the document's ten tasks printed, in the order in which they were handed in, a hundredth of it: 8.28 s together,
// which its three workers needed 3.25 s for.
constexpr int64_t kHundredth = 10'000'000;
constexpr double kSeconds[] = {1.50, 1.01, 1.03, 0.17, 0.23, 0.95, 1.99, 0.65, 0.55, 0.20};

std::vector<int64_t> Waits() {
  std::vector<int64_t> waits;
  for (const double seconds : kSeconds) waits.push_back(static_cast<int64_t>(seconds * kHundredth));
  return waits;
}

template <TaskPool P>
class Waiting : public Fixture {
 public:
  static absl::StatusOr<std::unique_ptr<Fixture>> Start(const PoolShape& shape) {
    absl::StatusOr<std::unique_ptr<P>> pool = P::Create(shape);
    if (!pool.ok()) return pool.status();
    return std::unique_ptr<Fixture>(new Waiting(*std::move(pool)));
  }

  absl::Status Run(int64_t operations, Meter& meter) override {
    std::vector<int64_t> waited;
    for (int64_t done = 0; done < operations; ++done) {
      waited.clear();
      meter.Begin();
      absl::Status mapped = pool_->Map(&RunWait, waits_, /*chunk=*/1, waited);
      meter.End(1);
      if (!mapped.ok()) return mapped;
      if (waited.size() != waits_.size()) {
        return absl::DataLossError(absl::StrCat(waited.size(), " tasks of ", waits_.size(), " came back"));
      }
      for (size_t i = 0; i < waits_.size(); ++i) {
        if (waited[i] >= waits_[i]) continue;
        return absl::DataLossError(absl::StrCat("task ", i, " waited ", waited[i], " ns instead of ", waits_[i]));
      }
    }
    return absl::OkStatus();
  }

  absl::Status Finish() override { return pool_->Finish(); }

 private:
  explicit Waiting(std::unique_ptr<P> pool) : pool_(std::move(pool)), waits_(Waits()) {}

  std::unique_ptr<P> pool_;
  const std::vector<int64_t> waits_;
};

}  // namespace

template <>
void AddArms<RowIndex("workload/waiting")>(const Benchmark& row, const Configuration& configuration,
                                           std::vector<Arm>& arms) {
  for (Entry& entry : WorkloadEntries(configuration, row)) {
    // An identical copy has nothing to show where only clocks run.
    if (entry.runner == Runner::kSerialAgain) continue;
    entry.arm.max_operations = entry.arm.min_operations;
    entry.arm.start = [runner = entry.runner, shape = entry.shape](PartnerWatch& watch) {
      return StartOn(
          runner, shape, []<class P>(const PoolShape& on) { return Waiting<P>::Start(on); },
          [&watch](const PoolShape& on) {
            return CPython::Start(watch, "waiting", on.cpus, {{"workers", on.workers}, {"waits_ns", Waits()}});
          });
    };
    arms.push_back(std::move(entry.arm));
  }
}

}  // namespace regatta::bench
