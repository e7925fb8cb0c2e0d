#include "core/shm/extent_pool.h"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "core/shm/arena.h"
#include "core/shm/family.h"
#include "core/shm/segment.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

constexpr uint64_t kTable = 4096;
constexpr uint64_t kChunksAt = 64 << 10;
constexpr uint32_t kChunks = 64;
constexpr uint32_t kOwner = 7;
constexpr uint64_t kLarge = 100'000;

class ExtentPoolTest : public testing::Test {
 protected:
  void SetUp() override {
    segment_ = *Segment::Create("a test", 4096);
    arena_ = Arena(segment_.get(), segment_->Get<ArenaState>(0), {kTable, kChunksAt, kChunks}, kChunks, "test");
  }
  ExtentPool PoolOf(uint32_t owner) {
    return ExtentPool(&arena_, owner, *Family::Self(), [this](uint64_t state) {
      const bool published = (state & Extent::kTag) == Extent::kQueued;
      return published ? is_stale_ && is_stale_(state) : true;
    });
  }

  std::shared_ptr<Segment> segment_;
  Arena arena_;
  std::function<bool(uint64_t)> is_stale_;
};

TEST_F(ExtentPoolTest, GivesNoExtentTwiceWhileItIsUsed) {
  ExtentPool pool = PoolOf(kOwner);
  const Member self = *Family::Self();
  std::set<Extent*> taken;
  for (uint64_t i = 0; i < 100; ++i) {
    Extent* extent = *pool.Take(500);
    extent->state = i % 2 == 0 ? Extent::kQueued | i : Extent::kOwned | uint64_t{self} << 32 | i;
    EXPECT_TRUE(taken.insert(extent).second);
  }
  for (Extent* extent : taken) extent->state = Extent::kFree;
  const uint64_t chunks = arena_.taken();
  for (int i = 0; i < 100; ++i) ASSERT_THAT(pool.Take(500), IsOk());
  EXPECT_EQ(arena_.taken(), chunks) << "what is free is used before memory is taken";
}

TEST_F(ExtentPoolTest, WhatWasPublishedAndNeverPutIsUsedAgainOnceItIsStale) {
  ExtentPool dead = PoolOf(kOwner);
  for (const uint64_t size : {uint64_t{500}, kLarge}) {
    Extent* left = *dead.Take(size);
    left->state = Extent::kQueued | 5;
    ExtentPool pool = PoolOf(kOwner);
    pool.Load();
    is_stale_ = nullptr;
    EXPECT_NE(*pool.Take(size), left);
    is_stale_ = [](uint64_t state) { return (state & Extent::kNumber) == 5; };
    std::set<Extent*> found;
    for (uint64_t i = 0; i < 200 && !found.contains(left); ++i) {
      Extent* extent = *pool.Take(size);
      if (extent != left) extent->state = Extent::kQueued | 6;
      found.insert(extent);
      if (size == kLarge && i > 10) break;
    }
    EXPECT_TRUE(found.contains(left)) << size;
    for (Extent* extent : found) extent->state = Extent::kFree;
  }
}

// A reader claims the extent, and what it was for passes, between two looks of the owner.
TEST_F(ExtentPoolTest, WhatIsClaimedBetweenTwoLooksIsNotUsedAgain) {
  const Member self = *Family::Self();
  for (const uint64_t size : {uint64_t{500}, kLarge}) {
    ExtentPool pool = PoolOf(kOwner);
    Extent* read = *pool.Take(size);
    read->state = Extent::kQueued | 5;
    is_stale_ = [&](uint64_t state) {
      if (state == (Extent::kQueued | 5)) read->state = Extent::kOwned | uint64_t{self} << 32 | 5;
      return true;
    };
    pool.Load();
    for (int i = 0; i < 200; ++i) {
      Extent* extent = *pool.Take(size);
      ASSERT_NE(extent, read) << "given away while it is being read";
      if (size == kLarge && i > 3) break;
    }
    is_stale_ = nullptr;
    read->state = Extent::kFree;
  }
}

TEST_F(ExtentPoolTest, ASuccessorFreesWhatWasPublishedWhereItIsNotWanted) {
  ExtentPool dead = PoolOf(kOwner);
  Extent* left = *dead.Take(500);
  left->state = Extent::kQueued | 5;
  ExtentPool pool = PoolOf(kOwner);
  pool.Load();
  pool.FreePublished();
  EXPECT_EQ(left->state, Extent::kFree);
}

// The looks of each Take at extents in use.
TEST_F(ExtentPoolTest, LooksAtAFewExtentsHoweverManyAreInUse) {
  for (const uint64_t size : {uint64_t{150}, uint64_t{33 << 10}}) {
    ExtentPool pool = PoolOf(kOwner);
    pool.Load();
    int looks = 0;
    is_stale_ = [&](uint64_t) {
      ++looks;
      return false;
    };
    int most = 0;
    for (;;) {
      looks = 0;
      const absl::StatusOr<Extent*> extent = pool.Take(size);
      if (!extent.ok()) break;
      (*extent)->state = Extent::kQueued | 1;
      most = std::max(most, looks);
    }
    EXPECT_GT(arena_.taken(), kChunks / 2);
    EXPECT_LE(most, 16) << size;
    is_stale_ = nullptr;
    pool.FreePublished();
    while (pool.GiveBackUnused()) {
    }
    ExtentPool successor = PoolOf(kOwner);
    successor.Load();
    while (successor.GiveBackUnused()) {
    }
  }
}

TEST_F(ExtentPoolTest, ABacklogsMemoryIsGivenBackInStepsAsItsOwnerGoesOn) {
  for (const uint64_t size : {uint64_t{150}, uint64_t{30'000}, uint64_t{33 << 10}}) {
    ExtentPool pool = PoolOf(kOwner);
    pool.Load();
    std::vector<Extent*> backlog;
    while (arena_.taken() < kChunks / 2) {
      backlog.push_back(*pool.Take(size));
      backlog.back()->state = Extent::kQueued | 1;
    }
    for (Extent* extent : backlog) extent->state = Extent::kFree;
    uint64_t before = arena_.taken();
    for (int i = 0; i < 20'000 && arena_.taken() > 4; ++i) {
      ASSERT_THAT(pool.Take(size), IsOk());
      ASSERT_GE(arena_.taken() + 8, before) << "in steps";
      before = arena_.taken();
    }
    EXPECT_LE(arena_.taken(), 4u) << size;
    while (pool.GiveBackUnused()) {
    }
  }
}

TEST_F(ExtentPoolTest, ReadersThatKeepSomeDoNotMakeItGrow) {
  const Member self = *Family::Self();
  for (const uint64_t size : {uint64_t{30'000}, uint64_t{33 << 10}}) {
    ExtentPool pool = PoolOf(kOwner);
    pool.Load();
    const uint64_t before = arena_.taken();
    std::vector<Extent*> kept;
    for (int i = 0; i < 12; ++i) {
      kept.push_back(*pool.Take(size));
      kept.back()->state = Extent::kOwned | uint64_t{self} << 32;
    }
    for (int i = 0; i < 1000; ++i) {
      Extent* const extent = *pool.Take(size);
      extent->state = Extent::kQueued | 1;
      extent->state = Extent::kFree;
    }
    EXPECT_LE(arena_.taken(), before + 20) << size;
    for (Extent* extent : kept) extent->state = Extent::kFree;
    while (pool.GiveBackUnused()) {
    }
  }
}

TEST_F(ExtentPoolTest, WhatOtherSizesLeaveFreeMakesRoom) {
  ExtentPool pool = PoolOf(kOwner);
  std::vector<Extent*> small;
  for (;;) {
    const absl::StatusOr<Extent*> extent = pool.Take(500);
    if (!extent.ok()) break;
    small.push_back(*extent);
    small.back()->state = Extent::kQueued | 1;
  }
  EXPECT_FALSE(pool.Take(kLarge).ok());
  for (Extent* extent : small) extent->state = Extent::kFree;
  EXPECT_THAT(pool.Take(kLarge), IsOk());
}

}  // namespace
}  // namespace regatta
