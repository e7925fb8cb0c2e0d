// For tests of a condition: processes that wait for it.
#ifndef REGATTA_CORE_TESTING_CONDITION_SCENE_H_
#define REGATTA_CORE_TESTING_CONDITION_SCENE_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "core/os/deadline.h"
#include "core/os/fault_point.h"
#include "core/sync/condition.h"
#include "core/testing/forked_child.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {

struct ConditionScene {
  std::atomic<bool> end{false};
  std::atomic<int> woken{0};
  std::atomic<int> order[8]{};
  std::atomic<int64_t> done{0};
  int64_t items = 0;  // Plain: only the lock guards it.
};

class ConditionTest : public testing::Test {
 protected:
  // Makes a child that waits once, and counts itself if it was notified. If `point` is given, the child is killed
  // there. The child is asleep when this returns. Its number shows the order of the wake-ups.
  ForkedChild Waiter(int number = 0, std::optional<FaultPoint> point = std::nullopt) {
    ForkedChild child([&, number, point] {
      REGATTA_CHILD_REQUIRE(condition_.Acquire().ok());
      if (point.has_value()) ArmFaultPoint(*point);
      const absl::StatusOr<Waited> waited = condition_.Wait(Watchdog());
      REGATTA_CHILD_REQUIRE(waited.ok() && waited->notified);
      scene_->order[scene_->woken.fetch_add(1)] = number;
      REGATTA_CHILD_REQUIRE(condition_.Release().ok());
      return 0;
    });
    EXPECT_TRUE(FallsAsleep(child));
    return child;
  }
  std::vector<ForkedChild> Waiters(int count) {
    std::vector<ForkedChild> waiters;
    for (int i = 0; i < count; ++i) waiters.push_back(Waiter(i));
    return waiters;
  }
  void Notify(int64_t waiters = 1) {
    ASSERT_THAT(condition_.Acquire(Watchdog()), IsOk());
    EXPECT_THAT(condition_.Notify(waiters), IsOk());
    ASSERT_THAT(condition_.Release(), IsOk());
  }
  void NotifyAll() {
    ASSERT_THAT(condition_.Acquire(Watchdog()), IsOk());
    EXPECT_THAT(condition_.NotifyAll(), IsOk());
    ASSERT_THAT(condition_.Release(), IsOk());
  }
  // Whether a wait of this process that begins now ends without a notification. The condition has no waiters
  // afterwards.
  bool NoneIsLeft() {
    EXPECT_THAT(condition_.Acquire(Watchdog()), IsOk());
    const absl::StatusOr<Waited> waited = condition_.Wait(Deadline::After(absl::Milliseconds(5)));
    EXPECT_THAT(waited, IsOk());
    EXPECT_THAT(condition_.Release(), IsOk());
    return !waited->notified;
  }

  Condition condition_ = *Condition::Create();
  Shared<ConditionScene> scene_;
};

}  // namespace regatta

#endif  // REGATTA_CORE_TESTING_CONDITION_SCENE_H_
