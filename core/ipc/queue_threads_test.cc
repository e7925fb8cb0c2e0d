// Threads that come and go.
#include <atomic>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "core/ipc/byte_queue.h"
#include "core/ipc/queue_format.h"
#include "core/testing/forked_child.h"
#include "core/testing/status_matchers.h"
#include "core/testing/text_queue.h"
#include "core/testing/watchdog.h"
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
        EXPECT_THAT(PutText(queue, "x", Watchdog()), IsOk());
        put.fetch_add(1);
        all_have_put.WaitForNotification();
      });
    }
    ASSERT_TRUE(Eventually([&] { return put == kQueueLanes; }));
    const absl::Status one_more = PutText(queue, "x");
    EXPECT_THAT(one_more, StatusIs(absl::StatusCode::kResourceExhausted));
    all_have_put.Notify();
    for (std::thread& thread : threads) thread.join();
    for (uint32_t i = 0; i < kQueueLanes; ++i) ASSERT_EQ(GetText(queue), "x");
    EXPECT_EQ(GetText(queue), "UNAVAILABLE");
  }
  EXPECT_THAT(PutText(queue, "x"), IsOk()) << "they have ended";
}

TEST(ByteQueueThreads, ManyQueuesComeAndGo) {
  for (int i = 0; i < 300; ++i) {
    ByteQueue queue = Make(2);
    ASSERT_THAT(PutText(queue, "x"), IsOk());
    std::thread([&] { ASSERT_EQ(GetText(queue), "x"); }).join();
  }
}

// Built before the thread uses the queue, and so destroyed after what the queue keeps for the thread.
struct PutsAtTheEnd {
  ByteQueue* queue = nullptr;
  ~PutsAtTheEnd() {
    if (queue == nullptr) return;
    EXPECT_THAT(PutText(*queue, "end"), IsOk());
  }
};
thread_local PutsAtTheEnd t_puts_at_the_end;

TEST(ByteQueueThreads, MayPutInTheirLastDestructors) {
  ByteQueue queue = Make();
  std::thread([&] {
    t_puts_at_the_end.queue = &queue;
    ASSERT_THAT(PutText(queue, "begin"), IsOk());
  }).join();
  EXPECT_EQ(queue.size(), 2);
}

}  // namespace
}  // namespace regatta
