#include "core/shm/segment.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/os/memfd.h"
#include "core/testing/forked_child.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

constexpr uint64_t kMiB = 1 << 20;

std::shared_ptr<Segment> NewSegment(uint64_t bytes = 4096) {
  absl::StatusOr<std::shared_ptr<Segment>> segment = Segment::Create("a test", bytes);
  EXPECT_THAT(segment, IsOk());
  return *std::move(segment);
}

// The mappings of the file in this process, as /proc lists them.
int Mappings(const Segment& segment) {
  std::ifstream maps("/proc/self/maps");
  int count = 0;
  for (std::string line; std::getline(maps, line);) {
    count += line.find(absl::StrCat(" ", segment.identity(), " ")) != std::string::npos &&
                     line.find("memfd:") != std::string::npos
                 ? 1
                 : 0;
  }
  return count;
}

TEST(Segment, IsOneForAllDescriptorsOfAFile) {
  const auto segment = NewSegment();
  const auto again = *Segment::Attach(*segment->file().Duplicate());
  EXPECT_EQ(again, segment);
  EXPECT_NE(NewSegment(), segment);
}

TEST(Segment, IsForgottenWithItsLastHandle) {
  auto segment = NewSegment();
  std::memcpy(segment->At(0, 8), "survives", 8);
  Fd copy = *segment->file().Duplicate();
  segment.reset();
  segment = *Segment::Attach(std::move(copy));
  EXPECT_EQ(std::memcmp(segment->At(0, 8), "survives", 8), 0);
}

TEST(Segment, RefusesWhatIsNoSharedMemory) {
  EXPECT_THAT(Segment::Attach(Fd()), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(Segment::Attach(Fd(open("/dev/null", O_RDWR | O_CLOEXEC))), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(Segment, GivesAddressesInTheFileOnly) {
  const auto segment = NewSegment(4096);
  EXPECT_NE(segment->At(0, 4096), nullptr);
  EXPECT_NE(segment->At(4096, 0), nullptr);
  for (const auto& [offset, size] :
       std::vector<std::pair<uint64_t, uint64_t>>{{0, 4097},
                                                  {4096, 1},
                                                  {1, ~uint64_t{0}},
                                                  {~uint64_t{0}, 1},
                                                  {~uint64_t{0}, ~uint64_t{0}},
                                                  {uint64_t{1} << 37, 1},
                                                  {uint64_t{1} << 63, uint64_t{1} << 63}}) {
    EXPECT_EQ(segment->At(offset, size), nullptr) << offset << " " << size;
    EXPECT_FALSE(segment->Contains(offset, size)) << offset << " " << size;
  }
  EXPECT_EQ(segment->Get<uint64_t>(4), nullptr) << "not aligned";
}

TEST(Segment, SeesThatTheFileHasGrown) {
  const auto segment = NewSegment(4096);
  ASSERT_EQ(segment->At(8192, 8), nullptr);
  ForkedChild child([&] { return segment->Grow(8192, 4096).ok() ? 0 : 1; });
  ASSERT_EQ(child.Wait(), 0);
  ASSERT_NE(segment->At(8192, 8), nullptr);
}

TEST(Segment, TakesAddressSpaceByNeed) {
  const auto segment = NewSegment();
  EXPECT_EQ(Mappings(*segment), 1);
  ASSERT_THAT(segment->Grow(5 * kMiB, 4096), IsOk());
  EXPECT_EQ(Mappings(*segment), 1);
  std::byte* const far = segment->At(5 * kMiB, 4096);
  ASSERT_NE(far, nullptr);
  EXPECT_EQ(segment->At(5 * kMiB, 1), far) << "a window never moves";
  EXPECT_EQ(Mappings(*segment), 2);
  EXPECT_EQ(segment->OffsetOf(far), 5 * kMiB);
  EXPECT_EQ(segment->OffsetOf(segment->At(17, 1)), 17u);
  EXPECT_EQ(segment->OffsetOf(&far), ~uint64_t{0});
}

TEST(Segment, HasNoPlaceAcrossTwoWindows) {
  const auto segment = NewSegment();
  ASSERT_THAT(segment->Grow(2 * kMiB - 4096, 8192), IsOk());
  EXPECT_NE(segment->At(2 * kMiB - 4096, 4096), nullptr);
  EXPECT_NE(segment->At(2 * kMiB, 4096), nullptr);
  EXPECT_EQ(segment->At(2 * kMiB - 4096, 4097), nullptr);
  EXPECT_FALSE(Segment::InOneWindow(2 * kMiB - 1, 2));
  EXPECT_TRUE(Segment::InOneWindow(2 * kMiB, 2 * kMiB));
  EXPECT_FALSE(Segment::InOneWindow(2 * kMiB, 2 * kMiB + 1));
  EXPECT_EQ(Segment::EndOfWindowAt(0), 2 * kMiB);
  EXPECT_EQ(Segment::EndOfWindowAt(5 * kMiB), 8 * kMiB);
}

TEST(Segment, NeedsLittleAddressSpace) {
  ForkedChild child([] {
    LimitMoreAddressSpace(uint64_t{1} << 30);
    std::vector<std::shared_ptr<Segment>> all;
    for (int i = 0; i < 400; ++i) {
      absl::StatusOr<std::shared_ptr<Segment>> segment = Segment::Create("a test", 4096);
      REGATTA_CHILD_REQUIRE(segment.ok());
      all.push_back(*std::move(segment));
    }
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST(Segment, SaysWhenNoAddressSpaceIsLeft) {
  const auto segment = NewSegment();
  ASSERT_THAT(segment->Grow(512 * kMiB, 4096), IsOk());
  ForkedChild child([&] {
    LimitMoreAddressSpace(16 * kMiB);
    REGATTA_CHILD_REQUIRE(segment->At(512 * kMiB, 1) == nullptr);
    REGATTA_CHILD_REQUIRE(segment->Contains(512 * kMiB, 1));
    std::vector<std::shared_ptr<Segment>> all;
    for (;;) {
      absl::StatusOr<std::shared_ptr<Segment>> next = Segment::Create("a test", 4096);
      if (!next.ok()) {
        REGATTA_CHILD_REQUIRE(absl::IsResourceExhausted(next.status()));
        REGATTA_CHILD_REQUIRE(next.status().message().find("address space") != std::string::npos);
        return 0;
      }
      all.push_back(*std::move(next));
    }
  });
  EXPECT_EQ(child.Wait(), 0);
}

// A task that closes all descriptors and opens its own files must not have them grown, cut or filled.
TEST(Segment, LeavesAFileAloneThatGotItsNumber) {
  const auto segment = NewSegment();
  ForkedChild child([&] {
    const int number = segment->file().get();
    char path[] = "/tmp/regatta-segment-XXXXXX";
    const int mine = mkstemp(path);
    REGATTA_CHILD_REQUIRE(mine >= 0 && unlink(path) == 0);
    REGATTA_CHILD_REQUIRE(write(mine, "mine", 4) == 4);
    REGATTA_CHILD_REQUIRE(dup2(mine, number) == number);
    for (const absl::Status& status : {segment->Grow(0, 8192), segment->Punch(0, 4096), segment->Size().status()}) {
      REGATTA_CHILD_REQUIRE(absl::IsFailedPrecondition(status));
    }
    REGATTA_CHILD_REQUIRE(segment->At(8192, 1) == nullptr);
    char text[8] = {};
    REGATTA_CHILD_REQUIRE(pread(mine, text, sizeof(text), 0) == 4 && std::memcmp(text, "mine", 4) == 0);
    // What is mapped can still be used.
    REGATTA_CHILD_REQUIRE(segment->At(0, 8) != nullptr);
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST(Segment, IsLeftOutOfCoreDumps) {
  const auto segment = NewSegment();
  ASSERT_THAT(segment->Grow(5 * kMiB, 4096), IsOk());
  ASSERT_NE(segment->At(5 * kMiB, 1), nullptr);
  std::ifstream maps("/proc/self/smaps");
  bool ours = false;
  int left_out = 0;
  for (std::string line; std::getline(maps, line);) {
    if (line.find("memfd:a test") != std::string::npos) ours = true;
    if (line.rfind("VmFlags:", 0) != 0) continue;
    if (ours && line.find(" dd") != std::string::npos) ++left_out;
    ours = false;
  }
  EXPECT_EQ(left_out, 2);
}

TEST(Segment, ThreadsFindOneWindow) {
  const auto segment = NewSegment();
  ASSERT_THAT(segment->Grow(64 * kMiB, 4096), IsOk());
  std::atomic<std::byte*> first{nullptr};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      std::byte* const at = segment->At(64 * kMiB, 8);
      std::byte* expected = nullptr;
      EXPECT_TRUE(first.compare_exchange_strong(expected, at) || expected == at);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Mappings(*segment), 2);
}

TEST(Segment, KeepsOneViewWhileItLives) {
  const auto segment = NewSegment();
  int made = 0;
  const auto make = [&] { return std::make_shared<int>(++made); };
  auto view = segment->ViewOr<int>(make);
  EXPECT_EQ(segment->ViewOr<int>(make), view);
  EXPECT_EQ(made, 1);
  view.reset();
  EXPECT_EQ(*segment->ViewOr<int>(make), 2);
}

}  // namespace
}  // namespace regatta
