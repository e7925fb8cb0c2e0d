// Holds a lock's segment to what FORMAT.md says of it.
#include "core/sync/lock_format.h"

#include <cstddef>
#include <cstring>

#include "core/os/memfd.h"
#include "core/shm/family.h"
#include "core/sync/lock.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

TEST(LockFormat, HasItsFieldsWhereItSays) {
  EXPECT_EQ(offsetof(LockData, magic), 0u);
  EXPECT_EQ(offsetof(LockData, family), 8u);
  EXPECT_EQ(offsetof(LockData, cell), 64u);
  EXPECT_EQ(sizeof(LockData), 128u);
  EXPECT_EQ(sizeof(LockCell), 4u);
}

TEST(LockFormat, IsWhatALockLooksLike) {
  absl::StatusOr<Lock> lock = Lock::Create();
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(*MemfdSize(lock->descriptor()), 128u);
  const absl::StatusOr<Mapping> mapping = Mapping::Map(lock->descriptor(), 128);
  ASSERT_TRUE(mapping.ok());
  const auto u64 = [&](size_t at) {
    uint64_t value;
    std::memcpy(&value, mapping->data() + at, 8);
    return value;
  };
  EXPECT_EQ(std::memcmp(mapping->data(), "REGLOCK1", 8), 0);
  EXPECT_EQ(u64(8), *Family::Id());
  EXPECT_EQ(u64(64), 0u) << "free";
  ASSERT_TRUE(lock->Acquire().ok());
  EXPECT_EQ(u64(64), *Family::Self()) << "held, nobody waits";
  ASSERT_FALSE(lock->Acquire(Deadline::After(absl::Milliseconds(1))).ok());
  EXPECT_EQ(u64(64), *Family::Self() | uint64_t{1} << 31) << "held, and somebody may wait";
  ASSERT_TRUE(lock->Release().ok());
  for (size_t at = 16; at < 128; at += 8) EXPECT_EQ(u64(at), 0u) << at;
}

}  // namespace
}  // namespace regatta
