// Who waits for an item or for room, until when, and who wakes it; what closing means for them.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "core/ipc/byte_queue.h"
#include "core/os/deadline.h"
#include "core/os/error.h"
#include "core/testing/forked_child.h"
#include "core/testing/status_matchers.h"
#include "core/testing/text_queue.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

// Lets the sleepers' first tick, after 50 ms, go by: the next comes a second later, so that who then returns sooner was
// woken.
void LetTheFirstTickGoBy() {
  ByteQueue nothing = Make();
  EXPECT_EQ(GetText(nothing, Deadline::After(absl::Milliseconds(150))), "DEADLINE_EXCEEDED");
}

TEST(ByteQueueDeadline, IsNotCutShort) {
  ByteQueue queue = Make(1);
  const Deadline get = Deadline::After(absl::Milliseconds(20));
  QueueItem item;
  const absl::Status empty = queue.Get(&item, get);
  EXPECT_TRUE(get.passed());
  EXPECT_TRUE(IsEmpty(empty));
  EXPECT_THAT(empty, StatusIs(absl::StatusCode::kDeadlineExceeded));
  ASSERT_THAT(PutText(queue, "x"), IsOk());
  const Deadline put = Deadline::After(absl::Milliseconds(20));
  const absl::Status full = PutText(queue, "y", put);
  EXPECT_TRUE(put.passed());
  EXPECT_TRUE(IsFull(full));
  EXPECT_THAT(full, StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_EQ(queue.size(), 1);
  EXPECT_EQ(GetText(queue), "x");
}

TEST(ByteQueueDeadline, NegativeHasPassed) {
  ByteQueue queue = Make(1);
  EXPECT_EQ(GetText(queue, Deadline::After(absl::Seconds(-1))), "UNAVAILABLE");
  EXPECT_THAT(PutText(queue, "x", Deadline::After(absl::Seconds(-1))), IsOk()) << "it tries once";
  EXPECT_THAT(PutText(queue, "x", Deadline::After(absl::Seconds(-1))), StatusIs(absl::StatusCode::kUnavailable));
}

TEST(ByteQueueWaiting, APutWakesAGetterAndAGetWakesAPutter) {
  ByteQueue queue = Make(1);
  std::atomic<int32_t> getter_id{0};
  std::thread getter([&] {
    getter_id = ThisThreadId();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(GetText(queue, Watchdog()), std::to_string(i));
  });
  ASSERT_TRUE(Eventually([&] { return getter_id != 0 && IsAsleep(getter_id); }));
  for (int i = 0; i < 3; ++i) ASSERT_THAT(PutText(queue, std::to_string(i), Watchdog()), IsOk());
  getter.join();
  ASSERT_THAT(PutText(queue, "a"), IsOk());
  std::atomic<int32_t> putter_id{0};
  std::thread putter([&] {
    putter_id = ThisThreadId();
    EXPECT_THAT(PutText(queue, "b", Watchdog()), IsOk());
  });
  ASSERT_TRUE(Eventually([&] { return putter_id != 0 && IsAsleep(putter_id); }));
  EXPECT_EQ(GetText(queue), "a");
  EXPECT_EQ(GetText(queue, Watchdog()), "b");
  putter.join();
}

TEST(ByteQueueWaiting, ASleeperIsWokenAndNotLeftToItsTick) {
  ByteQueue queue = Make(1);
  for (const bool getter : {true, false}) {
    std::atomic<int32_t> id{0};
    ASSERT_TRUE(getter || PutText(queue, "full").ok());
    std::thread sleeper([&] {
      id = ThisThreadId();
      if (getter) {
        EXPECT_EQ(GetText(queue, Watchdog()), "x");
      } else {
        EXPECT_THAT(PutText(queue, "y", Watchdog()), IsOk());
      }
    });
    ASSERT_TRUE(Eventually([&] { return id != 0 && IsAsleep(id); }));
    LetTheFirstTickGoBy();
    const Deadline soon = Deadline::After(absl::Milliseconds(600));
    if (getter) {
      ASSERT_THAT(PutText(queue, "x"), IsOk());
    } else {
      ASSERT_EQ(GetText(queue), "full");
    }
    sleeper.join();
    EXPECT_FALSE(soon.passed());
  }
}

TEST(ByteQueueWaiting, ABlockedGetUsesNoCpuAndWakesAboutOnceASecond) {
  ByteQueue queue = Make();
  const CpuUse before = CpuUseOfThisThread();
  EXPECT_EQ(GetText(queue, Deadline::After(absl::Milliseconds(2200))), "DEADLINE_EXCEEDED");
  const CpuUse after = CpuUseOfThisThread();
  // It sleeps 50 ms, then a second, another, and until the deadline; beside these only its fence may have slept.
  EXPECT_LE(after.sleeps - before.sleeps, 8);
  EXPECT_LT(after.cpu - before.cpu, absl::Milliseconds(20));
}

TEST(ByteQueueClose, IsForPutsAtOnceAndForGetsOnceDrained) {
  ByteQueue queue = Make(5);
  ASSERT_THAT(PutText(queue, "a"), IsOk());
  ASSERT_THAT(PutText(queue, "b"), IsOk());
  EXPECT_FALSE(queue.closed());
  ASSERT_THAT(queue.Close(), IsOk());
  EXPECT_TRUE(queue.closed());
  EXPECT_TRUE(IsClosed(PutText(queue, "c")));
  EXPECT_TRUE(IsClosed(queue.Reserve(10).status()));
  std::thread([&] { EXPECT_TRUE(IsClosed(PutText(queue, "c"))) << "also who never put before"; }).join();
  EXPECT_EQ(GetText(queue), "a");
  ASSERT_THAT(queue.Close(), IsOk()) << "twice is fine";
  EXPECT_EQ(GetText(queue), "b");
  QueueItem item;
  EXPECT_TRUE(IsClosed(queue.Get(&item, Deadline::Never())));
  EXPECT_TRUE(IsClosed(queue.Get(&item, Deadline::Now())));
}

TEST(ByteQueueClose, WakesAllWhoWait) {
  ByteQueue empty = Make();
  ByteQueue full = Make(1);
  ASSERT_THAT(PutText(full, "x"), IsOk());
  std::vector<std::thread> threads;
  std::atomic<int32_t> ids[6]{};
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&, i] {
      ids[i] = ThisThreadId();
      QueueItem item;
      EXPECT_TRUE(IsClosed(i % 2 == 0 ? empty.Get(&item) : PutText(full, "y", Deadline::Never())));
    });
  }
  for (auto& id : ids) ASSERT_TRUE(Eventually([&] { return id != 0 && IsAsleep(id); }));
  LetTheFirstTickGoBy();
  const Deadline soon = Deadline::After(absl::Milliseconds(600));
  ASSERT_THAT(empty.Close(), IsOk());
  ASSERT_THAT(full.Close(), IsOk());
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(soon.passed()) << "some were woken by their tick alone";
}

TEST(ByteQueueClose, WaitsForAnItemOnItsWayAndThenTellsAll) {
  for (const bool commit : {true, false}) {
    ByteQueue queue = Make();
    absl::StatusOr<QueueReservation> room = queue.Reserve(1);
    ASSERT_THAT(room, IsOk());
    room->bytes()[0] = std::byte{'x'};
    std::vector<std::thread> getters;
    std::atomic<int32_t> ids[4]{};
    std::atomic<int> got{0};
    std::atomic<int> closed{0};
    for (auto& id : ids) {
      getters.emplace_back([&] {
        id = ThisThreadId();
        const std::string text = GetText(queue, Watchdog());
        if (text == "x") ++got;
        if (text == "FAILED_PRECONDITION") ++closed;
      });
    }
    for (auto& id : ids) ASSERT_TRUE(Eventually([&] { return id != 0 && IsAsleep(id); }));
    ASSERT_THAT(queue.Close(), IsOk());
    for (auto& id : ids) ASSERT_TRUE(Eventually([&] { return IsAsleep(id); })) << "an item is on its way";
    EXPECT_EQ(closed, 0);
    LetTheFirstTickGoBy();
    const Deadline soon = Deadline::After(absl::Milliseconds(600));
    if (commit) {
      room->Commit();
    } else {
      room->Abandon();
    }
    for (std::thread& getter : getters) getter.join();
    EXPECT_EQ(got, commit ? 1 : 0);
    EXPECT_EQ(closed, commit ? 3 : 4);
    EXPECT_FALSE(soon.passed()) << "some were woken by their tick alone";
  }
}

TEST(ByteQueueClose, RacingPutsLoseNothing) {
  for (int round = 0; round < 100; ++round) {
    ByteQueue queue = Make(round % 3 == 0 ? 4 : 0);
    std::atomic<int> put{0};
    std::atomic<int> got{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([&] {
        for (;;) {
          const absl::Status status = PutText(queue, "x", Watchdog());
          if (!status.ok()) {
            ASSERT_TRUE(IsClosed(status)) << status;
            return;
          }
          ++put;
        }
      });
      threads.emplace_back([&] {
        QueueItem item;
        for (;;) {
          const absl::Status status = queue.Get(&item, Watchdog());
          if (!status.ok()) {
            ASSERT_TRUE(IsClosed(status)) << status;
            return;
          }
          ++got;
        }
      });
    }
    while (put < 50) YieldProcessor();
    ASSERT_THAT(queue.Close(), IsOk());
    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(put, got);
  }
}

}  // namespace
}  // namespace regatta
