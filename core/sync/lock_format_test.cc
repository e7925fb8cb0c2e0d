// Holds a lock's segment to what FORMAT.md says of it.
#include "core/sync/lock_format.h"

#include <cstddef>
#include <cstring>

#include "core/os/memfd.h"
#include "core/shm/family.h"
#include "core/sync/lock.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

TEST(LockFormat, HasItsFieldsWhereItSays) {
  EXPECT_EQ(offsetof(LockLayout, header), 0u);
  EXPECT_EQ(offsetof(ObjectHeader, magic), 0u);
  EXPECT_EQ(offsetof(ObjectHeader, family), 8u);
  EXPECT_EQ(offsetof(ObjectHeader, fingerprint), 16u);
  EXPECT_EQ(offsetof(LockLayout, cell), 64u);
  EXPECT_EQ(sizeof(LockLayout), 128u);
  EXPECT_EQ(sizeof(LockCell), 4u);
}

TEST(LockFormat, IsWhatALockLooksLike) {
  absl::StatusOr<Lock> lock = Lock::Create();
  ASSERT_THAT(lock, IsOk());
  EXPECT_EQ(lock->offset() % 128, 0u);
  EXPECT_EQ(*MemfdSize(lock->descriptor()), 16384u) << "a bank";
  const absl::StatusOr<Mapping> mapping = Mapping::Map(lock->descriptor(), 16384);
  ASSERT_THAT(mapping, IsOk());
  const std::byte* const object = mapping->data() + lock->offset();
  const auto u64 = [&](size_t at) {
    uint64_t value;
    std::memcpy(&value, object + at, 8);
    return value;
  };
  EXPECT_EQ(std::memcmp(object, "REGLOCK2", 8), 0);
  EXPECT_EQ(u64(8), *Family::Id());
  EXPECT_EQ(u64(64), 0u) << "free";
  ASSERT_THAT(lock->Acquire(), IsOk());
  EXPECT_EQ(u64(64), *Family::Self()) << "held, nobody waits";
  ASSERT_FALSE(lock->Acquire(Deadline::After(absl::Milliseconds(1))).ok());
  EXPECT_EQ(u64(64), *Family::Self() | uint64_t{1} << 31) << "held, and somebody may wait";
  ASSERT_THAT(lock->Release(), IsOk());
  for (size_t at = 16; at < 128; at += 8) EXPECT_EQ(u64(at), 0u) << at;
}

}  // namespace
}  // namespace regatta
