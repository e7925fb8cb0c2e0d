// The memory of backlogs and large items, and its limit.
#include <string>

#include "absl/time/time.h"
#include "core/ipc/byte_queue.h"
#include "core/ipc/queue_format.h"
#include "core/os/deadline.h"
#include "core/testing/forked_child.h"
#include "core/testing/status_matchers.h"
#include "core/testing/test_item.h"
#include "core/testing/text_queue.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

// Whether a getter that waits in vain gives memory back until `bytes` are left. It does once it has slept for 50 ms,
// which a deadline may cut short on a busy machine.
bool IdleGetterLeaves(ByteQueue& queue, uint64_t bytes) {
  return Eventually([&] {
    EXPECT_EQ(GetText(queue, Deadline::After(absl::Milliseconds(70))), "DEADLINE_EXCEEDED");
    return queue.memory() == bytes;
  });
}

TEST(ByteQueueMemory, OfAMillionItemsIsUnder150MiB) {
  ByteQueue queue = Make();
  const std::string item(64, 'x');
  for (int i = 0; i < 1'000'000; ++i) ASSERT_THAT(PutText(queue, item), IsOk());
  EXPECT_EQ(queue.size(), 1'000'000);
  const uint64_t base = kLanesOffset + sizeof(QueueLane) + kBaseRingBytes;  // What is there besides chunks.
  EXPECT_LT(queue.memory() + base, uint64_t{150} << 20);
  for (int i = 0; i < 1'000'000; ++i) ASSERT_EQ(GetText(queue).size(), 64u);
  // An idle getter gives it back.
  EXPECT_TRUE(IdleGetterLeaves(queue, 0));
}

TEST(ByteQueueMemory, OfLargeItemsIsGivenBackByAnIdleGetter) {
  ByteQueue queue = Make();
  for (uint32_t i = 0; i < 100; ++i) ASSERT_THAT(queue.Put(TestItem{1, i}.Bytes(100'000), Deadline::Now()), IsOk());
  QueueItem kept;
  ASSERT_THAT(queue.Get(&kept, Deadline::Now()), IsOk());
  for (int i = 0; i < 99; ++i) ASSERT_EQ(GetText(queue).size(), 100'000u);
  EXPECT_GT(queue.memory(), uint64_t{9} << 20);
  EXPECT_TRUE(IdleGetterLeaves(queue, uint64_t{128} << 10)) << "all but the item that is still read";
  EXPECT_EQ(TestItem::Read(kept.bytes())->number, 0u);
  // And the queue goes on.
  for (uint32_t i = 0; i < 500; ++i) ASSERT_THAT(queue.Put(TestItem{1, i}.Bytes(5000), Deadline::Now()), IsOk());
  for (uint32_t i = 0; i < 500; ++i) {
    QueueItem item;
    ASSERT_THAT(queue.Get(&item, Deadline::Now()), IsOk());
    ASSERT_EQ(TestItem::Read(item.bytes())->number, i);
  }
}

TEST(ByteQueueMemory, OfABacklogIsGivenBackByTheProducerAsItGoesOn) {
  ByteQueue queue = Make();
  for (int i = 0; i < 20'000; ++i) ASSERT_THAT(PutText(queue, "x"), IsOk());
  const uint64_t peak = queue.memory();
  EXPECT_GT(peak, uint64_t{2} << 20);
  for (int i = 0; i < 20'000; ++i) ASSERT_EQ(GetText(queue), "x");
  for (int i = 0; i < 100'000; ++i) {
    ASSERT_THAT(PutText(queue, std::to_string(i)), IsOk());
    ASSERT_EQ(GetText(queue), std::to_string(i));
  }
  EXPECT_EQ(queue.memory(), 0u);
}

TEST(ByteQueueMemory, LimitIsAnErrorAndTheQueueStaysUsable) {
  ByteQueue queue = *ByteQueue::Create({.memory_limit = 1 << 20});
  uint32_t put = 0;
  absl::Status status;
  while ((status = queue.Put(TestItem{1, put}.Bytes(10'000), Deadline::Now())).ok()) ++put;
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted, testing::HasSubstr("memory_limit")));
  EXPECT_GE(put, 50u);
  EXPECT_LE(queue.memory(), uint64_t{1} << 20);
  EXPECT_THAT(queue.Put(TestItem{1, 0}.Bytes(2 << 20), Deadline::Now()),
              StatusIs(absl::StatusCode::kResourceExhausted));
  for (uint32_t i = 0; i < put; ++i) {
    QueueItem item;
    ASSERT_THAT(queue.Get(&item, Deadline::Now()), IsOk());
    ASSERT_EQ(TestItem::Read(item.bytes())->number, i);
  }
  EXPECT_THAT(queue.Put(TestItem{1, 1}.Bytes(10'000), Deadline::Now()), IsOk());
  // A backlog of small items reaches it too.
  uint32_t small = 0;
  while ((status = PutText(queue, "x")).ok()) ++small;
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(GetText(queue).size(), 10'000u);
  for (uint32_t i = 0; i < small; ++i) ASSERT_EQ(GetText(queue), "x");
  EXPECT_THAT(PutText(queue, "x"), IsOk());
}

}  // namespace
}  // namespace regatta
