// What an operation costs does not grow with what the queue holds, held, or has had: counted in steps, and in memory
// taken.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "core/ipc/byte_queue.h"
#include "core/ipc/queue_format.h"
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

class Header {
 public:
  explicit Header(const ByteQueue& queue) : mapping_(*Mapping::Map(queue.descriptor(), sizeof(QueueHeader))) {}
  QueueHeader* operator->() const { return reinterpret_cast<QueueHeader*>(mapping_.data()); }

 private:
  Mapping mapping_;
};

int LanesLookedAt(const ByteQueue& queue) {
  int count = 0;
  const Header header(queue);
  for (const auto& word : header->lanes_in_use) count += std::popcount(word.load());
  return count;
}

bool GetOne(ByteQueue& queue) {
  QueueItem item;
  return queue.Get(&item, Deadline::Now()).ok();
}

TEST(QueueLimits, LanesThatNobodyUsesAnyMoreAreNotLookedAt) {
  constexpr int kThreads = 1000;
  ByteQueue queue = *ByteQueue::Create({});
  absl::Notification end;
  std::atomic<int> put{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      EXPECT_THAT(queue.Put(TestItem{1, 1}.Bytes(30)), IsOk());
      ++put;
      end.WaitForNotification();
    });
  }
  ASSERT_TRUE(Eventually([&] { return put == kThreads; }));
  end.Notify();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(LanesLookedAt(queue), kThreads) << "each has an item";
  for (int i = 0; i < kThreads; ++i) ASSERT_TRUE(GetOne(queue));
  for (int i = 0; i < 600; ++i) ASSERT_FALSE(GetOne(queue));
  EXPECT_EQ(LanesLookedAt(queue), 0);
  // And they are there again for those who come.
  for (int i = 0; i < 3; ++i) {
    std::thread([&] { EXPECT_THAT(queue.Put(TestItem{1, 2}.Bytes(30)), IsOk()); }).join();
  }
  EXPECT_EQ(LanesLookedAt(queue), 1);
  EXPECT_EQ(queue.size(), 3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(GetOne(queue));
  EXPECT_EQ(Header(queue)->lanes, static_cast<uint32_t>(kThreads)) << "none was made";
}

TEST(QueueLimits, LanesOfTheDeadAndOfThoseWhoWaitInPutAreToldApart) {
  ByteQueue queue = *ByteQueue::Create({});
  ForkedChild dead([&] { return queue.Put(TestItem{1, 1}.Bytes(30)).ok() ? 0 : 1; });
  ASSERT_EQ(dead.Wait(), 0);
  ASSERT_THAT(queue.Put(TestItem{1, 2}.Bytes(30)), IsOk()) << "in the lane of the dead";
  std::thread other([&] {
    EXPECT_THAT(queue.Put(TestItem{1, 3}.Bytes(30)), IsOk());
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(GetOne(queue));
    for (int i = 0; i < 600; ++i) EXPECT_FALSE(GetOne(queue));
    EXPECT_EQ(LanesLookedAt(queue), 2) << "both owners live";
    EXPECT_THAT(queue.Put(TestItem{1, 4}.Bytes(30)), IsOk());
    EXPECT_TRUE(GetOne(queue));
  });
  other.join();
}

uint64_t MemoryBehind(const ByteQueue& queue) { return MemfdMemory(queue.descriptor()).value_or(0); }

// A backlog grows and shrinks: no single put waits for the kernel to find, or take back, more than some MiB.
TEST(QueueLimits, OnePutTakesAndGivesBackBoundedMemory) {
  constexpr int kItems = 150'000;
  constexpr uint64_t kMost = uint64_t{5} << 20;
  ByteQueue queue = *ByteQueue::Create({});
  uint64_t before = MemoryBehind(queue);
  uint64_t most_taken = 0;
  uint64_t most_given = 0;
  const auto put = [&](size_t size) {
    ASSERT_THAT(queue.Put(TestItem{1, 1}.Bytes(size), Deadline::Now()), IsOk());
    const uint64_t now = MemoryBehind(queue);
    most_taken = std::max(most_taken, now > before ? now - before : 0);
    most_given = std::max(most_given, now < before ? before - now : 0);
    before = now;
  };
  for (int i = 0; i < kItems; ++i) put(i % 10 == 0 ? 2000 : 30);
  EXPECT_GT(before, uint64_t{40} << 20);
  EXPECT_LE(most_taken, kMost);
  for (int i = 0; i < kItems; ++i) ASSERT_TRUE(GetOne(queue));
  for (int i = 0; i < 4 * kItems && queue.memory() > (uint64_t{1} << 20); ++i) {
    put(i % 10 == 0 ? 2000 : 30);
    ASSERT_TRUE(GetOne(queue));
  }
  EXPECT_LE(most_given, kMost);
  EXPECT_LE(queue.memory(), uint64_t{1} << 20) << "it is given back as the producer goes on";
  EXPECT_LE(MemoryBehind(queue), uint64_t{2} << 20);
}

// The queue's lock is held by a process that does not run.
class StoppedHolder {
 public:
  explicit StoppedHolder(ByteQueue& queue) : header_(queue) {
    holder_ = std::make_unique<ForkedChild>([&] {
      header_->arena.lock.Acquire(*Family::Self(), Deadline::Never());
      *held_ = true;
      for (;;) pause();
      return 0;
    });
    EXPECT_TRUE(Eventually([&] { return held_->load(); }));
    holder_->Stop();
  }
  void Kill() {
    holder_->Kill();
    holder_->Wait();
  }

 private:
  Header header_;
  Shared<std::atomic<bool>> held_;
  std::unique_ptr<ForkedChild> holder_;
};

TEST(QueueDeadlines, HoldWhileTheHolderOfTheQueuesLockIsStopped) {
  ByteQueue queue = *ByteQueue::Create({});
  ByteQueue bounded = *ByteQueue::Create({.capacity = 2});
  ASSERT_THAT(queue.Put(TestItem{1, 0}.Bytes(30)), IsOk());
  for (int i = 0; i < 2; ++i) ASSERT_THAT(bounded.Put(TestItem{1, 0}.Bytes(30)), IsOk());
  ASSERT_TRUE(GetOne(bounded));
  StoppedHolder holder(queue);
  StoppedHolder holder_of_bounded(bounded);
  // A watchdog of a minute would be as good: the holder runs never again.
  const Deadline watchdog = Watchdog();
  const auto expect_held_up = [&](const absl::Status& put) {
    EXPECT_THAT(put, StatusIs(absl::StatusCode::kUnavailable));
    EXPECT_FALSE(IsFull(put)) << put;
    EXPECT_FALSE(watchdog.passed());
  };
  for (const Deadline deadline : {Deadline::Now(), Deadline::After(absl::Milliseconds(30))}) {
    // What needs no lock goes on.
    EXPECT_THAT(queue.Put(TestItem{1, 1}.Bytes(30), deadline), IsOk());
    EXPECT_TRUE(GetOne(queue));
    expect_held_up(queue.Put(TestItem{1, 1}.Bytes(3000), deadline));
    expect_held_up(queue.Reserve(100'000, deadline).status());
    expect_held_up(bounded.Put(TestItem{1, 1}.Bytes(30), deadline));
    // Threads that have no lane so far.
    std::thread first([&] { expect_held_up(queue.Put(TestItem{2, 1}.Bytes(30), deadline)); });
    std::thread second([&] { expect_held_up(queue.Put(TestItem{2, 1}.Bytes(30), deadline)); });
    first.join();
    second.join();
    // A backlog for which the ring is too small.
    absl::Status put;
    for (int i = 0; i < 1000 && put.ok(); ++i) put = queue.Put(TestItem{1, 1}.Bytes(30), deadline);
    expect_held_up(put);
    EXPECT_TRUE(deadline.passed());
    while (GetOne(queue)) {
    }
  }
  EXPECT_EQ(queue.size(), 0) << "nothing is left on its way";
  holder.Kill();
  EXPECT_THAT(queue.Put(TestItem{1, 1}.Bytes(3000)), IsOk());
  EXPECT_TRUE(GetOne(queue));
}

}  // namespace
}  // namespace regatta
