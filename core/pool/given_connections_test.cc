// Ends of pipes as arguments of processes and of a pool's tasks, under every start method.
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "core/ipc/connection.h"
#include "core/os/deadline.h"
#include "core/os/error.h"
#include "core/pool/pool.h"
#include "core/process/process.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

// Answers until the other end is closed.
int Echo(Connection<std::string> end) {
  for (;;) {
    const absl::StatusOr<std::string> got = end.Recv();
    if (!got.ok()) return IsEndOfFile(got.status()) ? 7 : 1;
    if (!end.Send(absl::StrCat("echo of ", *got)).ok()) return 2;
  }
}
int Once(Connection<std::string> end) { return end.Send("once").ok() ? 0 : 1; }
int SendAndDie(Connection<std::string> end) {
  if (!end.Send("last words").ok()) return 1;
  return raise(SIGKILL);
}

class GivenConnections : public testing::TestWithParam<StartMethod> {};

TEST_P(GivenConnections, CarryMessagesOfAProcessUntilOneSideCloses) {
  PipeEnds<std::string> pipe = *Pipe<std::string>();
  absl::StatusOr<Process> process = Process::Start({.method = GetParam()}, &Echo, pipe.second);
  ASSERT_THAT(process, IsOk()) << process.status();
  for (const size_t size : {0, 10, 100'000}) {
    ASSERT_THAT(pipe.first.Send(std::string(size, 'x')), IsOk());
    const absl::StatusOr<std::string> answer = pipe.first.Recv(Watchdog());
    ASSERT_THAT(answer, IsOk()) << answer.status();
    EXPECT_EQ(*answer, "echo of " + std::string(size, 'x'));
  }
  pipe.first.Close();
  const absl::StatusOr<ExitStatus> end = process->Join(Watchdog());
  ASSERT_THAT(end, IsOk()) << end.status();
  EXPECT_EQ(end->code(), 7) << "end-of-file";
}

TEST_P(GivenConnections, EndWithTheProcessThoughItsParentKeepsACopy) {
  PipeEnds<std::string> pipe = *Pipe<std::string>();
  absl::StatusOr<Process> process = Process::Start({.method = GetParam()}, &SendAndDie, pipe.second);
  ASSERT_THAT(process, IsOk()) << process.status();
  EXPECT_THAT(pipe.first.Recv(Watchdog()), IsOkAndHolds("last words"));
  const absl::Status end = pipe.first.Recv(Watchdog()).status();
  EXPECT_TRUE(IsEndOfFile(end)) << end;
  EXPECT_THAT(process->Join(Watchdog()), IsOk());
}

TEST_P(GivenConnections, ThatAreMovedAreHeldOnTheirWay) {
  PipeEnds<std::string> pipe = *Pipe<std::string>();
  ASSERT_THAT(pipe.second.Send("before"), IsOk());
  absl::StatusOr<Process> process = Process::Start({.method = GetParam()}, &Once, std::move(pipe.second));
  ASSERT_THAT(process, IsOk()) << process.status();
  EXPECT_THAT(pipe.first.Recv(Watchdog()), IsOkAndHolds("before"));
  const absl::StatusOr<std::string> once = pipe.first.Recv(Watchdog());
  ASSERT_THAT(once, IsOk()) << once.status();
  EXPECT_EQ(*once, "once");
  EXPECT_TRUE(IsEndOfFile(pipe.first.Recv(Watchdog()).status()));
  EXPECT_THAT(process->Join(Watchdog()), IsOk());
}

TEST_P(GivenConnections, AreArgumentsOfTasks) {
  Pool pool = *Pool::Create({.workers = 2, .method = GetParam()});
  PipeEnds<std::string> pipe = *Pipe<std::string>();
  for (int i = 0; i < 20; ++i) {
    const absl::StatusOr<int> sent = pool.Apply(Once, pipe.second);
    ASSERT_THAT(sent, IsOk()) << sent.status();
    EXPECT_EQ(*sent, 0);
    EXPECT_THAT(pipe.first.Recv(Watchdog()), IsOkAndHolds("once"));
  }
  EXPECT_TRUE(absl::IsAborted(pool.Apply(SendAndDie, pipe.second).status()));
  EXPECT_THAT(pipe.first.Recv(Watchdog()), IsOkAndHolds("last words"));
}

INSTANTIATE_TEST_SUITE_P(All, GivenConnections,
                         testing::Values(StartMethod::kFork, StartMethod::kSpawn, StartMethod::kForkserver),
                         [](const auto& info) { return std::string(StartMethodName(info.param)); });

}  // namespace
}  // namespace regatta
