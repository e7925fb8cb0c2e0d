#include "core/os/fd.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/testing/forked_child.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

Fd OpenNull() { return Fd(open("/dev/null", O_RDWR | O_CLOEXEC)); }
bool IsOpen(int fd) { return fcntl(fd, F_GETFD) >= 0; }

TEST(Fd, ClosesWhatItOwns) {
  int number;
  {
    Fd fd = OpenNull();
    ASSERT_TRUE(fd.valid());
    number = fd.get();
    EXPECT_TRUE(IsOpen(number));
  }
  EXPECT_FALSE(IsOpen(number));
}

TEST(Fd, OwnsNothingAtFirst) {
  Fd fd;
  EXPECT_FALSE(fd.valid());
  EXPECT_EQ(fd.get(), -1);
  EXPECT_FALSE(Fd(-5).valid());
}

TEST(Fd, MovesOwnership) {
  Fd first = OpenNull();
  const int number = first.get();
  Fd second = std::move(first);
  EXPECT_FALSE(first.valid());
  EXPECT_EQ(second.get(), number);
  Fd third = OpenNull();
  const int closed = third.get();
  third = std::move(second);
  EXPECT_FALSE(IsOpen(closed));
  EXPECT_EQ(third.get(), number);
  Fd& self = third;
  third = std::move(self);
  EXPECT_TRUE(IsOpen(number));
}

TEST(FdRelease, GivesTheNumberUpOpen) {
  Fd fd = OpenNull();
  Fd again(fd.Release());
  EXPECT_FALSE(fd.valid());
  EXPECT_TRUE(IsOpen(again.get()));
}

TEST(FdReset, LeavesErrnoOfACloseToNobody) {
  Fd fd = OpenNull();
  fd.Reset();
  fd.Reset();
  EXPECT_FALSE(fd.valid());
}

TEST(FdDuplicate, IsASecondOneThatExecCloses) {
  const Fd fd = OpenNull();
  const absl::StatusOr<Fd> copy = fd.Duplicate();
  ASSERT_THAT(copy, IsOk());
  EXPECT_NE(copy->get(), fd.get());
  EXPECT_EQ(fcntl(copy->get(), F_GETFD), FD_CLOEXEC);
}

TEST(FdDuplicate, OfNoneFails) { EXPECT_THAT(Fd().Duplicate(), StatusIs(absl::StatusCode::kFailedPrecondition)); }

TEST(FdDuplicate, SaysWhenNoDescriptorIsLeft) {
  const Fd fd = OpenNull();
  ForkedChild child([&] {
    LimitDescriptors(static_cast<uint64_t>(fd.get()) + 1);
    while (open("/dev/null", O_RDONLY) >= 0) {
    }
    REGATTA_CHILD_REQUIRE(fd.Duplicate().status().code() == absl::StatusCode::kResourceExhausted);
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

// How many descriptors this process may still make.
int CountFree() {
  int count = 0;
  while (dup(STDERR_FILENO) >= 0) ++count;
  return count;
}

TEST(MakeDescriptorNumber, IsHighAndNeverAStandardOne) {
  ForkedChild child([] {
    const Fd fd = MakeDescriptor([] { return open("/dev/null", O_RDONLY | O_CLOEXEC); });
    REGATTA_CHILD_REQUIRE(fd.get() >= 512 && fcntl(fd.get(), F_GETFD) == FD_CLOEXEC);
    REGATTA_CHILD_REQUIRE(open("/dev/null", O_RDONLY) < 100);  // The low numbers are users'.
    LimitDescriptors(64);
    const Fd in_the_middle = MakeDescriptor([] { return open("/dev/null", O_RDONLY | O_CLOEXEC); });
    REGATTA_CHILD_REQUIRE(in_the_middle.get() >= 32 && in_the_middle.get() < 64);
    close(STDIN_FILENO);
    REGATTA_CHILD_REQUIRE(fcntl(STDERR_FILENO, F_DUPFD, 32) >= 0);
    while (fcntl(STDERR_FILENO, F_DUPFD, 32) >= 0) {
    }
    const Fd not_standard = MakeDescriptor([] { return open("/dev/null", O_RDONLY | O_CLOEXEC); });
    REGATTA_CHILD_REQUIRE(not_standard.get() > STDERR_FILENO);
    CountFree();
    const Fd none = MakeDescriptor([] { return open("/dev/null", O_RDONLY | O_CLOEXEC); });
    REGATTA_CHILD_REQUIRE(!none.valid() && errno == EMFILE);
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST(MakeDescriptorNumber, IsALowOneWhereNoHighOneIsFree) {
  ForkedChild child([] {
    LimitDescriptors(64);
    for (int number = 32; number < 64; ++number) REGATTA_CHILD_REQUIRE(dup2(STDERR_FILENO, number) == number);
    const Fd made = MakeDescriptor([] { return open("/dev/null", O_RDWR | O_CLOEXEC); });
    REGATTA_CHILD_REQUIRE(made.valid() && made.get() > STDERR_FILENO && made.get() < 32);
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST(MakeDescriptorLimit, IsRaisedWhereThereIsRoomAndGivenBackToPrograms) {
  ForkedChild child([] {
    rlimit limit{};
    REGATTA_CHILD_REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    const rlim_t hard = limit.rlim_max;
    limit.rlim_cur = 64;
    REGATTA_CHILD_REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    RestoreDescriptorLimit(0);  // Nothing was raised.
    CountFree();
    const Fd fd = MakeDescriptor([] { return open("/dev/null", O_RDONLY | O_CLOEXEC); });
    REGATTA_CHILD_REQUIRE(fd.valid());
    REGATTA_CHILD_REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == hard);
    RestoreDescriptorLimit(0);
    REGATTA_CHILD_REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 64 && limit.rlim_max == hard);
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST(FdSetCloseOnExec, SetsAndClears) {
  Fd fd = OpenNull();
  ASSERT_THAT(fd.SetCloseOnExec(false), IsOk());
  EXPECT_EQ(fcntl(fd.get(), F_GETFD), 0);
  ASSERT_THAT(fd.SetCloseOnExec(true), IsOk());
  EXPECT_EQ(fcntl(fd.get(), F_GETFD), FD_CLOEXEC);
  EXPECT_THAT(Fd().SetCloseOnExec(true), StatusIs(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace regatta
