#include "core/testing/died_at.h"

#include <array>

#include "core/os/fault_point.h"
#include "core/testing/forked_child.h"
#include "gtest/gtest-spi.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

constexpr FaultPoint kPassed("died_at_test_passed");
constexpr std::array kPoints = {kPassed};

testing::Environment* const kEachPoint = RequireDeathsAt(kPoints);

ForkedChild Victim(bool passes) {
  return ForkedChild([passes] {
    ArmFaultPoint(kPassed);
    if (passes) FaultPointHere(kPassed);
    return 7;
  });
}

// The program has this test only: with another one, a filter could leave that one out, and the check checks nothing.
TEST(DiedAt, IsTrueForADeathThatThenFulfilsTheRequirement) {
  ForkedChild survivor = Victim(false);
  const testing::AssertionResult lived = DiedAt(kPassed, survivor);
  EXPECT_FALSE(lived);
  EXPECT_STREQ(lived.message(),
               "the victim did not come to died_at_test_passed: it ended with 7 (an exit code, or minus a signal)");
  EXPECT_NONFATAL_FAILURE(kEachPoint->TearDown(), "killed a process at died_at_test_passed");
  ForkedChild victim = Victim(true);
  EXPECT_TRUE(DiedAt(kPassed, victim));
  kEachPoint->TearDown();
}

}  // namespace
}  // namespace regatta
