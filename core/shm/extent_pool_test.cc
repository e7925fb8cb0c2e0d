#include "core/shm/extent_pool.h"

#include <functional>
#include <set>
#include <utility>

#include "core/shm/chunk_arena.h"
#include "core/shm/family.h"
#include "core/shm/segment.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

constexpr uint64_t kTable = 4096;
constexpr uint64_t kChunksAt = 64 << 10;
constexpr uint32_t kChunks = 64;
constexpr uint32_t kOwner = 7;
constexpr uint64_t kLarge = 100'000;

class ExtentPoolTest : public testing::Test, protected ArenaLock {
 protected:
  void SetUp() override {
    segment_ = *Segment::Create("a test", 4096);
    arena_ = ChunkArena(segment_.get(), segment_->Get<ChunkArenaState>(0), kTable, kChunksAt, kChunks, kChunks);
  }
  absl::Status LockArena() override { return absl::OkStatus(); }
  void UnlockArena() override {}
  bool IsStale(uint64_t state) const override { return is_stale_ && is_stale_(state); }

  std::shared_ptr<Segment> segment_;
  ChunkArena arena_;
  std::function<bool(uint64_t)> is_stale_;
};

TEST_F(ExtentPoolTest, GivesNoExtentTwiceWhileItIsUsed) {
  ExtentPool pool(&arena_, kOwner, this);
  const Member self = *Family::Self();
  std::set<Extent*> taken;
  for (uint64_t i = 0; i < 100; ++i) {
    Extent* extent = *pool.Take(500);
    extent->state = i % 2 == 0 ? Extent::kQueued | i : Extent::kOwned | uint64_t{self} << 32 | i;
    EXPECT_TRUE(taken.insert(extent).second);
  }
  for (Extent* extent : taken) extent->state = Extent::kFree;
  const uint64_t chunks = arena_.taken();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(pool.Take(500).ok());
  EXPECT_EQ(arena_.taken(), chunks) << "what is free is used before memory is taken";
}

TEST_F(ExtentPoolTest, WhatWasPublishedAndNeverPutIsUsedAgainOnceItIsStale) {
  ExtentPool dead(&arena_, kOwner, this);
  for (const uint64_t size : {uint64_t{500}, kLarge}) {
    Extent* left = *dead.Take(size);
    left->state = Extent::kQueued | 5;
    ExtentPool pool(&arena_, kOwner, this);
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
    ExtentPool pool(&arena_, kOwner, this);
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
  ExtentPool dead(&arena_, kOwner, this);
  Extent* left = *dead.Take(500);
  left->state = Extent::kQueued | 5;
  ExtentPool pool(&arena_, kOwner, this);
  pool.Load();
  pool.FreePublished();
  EXPECT_EQ(left->state, Extent::kFree);
}

}  // namespace
}  // namespace regatta
