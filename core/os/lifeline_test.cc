#include "core/os/lifeline.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "core/testing/forked_child.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

// A process that depends on a lifeline of this one, and then does `then`, which returns once nothing more is to be
// prepared.
struct Dependent {
  Lifeline lifeline;
  ForkedChild process;
};
Dependent MakeDependent(absl::FunctionRef<void()> then = [] {}) {
  Shared<std::atomic<int>> ready;
  Fd end;
  absl::StatusOr<Lifeline> lifeline = Lifeline::Create(&end);
  EXPECT_THAT(lifeline, IsOk());
  ForkedChild process([&] {
    const absl::StatusOr<bool> tied = DependOnLifeline(std::move(end));
    if (!tied.ok() || !*tied) return 1;
    then();
    *ready = 1;
    for (;;) pause();
    return 0;
  });
  EXPECT_TRUE(Eventually([&] { return *ready == 1; }));
  return {*std::move(lifeline), std::move(process)};
}

void BlockAndIgnoreAll() {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, nullptr);
  for (int number = 1; number < 65; ++number) signal(number, SIG_IGN);
}

TEST(LifelineCut, KillsADependentThatBlocksAndIgnoresAllSignals) {
  Dependent dependent = MakeDependent(BlockAndIgnoreAll);
  EXPECT_TRUE(dependent.lifeline.valid());
  dependent.lifeline.Cut();
  EXPECT_FALSE(dependent.lifeline.valid());
  EXPECT_EQ(dependent.process.Wait(), -SIGKILL);
}

TEST(LifelineCut, NeedsNoPermission) {
  if (!CanChangeUser()) GTEST_SKIP() << "needs root, and a user namespace with several users";
  ForkedChild owner([] {
    Dependent dependent = MakeDependent([] {
      if (setuid(65534) != 0) abort();
    });
    REGATTA_CHILD_REQUIRE(setuid(65533) == 0);
    REGATTA_CHILD_REQUIRE(kill(dependent.process.pid(), SIGKILL) == -1 && errno == EPERM);
    dependent.lifeline.Cut();
    return dependent.process.Wait() == -SIGKILL ? 0 : 2;
  });
  EXPECT_EQ(owner.Wait(), 0);
}

TEST(LifelineCut, BeforeTheDependentAskedIsToldToIt) {
  Fd end;
  absl::StatusOr<Lifeline> lifeline = Lifeline::Create(&end);
  ASSERT_THAT(lifeline, IsOk());
  EXPECT_EQ(fcntl(end.get(), F_GETFD), FD_CLOEXEC);
  lifeline->Cut();
  ForkedChild late([&] {
    const absl::StatusOr<bool> tied = DependOnLifeline(std::move(end));
    return tied.ok() && !*tied ? 0 : 1;
  });
  EXPECT_EQ(late.Wait(), 0);
}

// What the owner does in a process of its own; the dependent's end shows as the end of file of a pipe that it alone
// holds.
template <class Then>
void ExpectTheDependentToEndWhenTheOwner(Then then) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const Fd read_end(ends[0]);
  Fd write_end(ends[1]);
  ForkedChild owner([&] {
    Dependent dependent = MakeDependent(BlockAndIgnoreAll);
    write_end.Reset();
    then();
    return 0;
  });
  write_end.Reset();
  char byte;
  EXPECT_EQ(read(read_end.get(), &byte, 1), 0);
}

TEST(LifelineOwner, ThatIsKilledEndsTheDependent) {
  ExpectTheDependentToEndWhenTheOwner([] { kill(getpid(), SIGKILL); });
}

TEST(LifelineOwner, ThatExecutesAnotherProgramEndsTheDependent) {
  ExpectTheDependentToEndWhenTheOwner([] { execl("/bin/sleep", "sleep", "60", nullptr); });
}

TEST(LifelineOwner, ThatEndsWhileAForkedChildOfItLivesEndsTheDependent) {
  ExpectTheDependentToEndWhenTheOwner([] {
    if (fork() == 0) {
      alarm(60);
      for (;;) pause();
    }
    kill(getpid(), SIGKILL);
  });
}

TEST(LifelineFork, LeavesAChildOfTheOwnerWithoutTheEndAndUnableToCut) {
  Dependent dependent = MakeDependent();
  ForkedChild child([&] {
    REGATTA_CHILD_REQUIRE(!dependent.lifeline.valid());
    dependent.lifeline.Cut();
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
  EXPECT_FALSE(dependent.process.HasEnded());
}

int CountPipes() {
  int count = 0;
  for (int number = 0; number < 1024; ++number) {
    struct stat file;
    if (fstat(number, &file) == 0 && S_ISFIFO(file.st_mode)) ++count;
  }
  return count;
}

TEST(LifelineFork, LeavesAChildOfTheDependentUntiedAndWithoutTheEnd) {
  Shared<std::atomic<int32_t>> grandchild;
  Shared<std::atomic<int>> pipes;
  *pipes = -1;
  const int before = CountPipes();
  Dependent dependent = MakeDependent([&] {
    const pid_t pid = fork();
    if (pid == 0) {
      *pipes = CountPipes();
      for (;;) pause();
    }
    *grandchild = pid;
  });
  EXPECT_TRUE(Eventually([&] { return *pipes >= 0; }));
  EXPECT_EQ(*pipes, before);
  dependent.lifeline.Cut();
  EXPECT_EQ(dependent.process.Wait(), -SIGKILL);
  EXPECT_EQ(kill(*grandchild, SIGKILL), 0);
}

TEST(LifelineExec, OfTheDependentLeavesItTied) {
  Fd end;
  absl::StatusOr<Lifeline> lifeline = Lifeline::Create(&end);
  ASSERT_THAT(lifeline, IsOk());
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const Fd read_end(ends[0]);
  Fd write_end(ends[1]);
  ForkedChild dependent([&] {
    const absl::StatusOr<bool> tied = DependOnLifeline(std::move(end));
    if (tied.ok() && *tied) execl("/bin/sleep", "sleep", "60", nullptr);
    return 1;
  });
  end.Reset();  // A copy here would keep the file, and with it the request for the signal.
  write_end.Reset();
  char byte;
  EXPECT_EQ(read(read_end.get(), &byte, 1), 0);  // The exec has closed it.
  EXPECT_FALSE(dependent.HasEnded());
  lifeline->Cut();
  EXPECT_EQ(dependent.Wait(), -SIGKILL);
}

// User code may have closed our descriptor and opened another file, which then has the number.
TEST(LifelineNumber, ThatBelongsToAnotherFileByNowIsLeftAlone) {
  ForkedChild owner([] {
    Fd end;
    absl::StatusOr<Lifeline> lifeline = Lifeline::Create(&end);
    REGATTA_CHILD_REQUIRE(lifeline.ok());
    int number = 512;
    while (fcntl(number, F_GETFD) < 0) --number;
    REGATTA_CHILD_REQUIRE(number > end.get());
    const Fd file(open("/dev/null", O_RDWR));
    REGATTA_CHILD_REQUIRE(dup2(file.get(), number) == number);
    ForkedChild forked([&] { return fcntl(number, F_GETFD) >= 0 ? 0 : 1; });
    REGATTA_CHILD_REQUIRE(forked.Wait() == 0);
    lifeline->Cut();
    REGATTA_CHILD_REQUIRE(fcntl(number, F_GETFD) >= 0);
    return 0;
  });
  EXPECT_EQ(owner.Wait(), 0);
}

}  // namespace
}  // namespace regatta
