// A process is killed after every single instruction of Get and TaskDone: its item is done, abandoned, or still to be
// got, and Join hangs in no case.
#include <atomic>
#include <cstdint>

#include "core/ipc/joinable_queue.h"
#include "core/os/deadline.h"
#include "core/shm/family.h"
#include "core/testing/forked_child.h"
#include "core/testing/single_step.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

class JoinableQueueStep : public testing::TestWithParam<IfGetterDies> {
 protected:
  JoinableQueueStep() { EXPECT_TRUE(Family::Self().ok()); }

  // The victim has used the queue before, so that only what each call does is stepped.
  template <class Prepare, class Call>
  SteppedChild Victim(Prepare prepare, Call call) {
    return SteppedChild([&] {
      REGATTA_CHILD_REQUIRE(queue_.Get(Watchdog()).ok() && queue_.TaskDone().ok());
      REGATTA_CHILD_REQUIRE(prepare());
      BeginSteps();
      call();
      *returned_ = true;
      EndSteps();
      return 0;
    });
  }
  void Reset() {
    queue_ = *JoinableQueue<int>::Create(0, GetParam());
    *returned_ = false;
    ASSERT_TRUE(queue_.Put(0).ok());
    ASSERT_TRUE(queue_.Put(1).ok());
  }
  // How often item 1 can be got after the victim's death. Then all items are done.
  int TimesLeft(int64_t* abandoned) {
    int times = 0;
    for (;;) {
      const absl::StatusOr<int64_t> joined = queue_.Join(Deadline::Now());
      if (joined.ok()) {
        *abandoned = *joined;
        return times;
      }
      const absl::StatusOr<int> item = queue_.Get(Watchdog());
      EXPECT_TRUE(item.ok()) << item.status();
      if (!item.ok()) return -1;
      EXPECT_EQ(*item, 1);
      EXPECT_TRUE(queue_.TaskDone().ok());
      ++times;
    }
  }

  const SteppedHere here_;
  JoinableQueue<int> queue_;
  Shared<std::atomic<bool>> returned_;
};

TEST_P(JoinableQueueStep, Getting) {
  const bool put_back = GetParam() == IfGetterDies::kIsPutBack;
  KillAtEachStep("get", 400, [&](uint64_t n) {
    Reset();
    SteppedChild victim = Victim([] { return true; }, [&] { queue_.Get().IgnoreError(); });
    victim.Step(n);
    const uint64_t steps = victim.process().steps();
    const bool returned = *returned_;
    victim.Kill();
    int64_t abandoned = -1;
    const int left = TimesLeft(&abandoned);
    if (put_back) {
      EXPECT_EQ(left, 1) << "after " << n;
    } else {
      EXPECT_EQ(left + abandoned, 1) << "after " << n;
    }
    if (returned) {
      EXPECT_EQ(abandoned, 1) << "after " << n;
    }
    return steps;
  });
}

TEST_P(JoinableQueueStep, FinishingAnItem) {
  KillAtEachStep("task done", 400, [&](uint64_t n) {
    Reset();
    SteppedChild victim = Victim([&] { return queue_.Get(Watchdog()).ok(); }, [&] { queue_.TaskDone().IgnoreError(); });
    victim.Step(n);
    const uint64_t steps = victim.process().steps();
    const bool returned = *returned_;
    victim.Kill();
    int64_t abandoned = -1;
    const int left = TimesLeft(&abandoned);
    EXPECT_EQ(left, GetParam() == IfGetterDies::kIsPutBack ? abandoned : 0) << "after " << n;
    if (returned) {
      EXPECT_EQ(abandoned, 0) << "after " << n;
    }
    return steps;
  });
}

INSTANTIATE_TEST_SUITE_P(All, JoinableQueueStep, testing::Values(IfGetterDies::kCountsAsDone, IfGetterDies::kIsPutBack),
                         [](const auto& info) {
                           return info.param == IfGetterDies::kIsPutBack ? "PutBack" : "CountsAsDone";
                         });

}  // namespace
}  // namespace regatta
