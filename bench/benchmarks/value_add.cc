// value_add: adds to a shared number, by one process. array_sum: adds up the elements of a shared array and of a plain
// one.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "bench/benchmarks/add_arms.h"
#include "bench/peers/cpython.h"
#include "core/ipc/array.h"
#include "core/ipc/value.h"

namespace regatta::bench {
namespace {

constexpr size_t kElements = 64 << 10;  // Half a mebibyte.

// `Add` adds 1 to a Value.
template <class Add>
class Adds : public Fixture {
 public:
  static absl::StatusOr<std::unique_ptr<Fixture>> Start() {
    absl::StatusOr<Value<int64_t>> value = Value<int64_t>::Create();
    if (!value.ok()) return value.status();
    return std::unique_ptr<Fixture>(new Adds(*std::move(value)));
  }

  absl::Status Run(int64_t operations, Meter& meter) override {
    const int64_t before = value_.Get();
    meter.Begin();
    for (int64_t i = 0; i < operations; ++i) {
      if (absl::Status added = Add()(value_); !added.ok()) [[unlikely]]
        return added;
    }
    meter.End(operations);
    const int64_t sum = value_.Get() - before;
    if (sum != operations) return absl::DataLossError(absl::StrCat(sum, " additions of ", operations));
    return absl::OkStatus();
  }

 private:
  explicit Adds(Value<int64_t> value) : value_(std::move(value)) {}
  Value<int64_t> value_;
};

struct WithoutLock {
  absl::Status operator()(Value<int64_t>& value) const {
    value.FetchAdd(1);
    return absl::OkStatus();
  }
};
struct WithLock {
  absl::Status operator()(Value<int64_t>& value) const {
    return value.Update([](int64_t& number) { ++number; }).status();
  }
};

// Adds up `elements` again and again; an operation is one element.
class Sums : public Fixture {
 public:
  static absl::StatusOr<std::unique_ptr<Fixture>> Start(bool shared) {
    std::unique_ptr<Sums> sums(new Sums);
    if (shared) {
      absl::StatusOr<Array<int64_t>> array = Array<int64_t>::Create(kElements);
      if (!array.ok()) return array.status();
      sums->shared_ = *std::move(array);
      sums->elements_ = sums->shared_.span();
    } else {
      sums->plain_.resize(kElements);
      sums->elements_ = absl::MakeSpan(sums->plain_);
    }
    std::iota(sums->elements_.begin(), sums->elements_.end(), 0);
    return std::unique_ptr<Fixture>(std::move(sums));
  }

  absl::Status Run(int64_t operations, Meter& meter) override {
    const auto rounds = (operations + static_cast<int64_t>(kElements) - 1) / static_cast<int64_t>(kElements);
    int64_t wrong = 0;
    meter.Begin();
    for (int64_t i = 0; i < rounds; ++i) {
      int64_t sum = std::accumulate(elements_.begin(), elements_.end(), int64_t{0});
      asm volatile("" : "+r"(sum) : : "memory");
      wrong += sum != int64_t{kElements} * (kElements - 1) / 2 ? 1 : 0;
    }
    meter.End(rounds * static_cast<int64_t>(kElements));
    return wrong == 0 ? absl::OkStatus() : absl::DataLossError(absl::StrCat(wrong, " wrong sums of ", rounds));
  }

 private:
  Sums() = default;
  Array<int64_t> shared_;
  std::vector<int64_t> plain_;
  absl::Span<int64_t> elements_;
};

}  // namespace

template <>
void AddArms<RowIndex("value_add")>(const Benchmark& row, const Configuration& configuration, std::vector<Arm>& arms) {
  const ArmPlacement placement = configuration.Alone();
  const auto add = [&](const char* system, auto start) {
    Arm arm = configuration.NewArm(row, system, {}, placement);
    arm.min_operations = 100'000;
    arm.start = start;
    arms.push_back(std::move(arm));
  };
  add("core", [](PartnerWatch&) { return Adds<WithoutLock>::Start(); });
  add("core_update", [](PartnerWatch&) { return Adds<WithLock>::Start(); });
  add("cpython", [cpus = placement.cpus](PartnerWatch& watch) { return CPython::Start(watch, "value_add", cpus); });
}

template <>
void AddArms<RowIndex("array_sum")>(const Benchmark& row, const Configuration& configuration, std::vector<Arm>& arms) {
  for (const bool shared : {true, false}) {
    Arm arm = configuration.NewArm(row, shared ? "core" : "plain", {}, configuration.Alone());
    arm.min_operations = kElements;
    arm.start = [shared](PartnerWatch&) { return Sums::Start(shared); };
    arms.push_back(std::move(arm));
  }
}

}  // namespace regatta::bench
