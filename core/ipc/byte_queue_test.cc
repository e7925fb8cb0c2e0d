#include "core/ipc/byte_queue.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "core/ipc/test_item.h"
#include "core/os/cpu.h"
#include "core/os/deadline.h"
#include "core/os/error.h"
#include "core/os/forked_child.h"
#include "core/os/memfd.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

constexpr absl::Duration kWatchdog = absl::Seconds(20);

absl::Span<const std::byte> AsBytes(absl::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
std::string Text(const QueueItem& item) {
  return {reinterpret_cast<const char*>(item.bytes().data()), item.bytes().size()};
}
ByteQueue Make(int64_t capacity = 0) { return *ByteQueue::Create({.capacity = capacity}); }
absl::Status PutText(ByteQueue& queue, absl::string_view text, Deadline deadline = Deadline::Now()) {
  return queue.Put(AsBytes(text), deadline);
}
std::string GetText(ByteQueue& queue, Deadline deadline = Deadline::Now()) {
  QueueItem item;
  const absl::Status got = queue.Get(&item, deadline);
  return got.ok() ? Text(item) : std::string(absl::StatusCodeToString(got.code()));
}

// Whether a getter that waits in vain gives memory back until `bytes` are left. It does once it has slept for 50 ms, which a
// deadline may cut short on a busy machine.
bool IdleGetterLeaves(ByteQueue& queue, uint64_t bytes) {
  return Eventually([&] {
    EXPECT_EQ(GetText(queue, Deadline::After(absl::Milliseconds(70))), "DEADLINE_EXCEEDED");
    return queue.memory() == bytes;
  });
}

// Lets the sleepers' first tick, after 50 ms, go by: the next comes a second later, so that who then returns sooner was woken.
void LetTheFirstTickGoBy() {
  ByteQueue nothing = Make();
  EXPECT_EQ(GetText(nothing, Deadline::After(absl::Milliseconds(150))), "DEADLINE_EXCEEDED");
}

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

TEST(ByteQueueOrder, OfOneProducerIsKeptThroughABacklog) {
  ByteQueue queue = Make();
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 5000; ++i) ASSERT_TRUE(PutText(queue, std::to_string(i)).ok());
    EXPECT_EQ(queue.size(), 5000);
    for (int i = 0; i < 5000; ++i) ASSERT_EQ(GetText(queue), std::to_string(i));
    EXPECT_TRUE(queue.empty());
  }
}

TEST(ByteQueueOrder, OfEachOfSeveralThreadsIsKept) {
  constexpr uint32_t kEach = 30'000;
  for (const int64_t capacity : {0, 1, 50}) {
    ByteQueue queue = Make(capacity);
    const uint32_t each = capacity == 1 ? kEach / 10 : kEach;
    std::vector<std::thread> putters;
    for (uint32_t producer = 0; producer < 3; ++producer) {
      putters.emplace_back([&, producer] {
        for (uint32_t i = 0; i < each; ++i) {
          const size_t size = i % 64 == 0 ? 300 : 24 + i % 80;
          ASSERT_TRUE(queue.Put(TestItem{producer, i}.Bytes(size), Deadline::After(kWatchdog)).ok());
        }
      });
    }
    std::atomic<uint32_t> got{0};
    std::vector<std::thread> getters;
    for (int i = 0; i < 2; ++i) {
      getters.emplace_back([&] {
        std::vector<int64_t> last(3, -1);
        QueueItem item;
        for (;;) {
          const absl::Status status = queue.Get(&item, Deadline::After(kWatchdog));
          if (IsClosed(status)) return;
          ASSERT_TRUE(status.ok()) << status;
          const std::optional<TestItem> read = TestItem::Read(item.bytes());
          ASSERT_TRUE(read.has_value());
          ASSERT_GT(read->number, last[read->producer]);
          last[read->producer] = read->number;
          got.fetch_add(1);
        }
      });
    }
    for (std::thread& putter : putters) putter.join();
    ASSERT_TRUE(queue.Close().ok());
    for (std::thread& getter : getters) getter.join();
    EXPECT_EQ(got, 3 * each);
  }
}

TEST(ByteQueueItems, OfEverySizeArriveWhole) {
  ByteQueue queue = Make();
  std::vector<size_t> sizes = {0, 1, 7, 8, 111, 112, 113, 240, 1 << 20, (1 << 20) + 1, 3'000'000};
  for (size_t size = 256; size <= 65536; size *= 2) {
    for (const size_t payload : {size - 65, size - 64, size - 63, size}) sizes.push_back(payload);
  }
  for (int round = 0; round < 2; ++round) {
    for (uint32_t i = 0; i < sizes.size(); ++i) {
      const std::vector<std::byte> bytes = sizes[i] < TestItem::kSmallest
                                               ? std::vector<std::byte>(sizes[i], std::byte(i))
                                               : TestItem{1, i}.Bytes(sizes[i]);
      ASSERT_TRUE(queue.Put(bytes, Deadline::Now()).ok());
    }
    for (uint32_t i = 0; i < sizes.size(); ++i) {
      QueueItem item;
      ASSERT_TRUE(queue.Get(&item, Deadline::Now()).ok());
      ASSERT_EQ(item.bytes().size(), sizes[i]);
      if (sizes[i] >= TestItem::kSmallest) {
        const std::optional<TestItem> read = TestItem::Read(item.bytes());
        ASSERT_TRUE(read.has_value()) << sizes[i];
        EXPECT_EQ(read->number, i);
      } else {
        for (const std::byte byte : item.bytes()) EXPECT_EQ(byte, std::byte(i));
      }
    }
  }
}

TEST(ByteQueueItems, OverOneGibibyteAreRefused) {
  ByteQueue queue = Make(1);
  EXPECT_EQ(queue.Reserve((size_t{1} << 30) + 1).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(PutText(queue, "small").ok());
  EXPECT_EQ(GetText(queue), "small");
}

TEST(ByteQueueItems, OutliveTheQueueTheyCameFrom) {
  QueueItem item;
  {
    ByteQueue queue = Make();
    ASSERT_TRUE(queue.Put(TestItem{1, 2}.Bytes(100'000), Deadline::Now()).ok());
    ASSERT_TRUE(queue.Get(&item, Deadline::Now()).ok());
  }
  EXPECT_EQ(TestItem::Read(item.bytes())->number, 2u);
  QueueItem moved = std::move(item);
  EXPECT_TRUE(item.bytes().empty());
  EXPECT_EQ(TestItem::Read(moved.bytes())->number, 2u);
  moved.Reset();
  EXPECT_TRUE(moved.bytes().empty());
}

TEST(ByteQueueItems, KeptByTheirGetterAreNotOverwritten) {
  ByteQueue queue = Make();
  std::vector<QueueItem> kept(200);
  for (uint32_t i = 0; i < 2000; ++i) {
    ASSERT_TRUE(queue.Put(TestItem{1, i}.Bytes(200 + i % 5000), Deadline::Now()).ok());
    QueueItem item;
    ASSERT_TRUE(queue.Get(&item, Deadline::Now()).ok());
    if (i % 10 == 0) kept[i / 10] = std::move(item);
  }
  for (uint32_t i = 0; i < kept.size(); ++i) ASSERT_EQ(TestItem::Read(kept[i].bytes())->number, i * 10);
}

TEST(ByteQueueBound, IsExactForOneProducer) {
  for (const int64_t capacity : {1, 2, 3, 64, 255, 256, 257, 1000}) {
    ByteQueue queue = Make(capacity);
    EXPECT_EQ(queue.capacity(), capacity);
    for (int round = 0; round < 3; ++round) {
      for (int64_t i = 0; i < capacity; ++i) {
        EXPECT_FALSE(queue.full());
        ASSERT_TRUE(PutText(queue, "x").ok()) << i << " of " << capacity;
      }
      EXPECT_TRUE(queue.full());
      EXPECT_EQ(queue.size(), capacity);
      const absl::Status full = PutText(queue, "x");
      ASSERT_TRUE(IsFull(full)) << full;
      EXPECT_EQ(full.code(), absl::StatusCode::kUnavailable);
      ASSERT_EQ(GetText(queue), "x");
      EXPECT_FALSE(queue.full());
      ASSERT_TRUE(PutText(queue, "x").ok());
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
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(PutText(queue, "x").ok());
    EXPECT_FALSE(queue.full());
  }
}

TEST(ByteQueueBound, CountsCreditThatAnotherLaneHasNotSpent) {
  ByteQueue queue = Make(10);
  Worker other;
  other.Run([&] { ASSERT_TRUE(PutText(queue, "a").ok()); });  // Has credit for more.
  for (int i = 0; i < 9; ++i) ASSERT_TRUE(PutText(queue, "b").ok()) << i;
  EXPECT_TRUE(IsFull(PutText(queue, "b")));
  other.Run([&] { EXPECT_TRUE(IsFull(PutText(queue, "a"))); });
  ASSERT_NE(GetText(queue), "UNAVAILABLE");
  other.Run([&] { EXPECT_TRUE(PutText(queue, "a").ok()); });
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
          ASSERT_TRUE(PutText(queue, "x", Deadline::After(kWatchdog)).ok());
          const int64_t put = done_puts.fetch_add(1) + 1;
          const int64_t inside = put - begun_gets.load();
          if (inside > worst.load()) worst.store(inside);
        }
      });
    }
    for (int n = 0; n < 9000; ++n) {
      begun_gets.fetch_add(1);
      ASSERT_EQ(GetText(queue, Deadline::After(kWatchdog)), "x");
    }
    for (std::thread& putter : putters) putter.join();
    EXPECT_LE(worst, capacity);
  }
}

TEST(ByteQueueDeadline, IsNotCutShort) {
  ByteQueue queue = Make(1);
  const Deadline get = Deadline::After(absl::Milliseconds(20));
  QueueItem item;
  const absl::Status empty = queue.Get(&item, get);
  EXPECT_TRUE(get.passed());
  EXPECT_TRUE(IsEmpty(empty));
  EXPECT_EQ(empty.code(), absl::StatusCode::kDeadlineExceeded);
  ASSERT_TRUE(PutText(queue, "x").ok());
  const Deadline put = Deadline::After(absl::Milliseconds(20));
  const absl::Status full = PutText(queue, "y", put);
  EXPECT_TRUE(put.passed());
  EXPECT_TRUE(IsFull(full));
  EXPECT_EQ(full.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(queue.size(), 1);
  EXPECT_EQ(GetText(queue), "x");
}

TEST(ByteQueueDeadline, NegativeHasPassed) {
  ByteQueue queue = Make(1);
  EXPECT_EQ(GetText(queue, Deadline::After(absl::Seconds(-1))), "UNAVAILABLE");
  EXPECT_TRUE(PutText(queue, "x", Deadline::After(absl::Seconds(-1))).ok()) << "it tries once";
  EXPECT_EQ(PutText(queue, "x", Deadline::After(absl::Seconds(-1))).code(), absl::StatusCode::kUnavailable);
}

TEST(ByteQueueWaiting, APutWakesAGetterAndAGetWakesAPutter) {
  ByteQueue queue = Make(1);
  std::atomic<int32_t> getter_id{0};
  std::thread getter([&] {
    getter_id = ThisThreadId();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(GetText(queue, Deadline::After(kWatchdog)), std::to_string(i));
  });
  ASSERT_TRUE(Eventually([&] { return getter_id != 0 && IsAsleep(getter_id); }));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(PutText(queue, std::to_string(i), Deadline::After(kWatchdog)).ok());
  getter.join();
  ASSERT_TRUE(PutText(queue, "a").ok());
  std::atomic<int32_t> putter_id{0};
  std::thread putter([&] {
    putter_id = ThisThreadId();
    EXPECT_TRUE(PutText(queue, "b", Deadline::After(kWatchdog)).ok());
  });
  ASSERT_TRUE(Eventually([&] { return putter_id != 0 && IsAsleep(putter_id); }));
  EXPECT_EQ(GetText(queue), "a");
  EXPECT_EQ(GetText(queue, Deadline::After(kWatchdog)), "b");
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
        EXPECT_EQ(GetText(queue, Deadline::After(kWatchdog)), "x");
      } else {
        EXPECT_TRUE(PutText(queue, "y", Deadline::After(kWatchdog)).ok());
      }
    });
    ASSERT_TRUE(Eventually([&] { return id != 0 && IsAsleep(id); }));
    LetTheFirstTickGoBy();
    const Deadline soon = Deadline::After(absl::Milliseconds(600));
    if (getter) {
      ASSERT_TRUE(PutText(queue, "x").ok());
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
  ASSERT_TRUE(PutText(queue, "a").ok());
  ASSERT_TRUE(PutText(queue, "b").ok());
  EXPECT_FALSE(queue.closed());
  ASSERT_TRUE(queue.Close().ok());
  EXPECT_TRUE(queue.closed());
  EXPECT_TRUE(IsClosed(PutText(queue, "c")));
  EXPECT_TRUE(IsClosed(queue.Reserve(10).status()));
  std::thread([&] { EXPECT_TRUE(IsClosed(PutText(queue, "c"))) << "also who never put before"; }).join();
  EXPECT_EQ(GetText(queue), "a");
  ASSERT_TRUE(queue.Close().ok()) << "twice is fine";
  EXPECT_EQ(GetText(queue), "b");
  QueueItem item;
  EXPECT_TRUE(IsClosed(queue.Get(&item, Deadline::Never())));
  EXPECT_TRUE(IsClosed(queue.Get(&item, Deadline::Now())));
}

TEST(ByteQueueClose, WakesAllWhoWait) {
  ByteQueue empty = Make();
  ByteQueue full = Make(1);
  ASSERT_TRUE(PutText(full, "x").ok());
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
  ASSERT_TRUE(empty.Close().ok());
  ASSERT_TRUE(full.Close().ok());
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(soon.passed()) << "some were woken by their tick alone";
}

TEST(ByteQueueClose, WaitsForAnItemOnItsWayAndThenTellsAll) {
  for (const bool commit : {true, false}) {
    ByteQueue queue = Make();
    absl::StatusOr<QueueReservation> room = queue.Reserve(1);
    ASSERT_TRUE(room.ok());
    room->bytes()[0] = std::byte{'x'};
    std::vector<std::thread> getters;
    std::atomic<int32_t> ids[4]{};
    std::atomic<int> got{0};
    std::atomic<int> closed{0};
    for (auto& id : ids) {
      getters.emplace_back([&] {
        id = ThisThreadId();
        const std::string text = GetText(queue, Deadline::After(kWatchdog));
        if (text == "x") ++got;
        if (text == "FAILED_PRECONDITION") ++closed;
      });
    }
    for (auto& id : ids) ASSERT_TRUE(Eventually([&] { return id != 0 && IsAsleep(id); }));
    ASSERT_TRUE(queue.Close().ok());
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
          const absl::Status status = PutText(queue, "x", Deadline::After(kWatchdog));
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
          const absl::Status status = queue.Get(&item, Deadline::After(kWatchdog));
          if (!status.ok()) {
            ASSERT_TRUE(IsClosed(status)) << status;
            return;
          }
          ++got;
        }
      });
    }
    while (put < 50) YieldProcessor();
    ASSERT_TRUE(queue.Close().ok());
    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(put, got);
  }
}

TEST(ByteQueueReservation, IsWrittenInPlace) {
  ByteQueue queue = Make();
  for (const size_t size : {0, 24, 112, 113, 5000, 100'000}) {
    absl::StatusOr<QueueReservation> room = queue.Reserve(size);
    ASSERT_TRUE(room.ok());
    ASSERT_EQ(room->bytes().size(), size);
    if (size >= TestItem::kSmallest) TestItem{3, 4}.Write(room->bytes());
    EXPECT_EQ(GetText(queue), "UNAVAILABLE") << "not put yet";
    room->Commit();
    room->Commit();
    QueueItem item;
    ASSERT_TRUE(queue.Get(&item, Deadline::Now()).ok());
    ASSERT_EQ(item.bytes().size(), size);
    if (size >= TestItem::kSmallest) {
      EXPECT_TRUE(TestItem::Read(item.bytes()).has_value());
    }
  }
}

TEST(ByteQueueReservation, LeftWithoutCommitPutsNothing) {
  ByteQueue queue = Make(1);
  { ASSERT_TRUE(queue.Reserve(100'000, Deadline::Now()).ok()); }
  absl::StatusOr<QueueReservation> room = queue.Reserve(5, Deadline::Now());
  ASSERT_TRUE(room.ok()) << "its place in the bound is free again";
  EXPECT_TRUE(queue.full());
  std::thread([&] { EXPECT_TRUE(IsFull(PutText(queue, "x"))) << "an open one counts"; }).join();
  room->Abandon();
  EXPECT_TRUE(queue.empty());
  EXPECT_TRUE(PutText(queue, "x").ok());
  EXPECT_EQ(GetText(queue), "x");
}

TEST(ByteQueueReservation, IsOneAThread) {
  ByteQueue queue = Make();
  absl::StatusOr<QueueReservation> room = queue.Reserve(10);
  ASSERT_TRUE(room.ok());
  for (const char* text : {"short", ""}) {
    const absl::Status second = PutText(queue, text);
    EXPECT_EQ(second.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_FALSE(IsClosed(second));
  }
  EXPECT_EQ(queue.Reserve(5).status().code(), absl::StatusCode::kFailedPrecondition);
  std::thread([&] { EXPECT_TRUE(PutText(queue, "another").ok()); }).join();
  QueueReservation moved = *std::move(room);
  moved.Commit();
  EXPECT_TRUE(PutText(queue, "after").ok());
  EXPECT_EQ(queue.size(), 3);
}

TEST(ByteQueueReservation, MayOutliveItsThreadAndQueueHandle) {
  ByteQueue queue = Make();
  QueueReservation room;
  std::thread([&] {
    ByteQueue copy = queue;
    room = *copy.Reserve(5);
  }).join();
  std::memcpy(room.bytes().data(), "later", 5);
  std::thread([&] { EXPECT_TRUE(PutText(queue, "now").ok()); }).join();
  room.Commit();
  EXPECT_EQ(queue.size(), 2);
  std::vector<std::string> got = {GetText(queue), GetText(queue)};
  std::sort(got.begin(), got.end());
  EXPECT_EQ(got, (std::vector<std::string>{"later", "now"}));
}

// How many lanes the queue has ever had.
uint32_t LanesEverUsed(const ByteQueue& queue) {
  return reinterpret_cast<const QueueHeader*>(Mapping::Map(queue.descriptor(), sizeof(QueueHeader))->data())->lanes;
}

// One thread opens reservations, and puts whenever it may; another commits or abandons them.
TEST(ByteQueueReservation, OfAThreadThatGoesOnPuttingIsEndedByAnother) {
  constexpr int kReservations = 30'000;
  ByteQueue queue = Make();
  std::atomic<QueueReservation*> handed_over{nullptr};
  std::atomic<bool> end{false};
  uint32_t committed = 0;
  std::thread other([&] {
    for (uint32_t i = 0; !end;) {
      QueueReservation* room = handed_over.exchange(nullptr);
      if (room == nullptr) {
        CpuPause();
        continue;
      }
      if (i++ % 4 != 0) {
        room->Commit();
        ++committed;
      }
      delete room;
    }
  });
  uint32_t put = 0;
  for (int i = 0; i < kReservations; ++i) {
    absl::StatusOr<QueueReservation> room = queue.Reserve(i % 3 == 0 ? 500 : 50);
    ASSERT_TRUE(room.ok()) << room.status();
    TestItem{1, static_cast<uint32_t>(i)}.Write(room->bytes());
    handed_over = new QueueReservation(*std::move(room));
    absl::Status status;
    while (!(status = queue.Put(TestItem{2, put}.Bytes(40), Deadline::Now())).ok()) {
      ASSERT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
      CpuPause();
    }
    ++put;
  }
  end = true;
  other.join();
  EXPECT_EQ(queue.size(), committed + put);
  uint32_t reserved = 0;
  uint32_t next = 0;
  QueueItem item;
  while (queue.Get(&item, Deadline::Now()).ok()) {
    const std::optional<TestItem> read = TestItem::Read(item.bytes());
    ASSERT_TRUE(read.has_value());
    if (read->producer == 1) ++reserved;
    if (read->producer == 2) {
      ASSERT_EQ(read->number, next++);
    }
  }
  EXPECT_EQ(reserved, committed);
  EXPECT_EQ(next, put);
  EXPECT_EQ(LanesEverUsed(queue), 1u);
}

// More threads than there are lanes open a reservation and end, before or after another thread ends the reservation.
TEST(ByteQueueReservation, OfAThreadThatHasEndedCostsNoLane) {
  ByteQueue queue = Make();
  int64_t committed = 0;
  for (uint32_t i = 0; i < kQueueLanes + 100; ++i) {
    QueueReservation room;
    std::thread thread([&] {
      ASSERT_TRUE(PutText(queue, "x").ok());
      absl::StatusOr<QueueReservation> opened = queue.Reserve(i % 2 == 0 ? 5 : 5000);
      ASSERT_TRUE(opened.ok()) << opened.status();
      room = *std::move(opened);
    });
    thread.join();
    if (i % 3 == 0) continue;  // Destroyed by this thread.
    if (i % 3 == 1) {
      room.Abandon();
    } else {
      room.Commit();
      ++committed;
    }
  }
  EXPECT_EQ(queue.size(), committed + kQueueLanes + 100);
  EXPECT_EQ(LanesEverUsed(queue), 1u);
}

TEST(ByteQueueReservation, EndsAtTheSameTimeAsItsThread) {
  ByteQueue queue = Make();
  for (int i = 0; i < 3000; ++i) {
    std::atomic<bool> opened{false};
    QueueReservation room;
    std::thread thread([&] {
      room = *queue.Reserve(10);
      opened.store(true, std::memory_order_release);
    });
    while (!opened.load(std::memory_order_acquire)) YieldProcessor();
    room.Commit();
    thread.join();
    ASSERT_NE(GetText(queue), "UNAVAILABLE");
  }
  EXPECT_LE(LanesEverUsed(queue), 2u);
}

TEST(ByteQueueMemory, OfAMillionItemsIsUnder150MiB) {
  ByteQueue queue = Make();
  const std::string item(64, 'x');
  for (int i = 0; i < 1'000'000; ++i) ASSERT_TRUE(PutText(queue, item).ok());
  EXPECT_EQ(queue.size(), 1'000'000);
  const uint64_t base = kLanesOffset + sizeof(QueueLane) + kBaseRingBytes;  // What is there besides chunks.
  EXPECT_LT(queue.memory() + base, uint64_t{150} << 20);
  for (int i = 0; i < 1'000'000; ++i) ASSERT_EQ(GetText(queue).size(), 64u);
  // An idle getter gives it back.
  EXPECT_TRUE(IdleGetterLeaves(queue, 0));
}

TEST(ByteQueueMemory, OfLargeItemsIsGivenBackByAnIdleGetter) {
  ByteQueue queue = Make();
  for (uint32_t i = 0; i < 100; ++i) ASSERT_TRUE(queue.Put(TestItem{1, i}.Bytes(100'000), Deadline::Now()).ok());
  QueueItem kept;
  ASSERT_TRUE(queue.Get(&kept, Deadline::Now()).ok());
  for (int i = 0; i < 99; ++i) ASSERT_EQ(GetText(queue).size(), 100'000u);
  EXPECT_GT(queue.memory(), uint64_t{9} << 20);
  EXPECT_TRUE(IdleGetterLeaves(queue, uint64_t{128} << 10)) << "all but the item that is still read";
  EXPECT_EQ(TestItem::Read(kept.bytes())->number, 0u);
  // And the queue goes on.
  for (uint32_t i = 0; i < 500; ++i) ASSERT_TRUE(queue.Put(TestItem{1, i}.Bytes(5000), Deadline::Now()).ok());
  for (uint32_t i = 0; i < 500; ++i) {
    QueueItem item;
    ASSERT_TRUE(queue.Get(&item, Deadline::Now()).ok());
    ASSERT_EQ(TestItem::Read(item.bytes())->number, i);
  }
}

TEST(ByteQueueMemory, OfABacklogIsGivenBackByTheProducerAsItGoesOn) {
  ByteQueue queue = Make();
  for (int i = 0; i < 20'000; ++i) ASSERT_TRUE(PutText(queue, "x").ok());
  const uint64_t peak = queue.memory();
  EXPECT_GT(peak, uint64_t{2} << 20);
  for (int i = 0; i < 20'000; ++i) ASSERT_EQ(GetText(queue), "x");
  for (int i = 0; i < 100'000; ++i) {
    ASSERT_TRUE(PutText(queue, std::to_string(i)).ok());
    ASSERT_EQ(GetText(queue), std::to_string(i));
  }
  EXPECT_EQ(queue.memory(), 0u);
}

TEST(ByteQueueMemory, LimitIsAnErrorAndTheQueueStaysUsable) {
  ByteQueue queue = *ByteQueue::Create({.memory_limit = 1 << 20});
  uint32_t put = 0;
  absl::Status status;
  while ((status = queue.Put(TestItem{1, put}.Bytes(10'000), Deadline::Now())).ok()) ++put;
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_NE(status.message().find("memory_limit"), std::string::npos);
  EXPECT_GE(put, 50u);
  EXPECT_LE(queue.memory(), uint64_t{1} << 20);
  EXPECT_EQ(queue.Put(TestItem{1, 0}.Bytes(2 << 20), Deadline::Now()).code(), absl::StatusCode::kResourceExhausted);
  for (uint32_t i = 0; i < put; ++i) {
    QueueItem item;
    ASSERT_TRUE(queue.Get(&item, Deadline::Now()).ok());
    ASSERT_EQ(TestItem::Read(item.bytes())->number, i);
  }
  EXPECT_TRUE(queue.Put(TestItem{1, 1}.Bytes(10'000), Deadline::Now()).ok());
  // A backlog of small items reaches it too.
  uint32_t small = 0;
  while ((status = PutText(queue, "x")).ok()) ++small;
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(GetText(queue).size(), 10'000u);
  for (uint32_t i = 0; i < small; ++i) ASSERT_EQ(GetText(queue), "x");
  EXPECT_TRUE(PutText(queue, "x").ok());
}

TEST(ByteQueueTrust, AnOverwrittenItemIsDroppedAndSaidToBe) {
  ByteQueue queue = Make();
  ASSERT_TRUE(PutText(queue, "good").ok());
  ASSERT_TRUE(PutText(queue, "bad place").ok());
  ASSERT_TRUE(PutText(queue, "bad size").ok());
  ASSERT_TRUE(queue.Put(TestItem{1, 1}.Bytes(500), Deadline::Now()).ok());
  ASSERT_TRUE(PutText(queue, "good too").ok());
  const Mapping mapping = *Mapping::Map(queue.descriptor(), *MemfdSize(queue.descriptor()));
  auto* slots = reinterpret_cast<QueueSlot*>(mapping.data() + kBaseRingsOffset);
  slots[1].place = 77;
  slots[2].size = 113;
  const uint64_t astray = ~uint64_t{0};
  std::memcpy(slots[3].bytes, &astray, 8);
  EXPECT_EQ(GetText(queue), "good");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(GetText(queue), "DATA_LOSS");
  EXPECT_EQ(GetText(queue), "good too");
}

TEST(ByteQueueTrust, ARingThatCannotBeIsNotFollowed) {
  ByteQueue queue = Make();
  ASSERT_TRUE(PutText(queue, "x").ok());
  const Mapping mapping = *Mapping::Map(queue.descriptor(), kLanesOffset + sizeof(QueueLane));
  auto& lane = *reinterpret_cast<QueueLane*>(mapping.data() + kLanesOffset);
  for (const uint64_t word :
       {uint64_t{0}, ~uint64_t{0}, uint64_t{1} << 62 | 8, uint64_t{64} | 8, uint64_t{4096} | 23}) {
    lane.rings[0] = word;
    EXPECT_EQ(GetText(queue), "UNAVAILABLE") << word;
  }
}

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
