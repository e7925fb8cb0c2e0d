// Joining a family: each in a process that belongs to none yet.
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

#include "core/os/memfd.h"
#include "core/shm/family.h"
#include "core/shm/family_format.h"
#include "core/testing/forked_child.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

absl::StatusCode JoinFileOf(absl::FunctionRef<void(std::byte*)> write, uint64_t size) {
  Fd file = *CreateMemfd("a test");
  if (!GrowMemfd(file, 0, size).ok()) return absl::StatusCode::kInternal;
  Mapping mapping = *Mapping::Map(file, size);
  write(mapping.data());
  return Family::Join(std::move(file)).code();
}

constexpr uint64_t kSmallest = 4096 + 128 * kFamilyStep;

TEST(FamilyJoin, BelongsToTheFamilyOfTheDescriptor) {
  // The founder makes the table and hands it on as a file; the joiner, its elder sibling, has none of its own.
  Shared<uint64_t> id;
  Shared<Member> founder_member;
  int channel[2];
  ASSERT_EQ(pipe(channel), 0);
  Shared<std::atomic<int>> table;
  ForkedChild founder([&] {
    *id = *Family::Id();
    *founder_member = *Family::Self();
    table->store((*Family::Descriptor())->get());
    char end;
    return read(channel[0], &end, 1) == 1 ? 0 : 1;
  });
  ASSERT_TRUE(Eventually([&] { return table->load() > 0; }));
  ForkedChild joiner([&] {
    char path[64];
    std::snprintf(path, sizeof(path), "/proc/%d/fd/%d", founder.pid(), table->load());
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    REGATTA_CHILD_REQUIRE(fd >= 0);
    REGATTA_CHILD_REQUIRE(Family::Join(Fd(fd)).ok());
    REGATTA_CHILD_REQUIRE(*Family::Id() == *id);
    REGATTA_CHILD_REQUIRE(Family::IsAlive(*founder_member));
    REGATTA_CHILD_REQUIRE(*Family::Self() != *founder_member);
    REGATTA_CHILD_REQUIRE(Family::Join(Fd()).code() == absl::StatusCode::kFailedPrecondition);
    return 0;
  });
  EXPECT_EQ(joiner.Wait(), 0);
  ASSERT_EQ(write(channel[1], "x", 1), 1);
  EXPECT_EQ(founder.Wait(), 0);
}

TEST(FamilyJoin, RefusesWhatIsNoFamily) {
  ForkedChild child([] {
    REGATTA_CHILD_REQUIRE(JoinFileOf([](std::byte*) {}, kSmallest) == absl::StatusCode::kDataLoss);
    REGATTA_CHILD_REQUIRE(JoinFileOf([](std::byte* at) { std::memcpy(at, "REGFMLY1", 8); }, 4096) ==
                          absl::StatusCode::kDataLoss);
    REGATTA_CHILD_REQUIRE(JoinFileOf(
                              [](std::byte* at) {
                                std::memset(at, 0xff, kSmallest);
                                std::memcpy(at, "REGFMLY1", 8);
                              },
                              kSmallest) == absl::StatusCode::kDataLoss);
    REGATTA_CHILD_REQUIRE(!Family::Join(Fd()).ok());
    REGATTA_CHILD_REQUIRE(Family::Self().ok());
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST(FamilySelf, SaysWhenNoDescriptorIsLeft) {
  ForkedChild child([] {
    LimitDescriptors(32);
    while (dup(0) >= 0) {
    }
    REGATTA_CHILD_REQUIRE(Family::Self().status().code() == absl::StatusCode::kResourceExhausted);
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

}  // namespace
}  // namespace regatta
