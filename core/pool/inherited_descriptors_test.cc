// Descriptors that a pool's owner had open when it made the pool, as the workers find them.
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "core/os/fd.h"
#include "core/os/poll.h"
#include "core/pool/pool.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

constexpr int kTasks = 200;
constexpr int kOwnNumbers = 512;  // Where the core's own descriptors begin.

std::vector<int> Numbers() {
  std::vector<int> numbers(kTasks);
  for (int i = 0; i < kTasks; ++i) numbers[static_cast<size_t>(i)] = i;
  return numbers;
}

// A file that is deleted in the end.
class TemporaryFile {
 public:
  TemporaryFile() : path_(testing::TempDir() + "/inherited_XXXXXX") { fd_ = Fd(mkostemp(path_.data(), O_APPEND)); }
  ~TemporaryFile() { unlink(path_.c_str()); }
  int number() const { return fd_.get(); }
  const std::string& path() const { return path_; }
  std::multiset<std::string> Lines() const {
    std::ifstream file(path_);
    std::multiset<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.insert(line);
    return lines;
  }

 private:
  std::string path_;
  Fd fd_;
};

int g_log = -1;
std::FILE* g_stream = nullptr;
int g_self_pipe = -1;

absl::Status Log(int number) {
  const std::string line = "task " + std::to_string(number) + "\n";
  if (write(g_log, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    return absl::ErrnoToStatus(errno, "write");
  }
  return absl::OkStatus();
}

std::multiset<std::string> LinesOfTasks() {
  std::multiset<std::string> lines;
  for (const int number : Numbers()) lines.insert("task " + std::to_string(number));
  return lines;
}

bool IsOpen(int number) { return fcntl(number, F_GETFD) >= 0; }

TEST(InheritedDescriptors, OfALogFileAreThatFileInEachTask) {
  const TemporaryFile log;
  g_log = log.number();
  absl::StatusOr<Pool> pool = Pool::Create({.workers = 2});
  ASSERT_THAT(pool, IsOk());
  EXPECT_THAT(pool->Map(Log, Numbers()), IsOk());
  EXPECT_EQ(log.Lines(), LinesOfTasks());
  // Also in a worker that was made later.
  for (const int32_t pid : pool->statistics().pids) ASSERT_EQ(kill(pid, SIGKILL), 0);
  EXPECT_THAT(pool->Map(Log, Numbers(), {.retries = 1}), IsOk());
  EXPECT_EQ(log.Lines().size(), 2u * kTasks);
}

TEST(InheritedDescriptors, OfAStreamWriteOnceWhatItsOwnerHadBufferedAndWhatTheTasksPrint) {
  const TemporaryFile file;
  g_stream = fopen(file.path().c_str(), "a");
  ASSERT_NE(g_stream, nullptr);
  fputs("before the pool\n", g_stream);
  absl::StatusOr<Pool> pool = Pool::Create({.workers = 2});
  ASSERT_THAT(pool, IsOk());
  fputs("after the pool\n", g_stream);
  EXPECT_THAT(pool->Map([](int number) { fprintf(g_stream, "task %d\n", number); }, Numbers()), IsOk());
  ASSERT_THAT(pool->Close(), IsOk());
  ASSERT_THAT(pool->Join(Watchdog()), IsOk());
  fclose(g_stream);
  std::multiset<std::string> expected = LinesOfTasks();
  expected.insert({"before the pool", "after the pool"});
  EXPECT_EQ(file.Lines(), expected);
}

void WriteToSelf(int) {
  const int before = errno;
  if (write(g_self_pipe, "x", 1) != 1) abort();
  errno = before;
}

TEST(InheritedDescriptors, OfASelfPipeTakeWhatASignalHandlerWrites) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const Fd read_end(ends[0]);
  const Fd write_end(ends[1]);
  g_self_pipe = write_end.get();
  struct sigaction action {};
  action.sa_handler = WriteToSelf;
  ASSERT_EQ(sigaction(SIGUSR1, &action, nullptr), 0);
  absl::StatusOr<Pool> pool = Pool::Create({.workers = 2});
  ASSERT_THAT(pool, IsOk());
  for (int i = 0; i < 10; ++i) {
    EXPECT_THAT(pool->Apply([](int) { raise(SIGUSR1); }, i), IsOk());
    char byte = 0;
    ASSERT_TRUE(*PollReadable(read_end, Watchdog()));
    EXPECT_EQ(read(read_end.get(), &byte, 1), 1);
  }
  EXPECT_EQ(pool->statistics().workers_died, 0u);
  signal(SIGUSR1, SIG_DFL);
}

TEST(InheritedDescriptors, OpenedAfterThePoolAreNotThereAndTheirNumbersAreOfNothingElse) {
  const TemporaryFile early;
  absl::StatusOr<Pool> pool = Pool::Create({.workers = 1});
  ASSERT_THAT(pool, IsOk());
  const TemporaryFile late;
  EXPECT_TRUE(*pool->Apply(IsOpen, early.number()));
  EXPECT_FALSE(*pool->Apply(IsOpen, late.number()));
  g_log = late.number();
  const auto open_below = [](int end) {
    std::vector<int> open;
    for (int number = 0; number < end; ++number) {
      if (IsOpen(number)) open.push_back(number);
    }
    return open;
  };
  // What the core has in a worker lies high.
  std::vector<int> own = open_below(kOwnNumbers);
  std::erase(own, late.number());
  EXPECT_THAT(pool->Apply(open_below, kOwnNumbers), IsOkAndHolds(own));
}

// Sockets, pidfds and eventfds.
int CountOfPools() {
  int count = 0;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc/self/fd"), closedir);
  while (const dirent* entry = readdir(folder.get())) {
    char target[32] = {};
    if (readlinkat(dirfd(folder.get()), entry->d_name, target, sizeof(target) - 1) < 0) continue;
    const absl::string_view what = target;
    if (absl::StartsWith(what, "socket:") || absl::StartsWith(what, "anon_inode:")) ++count;
  }
  return count;
}

TEST(InheritedDescriptors, AreNotThoseByWhichAnotherPoolOfItsOwnerWorks) {
  absl::StatusOr<Pool> first = Pool::Create({.workers = 3});
  absl::StatusOr<Pool> second = Pool::Create({.workers = 1});
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_THAT(second->Apply(CountOfPools), IsOkAndHolds(*first->Apply(CountOfPools)));
}

TEST(InheritedDescriptors, AreNoneInAPoolBySpawnOrForkserver) {
  const TemporaryFile early;
  for (const StartMethod method : {StartMethod::kSpawn, StartMethod::kForkserver}) {
    absl::StatusOr<Pool> pool = Pool::Create({.workers = 1, .method = method});
    ASSERT_THAT(pool, IsOk());
    EXPECT_FALSE(*pool->Apply(IsOpen, early.number())) << StartMethodName(method);
    EXPECT_TRUE(*pool->Apply(IsOpen, STDOUT_FILENO)) << StartMethodName(method);
  }
}

TEST(InheritedDescriptors, OfAPipeKeepItsEndOfFileAwayUntilThePoolEnds) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const Fd read_end(ends[0]);
  Fd write_end(ends[1]);
  {
    absl::StatusOr<Pool> pool = Pool::Create({.workers = 2});
    ASSERT_THAT(pool, IsOk());
    write_end.Reset();
    EXPECT_FALSE(*PollReadable(read_end, Deadline::Now()));
  }
  ASSERT_TRUE(*PollReadable(read_end, Deadline::Now()));
  char byte;
  EXPECT_EQ(read(read_end.get(), &byte, 1), 0);
}

}  // namespace
}  // namespace regatta
