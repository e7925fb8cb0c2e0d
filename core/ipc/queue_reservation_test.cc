// Items that are written in place.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/ipc/byte_queue.h"
#include "core/ipc/queue_format.h"
#include "core/os/cpu.h"
#include "core/os/deadline.h"
#include "core/os/error.h"
#include "core/os/memfd.h"
#include "core/testing/status_matchers.h"
#include "core/testing/test_item.h"
#include "core/testing/text_queue.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

TEST(ByteQueueReservation, IsWrittenInPlace) {
  ByteQueue queue = Make();
  for (const size_t size : {0, 24, 112, 113, 5000, 100'000}) {
    absl::StatusOr<QueueReservation> room = queue.Reserve(size);
    ASSERT_THAT(room, IsOk());
    ASSERT_EQ(room->bytes().size(), size);
    if (size >= TestItem::kSmallest) TestItem{3, 4}.Write(room->bytes());
    EXPECT_EQ(GetText(queue), "UNAVAILABLE") << "not put yet";
    room->Commit();
    room->Commit();
    QueueItem item;
    ASSERT_THAT(queue.Get(&item, Deadline::Now()), IsOk());
    ASSERT_EQ(item.bytes().size(), size);
    if (size >= TestItem::kSmallest) {
      EXPECT_TRUE(TestItem::Read(item.bytes()).has_value());
    }
  }
}

TEST(ByteQueueReservation, LeftWithoutCommitPutsNothing) {
  ByteQueue queue = Make(1);
  { ASSERT_THAT(queue.Reserve(100'000, Deadline::Now()), IsOk()); }
  absl::StatusOr<QueueReservation> room = queue.Reserve(5, Deadline::Now());
  ASSERT_THAT(room, IsOk()) << "its place in the bound is free again";
  EXPECT_TRUE(queue.full());
  std::thread([&] { EXPECT_TRUE(IsFull(PutText(queue, "x"))) << "an open one counts"; }).join();
  room->Abandon();
  EXPECT_TRUE(queue.empty());
  EXPECT_THAT(PutText(queue, "x"), IsOk());
  EXPECT_EQ(GetText(queue), "x");
}

TEST(ByteQueueReservation, IsOneAThread) {
  ByteQueue queue = Make();
  absl::StatusOr<QueueReservation> room = queue.Reserve(10);
  ASSERT_THAT(room, IsOk());
  for (const char* text : {"short", ""}) {
    const absl::Status second = PutText(queue, text);
    EXPECT_THAT(second, StatusIs(absl::StatusCode::kFailedPrecondition));
    EXPECT_FALSE(IsClosed(second));
  }
  EXPECT_THAT(queue.Reserve(5), StatusIs(absl::StatusCode::kFailedPrecondition));
  std::thread([&] { EXPECT_THAT(PutText(queue, "another"), IsOk()); }).join();
  QueueReservation moved = *std::move(room);
  moved.Commit();
  EXPECT_THAT(PutText(queue, "after"), IsOk());
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
  std::thread([&] { EXPECT_THAT(PutText(queue, "now"), IsOk()); }).join();
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
    ASSERT_THAT(room, IsOk());
    TestItem{1, static_cast<uint32_t>(i)}.Write(room->bytes());
    handed_over = new QueueReservation(*std::move(room));
    absl::Status status;
    while (!(status = queue.Put(TestItem{2, put}.Bytes(40), Deadline::Now())).ok()) {
      ASSERT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition));
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
      ASSERT_THAT(PutText(queue, "x"), IsOk());
      absl::StatusOr<QueueReservation> opened = queue.Reserve(i % 2 == 0 ? 5 : 5000);
      ASSERT_THAT(opened, IsOk());
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

}  // namespace
}  // namespace regatta
