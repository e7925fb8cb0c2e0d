// Threads that come and go.
#include <atomic>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "core/ipc/byte_queue.h"
#include "core/ipc/queue_format.h"
#include "core/ipc/text_queue.h"
#include "core/os/deadline.h"
#include "core/os/forked_child.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

TEST(ByteQueueThreads, AThousandAndTwentyFourPutAtOnceAndOneMoreIsRefused) {
  ByteQueue queue = Make();
  for (int round = 0; round < 2; ++round) {
    absl::Notification all_have_put;
    std::atomic<uint32_t> put{0};
    std::vector<std::thread> threads;
    for (uint32_t i = 0; i < kQueueLanes; ++i) {
      threads.emplace_back([&] {
        EXPECT_TRUE(PutText(queue, "x", Deadline::After(kWatchdog)).ok());
        put.fetch_add(1);
        all_have_put.WaitForNotification();
      });
    }
    ASSERT_TRUE(Eventually([&] { return put == kQueueLanes; }));
    const absl::Status one_more = PutText(queue, "x");
    EXPECT_EQ(one_more.code(), absl::StatusCode::kResourceExhausted) << one_more;
    all_have_put.Notify();
    for (std::thread& thread : threads) thread.join();
    for (uint32_t i = 0; i < kQueueLanes; ++i) ASSERT_EQ(GetText(queue), "x");
    EXPECT_EQ(GetText(queue), "UNAVAILABLE");
  }
  EXPECT_TRUE(PutText(queue, "x").ok()) << "they have ended";
}

TEST(ByteQueueThreads, ManyQueuesComeAndGo) {
  for (int i = 0; i < 300; ++i) {
    ByteQueue queue = Make(2);
    ASSERT_TRUE(PutText(queue, "x").ok());
    std::thread([&] { ASSERT_EQ(GetText(queue), "x"); }).join();
  }
}

// Built before the thread uses the queue, and so destroyed after what the queue keeps for the thread.
struct PutsAtTheEnd {
  ByteQueue* queue = nullptr;
  ~PutsAtTheEnd() {
    if (queue == nullptr) return;
    EXPECT_TRUE(PutText(*queue, "end").ok());
  }
};
thread_local PutsAtTheEnd t_puts_at_the_end;

TEST(ByteQueueThreads, MayPutInTheirLastDestructors) {
  ByteQueue queue = Make();
  std::thread([&] {
    t_puts_at_the_end.queue = &queue;
    ASSERT_TRUE(PutText(queue, "begin").ok());
  }).join();
  EXPECT_EQ(queue.size(), 2);
}

}  // namespace
}  // namespace regatta
