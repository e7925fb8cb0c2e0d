// workload/count_loop: the documents' job, a loop that counts 1, 2 and 10 units far, as three tasks of one map.
// workload/count_loop_tenth: the same with a tenth of the work.
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

// The documents' three arguments.
constexpr int64_t kUnits[] = {1, 2, 10};

template <TaskPool P>
class CountLoops : public Fixture {
 public:
  static absl::StatusOr<std::unique_ptr<Fixture>> Start(const PoolShape& shape, int64_t unit) {
    absl::StatusOr<std::unique_ptr<P>> pool = P::Create(shape);
    if (!pool.ok()) return pool.status();
    return std::unique_ptr<Fixture>(new CountLoops(*std::move(pool), unit));
  }

  absl::Status Run(int64_t operations, Meter& meter) override {
    std::vector<uint64_t> sums;
    absl::Status wrong;
    meter.Begin();
    for (int64_t done = 0; done < operations; ++done) {
      if (absl::Status mapped = pool_->Map(&RunCountLoop, counts_, /*chunk=*/1, sums); !mapped.ok()) return mapped;
      for (size_t i = 0; i < counts_.size(); ++i) {
        if (sums[i] != CountLoopSum(counts_[i])) {
          wrong = absl::DataLossError(absl::StrCat("counting to ", counts_[i], " gave the sum ", sums[i]));
        }
      }
    }
    meter.End(operations);
    meter.SetCounter("counts_per_unit", static_cast<double>(unit_));
    return wrong;
  }

  absl::Status Finish() override { return pool_->Finish(); }

 private:
  CountLoops(std::unique_ptr<P> pool, int64_t unit) : pool_(std::move(pool)), unit_(unit) {
    for (int64_t units : kUnits) counts_.push_back(units * unit);
  }

  std::unique_ptr<P> pool_;
  const int64_t unit_;
  std::vector<int64_t> counts_;
};

void AddLoops(const Benchmark& row, const Configuration& configuration, int64_t unit, std::vector<Arm>& arms) {
  for (Entry& entry : WorkloadEntries(configuration, row)) {
    entry.arm.start = [runner = entry.runner, shape = entry.shape, unit](PartnerWatch& watch) {
      return StartOn(
          runner, shape, [unit]<class P>(const PoolShape& on) { return CountLoops<P>::Start(on, unit); },
          [&watch, unit](const PoolShape& on) {
            return CPython::Start(watch, "count_loop", on.cpus, {{"workers", on.workers}, {"count_unit", unit}});
          });
    };
    arms.push_back(std::move(entry.arm));
  }
}

}  // namespace

template <>
void AddArms<RowIndex("workload/count_loop")>(const Benchmark& row, const Configuration& configuration,
                                              std::vector<Arm>& arms) {
  AddLoops(row, configuration, configuration.options().count_unit, arms);
}

template <>
void AddArms<RowIndex("workload/count_loop_tenth")>(const Benchmark& row, const Configuration& configuration,
                                                    std::vector<Arm>& arms) {
  AddLoops(row, configuration, configuration.options().count_unit / 10, arms);
}

}  // namespace regatta::bench
