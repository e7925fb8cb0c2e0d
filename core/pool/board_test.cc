#include "core/pool/board.h"

#include <signal.h>

#include <memory>
#include <optional>
#include <utility>

#include "core/os/memfd.h"
#include "core/pool/fault_points.h"
#include "core/testing/forked_child.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

class BoardTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<Board>> made = Board::Create();
    ASSERT_THAT(made, IsOk());
    board_ = *std::move(made);
    ASSERT_THAT(board_->Back(kTaskSlots, 4), IsOk());
  }

  void Queue(uint32_t slot, uint32_t serial = 1) {
    board_->slot(slot).state.store(TaskWord{TaskPhase::kQueued, 0, 0, serial}.Pack());
  }
  TaskWord State(uint32_t slot) const { return TaskWord::Unpack(board_->slot(slot).state.load()); }

  std::unique_ptr<Board> board_;
};

TEST(TaskWordTest, IsWhatWasPacked) {
  const TaskWord word = TaskWord::Unpack(TaskWord{TaskPhase::kDone, 1023, 255, 0xfedcba98}.Pack());
  EXPECT_EQ(word.phase, TaskPhase::kDone);
  EXPECT_EQ(word.worker, 1023);
  EXPECT_EQ(word.attempts, 255);
  EXPECT_EQ(word.serial, 0xfedcba98u);
}

TEST_F(BoardTest, TasksAreClaimedInTheOrderPosted) {
  EXPECT_EQ(board_->Claim(0, 2), std::nullopt);
  for (const uint32_t slot : {5u, 3u, 9u}) {
    Queue(slot);
    ASSERT_TRUE(board_->Post(slot));
  }
  EXPECT_EQ(board_->Claim(2, 2), 5u);
  EXPECT_EQ(State(5).phase, TaskPhase::kRunning);
  EXPECT_EQ(State(5).worker, 2);
  EXPECT_EQ(State(5).attempts, 1);
  EXPECT_EQ(board_->worker(2).trying.load(), 6u) << "it leaves word of what it may have taken";
  EXPECT_EQ(board_->Claim(0, 2), 3u);
  EXPECT_EQ(board_->Claim(1, 2), 9u);
  EXPECT_EQ(board_->Claim(1, 2), std::nullopt);
}

TEST_F(BoardTest, ATaskPostedTwiceIsClaimedOnce) {
  Queue(7);
  ASSERT_TRUE(board_->Post(7));
  ASSERT_TRUE(board_->Post(7));
  EXPECT_EQ(board_->Claim(0, 2), 7u);
  EXPECT_EQ(board_->Claim(1, 2), std::nullopt);
}

TEST_F(BoardTest, AnEntryThatADeathDoubledGivesTheSlotsNextTaskNoSecondRun) {
  Queue(7, 1);
  ASSERT_TRUE(board_->Post(7));
  ASSERT_TRUE(board_->Post(7));
  ASSERT_EQ(board_->Claim(0, 2), 7u);
  board_->Finish(7, 0, 0);
  Queue(7, 2);
  ASSERT_TRUE(board_->Post(7));
  EXPECT_EQ(board_->Claim(1, 2), 7u) << "by whichever entry";
  EXPECT_EQ(State(7).serial, 2u);
  EXPECT_EQ(board_->Claim(2, 2), std::nullopt);
}

TEST_F(BoardTest, ACancelledTaskIsPassedOver) {
  Queue(1);
  Queue(2);
  ASSERT_TRUE(board_->Post(1));
  ASSERT_TRUE(board_->Post(2));
  board_->slot(1).state.store(TaskWord{TaskPhase::kCancelled, 0, 0, 1}.Pack());
  EXPECT_EQ(board_->Claim(0, 2), 2u);
}

TEST_F(BoardTest, AFullRingRefusesAndTakesAgainOnceThereIsRoom) {
  Queue(0);
  for (uint32_t i = 0; i < kTaskRing; ++i) ASSERT_TRUE(board_->Post(0)) << i;
  EXPECT_FALSE(board_->Post(0));
  EXPECT_EQ(board_->Claim(0, 2), 0u);
  EXPECT_TRUE(board_->Post(0));
  EXPECT_FALSE(board_->Post(0));
}

TEST_F(BoardTest, WhatAWorkerHasDoneIsThereInOrderAlsoWhenTheRingGoesRound) {
  for (uint32_t i = 0; i < 2 * kTaskSlots + 3; ++i) {
    const uint32_t slot = i % 100;
    Queue(slot, i);
    ASSERT_TRUE(board_->Post(slot));
    ASSERT_EQ(board_->Claim(1, 2), slot);
    ASSERT_EQ(board_->DoneAt(1, i), std::nullopt);
    board_->Finish(slot, 1, i);
    ASSERT_EQ(board_->DoneAt(1, i), slot);
    ASSERT_EQ(board_->DoneAt(1, i + 1), std::nullopt);
    ASSERT_EQ(State(slot).phase, TaskPhase::kDone);
  }
  board_->ResetWorker(1);
  for (uint32_t i = 0; i < 2 * kTaskSlots + 3; ++i) ASSERT_EQ(board_->DoneAt(1, i), std::nullopt);
  EXPECT_EQ(board_->worker(1).trying.load(), 0u);
}

TEST_F(BoardTest, BytesThatCannotBeWhereTheyClaimAreRefused) {
  const std::byte in_slot[8] = {};
  EXPECT_TRUE(board_->Bytes(0, 8, in_slot, 8).has_value());
  EXPECT_FALSE(board_->Bytes(0, 9, in_slot, 8).has_value());
  for (const uint64_t at : {uint64_t{1}, uint64_t{kSlotsOffset}, ~uint64_t{0}, uint64_t{1} << 40}) {
    EXPECT_FALSE(board_->Bytes(at, 100, in_slot, 8).has_value()) << at;
    board_->FreeExtent(at);
  }
}

TEST_F(BoardTest, AnotherProcessSeesTheSameAndAFileThatIsNoneIsRefused) {
  Queue(4);
  ASSERT_TRUE(board_->Post(4));
  absl::StatusOr<Fd> copy = board_->file().Duplicate();
  ASSERT_THAT(copy, IsOk());
  ForkedChild child([&] {
    const absl::StatusOr<std::unique_ptr<Board>> attached = Board::Attach(*std::move(copy));
    REGATTA_CHILD_REQUIRE(attached.ok());
    REGATTA_CHILD_REQUIRE((*attached)->Claim(3, 2) == 4u);
    (*attached)->Finish(4, 3, 0);
    return 0;
  });
  ASSERT_EQ(child.Wait(), 0);
  EXPECT_EQ(board_->DoneAt(3, 0), 4u);

  absl::StatusOr<Fd> short_file = CreateMemfd("not a board");
  ASSERT_THAT(short_file, IsOk());
  EXPECT_THAT(Board::Attach(*std::move(short_file)), StatusIs(absl::StatusCode::kDataLoss));
  absl::StatusOr<Fd> zeros = CreateMemfd("not a board");
  ASSERT_TRUE(zeros.ok() && GrowMemfd(*zeros, 0, kSlotsOffset).ok());
  EXPECT_THAT(Board::Attach(*std::move(zeros)), StatusIs(absl::StatusCode::kDataLoss));
}

// Two processes take from one ring, and one dies at each step of it: between them each task is claimed at most once,
// and what was lost is named by the dead one's line.
TEST_F(BoardTest, ADeathInTheMiddleOfAClaimLeavesWordOfTheTask) {
  for (const FaultPoint point : {fault::kPoolTrying, fault::kPoolTaken, fault::kPoolClaimed}) {
    board_->ResetWorker(0);
    Queue(11);
    ASSERT_TRUE(board_->Post(11));
    ForkedChild child([&] {
      ArmFaultPoint(point);
      board_->Claim(0, 2);
      return 0;
    });
    ASSERT_EQ(child.Wait(), -SIGKILL) << point.name();
    EXPECT_EQ(board_->worker(0).trying.load(), 12u);
    const std::optional<uint32_t> next = board_->Claim(1, 2);
    if (point == fault::kPoolTrying) {
      EXPECT_EQ(next, 11u) << "its entry is still there";
    } else {
      EXPECT_EQ(next, std::nullopt);
      EXPECT_EQ(State(11).phase, point == fault::kPoolTaken ? TaskPhase::kQueued : TaskPhase::kRunning);
    }
  }
}

}  // namespace
}  // namespace regatta
