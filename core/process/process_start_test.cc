// What a process has when its function begins, under every start method.
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/os/fd.h"
#include "core/os/signal_mask.h"
#include "core/process/process.h"
#include "core/process/this_process.h"
#include "core/testing/pipe.h"
#include "core/testing/process_witness.h"
#include "core/testing/status_matchers.h"
#include "core/topology/affinity.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

class ProcessStart : public testing::TestWithParam<StartMethod> {
 protected:
  template <class F, class... Args>
  Process Started(F function, Args&&... arguments) const {
    return StartedWith({.method = GetParam()}, function, std::forward<Args>(arguments)...);
  }
  template <class F, class... Args>
  Process StartedWith(StartOptions options, F function, Args&&... arguments) const {
    absl::StatusOr<Process> process = Process::Start(std::move(options), function, std::forward<Args>(arguments)...);
    EXPECT_THAT(process, IsOk());
    return process.ok() ? *std::move(process) : Process();
  }
  bool IsFork() const { return GetParam() == StartMethod::kFork; }
};

INSTANTIATE_TEST_SUITE_P(Methods, ProcessStart, testing::ValuesIn(kAllStartMethods),
                         [](const auto& info) { return std::string(StartMethodName(info.param)); });

TEST_P(ProcessStart, GivesDescriptors0To2AndThoseThatArePassedAndNoOthersButByFork) {
  TestingPipe pipe;
  const Fd inheritable(open("/dev/null", O_RDONLY));  // Neither close-on-exec nor given.
  // So that there is something of the core's that could leak.
  Process other = Started([](Fd gate) { ReadByte(gate); }, Fd(open("/dev/null", O_RDONLY)));
  Process process = Started([](Fd to) { WriteText(to, ListDescriptors()); }, std::move(pipe.write));
  const std::string list = ReadToEnd(pipe.read);
  const auto count = std::count(list.begin(), list.end(), '=');
  if (IsFork()) {
    EXPECT_TRUE(absl::StrContains(list, absl::StrCat(inheritable.get(), "=/dev/null"))) << list;
    // A server's socket in here would hide its end from it.
    EXPECT_FALSE(absl::StrContains(list, "socket")) << list;
  } else {
    // The table by which locks find out who is alive comes with every process.
    EXPECT_TRUE(absl::StrContains(list, "regatta family")) << list;
    EXPECT_EQ(count, 5) << list;
  }
  other.Join().IgnoreError();
  process.Join().IgnoreError();
}

TEST_P(ProcessStart, LeavesNoDescriptorBehindHere) {
  Started([] {}).Join().IgnoreError();  // The forkserver comes with the first.
  const std::string before = ListDescriptors();
  for (int i = 0; i < 5; ++i) {
    TestingPipe pipe;
    Process process = Started([](Fd to) { WriteText(to, "x"); }, std::move(pipe.write));
    EXPECT_THAT(process.Join(), IsOk());
    const auto refused = Process::Start({.method = GetParam(), .cpus = {1 << 15}}, [] {});
    EXPECT_FALSE(refused.ok());
    EXPECT_FALSE(process.Start().ok());
  }
  // Handles are gone, and the runtime lets go of what has ended when something is started.
  Process last = Started([] {});
  EXPECT_THAT(last.Join(), IsOk());
  EXPECT_THAT(last.Close(), IsOk());
  Process sweep = Started([] {});
  EXPECT_THAT(sweep.Join(), IsOk());
  // The last one's pidfd stays with its handle.
  EXPECT_EQ(CountDescriptors(), static_cast<int>(std::count(before.begin(), before.end(), '='))) << ListDescriptors();
}

TEST_P(ProcessStart, CarriesHundredsOfDescriptorsInOrder) {
  std::vector<Fd> ends;
  std::vector<TestingPipe> pipes(300);
  for (TestingPipe& pipe : pipes) ends.push_back(std::move(pipe.write));
  Process process = Started(
      [](const std::vector<Fd>& all) {
        for (size_t i = 0; i < all.size(); ++i) WriteText(all[i], absl::StrCat(i));
      },
      std::move(ends));
  for (size_t i = 0; i < pipes.size(); ++i) EXPECT_EQ(ReadToEnd(pipes[i].read), absl::StrCat(i));
  EXPECT_TRUE(process.Join()->success());
}

TEST_P(ProcessStart, CarriesArgumentsFarLargerThanASocketHolds) {
  TestingPipe pipe;
  std::string large(64 << 20, 'x');
  for (size_t i = 0; i < large.size(); i += 4096) large[i] = static_cast<char>('a' + i / 4096 % 26);
  uint64_t sum = 0;
  for (const char c : large) sum = sum * 31 + static_cast<unsigned char>(c);
  Process process = Started(
      [](Fd to, const std::string& text) {
        uint64_t sum = 0;
        for (const char c : text) sum = sum * 31 + static_cast<unsigned char>(c);
        WriteText(to, absl::StrCat(text.size(), " ", sum));
      },
      std::move(pipe.write), large);
  EXPECT_EQ(ReadToEnd(pipe.read), absl::StrCat(large.size(), " ", sum));
  EXPECT_TRUE(process.Join()->success());
}

TEST_P(ProcessStart, PinsBeforeTheFunctionBegins) {
  const absl::StatusOr<std::vector<int>> allowed = CurrentAffinity();
  ASSERT_THAT(allowed, IsOk());
  for (const int cpu : *allowed) {
    TestingPipe pipe;
    Process process = StartedWith(
        {.method = GetParam(), .cpus = {cpu}}, [](Fd to) { WriteText(to, absl::StrJoin(*CurrentAffinity(), ",")); },
        std::move(pipe.write));
    EXPECT_EQ(ReadToEnd(pipe.read), absl::StrCat(cpu));
    EXPECT_TRUE(process.Join()->success());
  }
  EXPECT_EQ(*CurrentAffinity(), *allowed);
}

TEST_P(ProcessStart, ToACpuThatMayNotBeUsedIsInvalidArgumentAndNothingRuns) {
  TestingPipe pipe;
  const absl::StatusOr<Process> process = Process::Start(
      {.method = GetParam(), .cpus = {1 << 15}}, [](Fd to) { WriteText(to, "ran"); }, std::move(pipe.write));
  EXPECT_THAT(process, StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr("32768")));
  EXPECT_EQ(ReadToEnd(pipe.read), "");
}

TEST_P(ProcessStart, CountsNamesPerCreatorAndGrandchildrenAfterTheirParent) {
  // Under a creator of its own, whose count begins at 1.
  TestingPipe pipe;
  Process creator = StartedWith(
      {.method = GetParam(), .name = "flagship"},
      [](Fd to, int method) {
        for (int i = 0; i < 2; ++i) {
          absl::StatusOr<Fd> copy = to.Duplicate();
          absl::StatusOr<Process> child = Process::Start(
              {.method = static_cast<StartMethod>(method)},
              [](Fd to) { WriteText(to, absl::StrCat(this_process::name(), " ", getppid(), "\n")); }, *std::move(copy));
          if (!child.ok() || !child->Join().ok()) return 1;
          WriteText(to, absl::StrCat(child->name(), " ", getpid(), "\n"));
        }
        return 0;
      },
      std::move(pipe.write), static_cast<int>(GetParam()));
  const std::string said = ReadToEnd(pipe.read);
  EXPECT_TRUE(creator.Join()->success());
  const std::string pid = absl::StrCat(*creator.pid());
  // The number of the creator is this process's count, whatever it has come to.
  const ChildIdentity next = NextChildIdentity();
  const std::string number = absl::StrCat(atoi(next.number.c_str()) - 1);
  std::string expected;
  for (const char* child : {"1", "2"}) {
    for (int i = 0; i < 2; ++i) absl::StrAppend(&expected, "Process-", number, ":", child, " ", pid, "\n");
  }
  EXPECT_EQ(said, expected);
}

TEST_P(ProcessStart, DaemonIsAsTheCreatorUnlessGivenAndFixedOnceStarted) {
  Process process({.method = GetParam()}, [] { return this_process::daemon() ? 1 : 0; });
  EXPECT_FALSE(process.daemon());
  ASSERT_THAT(process.SetDaemon(true), IsOk());
  ASSERT_THAT(process.Start(), IsOk());
  EXPECT_THAT(process.SetDaemon(false), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_TRUE(process.daemon());
  EXPECT_EQ(process.Join()->exit_code(), 1);
  Process in_daemon = StartedWith({.method = GetParam(), .daemon = true},
                                  [] { return Process().daemon() && !Process({.daemon = false}).daemon() ? 0 : 1; });
  EXPECT_EQ(in_daemon.Join()->exit_code(), 0);
}

TEST_P(ProcessStart, FromADaemonicProcessIsAClearErrorAndItGoesOn) {
  TestingPipe pipe;
  Process process = StartedWith(
      {.method = GetParam(), .daemon = true},
      [](Fd to) {
        for (const StartMethod method : kAllStartMethods) {
          const absl::Status refused = Process::Start({.method = method}, [] {}).status();
          if (!absl::IsFailedPrecondition(refused) || !absl::StrContains(refused.message(), "daemonic")) return 1;
        }
        WriteText(to, "went on");
        return 0;
      },
      std::move(pipe.write));
  EXPECT_EQ(ReadToEnd(pipe.read), "went on");
  EXPECT_EQ(process.Join()->exit_code(), 0);
}

std::vector<int> g_list = {11, 22};

TEST_P(ProcessStart, SharesNoGlobals) {
  g_list = {11, 22, 5};  // What a fork sees and a fresh program doesn't.
  const auto append_and_tell = [](Fd to) {
    for (int i = 0; i < 3; ++i) {
      g_list.push_back(i);
      WriteText(to, absl::StrCat(absl::StrJoin(g_list, ","), " "));
    }
  };
  for (int child = 0; child < 2; ++child) {
    TestingPipe pipe;
    Process process = Started(append_and_tell, std::move(pipe.write));
    const std::string first = IsFork() ? "11,22,5" : "11,22";
    EXPECT_EQ(ReadToEnd(pipe.read), absl::StrCat(first, ",0 ", first, ",0,1 ", first, ",0,1,2 "));
    EXPECT_TRUE(process.Join()->success());
  }
  EXPECT_EQ(g_list, (std::vector<int>{11, 22, 5}));
}

// Tells on the descriptor of this number, if there is one, that destructors of statics run.
int g_tell = -1;
struct StaticObject {
  ~StaticObject() {
    if (g_tell >= 0) [[maybe_unused]]
      const ssize_t written = write(g_tell, "destructor ", 11);
  }
};
StaticObject g_static_object;

TEST_P(ProcessStart, EndsWithoutStaticDestructorsOrExitHandlersAndNothingIsPrintedTwice) {
  for (const bool by_exit : {false, true}) {
    TestingPipe out;
    fflush(stdout);
    const Fd before(dup(STDOUT_FILENO));
    dup2(out.write.get(), STDOUT_FILENO);
    out.write.Reset();
    printf("parent ");  // Not flushed: a pipe is buffered in full.
    std::cout << "stream ";
    Process process = Started(
        [](bool by_exit) {
          g_tell = STDOUT_FILENO;
          atexit([] { WriteText(Fd(dup(STDOUT_FILENO)), "handler "); });
          printf("child ");
          std::cout << "child-stream ";
          if (by_exit) exit(0);
        },
        by_exit);
    EXPECT_TRUE(process.Join()->success());
    fflush(stdout);
    dup2(before.get(), STDOUT_FILENO);
    const std::string said = ReadToEnd(out.read);
    // A handler that the child itself made runs, if it calls exit: it is the newest.
    EXPECT_EQ(said, absl::StrCat("parent stream ", by_exit ? "handler " : "", "child child-stream "));
  }
}

TEST_P(ProcessStart, LosesNothingThatItWroteToWideStreams) {
  TestingPipe out;
  fflush(stdout);
  const Fd before(dup(STDOUT_FILENO));
  dup2(out.write.get(), STDOUT_FILENO);
  out.write.Reset();
  Process process = Started([] {
    std::ios::sync_with_stdio(false);  // So that the stream has a buffer of its own.
    std::wcout << L"wide";
  });
  EXPECT_TRUE(process.Join()->success());
  dup2(before.get(), STDOUT_FILENO);
  EXPECT_EQ(ReadToEnd(out.read), "wide");
}

TEST_P(ProcessStart, UsesTheStandardDescriptorsAndTheWorkingDirectoryOfThisMoment) {
  Started([] {}).Join().IgnoreError();  // A forkserver has begun with others.
  char directory[] = "/tmp/regatta_start_XXXXXX";
  ASSERT_NE(mkdtemp(directory), nullptr);
  char before[4096];
  ASSERT_NE(getcwd(before, sizeof(before)), nullptr);
  ASSERT_EQ(chdir(directory), 0);
  TestingPipe out;
  TestingPipe in;
  const Fd saved_out(dup(STDOUT_FILENO));
  const Fd saved_in(dup(STDIN_FILENO));
  dup2(out.write.get(), STDOUT_FILENO);
  dup2(in.read.get(), STDIN_FILENO);
  Process process = Started([] {
    char here[4096];
    char byte = '?';
    [[maybe_unused]] const ssize_t size = read(STDIN_FILENO, &byte, 1);
    printf("%s %c", getcwd(here, sizeof(here)), byte);
  });
  dup2(saved_out.get(), STDOUT_FILENO);
  dup2(saved_in.get(), STDIN_FILENO);
  out.write.Reset();
  WriteText(in.write, "i");
  EXPECT_EQ(ReadToEnd(out.read), absl::StrCat(directory, " i"));
  EXPECT_TRUE(process.Join()->success());
  ASSERT_EQ(chdir(before), 0);
  rmdir(directory);
}

// The parent's watch is the core's own.
uint64_t BlockedByUsers() { return WithoutParentWatch(BlockedSignals()); }

TEST_P(ProcessStart, BlocksNoSignalThatItsCreatorsDidNotNorDoItsDescendants) {
  TestingPipe pipe;
  Process process = Started(
      [](StartMethod method, Fd to) {
        WriteText(to, absl::StrCat(BlockedByUsers(), "\n"));
        for (const StartMethod next : {method, StartMethod::kSpawn}) {
          absl::StatusOr<Process> child = Process::Start(
              {.method = next}, [](Fd to) { WriteText(to, absl::StrCat(BlockedByUsers(), "\n")); }, *to.Duplicate());
          if (!child.ok() || !child->Join()->success()) return 1;
        }
        return 0;
      },
      GetParam(), std::move(pipe.write));
  const std::string mine = absl::StrCat(BlockedByUsers(), "\n");
  EXPECT_EQ(ReadToEnd(pipe.read), absl::StrCat(mine, mine, mine));
  EXPECT_EQ(process.Join()->exit_code(), 0);
}

TEST_P(ProcessStart, HasTheThreadIdThatTheCLibraryThinksItHas) {
  // Recursive and robust mutexes store the cached id, and the kernel compares the true one at a death.
  Process process = Started([] {
    pthread_mutex_t mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
    pthread_mutex_lock(&mutex);
    return mutex.__data.__owner == gettid() ? 0 : 1;
  });
  EXPECT_EQ(process.Join()->exit_code(), 0);
}

}  // namespace
}  // namespace regatta
