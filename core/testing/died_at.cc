#include "core/testing/died_at.h"

#include <csignal>
#include <set>
#include <vector>

namespace regatta {
namespace {

std::set<FaultPoint>& Deaths() {
  static auto& deaths = *new std::set<FaultPoint>;
  return deaths;
}

class EachPointHasADeath : public testing::Environment {
 public:
  explicit EachPointHasADeath(absl::Span<const FaultPoint> points) : points_(points.begin(), points.end()) {}

  void TearDown() override {
    const testing::UnitTest& program = *testing::UnitTest::GetInstance();
    if (program.test_to_run_count() < program.total_test_count()) return;
    for (const FaultPoint point : points_) {
      EXPECT_TRUE(Deaths().contains(point)) << "no test of this program has killed a process at " << point.name();
    }
  }

 private:
  const std::vector<FaultPoint> points_;
};

}  // namespace

testing::AssertionResult DiedAt(FaultPoint point, ForkedChild& victim) {
  const int end = victim.Wait();
  if (end != -SIGKILL) {
    return testing::AssertionFailure() << "the victim did not come to " << point.name() << ": it ended with " << end
                                       << " (an exit code, or minus a signal)";
  }
  RecordDeathAt(point);
  return testing::AssertionSuccess();
}

void RecordDeathAt(FaultPoint point) { Deaths().insert(point); }

testing::Environment* RequireDeathsAt(absl::Span<const FaultPoint> points) {
  return testing::AddGlobalTestEnvironment(new EachPointHasADeath(points));
}

}  // namespace regatta
