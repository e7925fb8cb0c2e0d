#include "core/process/nursery.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/codec/codec.h"
#include "core/os/pidfd.h"
#include "core/os/poll.h"
#include "core/process/call.h"
#include "core/process/process.h"
#include "core/process/testing_children.h"
#include "core/process/testing_pipe.h"
#include "core/process/this_process.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

constexpr absl::Duration kWatchdog = absl::Seconds(60);

Fd Copy(const Fd& fd) { return *fd.Duplicate(); }

template <class F, class... Args>
absl::StatusOr<std::shared_ptr<Child>> StartFrom(Nursery& nursery, ChildSpec spec, F function, Args&&... arguments) {
  using C = Call<F>;
  const absl::StatusOr<FunctionId> id = C::Id(function);
  if (!id.ok()) return id.status();
  const typename C::Arguments packed = C::Pack(std::forward<Args>(arguments)...);
  DescriptorSink beside;
  const absl::StatusOr<std::string> bytes = EncodeToString(packed, &beside);
  if (!bytes.ok()) return bytes.status();
  spec.function = *id;
  spec.arguments = std::as_bytes(std::span(*bytes));
  spec.descriptors = beside.descriptors();
  return nursery.Start(spec);
}

class Nursery_Children : public testing::TestWithParam<Nursery::Origin> {
 protected:
  Nursery_Children() {
    auto made = Nursery::Create(GetParam());
    EXPECT_TRUE(made.ok()) << made.status();
    nursery_ = *std::move(made);
  }
  std::unique_ptr<Nursery> nursery_;
};

INSTANTIATE_TEST_SUITE_P(Origins, Nursery_Children, testing::Values(Nursery::Origin::kFork, Nursery::Origin::kExec),
                         [](const auto& info) { return info.param == Nursery::Origin::kFork ? "fork" : "exec"; });

int Answer(Fd to, std::string text) {
  WriteText(to,
            absl::StrCat(text, " ", getpid(), " ", getppid(), " ", this_process::name(), " ", this_process::daemon()));
  return 7;
}

TEST_P(Nursery_Children, AreThisProcesssOwn) {
  TestingPipe pipe;
  auto child = StartFrom(*nursery_, {.identity = {.name = "PoolWorker-1", .number = "1"}}, &Answer, Copy(pipe.write),
                         std::string("ahoy"));
  ASSERT_TRUE(child.ok()) << child.status();
  pipe.write.Reset();
  EXPECT_EQ(ReadToEnd(pipe.read), absl::StrCat("ahoy ", (*child)->pid(), " ", getpid(), " PoolWorker-1 1"));
  EXPECT_EQ((*child)->Wait(Deadline::After(kWatchdog))->exit_code(), 7);
  EXPECT_EQ((*child)->status(), ExitStatus::Exited(7));
}

TEST_P(Nursery_Children, CanBeMadeWhateverThisProcesssThreadsDo) {
  std::atomic<bool> stop{false};
  std::thread hammer([&] {
    while (!stop) std::string(1000, 'x').shrink_to_fit();
  });
  for (int i = 0; i < 200; ++i) {
    auto child = StartFrom(
        *nursery_, {}, [](int i) { return i; }, i);
    ASSERT_TRUE(child.ok()) << child.status();
    ASSERT_EQ((*child)->Wait(Deadline::After(kWatchdog))->exit_code(), i);
  }
  stop = true;
  hammer.join();
}

TEST_P(Nursery_Children, CanBeAskedForBySeveralThreadsAtOnce) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        auto child = StartFrom(
            *nursery_, {}, [](int code) { return code; }, t * 30 + i);
        ASSERT_TRUE(child.ok()) << child.status();
        ASSERT_EQ((*child)->Wait(Deadline::After(kWatchdog))->exit_code(), t * 30 + i);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

int g_set_before_create = 0;

TEST(Nursery_Memory, OfAForkedOneIsAsAtCreateAndOfAnExecdOneFresh) {
  g_set_before_create = 5;
  auto forked = Nursery::Create(Nursery::Origin::kFork);
  auto execd = Nursery::Create(Nursery::Origin::kExec);
  ASSERT_TRUE(forked.ok() && execd.ok());
  g_set_before_create = 6;
  const auto tell = [] { return g_set_before_create; };
  EXPECT_EQ((*StartFrom(**forked, {}, tell))->Wait()->exit_code(), 5);
  EXPECT_EQ((*StartFrom(**execd, {}, tell))->Wait()->exit_code(), 0);
}

TEST_P(Nursery_Children, HoldNoDescriptorButTheirOwnAndNeitherDoesTheNursery) {
  // A pipe from before the nursery's time: were its write end in there, it would never end.
  TestingPipe early;
  auto nursery = Nursery::Create(GetParam());
  ASSERT_TRUE(nursery.ok());
  TestingPipe gate;
  auto child = StartFrom(
      **nursery, {}, [](Fd gate) { ReadByte(gate); }, Copy(gate.read));
  ASSERT_TRUE(child.ok()) << child.status();
  early.write.Reset();
  EXPECT_EQ(ReadToEnd(early.read), "");
  gate.write.Reset();
  EXPECT_TRUE((*child)->Wait(Deadline::After(kWatchdog))->success());
}

TEST_P(Nursery_Children, HaveTheirTrueThreadIdInTheCLibraryAndARobustMutexTellsOfTheirDeath) {
  auto child = StartFrom(*nursery_, {}, [] {
    pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
    pthread_mutex_lock(&recursive);
    if (recursive.__data.__owner != gettid()) return 1;
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_t robust;
    pthread_mutex_init(&robust, &attributes);
    // A thread ends with the mutex locked: the kernel marks it by the list and the id that this child has registered. The
    // main thread's list is this child's business, another thread's is the library's; so both are locked.
    pthread_mutex_lock(&robust);
    pthread_mutex_unlock(&robust);
    std::thread([&] { pthread_mutex_lock(&robust); }).join();
    return pthread_mutex_lock(&robust) == EOWNERDEAD ? 0 : 2;
  });
  ASSERT_TRUE(child.ok()) << child.status();
  EXPECT_EQ((*child)->Wait(Deadline::After(kWatchdog))->exit_code(), 0);
}

TEST_P(Nursery_Children, ThatCanNotBeWhatTheyShouldSayWhyAndExitWithOne) {
  ChildSpec spec;
  spec.function = FunctionId{.trampoline_module = 1, .trampoline_offset = 2};
  auto child = nursery_->Start(spec);
  ASSERT_TRUE(child.ok()) << child.status();
  EXPECT_EQ((*child)->Wait(Deadline::After(kWatchdog))->exit_code(), 1);
}

TEST_P(Nursery_Children, GoOnWhenTheNurseryEnds) {
  TestingPipe gate;
  auto child = StartFrom(
      *nursery_, {}, [](Fd gate) { return ReadByte(gate) ? 3 : 4; }, Copy(gate.read));
  ASSERT_TRUE(child.ok());
  const int32_t server = nursery_->server().pid();
  nursery_.reset();
  for (const int32_t pid : ChildrenOfThisProcess()) EXPECT_NE(pid, server);
  WriteText(gate.write, "x");
  EXPECT_EQ((*child)->Wait(Deadline::After(kWatchdog))->exit_code(), 3);
}

TEST_P(Nursery_Children, CanNotBeMadeByADeadNurseryWhichSaysSo) {
  const int32_t server = nursery_->server().pid();
  ASSERT_EQ(kill(server, SIGKILL), 0);
  const absl::Status gone = StartFrom(*nursery_, {}, [] {}).status();
  EXPECT_TRUE(absl::IsAborted(gone)) << gone;
  EXPECT_TRUE(nursery_->lost());
  EXPECT_TRUE(absl::StrContains(gone.message(), "SIGKILL")) << gone;
  EXPECT_TRUE(absl::IsAborted(StartFrom(*nursery_, {}, [] {}).status()));
  for (const int32_t pid : ChildrenOfThisProcess()) EXPECT_NE(pid, server);
}

TEST_P(Nursery_Children, CanNotBeMadeByAStoppedNurseryWhichIsKilledAfterAWhile) {
  const int32_t server = nursery_->server().pid();
  ASSERT_EQ(kill(server, SIGSTOP), 0);
  const absl::Status late = StartFrom(*nursery_, {}, [] {}).status();
  EXPECT_TRUE(absl::IsAborted(late)) << late;
  EXPECT_TRUE(nursery_->lost());
  for (const int32_t pid : ChildrenOfThisProcess()) EXPECT_NE(pid, server);
}

TEST_P(Nursery_Children, CanNotBeMadeByADeadNurseryThoughACopyOfItHoldsTheSocket) {
  // A copy that the C library knows nothing of keeps all descriptors.
  const int32_t server = nursery_->server().pid();
  TestingPipe gate;
  absl::StatusOr<std::shared_ptr<Child>> holder = StartFrom(
      *nursery_, {}, [](Fd gate) { ReadByte(gate); }, Copy(gate.read));
  ASSERT_TRUE(holder.ok());
  const pid_t copy = _Fork();
  if (copy == 0) {
    for (;;) pause();
  }
  ASSERT_EQ(kill(server, SIGKILL), 0);
  EXPECT_TRUE(absl::IsAborted(StartFrom(*nursery_, {}, [] {}).status()));
  KillAndReap(copy);
  WriteText(gate.write, "x");
  EXPECT_TRUE((*holder)->Wait(Deadline::After(kWatchdog)).ok());
}

TEST_P(Nursery_Children, LeaveAStoppedNurseryToBeDestroyed) {
  ASSERT_EQ(kill(nursery_->server().pid(), SIGSTOP), 0);
  nursery_.reset();
  EXPECT_TRUE(ChildrenOfThisProcess().empty());
}

TEST_P(Nursery_Children, AreMadeAfterTheTerminalsSignalsWentToTheNursery) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGQUIT}) {
    ASSERT_EQ(kill(nursery_->server().pid(), signal), 0);
  }
  auto child = StartFrom(*nursery_, {}, [] {
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    return sigismember(&mask, SIGINT) == 0 && sigismember(&mask, SIGTERM) == 0 ? 0 : 1;
  });
  ASSERT_TRUE(child.ok()) << child.status();
  EXPECT_EQ((*child)->Wait(Deadline::After(kWatchdog))->exit_code(), 0);
}

TEST_P(Nursery_Children, AreNotMadeForAForkedChildOfTheOwner) {
  absl::StatusOr<Process> other = Process::Fork([&] {
    const bool refused = absl::IsFailedPrecondition(StartFrom(*nursery_, {}, [] {}).status());
    nursery_.reset();  // Ends nothing.
    return refused ? 0 : 1;
  });
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(other->Join()->exit_code(), 0);
  EXPECT_EQ((*StartFrom(*nursery_, {}, [] { return 5; }))->Wait()->exit_code(), 5);
}

TEST_P(Nursery_Children, AndTheNurseryEndWithTheirOwnerEvenIfACopyOfItHoldsTheSocket) {
  TestingPipe pids;
  TestingPipe copy_gate;
  absl::StatusOr<Process> owner = Process::Fork([&] {
    auto nursery = Nursery::Create(GetParam());
    auto child = StartFrom(**nursery, {.daemon = true}, [] {
      for (;;) pause();
    });
    // Other people's fork, which knows nothing of us.
    if (fork() == 0) {
      ReadByte(copy_gate.read);
      _exit(0);
    }
    WriteText(pids.write, absl::StrCat((*nursery)->server().pid(), "\n", (*child)->pid(), "\n"));
    for (;;) pause();
    return 0;
  });
  ASSERT_TRUE(owner.ok());
  const absl::StatusOr<Fd> server = OpenPidfd(atoi(ReadLine(pids.read).c_str()));
  const absl::StatusOr<Fd> child = OpenPidfd(atoi(ReadLine(pids.read).c_str()));
  ASSERT_TRUE(server.ok() && child.ok());
  ASSERT_TRUE(owner->Kill().ok());
  EXPECT_TRUE(*PollReadable(*server, Deadline::After(kWatchdog)));
  EXPECT_TRUE(*PollReadable(*child, Deadline::After(kWatchdog)));
  WriteText(copy_gate.write, "x");
  EXPECT_TRUE(owner->Join().ok());
}

}  // namespace
}  // namespace regatta
