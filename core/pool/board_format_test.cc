// Holds a pool's board to what FORMAT.md says of it.
#include "core/pool/board_format.h"

#include <cstddef>
#include <cstring>
#include <memory>

#include "core/os/memfd.h"
#include "core/pool/board.h"
#include "core/shm/family.h"
#include "core/testing/format_example.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

TEST(BoardFormat, HasItsPartsWhereItSays) {
  EXPECT_EQ(kRingOffset, 4096u);
  EXPECT_EQ(kTaskRing, 8192u);
  EXPECT_EQ(kWorkersOffset, 69'632u);
  EXPECT_EQ(kMostWorkers, 1024u);
  EXPECT_EQ(sizeof(WorkerLine), 128u);
  EXPECT_EQ(kSlotsOffset, 200'704u);
  EXPECT_EQ(kTaskSlots, 4096u);
  EXPECT_EQ(sizeof(TaskSlot), 256u);
  EXPECT_EQ(kDoneOffset, 1'277'952u) << "a multiple of a done ring's size";
  EXPECT_EQ(sizeof(DoneRing), 32'768u);
  EXPECT_EQ(kBoardArena.table, 34'832'384u);
  EXPECT_EQ(kBoardArena.chunks_at, 43'253'760u) << "in whole chunks";
}

TEST(BoardFormat, HasItsFieldsWhereItSays) {
  EXPECT_EQ(offsetof(BoardHeader, object), 0u);
  EXPECT_EQ(offsetof(BoardHeader, stop), 64u);
  EXPECT_EQ(offsetof(BoardHeader, owner_processor), 68u);
  EXPECT_EQ(offsetof(BoardHeader, arena), 128u);
  EXPECT_EQ(offsetof(BoardHeader, ring_head), 192u);
  EXPECT_EQ(offsetof(BoardHeader, worker_processor), 256u);
  EXPECT_EQ(offsetof(BoardHeader, tasks), 320u);
  EXPECT_EQ(offsetof(BoardHeader, results), 448u);

  EXPECT_EQ(offsetof(WorkerLine, trying), 0u);
  EXPECT_EQ(offsetof(WorkerLine, ready), 8u);
  EXPECT_EQ(offsetof(WorkerLine, member), 12u);

  EXPECT_EQ(offsetof(TaskSlot, state), 0u);
  EXPECT_EQ(offsetof(TaskSlot, function), 8u);
  EXPECT_EQ(offsetof(TaskSlot, arguments), 56u);
  EXPECT_EQ(offsetof(TaskSlot, result_serial), 128u);
  EXPECT_EQ(offsetof(TaskSlot, outcome), 132u);
  EXPECT_EQ(offsetof(TaskSlot, result_at), 136u);
  EXPECT_EQ(offsetof(TaskSlot, result_size), 144u);
  EXPECT_EQ(offsetof(TaskSlot, result_parts), 148u);
  EXPECT_EQ(offsetof(TaskSlot, result), 152u);

  EXPECT_EQ(offsetof(ResultPart, size), 8u);
  EXPECT_EQ(offsetof(ResultPart, items), 12u);
  EXPECT_EQ(sizeof(ResultPart), 16u);
}

TEST(BoardFormat, IsWhatABoardLooksLike) {
  absl::StatusOr<std::unique_ptr<Board>> board = Board::Create();
  ASSERT_THAT(board, IsOk());
  ASSERT_THAT((*board)->Back(64, 2), IsOk());
  const absl::StatusOr<Mapping> mapping = Mapping::Map((*board)->file(), kDoneOffset + 2 * sizeof(DoneRing));
  ASSERT_THAT(mapping, IsOk());
  const auto u64 = [&](size_t at) {
    uint64_t value = 0;
    std::memcpy(&value, mapping->data() + at, 8);
    return value;
  };
  EXPECT_EQ(std::memcmp(mapping->data(), "REGLBRD3", 8), 0);
  EXPECT_EQ(u64(8), *Family::Id());
  (*board)->slot(3).state.store(TaskWord{TaskPhase::kQueued, 0, 0, 0x55}.Pack());
  ASSERT_TRUE((*board)->Post(3));
  EXPECT_EQ(u64(kSlotsOffset + 3 * 256), 0x0000005500000001u);
  EXPECT_EQ(u64(kRingOffset), 0x0000000100000003u) << "entry 0 of the task ring: slot 3";
  ASSERT_EQ((*board)->Claim(1, 2), 3u);
  EXPECT_EQ(u64(kSlotsOffset + 3 * 256), 0x0000005501000102u) << "running, by worker 1, the first attempt";
  EXPECT_EQ(u64(192), 1u) << "one entry taken";
  EXPECT_EQ(u64(kWorkersOffset + 128), 4u) << "trying: 1 + slot";
  (*board)->Finish(3, 1, 0);
  EXPECT_EQ(u64(kSlotsOffset + 3 * 256 + 128) & 0xffffffffu, 0x55u) << "the serial again, beside the result";
  EXPECT_EQ(u64(kSlotsOffset + 3 * 256), 0x0000005501000103u);
  EXPECT_EQ(u64(kDoneOffset + sizeof(DoneRing)), 0x0000000100000003u) << "the first that worker 1 has done: slot 3";
  EXPECT_EQ(ExpectFormatExample("Example of a board:", mapping->data()), 7);
}

}  // namespace
}  // namespace regatta
