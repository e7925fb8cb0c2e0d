// Holds a queue's segment to what FORMAT.md says of it: where things lie, and what fixed operations write there.
#include "core/ipc/queue_format.h"

#include <cstddef>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/ipc/byte_queue.h"
#include "core/os/memfd.h"
#include "core/shm/family.h"
#include "core/testing/format_example.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

TEST(QueueFormat, HasItsFieldsWhereItSays) {
  EXPECT_EQ(sizeof(QueueHeader), 4096u);
  EXPECT_EQ(offsetof(QueueHeader, object), 0u);
  EXPECT_EQ(offsetof(QueueHeader, capacity), 24u);
  EXPECT_EQ(offsetof(QueueHeader, chunk_limit), 32u);
  EXPECT_EQ(offsetof(QueueHeader, lanes), 64u);
  EXPECT_EQ(offsetof(QueueHeader, closed), 68u);
  EXPECT_EQ(offsetof(QueueHeader, use), 72u);
  EXPECT_EQ(offsetof(QueueHeader, arena), 128u);
  EXPECT_EQ(offsetof(QueueHeader, consumer_processor), 152u);
  EXPECT_EQ(offsetof(QueueHeader, items), 192u);
  EXPECT_EQ(offsetof(QueueHeader, space), 320u);
  EXPECT_EQ(offsetof(QueueHeader, lanes_in_use), 448u);
  EXPECT_EQ(sizeof(WaitPoint), 128u);

  EXPECT_EQ(offsetof(ArenaState, lock), 0u);
  EXPECT_EQ(offsetof(ArenaState, turns), 4u);
  EXPECT_EQ(offsetof(ArenaState, first_free), 8u);
  EXPECT_EQ(offsetof(ArenaState, end), 12u);
  EXPECT_EQ(offsetof(ArenaState, taken), 16u);

  EXPECT_EQ(sizeof(QueueLane), 1024u);
  EXPECT_EQ(offsetof(QueueLane, head), 0u);
  EXPECT_EQ(offsetof(QueueLane, used), 128u);
  EXPECT_EQ(offsetof(QueueLane, limit), 136u);
  EXPECT_EQ(offsetof(QueueLane, hop), 144u);
  EXPECT_EQ(offsetof(QueueLane, processor), 152u);
  EXPECT_EQ(offsetof(QueueLane, owner), 256u);
  EXPECT_EQ(offsetof(QueueLane, resets), 264u);
  EXPECT_EQ(offsetof(QueueLane, rings), 384u);

  EXPECT_EQ(sizeof(QueueSlot), 128u);
  EXPECT_EQ(offsetof(QueueSlot, sequence), 0u);
  EXPECT_EQ(offsetof(QueueSlot, size), 8u);
  EXPECT_EQ(offsetof(QueueSlot, place), 12u);
  EXPECT_EQ(offsetof(QueueSlot, bytes), 16u);
  EXPECT_EQ(sizeof(Extent), 64u);
}

TEST(QueueFormat, HasItsPartsWhereItSays) {
  EXPECT_EQ(kLanesOffset, 4096u);
  EXPECT_EQ(kBaseRingBytes, 32'768u);
  EXPECT_EQ(kBaseRingsOffset, 1'081'344u) << "a multiple of a ring's size";
  EXPECT_EQ(kQueueArena.table, 34'635'776u);
  EXPECT_EQ(kQueueArena.chunks_at, 43'057'152u) << "in whole chunks";
  EXPECT_EQ(kQueueArena.chunks_at % kChunkBytes, 0u);
  EXPECT_EQ(kChunkBytes, 65'536u);
  EXPECT_EQ(ExtentPool::kBigKind, 2);
  EXPECT_EQ(ExtentPool::kFirstClassKind, 3);
  EXPECT_EQ(kRingKind, 11);
  EXPECT_EQ(ExtentPool::ClassBytes(0), 256u);
  EXPECT_EQ(ExtentPool::ClassBytes(7), 32'768u);
}

class Bytes {
 public:
  explicit Bytes(const Fd& file) : mapping_(*Mapping::Map(file, *MemfdSize(file))) {}
  uint64_t U64(uint64_t at) const { return Number<uint64_t>(at); }
  uint32_t U32(uint64_t at) const { return Number<uint32_t>(at); }
  std::string Text(uint64_t at, size_t size) const {
    return {reinterpret_cast<const char*>(mapping_.data()) + at, size};
  }

 private:
  template <typename T>
  T Number(uint64_t at) const {
    T value;
    std::memcpy(&value, mapping_.data() + at, sizeof(value));
    return value;
  }
  Mapping mapping_;
};

absl::Span<const std::byte> AsBytes(absl::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

constexpr uint64_t kLane0 = 4096;
constexpr uint64_t kLane1 = kLane0 + 1024;
constexpr uint64_t kTable = kQueueArena.table;
constexpr uint64_t kRing0 = kBaseRingsOffset;
constexpr uint64_t kRing1 = kRing0 + 32'768;
constexpr uint64_t kChunk0 = kQueueArena.chunks_at;

// Every number below is what a reader of FORMAT.md would expect.
TEST(QueueFormat, IsWhatAQueueInUseLooksLike) {
  ByteQueue queue = *ByteQueue::Create({.capacity = 1000, .memory_limit = 100 << 16, .fingerprint = 0xfeed});
  const Member self = *Family::Self();
  {
    const Bytes fresh(queue.descriptor());
    EXPECT_EQ(*MemfdSize(queue.descriptor()), 4096u) << "memory behind the header only";
    EXPECT_EQ(fresh.Text(0, 8), "REGUEUE2");
    EXPECT_EQ(fresh.U64(8), *Family::Id());
    EXPECT_EQ(fresh.U64(16), 0xfeedu);
    EXPECT_EQ(fresh.U64(24), 1000u);
    EXPECT_EQ(fresh.U32(32), 100u);
    for (uint64_t at = 40; at < 4096; at += 8) ASSERT_EQ(fresh.U64(at), 0u) << at;
  }

  ASSERT_THAT(queue.Put(AsBytes("first"), Deadline::Now()), IsOk());
  ASSERT_THAT(queue.Put({}, Deadline::Now()), IsOk());
  const std::string small(200, 's');
  const std::string big(70'000, 'b');
  ASSERT_THAT(queue.Put(AsBytes(small), Deadline::Now()), IsOk());
  ASSERT_THAT(queue.Put(AsBytes(big), Deadline::Now()), IsOk());
  // The second lane stays its thread's while the thread lives.
  std::thread([&] {
    ASSERT_THAT(queue.Put(AsBytes("second lane"), Deadline::Now()), IsOk());
    const Bytes now(queue.descriptor());
    EXPECT_EQ(now.U32(64), 2u) << "lanes";
    EXPECT_EQ(now.U64(kLane1 + 256), self);
    EXPECT_EQ(now.U64(kLane1 + 128), 1u);
    EXPECT_EQ(now.U64(kLane1 + 384), kRing1 | 8);
    EXPECT_EQ(now.Text(kRing1 + 16, 11), "second lane");
  }).join();
  const Bytes bytes(queue.descriptor());
  EXPECT_EQ(bytes.U64(kLane1 + 256), 0u) << "its thread has ended: nobody's";

  EXPECT_EQ(bytes.U64(kLane0), 0u) << "head: ring 0, item 0";
  EXPECT_EQ(bytes.U64(kLane0 + 128), 4u) << "used";
  EXPECT_GE(bytes.U64(kLane0 + 136), 4u) << "limit";
  EXPECT_LE(bytes.U64(kLane0 + 136), 1000u);
  EXPECT_EQ(bytes.U64(kLane0 + 144), 0u) << "hop";
  EXPECT_EQ(bytes.U64(kLane0 + 256), self) << "owner";
  EXPECT_EQ(bytes.U64(kLane0 + 384), kRing0 | 8) << "ring 0 has 256 slots";

  EXPECT_EQ(bytes.U64(kRing0), 1u) << "item 0 is there";
  EXPECT_EQ(bytes.U32(kRing0 + 8), 5u);
  EXPECT_EQ(bytes.U32(kRing0 + 12), 0u) << "in the slot";
  EXPECT_EQ(bytes.Text(kRing0 + 16, 5), "first");
  EXPECT_EQ(bytes.U64(kRing0 + 128), 2u);
  EXPECT_EQ(bytes.U32(kRing0 + 128 + 8), 0u);

  EXPECT_EQ(bytes.U64(kRing0 + 256), 3u);
  EXPECT_EQ(bytes.U32(kRing0 + 256 + 8), 200u);
  EXPECT_EQ(bytes.U32(kRing0 + 256 + 12), 1u) << "in an extent";
  EXPECT_EQ(bytes.U64(kRing0 + 256 + 16), kChunk0);
  EXPECT_EQ(bytes.U64(kChunk0), uint64_t{1} << 62 | 2) << "queued as item 2";
  EXPECT_EQ(bytes.Text(kChunk0 + 64, 200), small);

  EXPECT_EQ(bytes.U64(kRing0 + 384), 4u);
  EXPECT_EQ(bytes.U32(kRing0 + 384 + 8), 70'000u);
  EXPECT_EQ(bytes.U64(kRing0 + 384 + 16), kChunk0 + 65'536);
  EXPECT_EQ(bytes.U64(kChunk0 + 65'536), uint64_t{1} << 62 | 3);
  EXPECT_EQ(bytes.Text(kChunk0 + 65'536 + 64, 70'000), big);

  EXPECT_EQ(bytes.U64(kTable), 4u | uint64_t{1} << 32) << "extents of 512 B, lane 0, one chunk";
  EXPECT_EQ(bytes.U64(kTable + 8), 2u | uint64_t{2} << 32) << "one extent of two chunks";
  EXPECT_EQ(bytes.U64(kTable + 16), 1u) << "its tail";
  EXPECT_EQ(bytes.U64(kTable + 24), 0u);
  EXPECT_EQ(bytes.U32(136), 3u) << "no free chunk below";
  EXPECT_EQ(bytes.U32(140), 3u) << "none from here on was ever taken";
  EXPECT_EQ(bytes.U64(144), 3u) << "taken";

  QueueItem item;
  for (int i = 0; i < 3; ++i) ASSERT_THAT(queue.Get(&item, Deadline::Now()), IsOk());
  ASSERT_EQ(item.bytes().size(), 200u);
  EXPECT_EQ(bytes.U64(kLane0), 3u) << "head: item 3 is next";
  EXPECT_EQ(bytes.U64(kChunk0), uint64_t{2} << 62 | uint64_t{self} << 32 | 2) << "owned by its getter";
  item.Reset();
  EXPECT_EQ(bytes.U64(kChunk0), 0u) << "free";

  ASSERT_THAT(queue.Close(), IsOk());
  EXPECT_EQ(bytes.U32(68), 1u);
  EXPECT_EQ(bytes.U64(kLane0 + 136), 0u) << "no limit is left";
  EXPECT_EQ(bytes.U32(128), 0u) << "the lock is free";
}

TEST(QueueFormat, IsAsTheWorkedExampleShows) {
  ByteQueue queue = *ByteQueue::Create({.capacity = 1000, .fingerprint = 0xfeed});
  ASSERT_THAT(queue.Put(AsBytes("first"), Deadline::Now()), IsOk());
  ASSERT_THAT(queue.Put(AsBytes(std::string(200, 's')), Deadline::Now()), IsOk());
  const Mapping mapping = *Mapping::Map(queue.descriptor(), *MemfdSize(queue.descriptor()));
  EXPECT_EQ(ExpectFormatExample("Example of a queue:", mapping.data()), 18);
}

TEST(QueueFormat, ABacklogMovesOnByAMark) {
  ByteQueue queue = *ByteQueue::Create({});
  for (int i = 0; i < 256; ++i) ASSERT_THAT(queue.Put(AsBytes("x"), Deadline::Now()), IsOk());
  const Bytes bytes(queue.descriptor());
  EXPECT_EQ(bytes.U64(kLane0 + 136), ~uint64_t{0}) << "no bound";
  EXPECT_EQ(bytes.U64(kLane0 + 144), 1u) << "it writes to ring 1";
  EXPECT_EQ(bytes.U64(kLane0 + 384 + 8), kChunk0 | 9) << "which has 512 slots, in the first chunk";
  EXPECT_EQ(bytes.U64(kTable), 11u | uint64_t{1} << 32) << "a ring of lane 0, one chunk";
  EXPECT_EQ(bytes.U64(kRing0 + 254 * 128), 255u) << "item 254 is the last of ring 0";
  EXPECT_EQ(bytes.U64(kRing0 + 255 * 128), uint64_t{1} << 63 | 256) << "item 255 and what follows are in the next";
  EXPECT_EQ(bytes.U64(kChunk0 + 255 * 128), 256u) << "there it is";
  QueueItem item;
  for (int i = 0; i < 256; ++i) ASSERT_THAT(queue.Get(&item, Deadline::Now()), IsOk());
  EXPECT_EQ(bytes.U64(kLane0), uint64_t{1} << 56 | 256) << "head: ring 1, item 256";
}

}  // namespace
}  // namespace regatta
