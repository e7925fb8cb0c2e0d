// A queue's capacity is exact.
#include <atomic>
#include <functional>
#include <limits>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "core/ipc/byte_queue.h"
#include "core/os/error.h"
#include "core/testing/status_matchers.h"
#include "core/testing/text_queue.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

// A thread that runs one function after the other, while the caller waits.
class Worker {
 public:
  Worker() : thread_([this] { Loop(); }) {}
  ~Worker() {
    Run(nullptr);
    thread_.join();
  }
  void Run(std::function<void()> work) {
    work_ = std::move(work);
    turn_.store(1, std::memory_order_release);
    turn_.notify_all();
    turn_.wait(1, std::memory_order_acquire);
  }

 private:
  void Loop() {
    for (;;) {
      turn_.wait(0, std::memory_order_acquire);
      const bool end = work_ == nullptr;
      if (!end) work_();
      turn_.store(0, std::memory_order_release);
      turn_.notify_all();
      if (end) return;
    }
  }
  std::function<void()> work_;
  std::atomic<int> turn_{0};
  std::thread thread_;
};

TEST(ByteQueueBound, IsExactForOneProducer) {
  for (const int64_t capacity : {1, 2, 3, 64, 255, 256, 257, 1000}) {
    ByteQueue queue = Make(capacity);
    EXPECT_EQ(queue.capacity(), capacity);
    for (int round = 0; round < 3; ++round) {
      for (int64_t i = 0; i < capacity; ++i) {
        EXPECT_FALSE(queue.full());
        ASSERT_THAT(PutText(queue, "x"), IsOk()) << i << " of " << capacity;
      }
      EXPECT_TRUE(queue.full());
      EXPECT_EQ(queue.size(), capacity);
      const absl::Status full = PutText(queue, "x");
      ASSERT_TRUE(IsFull(full)) << full;
      EXPECT_THAT(full, StatusIs(absl::StatusCode::kUnavailable));
      ASSERT_EQ(GetText(queue), "x");
      EXPECT_FALSE(queue.full());
      ASSERT_THAT(PutText(queue, "x"), IsOk());
      ASSERT_TRUE(IsFull(PutText(queue, "x")));
      for (int64_t i = 0; i < capacity; ++i) ASSERT_EQ(GetText(queue), "x");
      EXPECT_TRUE(queue.empty());
      EXPECT_EQ(GetText(queue), "UNAVAILABLE");
    }
  }
}

TEST(ByteQueueBound, ZeroOrLessIsNone) {
  for (const int64_t capacity : {int64_t{0}, int64_t{-1}, std::numeric_limits<int64_t>::min()}) {
    ByteQueue queue = Make(capacity);
    EXPECT_EQ(queue.capacity(), 0);
    EXPECT_FALSE(queue.full());
    for (int i = 0; i < 1000; ++i) ASSERT_THAT(PutText(queue, "x"), IsOk());
    EXPECT_FALSE(queue.full());
  }
}

TEST(ByteQueueBound, CountsCreditThatAnotherLaneHasNotSpent) {
  ByteQueue queue = Make(10);
  Worker other;
  other.Run([&] { ASSERT_THAT(PutText(queue, "a"), IsOk()); });  // Has credit for more.
  for (int i = 0; i < 9; ++i) ASSERT_THAT(PutText(queue, "b"), IsOk()) << i;
  EXPECT_TRUE(IsFull(PutText(queue, "b")));
  other.Run([&] { EXPECT_TRUE(IsFull(PutText(queue, "a"))); });
  ASSERT_NE(GetText(queue), "UNAVAILABLE");
  other.Run([&] { EXPECT_THAT(PutText(queue, "a"), IsOk()); });
  EXPECT_TRUE(IsFull(PutText(queue, "b")));
}

// Whatever four producers and a getter do in turn, each answer is that of a counter.
TEST(ByteQueueBound, IsExactForSeveralProducersInTurn) {
  std::mt19937 random(7);
  for (const int64_t capacity : {1, 2, 3, 5, 16, 300}) {
    ByteQueue queue = Make(capacity);
    std::vector<std::unique_ptr<Worker>> producers;
    for (int i = 0; i < 4; ++i) producers.push_back(std::make_unique<Worker>());
    int64_t count = 0;
    for (int step = 0; step < 400; ++step) {
      const int64_t burst = 1 + static_cast<int64_t>(random() % static_cast<uint64_t>(capacity));
      if (random() % 2 == 0) {
        producers[random() % 4]->Run([&] {
          for (int64_t i = 0; i < burst; ++i) {
            const absl::Status put = PutText(queue, "x");
            ASSERT_EQ(put.ok(), count < capacity) << put << " with " << count << " of " << capacity;
            ASSERT_TRUE(put.ok() || IsFull(put));
            if (put.ok()) ++count;
          }
        });
      } else {
        for (int64_t i = 0; i < burst; ++i) {
          ASSERT_EQ(GetText(queue), count > 0 ? "x" : "UNAVAILABLE");
          if (count > 0) --count;
        }
      }
      ASSERT_EQ(queue.size(), count);
      ASSERT_EQ(queue.full(), count == capacity);
    }
  }
}

TEST(ByteQueueBound, IsNeverExceededUnderContention) {
  for (const int64_t capacity : {1, 7}) {
    ByteQueue queue = Make(capacity);
    std::atomic<int64_t> begun_gets{0};
    std::atomic<int64_t> done_puts{0};
    std::atomic<int64_t> worst{0};
    std::vector<std::thread> putters;
    for (int i = 0; i < 3; ++i) {
      putters.emplace_back([&] {
        for (int n = 0; n < 3000; ++n) {
          ASSERT_THAT(PutText(queue, "x", Watchdog()), IsOk());
          const int64_t put = done_puts.fetch_add(1) + 1;
          const int64_t inside = put - begun_gets.load();
          if (inside > worst.load()) worst.store(inside);
        }
      });
    }
    for (int n = 0; n < 9000; ++n) {
      begun_gets.fetch_add(1);
      ASSERT_EQ(GetText(queue, Watchdog()), "x");
    }
    for (std::thread& putter : putters) putter.join();
    EXPECT_LE(worst, capacity);
  }
}

}  // namespace
}  // namespace regatta
