// For tests of fault points: a death at a point, and the check that the program's tests have killed at each point.
//
//   [[maybe_unused]] const auto* const kEachPoint = RequireDeathsAt(kLockFaultPoints);
//
//   ForkedChild victim([&] { ArmFaultPoint(point); ... });
//   EXPECT_TRUE(DiedAt(point, victim));
//
// The check runs after all tests of the program. It checks nothing if a filter or a shard left some of them out.
#ifndef REGATTA_CORE_TESTING_DIED_AT_H_
#define REGATTA_CORE_TESTING_DIED_AT_H_

#include "absl/types/span.h"
#include "core/os/fault_point.h"
#include "core/testing/forked_child.h"
#include "gtest/gtest.h"

namespace regatta {

// Waits for the victim's end. Succeeds if SIGKILL ended it, and records a death at `point`.
testing::AssertionResult DiedAt(FaultPoint point, ForkedChild& victim);
// Records a death that the test saw in another way.
void RecordDeathAt(FaultPoint point);

// Called before the tests run. After them, the program fails for each of `points` without a recorded death.
testing::Environment* RequireDeathsAt(absl::Span<const FaultPoint> points);

}  // namespace regatta

#endif  // REGATTA_CORE_TESTING_DIED_AT_H_
