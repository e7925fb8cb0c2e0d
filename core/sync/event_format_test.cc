// Holds an event's bytes to what FORMAT.md says of them.
#include "core/sync/event_format.h"

#include <cstddef>
#include <cstring>

#include "absl/time/time.h"
#include "core/os/memfd.h"
#include "core/shm/family.h"
#include "core/sync/event.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

TEST(EventFormat, HasItsFieldsWhereItSays) {
  EXPECT_EQ(offsetof(EventLayout, header), 0u);
  EXPECT_EQ(offsetof(EventLayout, state), 64u);
  EXPECT_EQ(offsetof(EventLayout, waiters), 128u);
  EXPECT_EQ(sizeof(EventLayout), 256u);
}

TEST(EventFormat, IsWhatAnEventLooksLike) {
  absl::StatusOr<Event> event = Event::Create();
  ASSERT_THAT(event, IsOk());
  EXPECT_EQ(event->offset() % 128, 0u);
  EXPECT_EQ(*MemfdSize(event->descriptor()), 16384u) << "a bank";
  const absl::StatusOr<Mapping> mapping = Mapping::Map(event->descriptor(), 16384);
  ASSERT_THAT(mapping, IsOk());
  const std::byte* const object = mapping->data() + event->offset();
  const auto u64 = [&](size_t at) {
    uint64_t value;
    std::memcpy(&value, object + at, 8);
    return value;
  };
  const auto u32 = [&](size_t at) { return static_cast<uint32_t>(u64(at)); };
  EXPECT_EQ(std::memcmp(object, "REGEVNT1", 8), 0);
  EXPECT_EQ(u64(8), *Family::Id());
  for (size_t at = 16; at < 256; at += 8) EXPECT_EQ(u64(at), 0u) << "a new one is zero from 16 on, at " << at;

  event->Set();
  EXPECT_EQ(u64(64), 3u) << "it became set once, and is set";
  event->Set();
  EXPECT_EQ(u64(64), 3u) << "it was set already";
  event->Clear();
  EXPECT_EQ(u64(64), 2u) << "it became set once, and is not set";
  event->Clear();
  EXPECT_EQ(u64(64), 2u);
  event->Set();
  EXPECT_EQ(u64(64), 5u) << "it became set twice, and is set";
  event->Clear();

  EXPECT_EQ(u32(128), 0u) << "no process has waited";
  // A wait that ends before it came to its sleep announces nothing.
  for (int millis = 1; u32(128) == 0 && millis < 10'000; millis *= 2) {
    ASSERT_FALSE(event->Wait(Deadline::After(absl::Milliseconds(millis))).ok());
  }
  EXPECT_EQ(u32(128), 1u) << "a process may be asleep";
  event->Set();
  EXPECT_EQ(u32(128), 2u) << "one notification, and no process is asleep";
  EXPECT_EQ(u32(192), kNobody) << "nobody spins";
  EXPECT_EQ(u32(196), 0u) << "nobody sleeps, and nobody died asleep";
}

}  // namespace
}  // namespace regatta
