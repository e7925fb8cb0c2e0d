#include "core/testing/linearizability.h"

namespace regatta {
namespace {

// A register that holds an int, 0 at first.
struct Register {
  using State = int;
  struct Operation {
    bool writes;
    int value;  // Written, or read.
  };
  static std::string Text(const Operation& operation) {
    return absl::StrCat(operation.writes ? "write " : "read ", operation.value);
  }
  static std::optional<State> After(const State& state, int, const Operation& operation) {
    if (operation.writes) return operation.value;
    return operation.value == state ? std::optional<State>(state) : std::nullopt;
  }
};
using Entry = HistoryEntry<Register::Operation>;

Entry Write(uint64_t called, uint64_t returned, int value) { return {called, returned, 0, {true, value}}; }
Entry Read(uint64_t called, uint64_t returned, int value) { return {called, returned, 1, {false, value}}; }

TEST(AHistory, OfNothingIsLinearizable) { EXPECT_TRUE(IsLinearizable<Register>({})); }

TEST(AHistory, InWhichAReadSeesTheLastWriteIsLinearizable) {
  EXPECT_TRUE(IsLinearizable<Register>({Write(1, 2, 7), Read(3, 4, 7)}));
}

TEST(AHistory, InWhichAReadSeesWhatWasOverwrittenIsNot) {
  const testing::AssertionResult result = IsLinearizable<Register>({Write(1, 2, 7), Write(3, 4, 8), Read(5, 6, 7)});
  EXPECT_FALSE(result);
  EXPECT_NE(std::string(result.message()).find("client 1, 5 to 6: read 7"), std::string::npos) << result.message();
}

TEST(AHistory, MayOrderWhatOverlapsInEitherWay) {
  for (const int seen : {0, 7}) EXPECT_TRUE(IsLinearizable<Register>({Write(1, 4, 7), Read(2, 3, seen)})) << seen;
}

TEST(AHistory, MayNotGoBackInTime) {
  // The first read sees the write, so the second must.
  EXPECT_FALSE(IsLinearizable<Register>({Write(1, 6, 7), Read(2, 3, 7), Read(4, 5, 0)}));
  EXPECT_TRUE(IsLinearizable<Register>({Write(1, 6, 7), Read(2, 3, 0), Read(4, 5, 7)}));
}

TEST(AHistory, MayCountAnUnfinishedOperationOrNot) {
  for (const int seen : {0, 7}) {
    EXPECT_TRUE(IsLinearizable<Register>({Write(1, Entry::kNever, 7), Read(2, 3, seen)})) << seen;
  }
  EXPECT_FALSE(IsLinearizable<Register>({Write(1, Entry::kNever, 7), Read(2, 3, 7), Read(4, 5, 0)}));
  EXPECT_FALSE(IsLinearizable<Register>({Read(1, 2, 7), Write(3, Entry::kNever, 7)})) << "it was not called yet";
}

TEST(AHistory, IsSearchedBackAndForth) {
  // Of the overlapping writes 1 to 8 only one order explains the reads.
  std::vector<Entry> entries;
  for (int i = 1; i <= 8; ++i) entries.push_back({1, 100, i, {true, i}});
  for (int i = 1; i <= 8; ++i) entries.push_back(Read(10 * i, 10 * i + 1, 9 - i));
  for (size_t i = 0; i < 8; ++i) entries[i].called += i;
  EXPECT_TRUE(IsLinearizable<Register>(entries));
  entries.push_back(Read(90, 91, 8));
  EXPECT_FALSE(IsLinearizable<Register>(entries)) << "8 was overwritten, and is written once";
}

TEST(ASharedHistory, HasWhatEachProcessDidAndInWhichOrder) {
  SharedHistory<Register::Operation> history;
  history.Record(0, {true, 3}, [](Register::Operation&) {});
  ForkedChild reader([&] {
    history.Record(1, {false, 0}, [](Register::Operation& operation) { operation.value = 3; });
    history.Record(1, {false, 0}, [](Register::Operation&) { _exit(0); });
    return 1;
  });
  ASSERT_EQ(reader.Wait(), 0);
  const std::vector<Entry> entries = history.Entries();
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_LT(entries[0].returned, entries[1].called);
  EXPECT_EQ(entries[1].operation.value, 3);
  EXPECT_EQ(entries[2].returned, Entry::kNever) << "it died in its second";
}

}  // namespace
}  // namespace regatta
