#include "core/os/poll.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "core/os/forked_child.h"
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

TEST(Poll_Many, SaysWhichAreReadableOrAtTheirEnd) {
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

TEST(Poll_Deadline, IsKeptThoughSignalsComeAndAnInfiniteOneIsNoOverflow) {
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

}  // namespace
}  // namespace regatta
