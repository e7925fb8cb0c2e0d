#include "core/os/memfd.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "core/os/deadline.h"
#include "core/os/error.h"
#include "core/testing/forked_child.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

uint64_t BytesBehind(const Fd& file) {
  struct stat about;
  EXPECT_EQ(fstat(file.get(), &about), 0);
  return static_cast<uint64_t>(about.st_blocks) * 512;
}

TEST(CreateMemfd, MakesAnEmptyFileThatExecCloses) {
  const absl::StatusOr<Fd> file = CreateMemfd("a test");
  ASSERT_THAT(file, IsOk());
  EXPECT_EQ(*MemfdSize(*file), 0u);
  EXPECT_EQ(fcntl(file->get(), F_GETFD), FD_CLOEXEC);
}

TEST(CreateMemfd, CanNotBeShrunk) {
  const absl::StatusOr<Fd> file = CreateMemfd("a test");
  ASSERT_THAT(GrowMemfd(*file, 0, 8192), IsOk());
  EXPECT_NE(ftruncate(file->get(), 4096), 0);
  EXPECT_EQ(*MemfdSize(*file), 8192u);
}

TEST(CreateMemfd, SaysWhenNoDescriptorIsLeft) {
  ForkedChild child([] {
    LimitDescriptors(32);
    while (open("/dev/null", O_RDONLY) >= 0) {
    }
    REGATTA_CHILD_REQUIRE(CreateMemfd("a test").status().code() == absl::StatusCode::kResourceExhausted);
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST(GrowMemfd, PutsMemoryBehindAndKeepsWhatIsThere) {
  const absl::StatusOr<Fd> file = CreateMemfd("a test");
  ASSERT_THAT(GrowMemfd(*file, 0, 4096), IsOk());
  absl::StatusOr<Mapping> mapping = Mapping::Map(*file, 1 << 20);
  ASSERT_THAT(mapping, IsOk());
  EXPECT_EQ(mapping->size(), size_t{1} << 20);
  std::memset(mapping->data(), 7, 4096);
  ASSERT_THAT(GrowMemfd(*file, 0, 65536), IsOk());
  EXPECT_EQ(*MemfdSize(*file), 65536u);
  EXPECT_EQ(BytesBehind(*file), 65536u);
  EXPECT_EQ(mapping->data()[4095], std::byte{7});
  EXPECT_EQ(mapping->data()[4096], std::byte{0});
}

TEST(GrowMemfd, RefusesMoreThanThereIsAndChangesNothing) {
  const absl::StatusOr<Fd> file = CreateMemfd("a test");
  ASSERT_THAT(GrowMemfd(*file, 0, 4096), IsOk());
  const absl::Status grown = GrowMemfd(*file, 4096, uint64_t{1} << 50);
  EXPECT_THAT(grown, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(*MemfdSize(*file), 4096u);
  EXPECT_EQ(BytesBehind(*file), 4096u);
}

TEST(GrowMemfd, RefusesAnEndBeyondWhatAFileCanHave) {
  const absl::StatusOr<Fd> file = CreateMemfd("a test");
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
  for (const auto& [offset, length] :
       {std::pair<uint64_t, uint64_t>{4096, kMost}, {kMost, 4096}, {uint64_t{1} << 62, uint64_t{1} << 62}}) {
    EXPECT_THAT(GrowMemfd(*file, offset, length), StatusIs(absl::StatusCode::kResourceExhausted))
        << offset << " " << length;
  }
  EXPECT_EQ(*MemfdSize(*file), 0u);
}

TEST(GrowMemfd, BeyondTheLimitOfFilesIsAnErrorAndNoSignal) {
  const absl::StatusOr<Fd> file = CreateMemfd("a test");
  ASSERT_THAT(GrowMemfd(*file, 0, 65536), IsOk());
  ForkedChild child([&] {
    const rlimit limit{32768, 32768};
    REGATTA_CHILD_REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    const absl::Status grown = GrowMemfd(*file, 65536, 4096);
    REGATTA_CHILD_REQUIRE(absl::IsResourceExhausted(grown) && absl::StrContains(grown.message(), "ulimit -f"));
    REGATTA_CHILD_REQUIRE(*MemfdSize(*file) == 65536);
    REGATTA_CHILD_REQUIRE(GrowMemfd(*file, 0, 65536).ok());  // There already.
    const absl::StatusOr<Fd> small = CreateMemfd("another");
    REGATTA_CHILD_REQUIRE(small.ok() && GrowMemfd(*small, 0, 32768).ok());
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST(GrowMemfd, LetsTheKernelDecideWhereProcCannotBeRead) {
  ForkedChild child([] {
    const absl::StatusOr<Fd> file = CreateMemfd("a test");
    LimitDescriptors(64);
    while (dup(0) >= 0) {
    }
    // What was read before serves for 100 ms.
    const Deadline end = Deadline::After(absl::Milliseconds(150));
    while (!end.passed()) REGATTA_CHILD_REQUIRE(GrowMemfd(*file, 0, 4096).ok());
    REGATTA_CHILD_REQUIRE(absl::IsResourceExhausted(CreateMemfd("another").status()));
    RefuseMemory();
    REGATTA_CHILD_REQUIRE(absl::IsResourceExhausted(GrowMemfd(*file, 4096, 4096)));
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST(GrowMemfd, EndsHoweverOftenItIsInterrupted) {
  ForkedChild child([] {
    const absl::StatusOr<Fd> file = CreateMemfd("a test");
    InterruptOften(absl::Microseconds(50));
    return GrowMemfd(*file, 0, 64 << 20).ok() ? 0 : 1;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST(CreateMemfd, NamesTheCallThatASandboxRefuses) {
  for (const int error_number : {ENOSYS, EPERM}) {
    ForkedChild child([&] {
      RefuseSystemCall(SYS_memfd_create, error_number);
      const absl::Status refused = CreateMemfd("a test").status();
      return absl::IsFailedPrecondition(refused) && absl::StrContains(refused.message(), "memfd_create") &&
                     absl::StrContains(refused.message(), "seccomp")
                 ? 0
                 : 1;
    });
    EXPECT_EQ(child.Wait(), 0);
  }
}

TEST(PunchMemfd, GivesThePagesBackAsZeros) {
  const absl::StatusOr<Fd> file = CreateMemfd("a test");
  ASSERT_THAT(GrowMemfd(*file, 0, 65536), IsOk());
  absl::StatusOr<Mapping> mapping = Mapping::Map(*file, 65536);
  std::memset(mapping->data(), 7, 65536);
  ASSERT_THAT(PunchMemfd(*file, 4096, 8192), IsOk());
  EXPECT_EQ(BytesBehind(*file), 65536u - 8192);
  EXPECT_EQ(*MemfdSize(*file), 65536u);
  EXPECT_EQ(mapping->data()[4095], std::byte{7});
  EXPECT_EQ(mapping->data()[4096], std::byte{0});
  EXPECT_EQ(mapping->data()[12288], std::byte{7});
}

TEST(Mapping, IsSharedWithOtherProcesses) {
  const absl::StatusOr<Fd> file = CreateMemfd("a test");
  ASSERT_THAT(GrowMemfd(*file, 0, 4096), IsOk());
  absl::StatusOr<Mapping> mapping = Mapping::Map(*file, 4096);
  ForkedChild child([&] {
    absl::StatusOr<Mapping> own = Mapping::Map(*file, 4096);
    REGATTA_CHILD_REQUIRE(own.ok());
    own->data()[10] = std::byte{42};
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
  EXPECT_EQ(mapping->data()[10], std::byte{42});
}

TEST(Mapping, MovesAndUnmaps) {
  const absl::StatusOr<Fd> file = CreateMemfd("a test");
  ASSERT_THAT(GrowMemfd(*file, 0, 4096), IsOk());
  std::byte* at;
  {
    Mapping first = *Mapping::Map(*file, 4096);
    at = first.data();
    Mapping second = std::move(first);
    EXPECT_EQ(first.data(), nullptr);
    Mapping third;
    third = std::move(second);
    EXPECT_EQ(third.data(), at);
    unsigned char resident;
    EXPECT_EQ(mincore(at, 4096, &resident), 0);
  }
  unsigned char resident;
  EXPECT_NE(mincore(at, 4096, &resident), 0);
}

TEST(Mapping, SaysWhenNoAddressSpaceIsLeft) {
  const absl::StatusOr<Fd> file = CreateMemfd("a test");
  ForkedChild child([&] {
    LimitMoreAddressSpace(64 << 20);
    REGATTA_CHILD_REQUIRE(Mapping::Map(*file, size_t{1} << 30).status().code() == absl::StatusCode::kResourceExhausted);
    REGATTA_CHILD_REQUIRE(Mapping::Map(*file, 1 << 20).ok());
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

// A made-up /proc and /sys.
class AvailableMemoryUnder : public testing::Test {
 protected:
  AvailableMemoryUnder() : root_(std::string(std::getenv("TEST_TMPDIR")) + "/root") {
    std::filesystem::remove_all(root_);
    Write("/proc/meminfo", "MemTotal:  2000 kB\nMemFree:  10 kB\nMemAvailable:    1000 kB\n");
  }
  void Write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }
  const std::string root_;
};

TEST_F(AvailableMemoryUnder, NoGroupIsWhatTheMachineHas) { EXPECT_EQ(*AvailableMemory(root_), 1000u * 1024); }

TEST_F(AvailableMemoryUnder, AGroupIsItsRoomAndThatOfEachAboveIt) {
  Write("/proc/self/cgroup", "0::/outer/inner\n");
  Write("/sys/fs/cgroup/outer/inner/memory.max", "max\n");
  Write("/sys/fs/cgroup/outer/inner/memory.current", "5000\n");
  Write("/sys/fs/cgroup/outer/memory.max", "90000\n");
  Write("/sys/fs/cgroup/outer/memory.current", "60000\n");
  EXPECT_EQ(*AvailableMemory(root_), 30000u);
  Write("/sys/fs/cgroup/outer/inner/memory.max", "7000\n");
  EXPECT_EQ(*AvailableMemory(root_), 2000u);
  Write("/sys/fs/cgroup/outer/inner/memory.max", "4000\n");
  EXPECT_EQ(*AvailableMemory(root_), 0u);
}

TEST_F(AvailableMemoryUnder, TheOldKindOfGroupCountsToo) {
  Write("/proc/self/cgroup", "12:cpu:/x\n4:memory:/job\n");
  Write("/sys/fs/cgroup/memory/job/memory.limit_in_bytes", "50000\n");
  Write("/sys/fs/cgroup/memory/job/memory.usage_in_bytes", "20000\n");
  EXPECT_EQ(*AvailableMemory(root_), 30000u);
}

TEST_F(AvailableMemoryUnder, AGroupsFilesInMemoryAreRoom) {
  Write("/proc/self/cgroup", "0::/job\n");
  Write("/sys/fs/cgroup/job/memory.max", "50000\n");
  Write("/sys/fs/cgroup/job/memory.current", "49000\n");
  Write("/sys/fs/cgroup/job/memory.stat",
        "anon 9000\nfile 40000\ninactive_anon 5\nactive_file 10000\ninactive_file 25000\n");
  EXPECT_EQ(*AvailableMemory(root_), 36000u);
  Write("/proc/self/cgroup", "4:memory:/old\n");
  Write("/sys/fs/cgroup/memory/old/memory.limit_in_bytes", "50000\n");
  Write("/sys/fs/cgroup/memory/old/memory.usage_in_bytes", "49000\n");
  Write("/sys/fs/cgroup/memory/old/memory.stat",
        "inactive_file 1\ntotal_inactive_file 20000\ntotal_active_file 5000\n");
  EXPECT_EQ(*AvailableMemory(root_), 26000u);
}

TEST_F(AvailableMemoryUnder, NoMoreIsPromisedThanThereIsWhereTheMachineForbidsIt) {
  Write("/proc/meminfo", "MemAvailable:    1000 kB\nCommitLimit:  900 kB\nCommitted_AS:  600 kB\n");
  Write("/proc/sys/vm/overcommit_memory", "0\n");
  EXPECT_EQ(*AvailableMemory(root_), 1000u * 1024);
  Write("/proc/sys/vm/overcommit_memory", "2\n");
  EXPECT_EQ(*AvailableMemory(root_), 300u * 1024);
}

TEST_F(AvailableMemoryUnder, StrangeLinesAreSkipped) {
  Write("/proc/self/cgroup", "nonsense\n0::relative\n\n");
  EXPECT_EQ(*AvailableMemory(root_), 1000u * 1024);
}

TEST_F(AvailableMemoryUnder, NoProcIsAnErrorThatNamesIt) {
  const absl::Status status = AvailableMemory(root_ + "/nowhere").status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable, testing::HasSubstr("/proc/meminfo")));
  Write("/proc/meminfo", "MemTotal: 5 kB\n");
  EXPECT_THAT(AvailableMemory(root_), StatusIs(absl::StatusCode::kUnavailable));
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // They make mlockall do nothing.
TEST(Mapping, TellsTheWayOutWhereAllMemoryIsLocked) {
  const absl::StatusOr<Fd> file = CreateMemfd("a test");
  ForkedChild child([&] {
    // The limit is not the superuser's; but it is that of the superuser of a user namespace, who may have nobody to
    // become.
    const bool limited = getuid() != 0 || setuid(65534) == 0 || errno == EINVAL;
    if (!limited) return 1;
    const rlimit limit{1 << 20, 1 << 20};
    REGATTA_CHILD_REQUIRE(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
    REGATTA_CHILD_REQUIRE(mlockall(MCL_FUTURE) == 0);
    const absl::Status refused = Mapping::Map(*file, size_t{1} << 30).status();
    return absl::IsResourceExhausted(refused) && absl::StrContains(refused.message(), "MCL_FUTURE") ? 0 : 1;
  });
  EXPECT_EQ(child.Wait(), 0);
}
#endif

TEST(Mapping, IsLeftOutOfCoreDumps) {
  const absl::StatusOr<Fd> file = CreateMemfd("test");
  ASSERT_THAT(file, IsOk());
  const absl::StatusOr<Mapping> mapping = Mapping::Map(*file, 1 << 20);
  ASSERT_THAT(mapping, IsOk());
  std::ifstream maps("/proc/self/smaps");
  const std::string start = absl::StrCat(absl::Hex(reinterpret_cast<uintptr_t>(mapping->data())), "-");
  bool found = false;
  for (std::string line; std::getline(maps, line);) {
    if (absl::StartsWith(line, start)) found = true;
    if (!found || !absl::StartsWith(line, "VmFlags:")) continue;
    EXPECT_TRUE(absl::StrContains(line, " dd")) << line;
    return;
  }
  FAIL() << "the mapping is not in /proc/self/smaps";
}

}  // namespace
}  // namespace regatta
