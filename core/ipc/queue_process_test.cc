// A queue between processes: across fork, by descriptor, and where something has run out.
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/synchronization/notification.h"
#include "core/ipc/byte_queue.h"
#include "core/os/deadline.h"
#include "core/os/error.h"
#include "core/os/memfd.h"
#include "core/shm/family.h"
#include "core/testing/forked_child.h"
#include "core/testing/status_matchers.h"
#include "core/testing/test_item.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

TEST(QueueAcrossFork, IsTheSameForParentAndChild) {
  ByteQueue there = *ByteQueue::Create({.capacity = 10});
  ByteQueue back = *ByteQueue::Create({.capacity = 10});
  ASSERT_THAT(PutItem(there, 1, 0), IsOk());  // The parent has a lane before the fork.
  ForkedChild child([&] {
    for (uint32_t i = 0; i < 2000; ++i) {
      const std::optional<TestItem> got = GetItem(there);
      REGATTA_CHILD_REQUIRE(got.has_value() && got->number == i);
      REGATTA_CHILD_REQUIRE(PutItem(back, 2, i, i % 100 == 0 ? 100'000 : 200).ok());
    }
    return 0;
  });
  for (uint32_t i = 0; i < 2000; ++i) {
    ASSERT_TRUE(i == 0 || PutItem(there, 1, i).ok());
    const std::optional<TestItem> got = GetItem(back);
    ASSERT_TRUE(got.has_value());
    ASSERT_EQ(got->number, i);
  }
  EXPECT_EQ(child.Wait(), 0);
}

TEST(QueueAcrossFork, AChildPutsIntoALaneOfItsOwn) {
  ByteQueue queue = *ByteQueue::Create({});
  ASSERT_THAT(PutItem(queue, 1, 0), IsOk());
  ForkedChild child([&] {
    for (uint32_t i = 0; i < 1000; ++i) REGATTA_CHILD_REQUIRE(PutItem(queue, 2, i).ok());
    return 0;
  });
  for (uint32_t i = 1; i < 1000; ++i) ASSERT_THAT(PutItem(queue, 1, i), IsOk());
  EXPECT_EQ(child.Wait(), 0);
  uint32_t next[3] = {};
  for (int i = 0; i < 2000; ++i) {
    const std::optional<TestItem> got = GetItem(queue);
    ASSERT_TRUE(got.has_value());
    ASSERT_EQ(got->number, next[got->producer]++);
  }
}

TEST(QueueAcrossFork, WhatThePutterPutOutlivesIt) {
  ByteQueue queue = *ByteQueue::Create({});
  ForkedChild child([&] {
    for (uint32_t i = 0; i < 3; ++i) REGATTA_CHILD_REQUIRE(PutItem(queue, 1, i, 100'000 * i + 30).ok());
    return 0;
  });
  ASSERT_EQ(child.Wait(), 0);
  EXPECT_EQ(queue.size(), 3);
  for (uint32_t i = 0; i < 3; ++i) EXPECT_EQ(GetItem(queue)->number, i);
  EXPECT_TRUE(queue.empty());
}

#if !defined(__SANITIZE_THREAD__)  // It can't follow 2,100 mutexes that are held.
// A death that the kernel does not mark: it marks the 2,048 robust mutexes that were locked last.
int DieUnmarked() {
  pthread_mutexattr_t robust;
  pthread_mutexattr_init(&robust);
  pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST);
  static std::vector<pthread_mutex_t> mutexes(2100);
  for (pthread_mutex_t& mutex : mutexes) {
    pthread_mutex_init(&mutex, &robust);
    pthread_mutex_lock(&mutex);
  }
  return kill(getpid(), SIGKILL);
}

TEST(QueueOwners, WhoseDeathIsNotMarkedHoldUpNobodyForLong) {
  for (const bool putter_waits : {false, true}) {
    ByteQueue queue = *ByteQueue::Create({.capacity = 1});
    ForkedChild victim([&] {
      const absl::StatusOr<QueueReservation> room = queue.Reserve(10);
      REGATTA_CHILD_REQUIRE(room.ok());
      return DieUnmarked();
    });
    ASSERT_EQ(victim.Wait(), -SIGKILL);
    ASSERT_EQ(queue.size(), 1) << "marked: this kernel has no such limit, and the test shows nothing";
    if (putter_waits) {
      EXPECT_THAT(PutItem(queue, 1, 1), IsOk());
      EXPECT_EQ(GetItem(queue)->number, 1u);
    } else {
      ASSERT_THAT(queue.Close(), IsOk());
      QueueItem item;
      EXPECT_TRUE(IsClosed(queue.Get(&item, Watchdog())));
    }
  }
}
#endif

TEST(QueueAcrossFork, AnItemAndAReservationStayTheParents) {
  ByteQueue queue = *ByteQueue::Create({});
  ASSERT_THAT(PutItem(queue, 1, 1, 5000), IsOk());
  QueueItem item;
  ASSERT_THAT(queue.Get(&item, Watchdog()), IsOk());
  absl::StatusOr<QueueReservation> room = queue.Reserve(5000);
  ASSERT_THAT(room, IsOk());
  ForkedChild child([&] {
    item.Reset();
    room->Commit();
    { const QueueReservation ended = *std::move(room); }
    // And it can put and get for itself.
    REGATTA_CHILD_REQUIRE(queue.size() == 1);
    for (uint32_t i = 0; i < 100; ++i) REGATTA_CHILD_REQUIRE(PutItem(queue, 2, i, 5000).ok());
    return 0;
  });
  ASSERT_EQ(child.Wait(), 0);
  EXPECT_EQ(TestItem::Read(item.bytes())->number, 1u) << "the child gave the parent's item back";
  EXPECT_EQ(queue.size(), 101);
  TestItem{1, 2}.Write(room->bytes());
  room->Commit();
  EXPECT_EQ(queue.size(), 101);
  uint32_t mine = 0;
  while (const std::optional<TestItem> got = GetItem(queue, Deadline::Now())) mine += got->producer == 1;
  EXPECT_EQ(mine, 1u);
}

TEST(QueueAttach, MapsTheSameQueueAgain) {
  ByteQueue queue = *ByteQueue::Create({.capacity = 3, .fingerprint = 77});
  ForkedChild child([&] {
    absl::StatusOr<ByteQueue> attached = ByteQueue::Attach(*queue.descriptor().Duplicate(), 0, 77);
    REGATTA_CHILD_REQUIRE(attached.ok());
    queue = ByteQueue();
    for (uint32_t i = 0; i < 100; ++i) REGATTA_CHILD_REQUIRE(PutItem(*attached, 1, i, 90'000).ok());
    return 0;
  });
  for (uint32_t i = 0; i < 100; ++i) ASSERT_EQ(GetItem(queue)->number, i);
  EXPECT_EQ(child.Wait(), 0);
}

TEST(QueueAttach, InTheSameProcessIsTheSameQueueToo) {
  ByteQueue queue = *ByteQueue::Create({.capacity = 3});
  ByteQueue second = *ByteQueue::Attach(*queue.descriptor().Duplicate(), 0, 0);
  ASSERT_THAT(PutItem(queue, 1, 0), IsOk());
  ASSERT_THAT(PutItem(second, 2, 0), IsOk());
  ASSERT_THAT(PutItem(second, 2, 1), IsOk());
  EXPECT_TRUE(queue.full());
  EXPECT_TRUE(GetItem(second).has_value());
}

absl::StatusCode AttachOf(absl::FunctionRef<void(QueueHeader&)> write, uint64_t size) {
  Fd file = *CreateMemfd("a test");
  if (!GrowMemfd(file, 0, size).ok()) return absl::StatusCode::kInternal;
  const Mapping mapping = *Mapping::Map(file, sizeof(QueueHeader));
  if (size >= sizeof(QueueHeader)) write(*reinterpret_cast<QueueHeader*>(mapping.data()));
  return ByteQueue::Attach(std::move(file), 0, 5).status().code();
}

TEST(QueueAttach, RefusesWhatIsNoQueueOfThisTypeAndFamily) {
  const uint64_t family = *Family::Id();
  constexpr uint64_t kSize = sizeof(QueueHeader);
  const auto good = [&](QueueHeader& header) {
    header.object = {QueueHeader::kType.magic, family, 5};
    header.chunk_limit = 1024;
  };
  EXPECT_EQ(AttachOf(good, kSize), absl::StatusCode::kOk);
  EXPECT_EQ(AttachOf(good, kSize - 1), absl::StatusCode::kDataLoss) << "too short";
  EXPECT_FALSE(ByteQueue::Attach(Fd(), 0, 5).ok());
  EXPECT_EQ(AttachOf([](QueueHeader& header) { std::memset(static_cast<void*>(&header), 0xa5, kSize); }, kSize),
            absl::StatusCode::kDataLoss);
  const auto with = [&](absl::FunctionRef<void(QueueHeader&)> change) {
    return AttachOf(
        [&](QueueHeader& header) {
          good(header);
          change(header);
        },
        kSize);
  };
  EXPECT_EQ(with([](QueueHeader& header) { header.object.magic ^= 1; }), absl::StatusCode::kDataLoss);
  EXPECT_EQ(with([](QueueHeader& header) { header.object.family ^= 1; }), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(with([](QueueHeader& header) { header.object.fingerprint = 6; }), absl::StatusCode::kInvalidArgument);
}

TEST(QueueExhaustion, OfDescriptorsFailsCreateAndNotWhatExists) {
  ByteQueue queue = *ByteQueue::Create({.capacity = 2});
  ForkedChild child([&] {
    LimitDescriptors(64);
    while (dup(0) >= 0) {
    }
    REGATTA_CHILD_REQUIRE(ByteQueue::Create({}).status().code() == absl::StatusCode::kResourceExhausted);
    for (uint32_t i = 0; i < 500; ++i) {
      REGATTA_CHILD_REQUIRE(PutItem(queue, 1, i, 5000).ok());
      REGATTA_CHILD_REQUIRE(GetItem(queue)->number == i);
    }
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST(QueueExhaustion, OfAddressSpaceIsAnErrorAndNothingIsLost) {
  ForkedChild child([] {
    REGATTA_CHILD_REQUIRE(Family::Self().ok());
    LimitMoreAddressSpace(uint64_t{300} << 20);
    absl::StatusOr<ByteQueue> queue = ByteQueue::Create({});
    REGATTA_CHILD_REQUIRE(queue.ok());
    uint32_t put = 0;
    absl::Status status;
    while ((status = PutItem(*queue, 1, put, 100'000)).ok()) ++put;
    REGATTA_CHILD_REQUIRE(status.code() == absl::StatusCode::kResourceExhausted && put > 100);
    for (uint32_t i = 0; i < put; ++i) REGATTA_CHILD_REQUIRE(GetItem(*queue)->number == i);
    REGATTA_CHILD_REQUIRE(PutItem(*queue, 1, 0, 100'000).ok());
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
  ForkedChild none([] {
    REGATTA_CHILD_REQUIRE(Family::Self().ok());
    LimitMoreAddressSpace(uint64_t{1} << 20);
    REGATTA_CHILD_REQUIRE(ByteQueue::Create({}).status().code() == absl::StatusCode::kResourceExhausted);
    return 0;
  });
  EXPECT_EQ(none.Wait(), 0);
}

// A process that once had as many putting threads as there are lanes lives on without them.
TEST(QueueLanes, OfThreadsThatEndedServeOtherProcesses) {
  ByteQueue queue = *ByteQueue::Create({});
  Shared<std::atomic<bool>> go;
  ForkedChild child([&] {
    std::atomic<uint32_t> put{0};
    absl::Notification all_have_put;
    std::vector<std::thread> threads;
    for (uint32_t i = 0; i < kQueueLanes; ++i) {
      threads.emplace_back([&, i] {
        if (PutItem(queue, 1, i).ok() && ++put == kQueueLanes) all_have_put.Notify();
        all_have_put.WaitForNotification();
      });
    }
    for (std::thread& thread : threads) thread.join();
    go->store(true);
    for (;;) pause();
    return 0;
  });
  ASSERT_TRUE(Eventually([&] { return go->load(); }));
  EXPECT_THAT(PutItem(queue, 2, 0), IsOk());
  EXPECT_EQ(queue.size(), int64_t{kQueueLanes} + 1);
}

TEST(QueueLanes, OfManyShortProcessesAreUsedAgain) {
  ByteQueue queue = *ByteQueue::Create({});
  for (uint32_t i = 0; i < 1200; ++i) {
    ForkedChild child([&] { return PutItem(queue, 1, i).ok() ? 0 : 1; });
    ASSERT_EQ(child.Wait(), 0) << i;
  }
  for (uint32_t i = 0; i < 1200; ++i) ASSERT_EQ(GetItem(queue)->number, i) << "one lane, in order";
}

// It happens under the queue's lock, for which others may wait: it may not take the longer the more is in the lane.
TEST(QueueLanes, AreAdoptedWithoutALookAtWhatTheDeadHasLeftInThem) {
  constexpr uint32_t kItems = 3000;
#if defined(__SANITIZE_ADDRESS__)  // Its allocator and shadow memory take pages of their own.
  constexpr int64_t kMost = kItems - 1000;
#else
  constexpr int64_t kMost = kItems / 4;
#endif
  ByteQueue queue = *ByteQueue::Create({});
  ForkedChild filler([&] {
    for (uint32_t i = 0; i < kItems; ++i) REGATTA_CHILD_REQUIRE(PutItem(queue, 1, i, 20'000).ok());
    return 0;
  });
  ASSERT_EQ(filler.Wait(), 0);
  ForkedChild next([&] {
    const int64_t before = CpuUseOfThisThread().faults;
    REGATTA_CHILD_REQUIRE(PutItem(queue, 1, kItems, 30).ok());
    const int64_t faults = CpuUseOfThisThread().faults - before;
    if (faults >= kMost) std::fprintf(stderr, "%lld pages touched\n", static_cast<long long>(faults));
    REGATTA_CHILD_REQUIRE(faults < kMost);
    return 0;
  });
  EXPECT_EQ(next.Wait(), 0);
  for (uint32_t i = 0; i <= kItems; ++i) ASSERT_EQ(GetItem(queue)->number, i) << "one lane, in order";
}

ByteQueue* g_at_exit = nullptr;

TEST(QueueAtExit, IsStillUsableInExitHandlers) {
  ByteQueue queue = *ByteQueue::Create({});
  g_at_exit = &queue;
  ForkedChild child([&]() -> int {
    std::atexit([] {
      const bool works = PutItem(*g_at_exit, 1, 7).ok() && GetItem(*g_at_exit)->number == 7;
      _exit(works ? 0 : 1);
    });
    PutItem(queue, 1, 6).IgnoreError();
    GetItem(queue);
    std::exit(2);
  });
  EXPECT_EQ(child.Wait(), 0);
}

// A stopped process holds nobody up, but who needs the lock that it may hold.
TEST(QueueStopped, GettersAndPuttersAreDoneWithout) {
  ByteQueue queue = *ByteQueue::Create({.capacity = 4});
  ForkedChild getter([&] {
    while (GetItem(queue).has_value()) {
    }
    return 0;
  });
  ASSERT_TRUE(Eventually([&] { return IsAsleep(getter.pid()); }));
  getter.Stop();
  std::thread other([&] {
    for (uint32_t i = 0; i < 200; ++i) ASSERT_EQ(GetItem(queue)->number, i);
  });
  for (uint32_t i = 0; i < 200; ++i) ASSERT_THAT(PutItem(queue, 1, i), IsOk());
  other.join();
  getter.Continue();
  ASSERT_THAT(queue.Close(), IsOk());
  EXPECT_EQ(getter.Wait(), 0);
}

}  // namespace
}  // namespace regatta
