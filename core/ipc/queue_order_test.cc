// What arrives: items of every size, whole, in each producer's order.
#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/ipc/byte_queue.h"
#include "core/os/deadline.h"
#include "core/os/error.h"
#include "core/testing/status_matchers.h"
#include "core/testing/test_item.h"
#include "core/testing/text_queue.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

TEST(ByteQueueOrder, OfOneProducerIsKeptThroughABacklog) {
  ByteQueue queue = Make();
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 5000; ++i) ASSERT_THAT(PutText(queue, std::to_string(i)), IsOk());
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
          ASSERT_THAT(queue.Put(TestItem{producer, i}.Bytes(size), Watchdog()), IsOk());
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
          const absl::Status status = queue.Get(&item, Watchdog());
          if (IsClosed(status)) return;
          ASSERT_THAT(status, IsOk());
          const std::optional<TestItem> read = TestItem::Read(item.bytes());
          ASSERT_TRUE(read.has_value());
          ASSERT_GT(read->number, last[read->producer]);
          last[read->producer] = read->number;
          got.fetch_add(1);
        }
      });
    }
    for (std::thread& putter : putters) putter.join();
    ASSERT_THAT(queue.Close(), IsOk());
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
      ASSERT_THAT(queue.Put(bytes, Deadline::Now()), IsOk());
    }
    for (uint32_t i = 0; i < sizes.size(); ++i) {
      QueueItem item;
      ASSERT_THAT(queue.Get(&item, Deadline::Now()), IsOk());
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
  EXPECT_THAT(queue.Reserve((size_t{1} << 30) + 1), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(PutText(queue, "small"), IsOk());
  EXPECT_EQ(GetText(queue), "small");
}

TEST(ByteQueueItems, OutliveTheQueueTheyCameFrom) {
  QueueItem item;
  {
    ByteQueue queue = Make();
    ASSERT_THAT(queue.Put(TestItem{1, 2}.Bytes(100'000), Deadline::Now()), IsOk());
    ASSERT_THAT(queue.Get(&item, Deadline::Now()), IsOk());
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
    ASSERT_THAT(queue.Put(TestItem{1, i}.Bytes(200 + i % 5000), Deadline::Now()), IsOk());
    QueueItem item;
    ASSERT_THAT(queue.Get(&item, Deadline::Now()), IsOk());
    if (i % 10 == 0) kept[i / 10] = std::move(item);
  }
  for (uint32_t i = 0; i < kept.size(); ++i) ASSERT_EQ(TestItem::Read(kept[i].bytes())->number, i * 10);
}

}  // namespace
}  // namespace regatta
