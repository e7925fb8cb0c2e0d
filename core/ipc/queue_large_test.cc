// Items of the largest size. By hand, as it takes 2 GiB: ./tools/bazel test //core/ipc:queue_large_test
#include <cstring>

#include "core/ipc/byte_queue.h"
#include "core/testing/forked_child.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

TEST(QueueLarge, OneGibibyteCrossesBetweenProcesses) {
  ByteQueue queue = *ByteQueue::Create({});
  ForkedChild child([&] {
    absl::StatusOr<QueueReservation> room = queue.Reserve(kLargestItem);
    REGATTA_CHILD_REQUIRE(room.ok());
    for (uint64_t at = 0; at < kLargestItem; at += 8) std::memcpy(room->bytes().data() + at, &at, 8);
    room->Commit();
    return 0;
  });
  QueueItem item;
  ASSERT_THAT(queue.Get(&item), IsOk());
  ASSERT_EQ(item.bytes().size(), kLargestItem);
  for (uint64_t at = 0; at < kLargestItem; at += 8) {
    ASSERT_EQ(std::memcmp(item.bytes().data() + at, &at, 8), 0) << at;
  }
  EXPECT_EQ(child.Wait(), 0);
}

}  // namespace
}  // namespace regatta
