// Holds the family's table to what FORMAT.md says of it.
#include "core/shm/family_format.h"

#include <cstddef>
#include <cstring>

#include "core/os/liveness.h"
#include "core/os/memfd.h"
#include "core/shm/family.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

TEST(FamilyFormat, HasItsFieldsWhereItSays) {
  EXPECT_EQ(offsetof(FamilyTable, magic), 0u);
  EXPECT_EQ(offsetof(FamilyTable, id), 8u);
  EXPECT_EQ(offsetof(FamilyTable, next), 16u);
  EXPECT_EQ(offsetof(FamilyTable, backed), 20u);
  EXPECT_EQ(offsetof(FamilyTable, full_fences), 24u);
  EXPECT_EQ(offsetof(FamilyTable, places), 4096u);
  EXPECT_EQ(sizeof(FamilyTable), 4096u + 16384u * 128u);
  EXPECT_EQ(sizeof(FamilyPlace), 128u);
  EXPECT_EQ(offsetof(FamilyPlace, claim), 0u);
  EXPECT_EQ(offsetof(FamilyPlace, pid), 8u);
  EXPECT_EQ(offsetof(FamilyPlace, clock), 12u);
  EXPECT_EQ(offsetof(FamilyPlace, start_time), 16u);
  EXPECT_EQ(offsetof(FamilyPlace, seen_running), 24u);
  EXPECT_EQ(offsetof(FamilyPlace, life), 64u);
  EXPECT_EQ(kFamilyPlaces, 16384u);
  EXPECT_EQ(kFamilyStep, 32u);
}

TEST(FamilyFormat, NumbersItsStates) {
  EXPECT_EQ(static_cast<int>(PlaceState::kFree), 0);
  EXPECT_EQ(static_cast<int>(PlaceState::kClaimed), 1);
  EXPECT_EQ(static_cast<int>(PlaceState::kLive), 2);
  EXPECT_EQ(static_cast<int>(PlaceState::kByProcess), 3);
  EXPECT_EQ(static_cast<int>(PlaceState::kDead), 4);
}

TEST(FamilyFormat, IsWhatAFamilyOfOneLooksLike) {
  const absl::StatusOr<Member> self = Family::Self();
  ASSERT_THAT(self, IsOk());
  const uint32_t place = *self & 0x3fff;
  const uint32_t generation = *self >> 14;
  EXPECT_EQ(place, 1u) << "place 0 stays empty";
  EXPECT_EQ(generation, 1u);
  const absl::StatusOr<const Fd*> file = Family::Descriptor();
  ASSERT_THAT(file, IsOk());
  EXPECT_EQ(*MemfdSize(**file), 4096u + 32 * 128);
  const absl::StatusOr<Mapping> mapping = Mapping::Map(**file, 4096 + 32 * 128);
  ASSERT_THAT(mapping, IsOk());
  const auto u64 = [&](size_t at) {
    uint64_t value;
    std::memcpy(&value, mapping->data() + at, 8);
    return value;
  };
  EXPECT_EQ(std::memcmp(mapping->data(), "REGFMLY2", 8), 0);
  EXPECT_EQ(u64(8), *Family::Id());
  EXPECT_EQ(u64(16), 1u | uint64_t{32} << 32) << "looked at next: place 2, the one after; with memory: 32";
  const size_t mine = 4096 + 128 * place;
  EXPECT_EQ(u64(mine), 2u | uint64_t{generation} << 8 | static_cast<uint64_t>(ThisProcessStamp().pid) << 32);
  EXPECT_EQ(static_cast<int32_t>(u64(mine + 8)), ThisProcessStamp().pid);
  EXPECT_EQ(u64(mine + 8) >> 32, ThisProcessStamp().clock);
  EXPECT_EQ(u64(mine + 16), ThisProcessStamp().start_time);
  EXPECT_EQ(static_cast<int32_t>(u64(mine + 64)), ThisProcessStamp().pid)
      << "the holder's thread, as the kernel keeps it";
  for (size_t at = 4096; at < 4096 + 32 * 128; at += 128) {
    if (at == mine) continue;
    EXPECT_EQ(u64(at), 0u) << at;
  }
}

}  // namespace
}  // namespace regatta
