#include "core/shm/arena.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/os/memfd.h"
#include "core/shm/family.h"
#include "core/shm/fault_points.h"
#include "core/shm/segment.h"
#include "core/testing/forked_child.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

constexpr uint8_t kKind = ChunkRun::kFirstKind;
constexpr uint64_t kTable = 4096;
constexpr uint64_t kChunksAt = 64 << 10;
constexpr uint32_t kChunks = 256;

class ArenaTest : public testing::Test {
 protected:
  void SetUp() override {
    segment_ = *Segment::Create("a test", 4096);
    arena_ = ArenaWith(kChunks);
  }
  Arena ArenaWith(uint32_t limit) {
    return Arena(segment_.get(), &state(), {kTable, kChunksAt, kChunks}, limit, "test");
  }
  // All steps of taking a run.
  absl::StatusOr<uint32_t> Take(uint32_t count, uint32_t owner) {
    EXPECT_THAT(arena_.Lock(*Family::Self(), Deadline::Never()), IsOk());
    const absl::StatusOr<uint32_t> first = arena_.Take(count, owner);
    arena_.Unlock();
    if (!first.ok()) return first.status();
    if (absl::Status prepared = arena_.Prepare(*first, count, true); !prepared.ok()) return prepared;
    arena_.Publish(*first, {kKind, owner, count});
    return first;
  }
  // All steps of giving a run back, if it is one.
  void GiveBack(uint32_t first) {
    ChunkRun run;
    if (!arena_.IsRun(first, &run)) return;
    arena_.Punch(first, run.count);
    GiveBack(first, run.count);
  }
  void GiveBack(uint32_t first, uint32_t count) {
    ASSERT_THAT(arena_.Lock(*Family::Self(), Deadline::Never()), IsOk());
    arena_.GiveBack(first, count);
    arena_.Unlock();
  }
  ArenaState& state() { return *segment_->Get<ArenaState>(0); }
  std::vector<std::pair<uint32_t, uint32_t>> RunsOf(uint32_t owner) {
    std::vector<std::pair<uint32_t, uint32_t>> runs;
    arena_.ForEachRun(owner, [&](uint32_t first, const ChunkRun& run) {
      EXPECT_EQ(run.owner, owner);
      if (run.kind != ChunkRun::kTail) runs.emplace_back(first, run.count);
    });
    return runs;
  }
  // Gives back what a death left of the owner's.
  void GiveBackOrphans(uint32_t owner) {
    arena_.ForEachRun(owner, [&](uint32_t first, const ChunkRun& run) {
      if (run.kind != ChunkRun::kTail) return;
      arena_.Punch(first, run.count);
      GiveBack(first, run.count);
    });
  }
  // The word of a chunk in the table, as FORMAT.md says it.
  std::atomic<uint64_t>& Word(uint32_t chunk) {
    return *segment_->Get<std::atomic<uint64_t>>(kTable + chunk * sizeof(uint64_t));
  }
  // A child that dies at the passage number `skip` + 1 of `point` while it does `work`. Then the next holder of the
  // lock puts right what it left.
  void DieAt(FaultPoint point, uint32_t skip, const std::function<void()>& work) {
    ForkedChild child([&] {
      ArmFaultPoint(point, skip);
      work();
      return 0;
    });
    ASSERT_EQ(child.Wait(), -SIGKILL) << point.name() << " was not reached " << skip + 1 << " times";
    ASSERT_THAT(arena_.Lock(*Family::Self(), Deadline::Never()), IsOk());
    arena_.Unlock();
  }

  std::shared_ptr<Segment> segment_;
  Arena arena_;
};

TEST_F(ArenaTest, TakesTheFirstFreeRunThatFits) {
  EXPECT_EQ(*Take(2, 1), 0u);
  EXPECT_EQ(*Take(3, 1), 2u);
  EXPECT_EQ(*Take(1, 1), 5u);
  GiveBack(0);
  EXPECT_EQ(*Take(3, 2), 6u) << "two free ones are too few";
  EXPECT_EQ(*Take(1, 2), 0u);
  EXPECT_EQ(*Take(1, 2), 1u);
  EXPECT_EQ(arena_.taken(), 9u);
}

TEST_F(ArenaTest, GivesMemoryThatIsAllZeroAlsoTheSecondTime) {
  const uint32_t first = *Take(2, 1);
  std::memset(arena_.At(first, 0, 2 * kChunkBytes), 0xff, 2 * kChunkBytes);
  GiveBack(first);
  ASSERT_EQ(*Take(2, 1), first);
  for (uint64_t i = 0; i < 2 * kChunkBytes; ++i) ASSERT_EQ(arena_.At(first, 0, 2 * kChunkBytes)[i], std::byte{0}) << i;
}

TEST_F(ArenaTest, TakesNoRunAcrossTwoWindows) {
  std::vector<uint32_t> taken;
  for (absl::StatusOr<uint32_t> run; (run = Take(5, 1)).ok();) {
    EXPECT_NE(arena_.At(*run, 0, 5 * kChunkBytes), nullptr) << *run;
    taken.push_back(*run);
  }
  EXPECT_GE(taken.size(), kChunks / 5 - 4);
  // What was passed over serves shorter runs.
  EXPECT_LT(*Take(1, 1), 32u);
}

TEST_F(ArenaTest, FindsTheRunsOfEachOwner) {
  ASSERT_THAT(Take(2, 1), IsOk());
  ASSERT_THAT(Take(1, 2), IsOk());
  ASSERT_THAT(Take(4, 1), IsOk());
  EXPECT_EQ(RunsOf(1), (std::vector<std::pair<uint32_t, uint32_t>>{{0, 2}, {3, 4}}));
  EXPECT_EQ(RunsOf(2), (std::vector<std::pair<uint32_t, uint32_t>>{{2, 1}}));
  EXPECT_TRUE(RunsOf(3).empty());
}

TEST_F(ArenaTest, KnowsWhereRunsStart) {
  const uint32_t first = *Take(3, 7);
  ChunkRun run;
  EXPECT_TRUE(arena_.IsRun(first, &run));
  EXPECT_EQ(run.owner, 7u);
  EXPECT_EQ(run.count, 3u);
  EXPECT_FALSE(arena_.IsRun(first + 1, &run)) << "a tail";
  EXPECT_FALSE(arena_.IsRun(first + 3, &run)) << "never taken";
  EXPECT_FALSE(arena_.IsRun(0xffffffff, &run));
}

TEST_F(ArenaTest, TrustsNoRunThatIsLongerThanTheArena) {
  const uint32_t first = *Take(1, 1);
  Word(first).store(kKind | uint64_t{1} << 8 | uint64_t{kChunks + 1} << 32);
  ChunkRun run;
  EXPECT_FALSE(arena_.IsRun(first, &run));
  Word(first).store(kKind | uint64_t{1} << 8);
  EXPECT_FALSE(arena_.IsRun(first, &run)) << "no run has no chunks";
}

TEST_F(ArenaTest, TellsWhichOffsetsItContains) {
  EXPECT_FALSE(arena_.Contains(kChunksAt - 1));
  EXPECT_TRUE(arena_.Contains(kChunksAt));
  EXPECT_TRUE(arena_.Contains(kChunksAt + kChunks * kChunkBytes - 1));
  EXPECT_FALSE(arena_.Contains(kChunksAt + kChunks * kChunkBytes));
  EXPECT_FALSE(arena_.Contains(~uint64_t{0}));
  EXPECT_EQ(arena_.ChunkOf(arena_.OffsetOf(17) + 5), 17u);
}

TEST_F(ArenaTest, SaysWhenTheLimitIsReachedAndGoesOn) {
  arena_ = ArenaWith(4);
  const uint32_t first = *Take(3, 1);
  const absl::Status full = Take(2, 1).status();
  EXPECT_THAT(full, StatusIs(absl::StatusCode::kResourceExhausted, testing::HasSubstr("memory_limit")));
  EXPECT_EQ(arena_.taken(), 3u);
  EXPECT_THAT(Take(5, 1), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(Take(1, 1), IsOk());
  GiveBack(first);
  EXPECT_THAT(Take(3, 1), IsOk());
}

TEST_F(ArenaTest, SaysWhenNoRunIsLongEnough) {
  std::vector<uint32_t> taken;
  for (absl::StatusOr<uint32_t> run; (run = Take(2, 1)).ok();) taken.push_back(*run);
  EXPECT_GE(taken.size(), kChunks / 2 - 4) << "a chunk before the end of a window may be left over";
  for (size_t i = 0; i < taken.size(); i += 2) GiveBack(taken[i]);
  EXPECT_THAT(Take(4, 1), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(Take(2, 1), IsOk());
}

TEST_F(ArenaTest, NeverOverlapsInAThousandRandomTakesAndGives) {
  std::mt19937 random(1);
  std::map<uint32_t, uint32_t> held;
  for (int i = 0; i < 1000; ++i) {
    if (random() % 2 == 0 || held.empty()) {
      const uint32_t count = 1 + random() % 20;
      const absl::StatusOr<uint32_t> first = Take(count, random() % 3);
      if (!first.ok()) continue;
      const auto next = held.lower_bound(*first);
      ASSERT_TRUE(next == held.end() || next->first >= *first + count);
      if (next != held.begin()) {
        ASSERT_LE(std::prev(next)->first + std::prev(next)->second, *first);
      }
      held[*first] = count;
    } else {
      auto victim = held.begin();
      std::advance(victim, random() % held.size());
      GiveBack(victim->first);
      held.erase(victim);
    }
    uint64_t total = 0;
    for (const auto& [first, count] : held) total += count;
    ASSERT_EQ(arena_.taken(), total);
  }
}

TEST_F(ArenaTest, IsLockedUntilItsHolderReleasesOrDies) {
  ASSERT_EQ(*Take(3, 1), 0u);
  Shared<std::atomic<bool>> held;
  ForkedChild holder([&] {
    REGATTA_CHILD_REQUIRE(arena_.Lock(*Family::Self(), Deadline::Never()).ok());
    *held = true;
    for (;;) pause();
    return 0;
  });
  ASSERT_TRUE(Eventually([&] { return held->load(); }));
  const Member self = *Family::Self();
  const absl::Status late = arena_.Lock(self, Deadline::Now());
  EXPECT_THAT(late, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_NE(late.message().find(absl::StrCat("process ", holder.pid(), " holds up the test ")), std::string::npos)
      << late;
  EXPECT_FALSE(arena_.TryLock(self));
  holder.Kill();
  ASSERT_EQ(holder.Wait(), -SIGKILL);
  // A holder that dies in Take or GiveBack may leave any numbers here.
  state().taken = 70;
  state().first_free = 9;
  ASSERT_THAT(arena_.Lock(self, Deadline::Never()), IsOk());
  EXPECT_FALSE(arena_.TryLock(self)) << "held by this process";
  arena_.Unlock();
  EXPECT_EQ(arena_.taken(), 3u);
  EXPECT_EQ(state().first_free, 3u);
  EXPECT_TRUE(arena_.TryLock(self));
  arena_.Unlock();
}

// Whatever a death left: all that was taken is found by its owner, and all can be taken once the owner's successor has
// been.
using ArenaDeath = ArenaTest;

TEST_F(ArenaDeath, AtEachStepOfTakingLeavesNothingLost) {
  for (const FaultPoint point : {fault::kArenaGrown, fault::kArenaTailMarked, fault::kArenaHeadMarked}) {
    for (const bool in_a_gap : {false, true}) {
      SCOPED_TRACE(testing::Message() << point.name() << (in_a_gap ? " in a gap" : " at the end"));
      const uint32_t before = *Take(4, 1);
      const uint32_t after = *Take(1, 2);
      if (in_a_gap) {
        GiveBack(before);
      } else {
        GiveBack(after);
      }
      DieAt(point, 0, [&] { Take(4, 3).IgnoreError(); });
      EXPECT_EQ(RunsOf(3).size(), point == fault::kArenaHeadMarked ? 1u : 0u);
      for (const auto& [first, count] : RunsOf(3)) GiveBack(first);
      GiveBackOrphans(3);
      for (const uint32_t first : {before, after}) GiveBack(first);
      EXPECT_EQ(arena_.taken(), 0u);
      for (uint32_t chunk = 0; chunk < 16; ++chunk) EXPECT_EQ(Word(chunk).load(), 0u) << chunk;
    }
  }
}

TEST_F(ArenaDeath, InsideGivingBackLeavesTailsThatTheOwnersSuccessorFrees) {
  for (const uint32_t freed : {1u, 2u, 4u}) {
    const uint32_t first = *Take(4, 3);
    const uint32_t other = *Take(1, 4);
    std::memset(arena_.At(first, 0, 4 * kChunkBytes), 0xff, 4 * kChunkBytes);
    DieAt(fault::kArenaFreed, freed - 1, [&] { GiveBack(first); });
    EXPECT_EQ(arena_.taken(), 5u - freed);
    EXPECT_TRUE(RunsOf(3).empty());
    GiveBackOrphans(3);
    EXPECT_EQ(arena_.taken(), 1u);
    ASSERT_EQ(*Take(4, 5), first);
    for (uint64_t i = 0; i < 4 * kChunkBytes; ++i)
      ASSERT_EQ(arena_.At(first, 0, 2 * kChunkBytes)[i], std::byte{0}) << i;
    GiveBack(first);
    GiveBack(other);
  }
}

TEST_F(ArenaDeath, LeavesNoMemoryBehindFreeChunks) {
  const uint32_t first = *Take(8, 3);
  std::memset(arena_.At(first, 0, 8 * kChunkBytes), 0xff, 8 * kChunkBytes);
  DieAt(fault::kArenaFreed, 7, [&] { GiveBack(first); });
  // Punched pages read as zero whatever was there; bytes that stayed would show.
  EXPECT_EQ(arena_.taken(), 0u);
  std::byte sum{0};
  for (uint64_t i = 0; i < 8 * kChunkBytes; i += 64) sum |= arena_.At(first, 0, 8 * kChunkBytes)[i];
  EXPECT_EQ(sum, std::byte{0});
}

TEST_F(ArenaDeath, OfManyInARowIsCountedRight) {
  // Tails beyond the end, left again and again, with whole runs taken in between.
  for (uint32_t i = 0; i < 8; ++i) {
    ASSERT_THAT(Take(1, 1), IsOk());
    DieAt(fault::kArenaTailMarked, 0, [&] { Take(5, 3).IgnoreError(); });
  }
  GiveBackOrphans(3);
  EXPECT_EQ(arena_.taken(), 8u);
  const auto mine = RunsOf(1);
  EXPECT_EQ(mine.size(), 8u);
  for (const auto& [first, count] : mine) GiveBack(first);
  // All of it is there again: a run as long as each window.
  for (const uint32_t count : {31u, 32u, 64u, 128u, 1u}) EXPECT_THAT(Take(count, 1), IsOk()) << count;
}

}  // namespace
}  // namespace regatta
