#include "bench/trust_arms.h"

#include <memory>
#include <string>
#include <utility>

#include "bench/harness/run_result.h"
#include "gtest/gtest.h"

namespace regatta::bench {
namespace {

class NoWatch : public PartnerWatch {
 public:
  absl::Status Announce(int, absl::string_view) override { return absl::OkStatus(); }
  void Failed(absl::string_view, const absl::Status&) override {}
};

// Takes a microsecond an operation.
class Microseconds : public Fixture {
 public:
  absl::Status Run(int64_t operations, Meter& meter) override {
    meter.Begin();
    meter.Measured(1000 * operations);
    meter.End(operations);
    return absl::OkStatus();
  }
};

Arm ArmOf(const Key& key) {
  Arm arm;
  arm.key = key;
  arm.start = [](PartnerWatch&) -> absl::StatusOr<std::unique_ptr<Fixture>> {
    return std::make_unique<Microseconds>();
  };
  return arm;
}

Arm Queue() { return ArmOf({"queue_round_trip", "", "core", {{"bytes", "64"}, {"placement", "other_core"}}}); }

TEST(TrustSeededSlowDown, TakesJustThatMuchLongerPerOperation) {
  std::vector<Arm> arms = {Queue()};
  AddTrust(arms);
  ASSERT_EQ(arms.size(), 5U);
  const double expected[] = {1000, 1000, 1050, 1200};
  for (size_t i = 0; i < 4; ++i) {
    const Arm& arm = arms[i + 1];
    NoWatch watch;
    absl::StatusOr<std::unique_ptr<Fixture>> fixture = arm.start(watch);
    ASSERT_TRUE(fixture.ok());
    Meter meter(/*count_cpu=*/false);
    ASSERT_TRUE((*fixture)->Run(90, meter).ok());
    const RunResult result = meter.Take();
    EXPECT_EQ(result.operations, 100) << "a whole number of twenties";
    EXPECT_EQ(static_cast<double>(RealNanos(result)) / static_cast<double>(result.operations), expected[i])
        << arm.key.ToString();
  }
}

TEST(TrustArms, AreCalledAfterTheWorkAndWhatIsSeeded) {
  std::vector<Arm> arms = {Queue(), ArmOf({"workload", "count_loop_tenth", "serial", {{"workers", "1"}}}),
                           ArmOf({"queue_round_trip", "", "pipe", {{"bytes", "64"}, {"placement", "other_core"}}})};
  AddTrust(arms);
  ASSERT_EQ(arms.size(), 11U);
  EXPECT_EQ(arms[3].key.ToString(), "trust/plain/work:queue/bytes:64/placement:other_core");
  EXPECT_EQ(arms[10].key.ToString(), "trust/slower_20/work:loop/workers:1");
  EXPECT_EQ(arms[10].min_operations, 20);
}

}  // namespace
}  // namespace regatta::bench
