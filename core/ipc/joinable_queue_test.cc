#include "core/ipc/joinable_queue.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "core/ipc/fault_points.h"
#include "core/ipc/queue.h"
#include "core/os/error.h"
#include "core/os/memfd.h"
#include "core/testing/forked_child.h"
#include "core/testing/shared_object_suite.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

INSTANTIATE_TYPED_TEST_SUITE_P(JoinableQueue, SharedObjectTest, JoinableQueue<int>);

JoinableQueue<int> Make(IfGetterDies if_getter_dies = IfGetterDies::kCountsAsDone, int64_t capacity = 0) {
  return *JoinableQueue<int>::Create(capacity, if_getter_dies);
}

// A process that gets `count` items and dies.
void GetAndDie(JoinableQueue<int>& queue, int count) {
  ForkedChild child([&] {
    for (int i = 0; i < count; ++i) REGATTA_CHILD_REQUIRE(queue.Get(Watchdog()).ok());
    raise(SIGKILL);
    return 0;
  });
  EXPECT_EQ(child.Wait(), -SIGKILL);
}

TEST(JoinableQueue, JoinOfANewOneReturnsAtOnce) { EXPECT_EQ(*Make().Join(Deadline::Now()), 0); }

TEST(JoinableQueue, AnItemIsUnfinishedUntilTaskDone) {
  JoinableQueue<int> queue = Make();
  ASSERT_TRUE(queue.Put(1).ok());
  EXPECT_TRUE(absl::IsUnavailable(queue.Join(Deadline::Now()).status())) << "in the queue";
  EXPECT_EQ(*queue.Get(), 1);
  const Deadline deadline = Deadline::After(absl::Milliseconds(20));
  EXPECT_TRUE(absl::IsDeadlineExceeded(queue.Join(deadline).status())) << "got";
  EXPECT_TRUE(deadline.passed());
  ASSERT_TRUE(queue.TaskDone().ok());
  EXPECT_EQ(*queue.Join(Deadline::Now()), 0);
}

TEST(JoinableQueue, TaskDoneTooOftenIsAnError) {
  JoinableQueue<int> queue = Make();
  EXPECT_TRUE(absl::IsFailedPrecondition(queue.TaskDone()));
  ASSERT_TRUE(queue.Put(1).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(queue.TaskDone())) << "not got yet";
  ASSERT_TRUE(queue.Get().ok());
  ForkedChild child([&] { return absl::IsFailedPrecondition(queue.TaskDone()) ? 0 : 1; });
  EXPECT_EQ(child.Wait(), 0) << "it is the parent's";
  std::thread([&] { EXPECT_TRUE(queue.TaskDone().ok()); }).join();
  const absl::Status status = queue.TaskDone();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_NE(status.message().find("not done yet"), std::string::npos) << status;
}

TEST(JoinableQueue, CarriesItemsOfAllSizes) {
  JoinableQueue<std::string> queue = *JoinableQueue<std::string>::Create();
  for (const size_t size : {0, 1, 100, 104, 105, 112, 1000, 100'000}) {
    ASSERT_TRUE(queue.Put(std::string(size, 'x')).ok());
    EXPECT_EQ(*queue.Get(), std::string(size, 'x'));
    ASSERT_TRUE(queue.TaskDone().ok());
  }
  EXPECT_TRUE(queue.Join(Deadline::Now()).ok());
}

TEST(JoinableQueue, JoinWakesWhenTheLastOfManyProcessesIsDone) {
  constexpr int kItems = 3000;
  JoinableQueue<int> queue = Make();
  std::vector<ForkedChild> consumers;
  Shared<std::atomic<int>> done;
  for (int i = 0; i < 3; ++i) {
    consumers.emplace_back([&] {
      while (queue.Get(Watchdog()).ok()) {
        ++*done;
        REGATTA_CHILD_REQUIRE(queue.TaskDone().ok());
      }
      return queue.closed() ? 0 : 1;
    });
  }
  for (int i = 0; i < kItems; ++i) ASSERT_TRUE(queue.Put(i).ok());
  ForkedChild other([&] { return queue.Join(Watchdog()).ok() && *done == kItems ? 0 : 1; });
  EXPECT_EQ(*queue.Join(Watchdog()), 0);
  EXPECT_EQ(*done, kItems);
  EXPECT_EQ(other.Wait(), 0);
  ASSERT_TRUE(queue.Close().ok());
  for (ForkedChild& consumer : consumers) EXPECT_EQ(consumer.Wait(), 0);
}

// Each task puts its successor before it is done, so that at no moment all are done before the last one.
TEST(JoinableQueue, JoinSeesNoGapBetweenATaskAndItsSuccessor) {
  constexpr int kLast = 2000;
  JoinableQueue<int> queue = Make();
  Shared<std::atomic<int>> last;
  ASSERT_TRUE(queue.Put(1).ok());
  ForkedChild worker([&] {
    for (int at = 0; at < kLast;) {
      at = *queue.Get(Watchdog());
      if (at < kLast) REGATTA_CHILD_REQUIRE(queue.Put(at + 1).ok());
      *last = at;
      REGATTA_CHILD_REQUIRE(queue.TaskDone().ok());
    }
    return 0;
  });
  while (!queue.Join(Deadline::Now()).ok()) {
  }
  EXPECT_EQ(*last, kLast);
  EXPECT_EQ(worker.Wait(), 0);
}

TEST(JoinableQueue, JoinSleeps) {
  JoinableQueue<int> queue = Make();
  ASSERT_TRUE(queue.Put(1).ok());
  ASSERT_TRUE(queue.Get().ok());
  ForkedChild joiner([&] { return queue.Join(Watchdog()).ok() ? 0 : 1; });
  EXPECT_TRUE(Eventually([&] { return IsAsleep(joiner.pid()); }));
  ASSERT_TRUE(queue.TaskDone().ok());
  EXPECT_EQ(joiner.Wait(), 0);
}

TEST(JoinableQueue, ItemsOfADeadGetterCountAsDoneAndAreReported) {
  JoinableQueue<int> queue = Make();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(queue.Put(i).ok());
  GetAndDie(queue, 3);
  EXPECT_FALSE(queue.Join(Deadline::Now()).ok()) << "two are still in the queue";
  for (int i = 3; i < 5; ++i) {
    EXPECT_EQ(*queue.TryGet(), i);
    ASSERT_TRUE(queue.TaskDone().ok());
  }
  EXPECT_EQ(*queue.Join(Watchdog()), 3);
  EXPECT_EQ(*queue.Join(Watchdog()), 3) << "since the queue was made";
}

TEST(JoinableQueue, AJoinerIsNotHungByADeath) {
  JoinableQueue<int> queue = Make();
  ASSERT_TRUE(queue.Put(1).ok());
  ForkedChild getter([&] {
    REGATTA_CHILD_REQUIRE(queue.Get().ok());
    for (;;) pause();
    return 0;
  });
  ASSERT_TRUE(Eventually([&] { return queue.empty(); }));
  ForkedChild joiner([&] {
    const absl::StatusOr<int64_t> abandoned = queue.Join(Watchdog());
    return abandoned.ok() && *abandoned == 1 ? 0 : 1;
  });
  ASSERT_TRUE(Eventually([&] { return IsAsleep(joiner.pid()); }));
  getter.Kill();
  EXPECT_EQ(joiner.Wait(), 0);
}

TEST(JoinableQueue, ItemsOfADeadGetterArePutBackWhereAsked) {
  JoinableQueue<int> queue = Make(IfGetterDies::kIsPutBack);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(queue.Put(i + 10).ok());
  GetAndDie(queue, 3);
  // A getter that finds nothing sees to it.
  std::vector<bool> seen(3);
  for (int i = 0; i < 3; ++i) {
    const absl::StatusOr<int> item = queue.Get(Watchdog());
    ASSERT_TRUE(item.ok()) << item.status();
    seen.at(*item - 10) = true;
    ASSERT_TRUE(queue.TaskDone().ok());
  }
  EXPECT_EQ(seen, std::vector<bool>(3, true));
  EXPECT_EQ(*queue.Join(Deadline::Now()), 3);
  EXPECT_TRUE(queue.empty());
}

TEST(JoinableQueue, TheNextItemDoesNotOverwriteAnAbandonedOne) {
  JoinableQueue<std::string> queue = *JoinableQueue<std::string>::Create(0, IfGetterDies::kIsPutBack);
  ASSERT_TRUE(queue.Put(std::string(1 << 20, 'x')).ok());
  ForkedChild child([&] {
    REGATTA_CHILD_REQUIRE(queue.Get(Watchdog()).ok());
    raise(SIGKILL);
    return 0;
  });
  ASSERT_EQ(child.Wait(), -SIGKILL);
  ASSERT_TRUE(queue.Put(std::string(1 << 20, 'y')).ok());
  EXPECT_EQ(*queue.TryGet(), std::string(1 << 20, 'y'));
  EXPECT_EQ(*queue.Get(Watchdog()), std::string(1 << 20, 'x'));
}

TEST(JoinableQueue, PutsBackInTheEndWhatAFullQueueHasNoRoomFor) {
  JoinableQueue<int> queue = Make(IfGetterDies::kIsPutBack, 1);
  ASSERT_TRUE(queue.Put(1).ok());
  GetAndDie(queue, 1);
  ASSERT_TRUE(queue.TryPut(2).ok());
  EXPECT_FALSE(queue.Join(Deadline::Now()).ok());
  EXPECT_EQ(*queue.TryGet(), 2);
  ASSERT_TRUE(queue.TaskDone().ok());
  EXPECT_FALSE(queue.Join(Deadline::Now()).ok()) << "put back";
  EXPECT_EQ(*queue.Get(Watchdog()), 1);
  ASSERT_TRUE(queue.TaskDone().ok());
  EXPECT_EQ(*queue.Join(Deadline::Now()), 1);
}

TEST(JoinableQueue, WhatCannotBePutBackIntoAClosedOneCountsAsDone) {
  JoinableQueue<int> queue = Make(IfGetterDies::kIsPutBack);
  ASSERT_TRUE(queue.Put(1).ok());
  GetAndDie(queue, 1);
  ASSERT_TRUE(queue.Close().ok());
  EXPECT_EQ(*queue.Join(Watchdog()), 1);
  EXPECT_TRUE(IsClosed(queue.TryGet().status()));
}

TEST(JoinableQueue, LettingGoOfTheLastHandleAbandonsWhatIsUnfinished) {
  JoinableQueue<int> queue = Make(IfGetterDies::kIsPutBack);
  ASSERT_TRUE(queue.Put(7).ok());
  Shared<std::atomic<bool>> gone;
  ForkedChild child([&] {
    const int item = *queue.Get(Watchdog());
    queue = JoinableQueue<int>();
    *gone = true;
    for (;;) pause();
    return item;
  });
  ASSERT_TRUE(Eventually([&] { return gone->load(); }));
  EXPECT_EQ(*queue.Get(Watchdog()), 7);
}

// The memory of abandoned and of finished items serves the next ones.
TEST(JoinableQueue, NeedsNoMoreMemoryHoweverManyGettersDie) {
  JoinableQueue<std::string> queue = *JoinableQueue<std::string>::Create();
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(queue.Put(std::string(1 << 20, 'x')).ok());
    ForkedChild child([&] {
      REGATTA_CHILD_REQUIRE(queue.Get(Watchdog()).ok());
      raise(SIGKILL);
      return 0;
    });
    EXPECT_EQ(child.Wait(), -SIGKILL);
    EXPECT_EQ(*queue.Join(Watchdog()), i + 1);
  }
  EXPECT_LE(*MemfdMemory(queue.descriptor()), 6u << 20);
}

TEST(JoinableQueue, IsNoQueueForOthers) {
  const JoinableQueue<int> queue = Make();
  EXPECT_TRUE(absl::IsInvalidArgument(Queue<int>::Attach(*queue.descriptor().Duplicate(), 0).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(JoinableQueue<int>::Create(0, IfGetterDies::kNotCounted).status()));
}

// Whoever sees to a dead getter's item may die over it, too: the next one goes on.
TEST(JoinableQueue, ADeathAtEachStepOfTakingOverIsTakenOver) {
  for (const FaultPoint& point : kJoinableQueueFaultPoints) {
    for (const IfGetterDies if_getter_dies : {IfGetterDies::kCountsAsDone, IfGetterDies::kIsPutBack}) {
      if (point == fault::kQueueItemPutBack && if_getter_dies != IfGetterDies::kIsPutBack) continue;
      SCOPED_TRACE(testing::Message() << point.name() << " " << static_cast<uint32_t>(if_getter_dies));
      JoinableQueue<int> queue = Make(if_getter_dies);
      ASSERT_TRUE(queue.Put(1).ok());
      GetAndDie(queue, 1);
      ForkedChild victim([&] {
        ArmFaultPoint(point);
        queue.Join(Deadline::Now()).IgnoreError();
        return 0;
      });
      EXPECT_EQ(victim.Wait(), -SIGKILL);
      // It may be there once or twice.
      for (int i = 0; i < 3 && !queue.Join(Deadline::Now()).ok(); ++i) {
        EXPECT_EQ(if_getter_dies, IfGetterDies::kIsPutBack);
        EXPECT_EQ(*queue.Get(Watchdog()), 1);
        ASSERT_TRUE(queue.TaskDone().ok());
      }
      EXPECT_TRUE(queue.Join(Deadline::Now()).ok());
      EXPECT_TRUE(queue.empty());
    }
  }
}

}  // namespace
}  // namespace regatta
