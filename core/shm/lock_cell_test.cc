#include "core/shm/lock_cell.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "core/shm/family.h"
#include "core/testing/forked_child.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

struct Scene {
  LockCell cell{};
  std::atomic<bool> held{false};
  std::atomic<bool> go{false};
  std::atomic<int32_t> thread_id{0};
};

class LockCellTest : public testing::Test {
 protected:
  void SetUp() override { self_ = *Family::Self(); }
  // A child that acquires the cell and keeps it until `scene.go`, or for ever.
  ForkedChild Holder() {
    ForkedChild child([&] {
      const LockTaken taken = scene_->cell.Acquire(*Family::Self(), Deadline::Never());
      REGATTA_CHILD_REQUIRE(taken.acquired && taken.previous_owner == kNobody);
      scene_->held = true;
      while (!scene_->go) usleep(100);
      REGATTA_CHILD_REQUIRE(scene_->cell.Release());
      return 0;
    });
    EXPECT_TRUE(Eventually([&] { return scene_->held.load(); }));
    return child;
  }
  Shared<Scene> scene_;
  Member self_ = kNobody;
};

TEST_F(LockCellTest, IsTakenAndReleased) {
  EXPECT_EQ(scene_->cell.holder(), kNobody);
  const LockTaken taken = scene_->cell.Acquire(self_, Deadline::Now());
  EXPECT_TRUE(taken.acquired);
  EXPECT_EQ(taken.previous_owner, kNobody);
  EXPECT_EQ(scene_->cell.holder(), self_);
  EXPECT_TRUE(scene_->cell.Release());
  EXPECT_EQ(scene_->cell.holder(), kNobody);
  EXPECT_FALSE(scene_->cell.Release());
}

TEST_F(LockCellTest, DoesNotGiveUpBeforeTheDeadline) {
  ASSERT_TRUE(scene_->cell.Acquire(self_, Deadline::Now()).acquired);
  EXPECT_FALSE(scene_->cell.Acquire(self_, Deadline::Now()).acquired);
  const Deadline deadline = Deadline::After(absl::Milliseconds(5));
  EXPECT_FALSE(scene_->cell.Acquire(self_, deadline).acquired);
  EXPECT_TRUE(deadline.passed());
}

TEST_F(LockCellTest, WakesTheSleeperWhenReleased) {
  ForkedChild holder = Holder();
  std::thread waiter([&] {
    scene_->thread_id = ThisThreadId();
    const LockTaken taken = scene_->cell.Acquire(self_, Deadline::Never());
    EXPECT_TRUE(taken.acquired);
    EXPECT_EQ(taken.previous_owner, kNobody);
  });
  ASSERT_TRUE(Eventually([&] { return scene_->thread_id != 0 && IsAsleep(scene_->thread_id); }));
  scene_->go = true;
  waiter.join();
  EXPECT_EQ(holder.Wait(), 0);
  EXPECT_EQ(scene_->cell.holder(), self_);
}

TEST_F(LockCellTest, ADeadHoldersIsTakenOver) {
  ForkedChild holder = Holder();
  const Member dead = scene_->cell.holder();
  holder.Kill();
  holder.Wait();
  const LockTaken taken = scene_->cell.Acquire(self_, Deadline::Now());
  EXPECT_TRUE(taken.acquired);
  EXPECT_EQ(taken.previous_owner, dead);
  EXPECT_EQ(scene_->cell.holder(), self_);
  EXPECT_TRUE(scene_->cell.Release());
  EXPECT_EQ(scene_->cell.Acquire(self_, Deadline::Now()).previous_owner, kNobody);
}

TEST_F(LockCellTest, ADeathWakesAllWhoSleepOneAfterTheOther) {
  for (int round = 0; round < 5; ++round) {
    scene_->held = false;
    ForkedChild holder = Holder();
    std::atomic<int> took_over{0};
    std::atomic<int> acquired{0};
    std::vector<std::thread> waiters;
    std::atomic<int32_t> ids[4]{};
    for (auto& id : ids) {
      waiters.emplace_back([&] {
        id = ThisThreadId();
        const LockTaken taken = scene_->cell.Acquire(self_, Watchdog());
        EXPECT_TRUE(taken.acquired);
        if (taken.previous_owner != kNobody) ++took_over;
        ++acquired;
        EXPECT_TRUE(scene_->cell.Release());
      });
    }
    for (auto& id : ids) ASSERT_TRUE(Eventually([&] { return id != 0 && IsAsleep(id); }));
    holder.Kill();
    for (std::thread& waiter : waiters) waiter.join();
    EXPECT_EQ(took_over, 1);
    EXPECT_EQ(acquired, 4);
    holder.Wait();
  }
}

TEST_F(LockCellTest, ADeadWaiterHoldsUpNobody) {
  ASSERT_TRUE(scene_->cell.Acquire(self_, Deadline::Now()).acquired);
  ForkedChild waiter([&] {
    scene_->cell.Acquire(*Family::Self(), Deadline::Never());
    return 0;
  });
  ASSERT_TRUE(Eventually([&] { return IsAsleep(waiter.pid()); }));
  waiter.Kill();
  waiter.Wait();
  EXPECT_TRUE(scene_->cell.Release());
  ForkedChild next = Holder();
  scene_->go = true;
  EXPECT_EQ(next.Wait(), 0);
}

TEST_F(LockCellTest, AStoppedHolderKeepsIt) {
  ForkedChild holder = Holder();
  holder.Stop();
  EXPECT_FALSE(scene_->cell.Acquire(self_, Deadline::After(absl::Milliseconds(20))).acquired);
  holder.Continue();
  scene_->go = true;
  EXPECT_TRUE(scene_->cell.Acquire(self_, Deadline::Never()).acquired);
  EXPECT_EQ(holder.Wait(), 0);
}

}  // namespace
}  // namespace regatta
