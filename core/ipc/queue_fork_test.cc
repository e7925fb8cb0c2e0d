// A user's own fork() in a process whose other threads are inside the queue and the allocator. Not under ASan: gcc's
// does not guard its allocator around fork.
#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "core/ipc/byte_queue.h"
#include "core/os/deadline.h"
#include "core/testing/forked_child.h"
#include "core/testing/status_matchers.h"
#include "core/testing/test_item.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

TEST(QueueAcrossFork, InAThreadedProcessTheChildCanPutAndGet) {
  ForkedChild outer([] {
    ByteQueue busy = *ByteQueue::Create({.capacity = 50});
    ByteQueue answers = *ByteQueue::Create({});
    std::atomic<bool> end{false};
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([&] {
        for (uint32_t n = 0; !end; ++n) {
          PutItem(busy, 9, n, n % 10 == 0 ? 2000 : 50).IgnoreError();
          std::thread([&] { answers.size(); }).join();
        }
      });
      threads.emplace_back([&] {
        while (!end) GetItem(busy, Deadline::After(absl::Milliseconds(1)));
      });
    }
    for (uint32_t i = 0; i < 30; ++i) {
      ForkedChild child([&] {
        REGATTA_CHILD_REQUIRE(PutItem(busy, 8, i).ok());
        REGATTA_CHILD_REQUIRE(PutItem(answers, 1, i).ok());
        ByteQueue own = *ByteQueue::Create({});
        std::thread([&] { PutItem(own, 1, 1).IgnoreError(); }).join();
        REGATTA_CHILD_REQUIRE(GetItem(own).has_value());
        return 0;
      });
      REGATTA_CHILD_REQUIRE(child.Wait() == 0);
      REGATTA_CHILD_REQUIRE(GetItem(answers)->number == i);
    }
    end = true;
    for (std::thread& thread : threads) thread.join();
    return 0;
  });
  EXPECT_EQ(outer.Wait(), 0);
}

// No handler of pthread_atfork runs for these.
TEST(QueueAcrossFork, AChildOfARawCallPutsOnALaneOfItsOwn) {
  constexpr uint32_t kItems = 20'000;
  for (const ForkCall call : {ForkCall::kUnderscoreFork, ForkCall::kClone}) {
    ByteQueue queue = *ByteQueue::Create({});
    ASSERT_THAT(PutItem(queue, 0, 0), IsOk());  // This thread has its lane now.
    const auto put_all = [&](uint32_t producer) {
      int failed = 0;
      for (uint32_t i = 1; i <= kItems; ++i) failed += PutItem(queue, producer, i).ok() ? 0 : 1;
      return failed;
    };
    ForkedChild child([&] { return put_all(1) == 0 ? 0 : 1; }, call);
    EXPECT_EQ(put_all(0), 0);
    EXPECT_EQ(child.Wait(), 0);
    uint32_t next[2] = {0, 1};
    while (const std::optional<TestItem> item = GetItem(queue, Deadline::Now())) {
      ASSERT_LT(item->producer, 2u);
      ASSERT_EQ(item->number, next[item->producer]++) << "producer " << item->producer;
    }
    EXPECT_EQ(next[0], kItems + 1);
    EXPECT_EQ(next[1], kItems + 1);
  }
}

}  // namespace
}  // namespace regatta
