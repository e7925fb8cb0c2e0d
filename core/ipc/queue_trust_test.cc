// Another process writes anything into a queue's memory: each call returns, with whatever result, and no signal is
// raised.
//
// Each word of the header, the lanes, the table of chunks, the slots and the extents' headers is overwritten in turn,
// by each of some hostile values, in a queue of its own that holds items of all kinds. Then a process puts and gets.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "core/ipc/byte_queue.h"
#include "core/ipc/queue_format.h"
#include "core/os/deadline.h"
#include "core/os/memfd.h"
#include "core/shm/family.h"
#include "core/testing/forked_child.h"
#include "core/testing/status_matchers.h"
#include "core/testing/test_item.h"
#include "core/testing/text_queue.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

constexpr uint64_t kHostile[] = {0,
                                 1,
                                 ~uint64_t{0},
                                 uint64_t{1} << 63,
                                 (uint64_t{1} << 62) | 8,
                                 (uint64_t{1} << 40) | 22,
                                 (uint64_t{1} << 56) - 1,
                                 0x00010000'00000002,
                                 0xffffffff'0000000b,
                                 uint64_t{0x7fffffff} << 32 | 0x7fffffff};

// One queue that holds items in the slots and in extents of both kinds, in two lanes, one of which has moved to a
// larger ring.
ByteQueue Filled(int64_t capacity) {
  ByteQueue queue = *ByteQueue::Create({.capacity = capacity});
  const uint32_t count = capacity == 0 ? 300 : 3;
  for (uint32_t i = 0; i < count; ++i) {
    queue.Put(TestItem{2, i}.Bytes(i % 100 == 1 ? 100'000 : 60), Deadline::Now()).IgnoreError();
  }
  std::thread([&] {
    for (uint32_t i = 0; i < 3; ++i) queue.Put(TestItem{1, i}.Bytes(30 + 300 * i), Deadline::Now()).IgnoreError();
  }).join();
  return queue;
}

// What comes of it does not matter, but that it comes.
void Use(ByteQueue& queue) {
  QueueItem item;
  volatile std::byte sum{0};  // Each byte that is offered can be read.
  for (uint32_t i = 0; i < 3; ++i) {
    queue.Put(TestItem{3, i}.Bytes(40), Deadline::Now()).IgnoreError();
    queue.Put(TestItem{3, i}.Bytes(700), Deadline::Now()).IgnoreError();
    queue.Put(TestItem{3, i}.Bytes(100'000), Deadline::Now()).IgnoreError();
    queue.Get(&item, Deadline::Now()).IgnoreError();
  }
  std::thread([&] {
    queue.Put(TestItem{4, 0}.Bytes(500), Deadline::Now()).IgnoreError();
    QueueItem other;
    queue.Get(&other, Deadline::Now()).IgnoreError();
  }).join();
  for (uint32_t i = 0; i < 300; ++i) queue.Put(TestItem{3, i}.Bytes(40), Deadline::Now()).IgnoreError();
  for (uint32_t i = 0; i < 1000 && queue.Get(&item, Deadline::Now()).ok(); ++i) {
    for (const std::byte byte : item.bytes()) sum = sum ^ byte;
  }
  item.Reset();
  static_cast<void>(queue.size() + queue.capacity());
  queue.Close().IgnoreError();
  queue.Get(&item, Deadline::Now()).IgnoreError();
}

struct Place {
  const char* what;
  uint64_t offset;
  uint64_t bytes;
};

class QueueTrust : public testing::TestWithParam<int64_t> {};

TEST_P(QueueTrust, AnyOverwrittenWordCostsItemsAtMost) {
  const std::vector<Place> places = {
      {"header", 0, offsetof(QueueHeader, lanes_in_use) + 64},
      {"lane 0", kLanesOffset, 512},
      {"lane 1", kLanesOffset + sizeof(QueueLane), 512},
      {"table", kQueueArena.table, 64},
      {"ring 0", BaseRingOffset(0), 3 * sizeof(QueueSlot)},
      {"ring 1", BaseRingOffset(1), 2 * sizeof(QueueSlot)},
      {"mark of a move", BaseRingOffset(0) + 255 * sizeof(QueueSlot), 16},
      {"extent", kQueueArena.chunks_at, 8},
      {"extent of another chunk", kQueueArena.chunks_at + kChunkBytes, 8},
  };
  for (const Place& place : places) {
    for (uint64_t at = 0; at < place.bytes; at += 8) {
      ForkedChild child([&] {
        for (const uint64_t value : kHostile) {
          ByteQueue queue = Filled(GetParam());
          const Mapping mapping = *Mapping::Map(queue.descriptor(), *MemfdSize(queue.descriptor()));
          if (place.offset + at + 8 > mapping.size()) continue;
          std::memcpy(mapping.data() + place.offset + at, &value, sizeof(value));
          Use(queue);
          // Who has never seen it before.
          absl::StatusOr<Fd> descriptor = queue.descriptor().Duplicate();
          if (!descriptor.ok()) return 1;
          ForkedChild stranger([&] {
            absl::StatusOr<ByteQueue> attached = ByteQueue::Attach(*std::move(descriptor), 0, 0);
            if (attached.ok()) Use(*attached);
            return 0;
          });
          if (stranger.Wait(absl::Seconds(20)) != 0) return 2;
        }
        return 0;
      });
      ASSERT_EQ(child.Wait(absl::Seconds(60)), 0) << place.what << " at " << at;
    }
  }
}

// Words that are wrong together: the rings of a lane all lead to one whose mark leads on; or there is none, and the
// owner may put.
TEST_P(QueueTrust, RingsThatLeadRoundAndRoundOrNowhereAreLeft) {
  for (const bool round : {true, false}) {
    ForkedChild child([&] {
      ByteQueue queue = Filled(GetParam());
      const Mapping mapping = *Mapping::Map(queue.descriptor(), *MemfdSize(queue.descriptor()));
      auto& lane = *reinterpret_cast<QueueLane*>(mapping.data() + kLanesOffset);
      for (auto& ring : lane.rings) ring = round ? lane.rings[0].load() : 0;
      auto& slots = *reinterpret_cast<QueueSlot(*)[256]>(mapping.data() + BaseRingOffset(0));
      for (uint64_t i = 0; i < 256; ++i) slots[i].sequence = QueueSlot::kJump | (i + 1);
      ForkedChild stranger([&] {
        lane.owner = 0;
        // The lane's new owner comes for credit once; what it gets is overwritten as well.
        queue.Put(TestItem{5, 0}.Bytes(40), Deadline::Now()).IgnoreError();
        lane.limit = ~uint64_t{0};
        Use(queue);
        return 0;
      });
      return stranger.Wait(absl::Seconds(20));
    });
    ASSERT_EQ(child.Wait(absl::Seconds(60)), 0) << (round ? "round and round" : "nowhere");
  }
}

INSTANTIATE_TEST_SUITE_P(Queues, QueueTrust, testing::Values(0, 5), [](const auto& info) {
  return info.param == 0 ? std::string("Unbounded") : std::string("Bounded");
});

TEST(QueueTrust, AnOverwrittenItemIsDroppedAndSaidToBe) {
  ByteQueue queue = Make();
  ASSERT_THAT(PutText(queue, "good"), IsOk());
  ASSERT_THAT(PutText(queue, "bad place"), IsOk());
  ASSERT_THAT(PutText(queue, "bad size"), IsOk());
  ASSERT_THAT(queue.Put(TestItem{1, 1}.Bytes(500), Deadline::Now()), IsOk());
  ASSERT_THAT(PutText(queue, "good too"), IsOk());
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

TEST(QueueTrust, ARingThatCannotBeIsNotFollowed) {
  ByteQueue queue = Make();
  ASSERT_THAT(PutText(queue, "x"), IsOk());
  const Mapping mapping = *Mapping::Map(queue.descriptor(), kLanesOffset + sizeof(QueueLane));
  auto& lane = *reinterpret_cast<QueueLane*>(mapping.data() + kLanesOffset);
  for (const uint64_t word :
       {uint64_t{0}, ~uint64_t{0}, uint64_t{1} << 62 | 8, uint64_t{64} | 8, uint64_t{4096} | 23}) {
    lane.rings[0] = word;
    EXPECT_EQ(GetText(queue), "UNAVAILABLE") << word;
  }
}

}  // namespace
}  // namespace regatta
