#include "core/ipc/wait_for_any.h"

#include <unistd.h>

#include <csignal>
#include <string>
#include <tuple>
#include <vector>

#include "absl/time/time.h"
#include "core/os/error.h"
#include "core/os/pidfd.h"
#include "core/testing/forked_child.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

using Places = std::vector<size_t>;

class WaitForAnyTest : public testing::Test {
 protected:
  WaitForAnyTest() {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    read_end_ = Fd(ends[0]);
    write_end_ = Fd(ends[1]);
  }

  PipeEnds<int> first_ = *Pipe<int>();
  PipeEnds<std::string> second_ = *Pipe<std::string>();
  Fd read_end_;
  Fd write_end_;
};

TEST_F(WaitForAnyTest, ReturnsAllThatAreReadyInOrder) {
  ASSERT_THAT(second_.second.Send("there"), IsOk());
  ASSERT_EQ(write(write_end_.get(), "x", 1), 1);
  EXPECT_EQ(*WaitForAny({first_.first, second_.first, read_end_}), (Places{1, 2}));
  ASSERT_THAT(first_.second.Send(1), IsOk());
  EXPECT_EQ(*WaitForAny({first_.first, second_.first, read_end_}, Deadline::Now()), (Places{0, 1, 2}));
  EXPECT_EQ(*WaitForAny({first_.first, second_.first, read_end_}, Deadline::Now()), (Places{0, 1, 2}))
      << "nothing was taken";
}

TEST_F(WaitForAnyTest, ReturnsAtOnceWhereSomethingIsReady) {
  ASSERT_THAT(second_.second.Send("there"), IsOk());
  const int64_t since = MonotonicNanos();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(*WaitForAny({first_.first, second_.first, read_end_}), (Places{1}));
  EXPECT_LT(MonotonicNanos() - since, 5'000'000'000) << "not at the next tick";
}

TEST_F(WaitForAnyTest, SeesADeathThatAKeptCopyHides) {
  const int32_t waiter = ThisThreadId();
  ForkedChild child([&] {
    REGATTA_CHILD_REQUIRE(first_.second.Send(1).ok());
    REGATTA_CHILD_REQUIRE(Eventually([&] { return IsAsleep(waiter); }));
    return raise(SIGKILL);
  });
  ASSERT_EQ(*first_.first.Recv(), 1);
  EXPECT_EQ(*WaitForAny({first_.first, second_.first}, Watchdog()), (Places{0}));
  EXPECT_TRUE(IsEndOfFile(first_.first.Recv(Deadline::Now()).status()));
}

TEST_F(WaitForAnyTest, ReturnsNoneAtTheDeadline) {
  EXPECT_EQ(*WaitForAny({first_.first, read_end_}, Deadline::Now()), Places());
  const int64_t since = MonotonicNanos();
  EXPECT_EQ(*WaitForAny({first_.first, read_end_}, Deadline::After(absl::Milliseconds(30))), Places());
  EXPECT_GE(MonotonicNanos() - since, 30'000'000);
  EXPECT_EQ(*WaitForAny({}), Places());
}

TEST_F(WaitForAnyTest, WakesAtAMessage) {
  for (int i = 0; i < 100; ++i) {
    ForkedChild sender([&] { return second_.second.Send("now").ok() ? 0 : 1; });
    ASSERT_EQ(*WaitForAny({first_.first, second_.first, read_end_}, Watchdog()), (Places{1}));
    ASSERT_EQ(*second_.first.Recv(Deadline::Now()), "now");
    ASSERT_EQ(sender.Wait(), 0);
    ASSERT_THAT(second_.second.Send("this process holds the other end"), IsOk());
    ASSERT_THAT(second_.first.Recv(), IsOk());
  }
}

TEST_F(WaitForAnyTest, SleepsWhileNothingHappens) {
  ASSERT_THAT(first_.second.Send(1), IsOk());
  ASSERT_THAT(first_.first.Recv(), IsOk());
  const CpuUse before = CpuUseOfThisThread();
  EXPECT_EQ(*WaitForAny({first_.first, read_end_}, Deadline::After(absl::Milliseconds(200))), Places());
  EXPECT_LT(CpuUseOfThisThread().cpu - before.cpu, absl::Milliseconds(50));
}

TEST_F(WaitForAnyTest, WakesAtADeathAndAtAClose) {
  ForkedChild child([&] {
    REGATTA_CHILD_REQUIRE(first_.second.Send(1).ok());
    for (;;) pause();
    return 0;
  });
  const Fd sentinel = *OpenPidfd(child.pid());
  ASSERT_EQ(*WaitForAny({sentinel, first_.first, second_.first}, Watchdog()), (Places{1}));
  EXPECT_THAT(first_.first.Recv(), IsOkAndHolds(1));
  child.Kill();
  Places ready = *WaitForAny({sentinel, first_.first}, Watchdog());
  EXPECT_TRUE(ready == Places({0}) || ready == Places({0, 1}));
  EXPECT_EQ(*WaitForAny({first_.first, second_.first}, Watchdog()), (Places{0}))
      << "this process never used its copy of the other end";
  EXPECT_TRUE(IsEndOfFile(first_.first.Recv().status()));
  second_.second.Close();
  EXPECT_EQ(*WaitForAny({second_.first}, Watchdog()), (Places{0}));
}

TEST_F(WaitForAnyTest, RefusesWhatCannotBeWaitedFor) {
  PipeEnds<int> one_way = *Pipe<int>(PipeKind::kOneWay);
  EXPECT_EQ(WaitForAny({first_.first, one_way.second}).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(WaitForAny({first_.first, Fd()}).status().code(), absl::StatusCode::kFailedPrecondition);
  first_.first.Close();
  EXPECT_TRUE(IsClosed(WaitForAny({first_.first, second_.first}).status()));
}

}  // namespace
}  // namespace regatta
