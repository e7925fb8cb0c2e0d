// Holds the bytes of semaphores, recursive locks, conditions and barriers to what FORMAT.md says of them.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/os/memfd.h"
#include "core/shm/family.h"
#include "core/sync/barrier.h"
#include "core/sync/bounded_semaphore.h"
#include "core/sync/condition.h"
#include "core/sync/rlock.h"
#include "core/sync/semaphore.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

// The bytes of an object, as another process finds them.
class Bytes {
 public:
  template <class H>
  explicit Bytes(const H& handle)
      : mapping_(*Mapping::Map(handle.descriptor(), *MemfdSize(handle.descriptor()))),
        object_(mapping_.data() + handle.offset()) {}

  uint32_t u32(size_t at) const {
    uint32_t value;
    std::memcpy(&value, object_ + at, sizeof(value));
    return value;
  }
  uint64_t u64(size_t at) const { return u32(at) | uint64_t{u32(at + 4)} << 32; }
  void ExpectHeader(absl::string_view magic) const {
    EXPECT_EQ(std::memcmp(object_, magic.data(), 8), 0);
    EXPECT_EQ(u64(8), *Family::Id());
    EXPECT_EQ(u64(16), 0u);
  }
  void ExpectZero(size_t begin, size_t end) const {
    for (size_t at = begin; at < end; at += 4) EXPECT_EQ(u32(at), 0u) << "at " << at;
  }

 private:
  Mapping mapping_;
  std::byte* object_;
};

TEST(SemaphoreFormat, IsWhatASemaphoreLooksLike) {
  Semaphore semaphore = *Semaphore::Create(7);
  const Bytes bytes(semaphore);
  bytes.ExpectHeader("REGSEMA1");
  EXPECT_EQ(bytes.u32(64), 7u);
  ASSERT_THAT(semaphore.Acquire(), IsOk());
  EXPECT_EQ(bytes.u32(64), 6u);
  bytes.ExpectZero(68, 256);
}

TEST(BoundedSemaphoreFormat, IsWhatABoundedSemaphoreLooksLike) {
  BoundedSemaphore semaphore = *BoundedSemaphore::Create(3);
  const Bytes bytes(semaphore);
  bytes.ExpectHeader("REGBSEM1");
  EXPECT_EQ(bytes.u32(24), 3u);
  bytes.ExpectZero(28, 4096);
  ASSERT_THAT(semaphore.Acquire(), IsOk());
  ASSERT_THAT(semaphore.Acquire(), IsOk());
  EXPECT_EQ(bytes.u32(256), *Family::Self());
  EXPECT_EQ(bytes.u32(260), *Family::Self());
  ASSERT_THAT(semaphore.Release(), IsOk());
  EXPECT_EQ(bytes.u32(256), kNobody);
  bytes.ExpectZero(264, 4096);
}

TEST(RLockFormat, IsWhatARecursiveLockLooksLike) {
  RLock lock = *RLock::Create();
  const Bytes bytes(lock);
  bytes.ExpectHeader("REGRLCK1");
  bytes.ExpectZero(24, 128);
  ASSERT_THAT(lock.Acquire(), IsOk());
  ASSERT_THAT(lock.Acquire(), IsOk());
  EXPECT_EQ(bytes.u32(64), *Family::Self());
  EXPECT_EQ(bytes.u32(68), 2u) << "acquired twice";
  EXPECT_EQ(bytes.u64(72) & kMemberMask, *Family::Self());
  EXPECT_NE(bytes.u64(72) >> kMemberBits, 0u) << "the thread's number";
  ASSERT_THAT(lock.Release(), IsOk());
  ASSERT_THAT(lock.Release(), IsOk());
  EXPECT_EQ(bytes.u32(64), 0u);
  EXPECT_EQ(bytes.u64(72), 0u);
}

TEST(ConditionFormat, IsWhatAConditionLooksLike) {
  Condition condition = *Condition::Create();
  EXPECT_EQ(condition.offset(), 0u) << "in a segment of its own";
  EXPECT_EQ(*MemfdSize(condition.descriptor()), 8320u);
  const Bytes bytes(condition);
  bytes.ExpectHeader("REGCOND1");
  bytes.ExpectZero(24, 8320);
  ASSERT_THAT(condition.Acquire(), IsOk());
  EXPECT_EQ(bytes.u32(128 + 64), *Family::Self()) << "its own lock";
  ASSERT_FALSE(condition.Wait(Deadline::After(absl::Milliseconds(1)))->notified);
  EXPECT_EQ(bytes.u32(256), 1u) << "the next wait's number";
  EXPECT_EQ(bytes.u32(260), 1u) << "slots in use";
  bytes.ExpectZero(264, 8320);
  Condition with_lock = *Condition::Create(*Lock::Create());
  EXPECT_EQ(Bytes(with_lock).u32(24), 1u) << "its lock is elsewhere";
}

TEST(BarrierFormat, IsWhatABarrierLooksLike) {
  Barrier barrier = *Barrier::Create(1);
  const Bytes bytes(barrier);
  bytes.ExpectHeader("REGBARR1");
  EXPECT_EQ(bytes.u32(24), 1u) << "parties";
  bytes.ExpectZero(28, 4096);
  ASSERT_THAT(barrier.Wait(), IsOk());
  EXPECT_EQ(bytes.u32(80), 1u) << "slots that were ever taken";
  EXPECT_EQ(bytes.u32(3904), 1u) << "turns that have ended";
  ASSERT_THAT(barrier.Abort(), IsOk());
  EXPECT_EQ(bytes.u32(72), 3u) << "broken by Abort";
  EXPECT_EQ(bytes.u32(76), static_cast<uint32_t>(getpid()));
  ASSERT_THAT(barrier.Reset(), IsOk());
  EXPECT_EQ(bytes.u32(72), 0u);
  EXPECT_EQ(bytes.u32(64), 0u) << "nobody holds its lock";
  EXPECT_EQ(bytes.u32(68), 0u) << "no turn is being ended";
}

}  // namespace
}  // namespace regatta
