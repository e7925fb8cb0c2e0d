#include "core/os/poll.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "core/testing/forked_child.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

struct Pipe {
  Pipe() {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    read = Fd(ends[0]);
    write = Fd(ends[1]);
  }
  Fd read;
  Fd write;
};

TEST(PollMany, SaysWhichAreReadableOrAtTheirEnd) {
  Pipe idle;
  Pipe full;
  Pipe ended;
  ASSERT_EQ(write(full.write.get(), "x", 1), 1);
  ended.write.Reset();
  PollEntry entries[] = {{&idle.read}, {&full.read}, {nullptr}, {&ended.read}};
  EXPECT_EQ(*PollReadable(entries, Deadline::Never()), 2);
  EXPECT_FALSE(entries[0].ready);
  EXPECT_TRUE(entries[1].ready);
  EXPECT_FALSE(entries[2].ready);
  EXPECT_TRUE(entries[3].ready);
}

TEST(PollDeadline, IsKeptThoughSignalsComeAndAnInfiniteOneIsNoOverflow) {
  Pipe idle;
  const int64_t begin = MonotonicNanos();
  EXPECT_FALSE(*PollReadable(idle.read, Deadline::After(absl::Milliseconds(20))));
  EXPECT_GE(MonotonicNanos() - begin, 20'000'000);
  EXPECT_FALSE(*PollReadable(idle.read, Deadline::Now()));

  struct sigaction action {};
  action.sa_handler = [](int) {};
  sigaction(SIGUSR1, &action, nullptr);
  const pthread_t waiter = pthread_self();
  const int32_t waiter_id = ThisThreadId();
  std::thread poker([&] {
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(Eventually([&] { return IsAsleep(waiter_id); }));
      pthread_kill(waiter, SIGUSR1);
    }
    EXPECT_TRUE(Eventually([&] { return IsAsleep(waiter_id); }));
    EXPECT_EQ(write(idle.write.get(), "x", 1), 1);
  });
  EXPECT_TRUE(*PollReadable(idle.read, Deadline::After(absl::Hours(24 * 365 * 100))));
  poker.join();
}

TEST(PollReadable, TakesMoreEntriesThanDescriptorsAreAllowed) {
  for (const bool hard_too : {false, true}) {
    ForkedChild child([&] {
      int ends[2];
      REGATTA_CHILD_REQUIRE(pipe(ends) == 0);
      const Fd reader(ends[0]);
      const Fd writer(ends[1]);
      std::vector<PollEntry> entries(100);
      entries[57].fd = &reader;
      rlimit limit{};
      REGATTA_CHILD_REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
      limit.rlim_cur = 16;
      if (hard_too) limit.rlim_max = 16;
      REGATTA_CHILD_REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
      const absl::StatusOr<int> none = PollReadable(entries, Deadline::After(absl::Milliseconds(30)));
      REGATTA_CHILD_REQUIRE(none.ok() && *none == 0 && !entries[57].ready);
      REGATTA_CHILD_REQUIRE(*PollReadable(entries, Deadline::Now()) == 0);
      REGATTA_CHILD_REQUIRE(write(writer.get(), "x", 1) == 1);
      const absl::StatusOr<int> one = PollReadable(entries, Deadline::Never());
      REGATTA_CHILD_REQUIRE(one.ok() && *one == 1 && entries[57].ready);
      return 0;
    });
    EXPECT_EQ(child.Wait(), 0) << "hard too: " << hard_too;
  }
}

}  // namespace
}  // namespace regatta
