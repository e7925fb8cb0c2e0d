#include "core/sync/condition.h"

#include <atomic>
#include <cstring>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "core/os/deadline.h"
#include "core/os/memfd.h"
#include "core/testing/condition_scene.h"
#include "core/testing/forked_child.h"
#include "core/testing/shared_object_suite.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

INSTANTIATE_TYPED_TEST_SUITE_P(Condition, SharedObjectTest, Condition);

TEST_F(ConditionTest, HasALockThatRecurses) {
  ASSERT_THAT(condition_.Acquire(), IsOk());
  ASSERT_THAT(condition_.Acquire(Deadline::Now()), IsOk());
  std::thread([&] { EXPECT_FALSE(condition_.Acquire(Deadline::Now()).ok()); }).join();
  ASSERT_THAT(condition_.Release(), IsOk());
  ASSERT_THAT(condition_.Release(), IsOk());
  EXPECT_THAT(condition_.Release(), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(ConditionTest, RefusesWhoDoesNotHoldTheLock) {
  const auto expect_refused = [](Condition& condition) {
    for (const absl::Status& status : {condition.Wait().status(), condition.Notify(), condition.NotifyAll()}) {
      EXPECT_THAT(status,
                  StatusIs(absl::StatusCode::kFailedPrecondition, testing::HasSubstr("without the condition's lock")));
    }
  };
  expect_refused(condition_);
  ASSERT_THAT(condition_.Acquire(), IsOk());
  std::thread([&] { expect_refused(condition_); }).join();
  Lock lock = *Lock::Create();
  Condition other = *Condition::Create(lock);
  expect_refused(other);
  ASSERT_THAT(lock.Acquire(), IsOk());
  EXPECT_THAT(other.Notify(), IsOk());
  ForkedChild child([&] { return condition_.Notify().ok() || other.Notify().ok() ? 1 : 0; });
  EXPECT_EQ(child.Wait(), 0);
}

TEST_F(ConditionTest, RefusesNumbersBelowOne) {
  ASSERT_THAT(condition_.Acquire(), IsOk());
  for (const int64_t waiters : {int64_t{0}, int64_t{-1}, std::numeric_limits<int64_t>::min()}) {
    EXPECT_THAT(condition_.Notify(waiters), StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST_F(ConditionTest, WaitEndsAtItsDeadlineWithTheLockHeldAsDeepAsBefore) {
  for (const absl::Duration timeout : {absl::Seconds(-1), absl::ZeroDuration(), absl::Milliseconds(10)}) {
    ASSERT_THAT(condition_.Acquire(), IsOk());
    ASSERT_THAT(condition_.Acquire(), IsOk());
    const Deadline deadline = Deadline::After(timeout);
    const absl::StatusOr<Waited> waited = condition_.Wait(deadline);
    ASSERT_THAT(waited, IsOk());
    EXPECT_FALSE(waited->notified);
    EXPECT_TRUE(deadline.passed());
    ASSERT_THAT(condition_.Release(), IsOk());
    ASSERT_THAT(condition_.Release(), IsOk());
    EXPECT_FALSE(condition_.Release().ok());
  }
}

TEST_F(ConditionTest, AWaiterDoesNotHoldTheLock) {
  ASSERT_THAT(condition_.Acquire(), IsOk());
  ForkedChild waiter([&] {
    REGATTA_CHILD_REQUIRE(condition_.Acquire().ok() && condition_.Acquire().ok());
    const absl::StatusOr<Waited> waited = condition_.Wait(Watchdog());
    REGATTA_CHILD_REQUIRE(waited.ok() && waited->notified && !waited->previous_owner_died.has_value());
    REGATTA_CHILD_REQUIRE(condition_.Release().ok() && condition_.Release().ok());
    return condition_.Release().ok() ? 1 : 0;
  });
  ASSERT_THAT(condition_.Release(), IsOk());
  ASSERT_TRUE(Eventually([&] { return IsAsleep(waiter.pid()) && condition_.Acquire(Deadline::Now()).ok(); }));
  ASSERT_THAT(condition_.Notify(), IsOk());
  EXPECT_FALSE(waiter.HasEnded());
  ASSERT_THAT(condition_.Release(), IsOk());
  EXPECT_EQ(waiter.Wait(), 0);
}

TEST_F(ConditionTest, NotifyWithoutWaitersIsNotKept) {
  Notify(3);
  NotifyAll();
  EXPECT_TRUE(NoneIsLeft());
}

TEST_F(ConditionTest, NotifyWakesThoseThatWaitedLongest) {
  std::vector<ForkedChild> waiters = Waiters(5);
  for (int i = 0; i < 2; ++i) {
    Notify();
    ASSERT_EQ(waiters[static_cast<size_t>(i)].Wait(), 0);
  }
  ForkedChild latest = Waiter();  // In a slot before theirs.
  Notify(2);
  ASSERT_EQ(waiters[2].Wait(), 0);
  ASSERT_EQ(waiters[3].Wait(), 0);
  EXPECT_FALSE(waiters[4].HasEnded());
  EXPECT_FALSE(latest.HasEnded());
  Notify(std::numeric_limits<int64_t>::max());
  EXPECT_EQ(waiters[4].Wait(), 0);
  EXPECT_EQ(latest.Wait(), 0);
  EXPECT_EQ(scene_->order[0], 0);
  EXPECT_EQ(scene_->order[1], 1);
  EXPECT_TRUE(NoneIsLeft());
}

TEST_F(ConditionTest, TheOrderOutlivesTheWrapOfItsNumbers) {
  const Mapping bytes = *Mapping::Map(condition_.descriptor(), *MemfdSize(condition_.descriptor()));
  auto* layout = reinterpret_cast<ConditionLayout*>(bytes.data() + condition_.offset());
  const uint32_t last = ~uint32_t{0} - 1;
  std::memcpy(static_cast<void*>(&layout->waiters), &last, sizeof(last));
  std::vector<ForkedChild> waiters = Waiters(4);
  for (ForkedChild& waiter : waiters) {
    Notify();
    ASSERT_EQ(waiter.Wait(), 0);
  }
}

TEST_F(ConditionTest, NotifyAllWakesAllProcessesAndThreads) {
  std::vector<ForkedChild> waiters = Waiters(3);
  ForkedChild with_threads([&] {
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&] {
        const absl::StatusOr<ScopedCondition> held = ScopedCondition::Acquire(condition_);
        scene_->items += 1;
        if (condition_.Wait(Watchdog())->notified) scene_->woken.fetch_add(1);
      });
    }
    for (std::thread& thread : threads) thread.join();
    return 0;
  });
  ASSERT_TRUE(Eventually([&] {
    const absl::StatusOr<ScopedCondition> held = ScopedCondition::Acquire(condition_);
    return scene_->items == 3;
  }));
  NotifyAll();
  for (ForkedChild& waiter : waiters) EXPECT_EQ(waiter.Wait(), 0);
  EXPECT_EQ(with_threads.Wait(), 0);
  EXPECT_EQ(scene_->woken, 6);
  EXPECT_TRUE(NoneIsLeft());
}

TEST_F(ConditionTest, AThousandWaitAndTheNextIsRefused) {
  std::atomic<int> waiting{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < Condition::kMostWaiters; ++i) {
    threads.emplace_back([&] {
      ASSERT_THAT(condition_.Acquire(), IsOk());
      waiting.fetch_add(1);
      EXPECT_TRUE(condition_.Wait(Watchdog())->notified);
      ASSERT_THAT(condition_.Release(), IsOk());
    });
  }
  ASSERT_TRUE(Eventually([&] { return waiting == Condition::kMostWaiters; }));
  ASSERT_THAT(condition_.Acquire(), IsOk());
  const absl::Status status = condition_.Wait().status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted, testing::HasSubstr("1000 threads wait")));
  ASSERT_THAT(condition_.NotifyAll(), IsOk());
  ASSERT_THAT(condition_.Release(), IsOk());
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(NoneIsLeft());
}

TEST_F(ConditionTest, WaitForReturnsOnceThePredicateHolds) {
  ForkedChild consumer([&] {
    REGATTA_CHILD_REQUIRE(condition_.Acquire().ok());
    const absl::StatusOr<Waited> waited = condition_.WaitFor([&] { return scene_->items == 3; }, Watchdog());
    REGATTA_CHILD_REQUIRE(waited.ok() && waited->notified && scene_->items == 3);
    return condition_.Release().ok() ? 0 : 1;
  });
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(consumer.HasEnded());
    const absl::StatusOr<ScopedCondition> held = ScopedCondition::Acquire(condition_);
    ++scene_->items;
    ASSERT_THAT(condition_.Notify(), IsOk());
  }
  EXPECT_EQ(consumer.Wait(), 0);
}

TEST_F(ConditionTest, WaitForEndsAtItsDeadline) {
  ASSERT_THAT(condition_.Acquire(), IsOk());
  const absl::StatusOr<Waited> waited =
      condition_.WaitFor([] { return false; }, Deadline::After(absl::Milliseconds(10)));
  ASSERT_THAT(waited, IsOk());
  EXPECT_FALSE(waited->notified);
  EXPECT_TRUE(condition_.WaitFor([] { return true; }, Deadline::Now())->notified) << "it holds without a wait";
}

TEST_F(ConditionTest, TwoConditionsShareALock) {
  RLock lock = *RLock::Create();
  Condition not_empty = *Condition::Create(lock);
  Condition not_full = *Condition::Create(lock);
  constexpr int kItems = 5'000;
  const auto consume = [&] {
    for (int i = 0; i < kItems; ++i) {
      const absl::StatusOr<ScopedRLock> held = ScopedRLock::Acquire(lock);
      REGATTA_CHILD_REQUIRE(not_empty.WaitFor([&] { return scene_->items > 0; }, Watchdog())->notified);
      --scene_->items;
      REGATTA_CHILD_REQUIRE(not_full.Notify().ok());
    }
    return 0;
  };
  ForkedChild first(consume);
  ForkedChild second(consume);
  for (int i = 0; i < 2 * kItems; ++i) {
    const absl::StatusOr<ScopedRLock> held = ScopedRLock::Acquire(lock);
    ASSERT_TRUE(not_full.WaitFor([&] { return scene_->items < 3; }, Watchdog())->notified);
    ++scene_->items;
    ASSERT_THAT(not_empty.Notify(), IsOk());
  }
  EXPECT_EQ(first.Wait(), 0);
  EXPECT_EQ(second.Wait(), 0);
  EXPECT_EQ(scene_->items, 0);
}

TEST_F(ConditionTest, CreateRefusesALockThatIsNone) {
  EXPECT_THAT(Condition::Create(Lock()), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Condition::Create(RLock()), StatusIs(absl::StatusCode::kInvalidArgument));
}

// A condition as it arrives in another process.
template <class T>
absl::StatusOr<T> Cross(const T& value) {
  DescriptorSink sink;
  std::vector<std::byte> bytes(EncodedSize(value));
  if (absl::Status status = Encode(value, absl::MakeSpan(bytes), &sink); !status.ok()) return status;
  std::vector<Fd> arrived;
  for (const Fd* descriptor : sink.descriptors()) arrived.push_back(*descriptor->Duplicate());
  DescriptorSource source(std::move(arrived));
  return Decode<T>(bytes, &source);
}

TEST_F(ConditionTest, ItsLockGoesWithIt) {
  Lock lock = *Lock::Create();
  RLock rlock = *RLock::Create();
  for (const Condition& condition : {*Condition::Create(lock), *Condition::Create(rlock), condition_}) {
    absl::StatusOr<Condition> arrived = Cross(condition);
    ASSERT_THAT(arrived, IsOk());
    Condition here = condition;
    ASSERT_THAT(arrived->Acquire(), IsOk());
    std::thread([&] { EXPECT_FALSE(here.Acquire(Deadline::Now()).ok()); }).join();
    EXPECT_THAT(here.Notify(), IsOk());
    ASSERT_THAT(here.Release(), IsOk());
  }
}

TEST_F(ConditionTest, AttachRefusesOneWhoseLockIsElsewhere) {
  Condition with_lock = *Condition::Create(*Lock::Create());
  const absl::Status status = Condition::Attach(*with_lock.descriptor().Duplicate(), with_lock.offset()).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition, testing::HasSubstr("pass the condition itself")));
}

TEST_F(ConditionTest, LosesNoWakeUpBetweenTwoProcesses) {
  constexpr int kRounds = 10'000;
  const auto turns = [&](int64_t mine) {
    for (int i = 0; i < kRounds; ++i) {
      REGATTA_CHILD_REQUIRE(condition_.Acquire().ok());
      REGATTA_CHILD_REQUIRE(condition_.WaitFor([&] { return scene_->items % 2 == mine; }, Watchdog())->notified);
      ++scene_->items;
      REGATTA_CHILD_REQUIRE(condition_.Notify().ok() && condition_.Release().ok());
    }
    return 0;
  };
  ForkedChild left([&] { return turns(0); });
  ForkedChild right([&] { return turns(1); });
  EXPECT_EQ(left.Wait(), 0);
  EXPECT_EQ(right.Wait(), 0);
  EXPECT_EQ(scene_->items, 2 * kRounds);
}

TEST_F(ConditionTest, SignalsNeitherEndAWaitNorMoveItsDeadline) {
  ForkedChild child([&] {
    InterruptOften(absl::Microseconds(200));
    REGATTA_CHILD_REQUIRE(condition_.Acquire().ok());
    const Deadline deadline = Deadline::After(absl::Milliseconds(120));
    const absl::StatusOr<Waited> waited = condition_.Wait(deadline);
    REGATTA_CHILD_REQUIRE(waited.ok() && !waited->notified && deadline.passed());
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST_F(ConditionTest, AnIdleWaiterCostsNoCpu) {
  ASSERT_THAT(condition_.Acquire(), IsOk());
  const CpuUse before = CpuUseOfThisThread();
  EXPECT_FALSE(condition_.Wait(Deadline::After(absl::Milliseconds(400)))->notified);
  const CpuUse after = CpuUseOfThisThread();
  EXPECT_LT(after.cpu - before.cpu, absl::Milliseconds(20)) << "of 400";
  EXPECT_LE(after.sleeps - before.sleeps, 10);
}

}  // namespace
}  // namespace regatta
