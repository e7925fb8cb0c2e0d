#include "core/process/nursery.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "core/codec/codec.h"
#include "core/os/pidfd.h"
#include "core/os/poll.h"
#include "core/process/call.h"
#include "core/process/process.h"
#include "core/process/this_process.h"
#include "core/testing/pipe.h"
#include "core/testing/process_witness.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

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

class NurseryChildren : public testing::TestWithParam<Nursery::Origin> {
 protected:
  NurseryChildren() {
    auto made = Nursery::Create(GetParam());
    EXPECT_THAT(made, IsOk());
    nursery_ = *std::move(made);
  }
  std::unique_ptr<Nursery> nursery_;
};

INSTANTIATE_TEST_SUITE_P(Origins, NurseryChildren, testing::Values(Nursery::Origin::kFork, Nursery::Origin::kExec),
                         [](const auto& info) { return info.param == Nursery::Origin::kFork ? "fork" : "exec"; });

int Answer(Fd to, std::string text) {
  WriteText(to,
            absl::StrCat(text, " ", getpid(), " ", getppid(), " ", this_process::name(), " ", this_process::daemon()));
  return 7;
}

TEST_P(NurseryChildren, AreThisProcesssOwn) {
  TestingPipe pipe;
  auto child = StartFrom(*nursery_, {.identity = {.name = "PoolWorker-1", .number = "1"}}, &Answer, Copy(pipe.write),
                         std::string("ahoy"));
  ASSERT_THAT(child, IsOk());
  pipe.write.Reset();
  EXPECT_EQ(ReadToEnd(pipe.read), absl::StrCat("ahoy ", (*child)->pid(), " ", getpid(), " PoolWorker-1 1"));
  EXPECT_EQ((*child)->Wait(Watchdog())->exit_code(), 7);
  EXPECT_EQ((*child)->status(), ExitStatus::Exited(7));
}

TEST_P(NurseryChildren, CanBeMadeWhateverThisProcesssThreadsDo) {
  std::atomic<bool> stop{false};
  std::thread hammer([&] {
    while (!stop) std::string(1000, 'x').shrink_to_fit();
  });
  for (int i = 0; i < 200; ++i) {
    auto child = StartFrom(
        *nursery_, {}, [](int i) { return i; }, i);
    ASSERT_THAT(child, IsOk());
    ASSERT_EQ((*child)->Wait(Watchdog())->exit_code(), i);
  }
  stop = true;
  hammer.join();
}

TEST_P(NurseryChildren, CanBeAskedForBySeveralThreadsAtOnce) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        auto child = StartFrom(
            *nursery_, {}, [](int code) { return code; }, t * 30 + i);
        ASSERT_THAT(child, IsOk());
        ASSERT_EQ((*child)->Wait(Watchdog())->exit_code(), t * 30 + i);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

int g_set_before_create = 0;

TEST(NurseryProcessMemory, OfAForkedOneIsAsAtCreateAndOfAnExecdOneFresh) {
  g_set_before_create = 5;
  auto forked = Nursery::Create(Nursery::Origin::kFork);
  auto execd = Nursery::Create(Nursery::Origin::kExec);
  ASSERT_TRUE(forked.ok() && execd.ok());
  g_set_before_create = 6;
  const auto tell = [] { return g_set_before_create; };
  EXPECT_EQ((*StartFrom(**forked, {}, tell))->Wait()->exit_code(), 5);
  EXPECT_EQ((*StartFrom(**execd, {}, tell))->Wait()->exit_code(), 0);
}

// The kinds of descriptors that a child has open, in order.
std::string OpenIn(Nursery& nursery) {
  TestingPipe pipe;
  auto child = StartFrom(
      nursery, {},
      [](Fd to) {
        std::string list = ListDescriptors();
        std::erase_if(list, [](char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); });
        std::vector<std::string> kinds = absl::StrSplit(list, ' ');
        std::sort(kinds.begin(), kinds.end());
        WriteText(to, absl::StrJoin(kinds, " "));
      },
      Copy(pipe.write));
  if (!child.ok()) return child.status().ToString();
  pipe.write.Reset();
  return ReadToEnd(pipe.read);
}

TEST_P(NurseryChildren, HoldTheDescriptorsOfTheirOwnerOnlyIfItIsForked) {
  TestingPipe early;
  auto nursery = Nursery::Create(GetParam());
  ASSERT_THAT(nursery, IsOk());
  TestingPipe late;
  auto child = StartFrom(
      **nursery, {},
      [](int early, int late) { return (fcntl(early, F_GETFD) >= 0 ? 1 : 0) + (fcntl(late, F_GETFD) >= 0 ? 2 : 0); },
      early.write.get(), late.write.get());
  ASSERT_THAT(child, IsOk());
  EXPECT_EQ((*child)->Wait(Watchdog())->exit_code(), GetParam() == Nursery::Origin::kFork ? 1 : 0);
}

TEST_P(NurseryChildren, HoldNothingOfTheCoresOwnAlsoAfterTheNurseryHealed) {
  const std::string first = OpenIn(*nursery_);
  EXPECT_FALSE(absl::StrContains(first, "socket") || absl::StrContains(first, "pidfd")) << first;
  // The first of these was made while another nursery was there.
  auto second = Nursery::Create(GetParam());
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(OpenIn(**second), first);
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(kill((*second)->servers()[0]->pid(), SIGKILL), 0);
    EXPECT_EQ(OpenIn(**second), first);
    EXPECT_THAT((*second)->Heal(), IsOk());
  }
}

TEST(NurseryProcess, HoldsNoPipeOfItsOwnersStandardStreams) {
  TestingPipe out;
  const Fd before(dup(STDOUT_FILENO));
  ASSERT_EQ(dup2(out.write.get(), STDOUT_FILENO), STDOUT_FILENO);
  out.write.Reset();
  auto nursery = Nursery::Create(Nursery::Origin::kExec);
  ASSERT_EQ(dup2(before.get(), STDOUT_FILENO), STDOUT_FILENO);
  ASSERT_THAT(nursery, IsOk());
  ASSERT_THAT((*StartFrom(**nursery, {}, [] {}))->Wait(), IsOk());
  ASSERT_TRUE(*PollReadable(out.read, Watchdog())) << "it holds the other end";
  EXPECT_EQ(ReadToEnd(out.read), "");
}

TEST_P(NurseryChildren, HaveTheirTrueThreadIdInTheCLibraryAndARobustMutexTellsOfTheirDeath) {
  auto child = StartFrom(*nursery_, {}, [] {
    pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
    pthread_mutex_lock(&recursive);
    if (recursive.__data.__owner != gettid()) return 1;
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_t robust;
    pthread_mutex_init(&robust, &attributes);
    // A thread ends with the mutex locked: the kernel marks it by the list and the id that this child has registered.
    // The main thread's list is this child's business, another thread's is the library's; so both are locked.
    pthread_mutex_lock(&robust);
    pthread_mutex_unlock(&robust);
    std::thread([&] { pthread_mutex_lock(&robust); }).join();
    return pthread_mutex_lock(&robust) == EOWNERDEAD ? 0 : 2;
  });
  ASSERT_THAT(child, IsOk());
  EXPECT_EQ((*child)->Wait(Watchdog())->exit_code(), 0);
}

TEST_P(NurseryChildren, ThatCanNotBeWhatTheyShouldSayWhyAndExitWithOne) {
  ChildSpec spec;
  spec.function = FunctionId{.trampoline_module = 1, .trampoline_offset = 2};
  auto child = nursery_->Start(spec);
  ASSERT_THAT(child, IsOk());
  EXPECT_EQ((*child)->Wait(Watchdog())->exit_code(), 1);
}

TEST_P(NurseryChildren, GoOnWhenTheNurseryEnds) {
  TestingPipe gate;
  auto child = StartFrom(
      *nursery_, {}, [](Fd gate) { return ReadByte(gate) ? 3 : 4; }, Copy(gate.read));
  ASSERT_THAT(child, IsOk());
  nursery_.reset();
  EXPECT_EQ(ChildrenOf(getpid()), std::set<int32_t>{(*child)->pid()});
  WriteText(gate.write, "x");
  EXPECT_EQ((*child)->Wait(Watchdog())->exit_code(), 3);
}

void KillServer(Nursery& nursery, size_t index) {
  ASSERT_LT(index, nursery.servers().size());
  const std::shared_ptr<Child> server = nursery.servers()[index];
  ASSERT_EQ(kill(server->pid(), SIGKILL), 0);
  ASSERT_TRUE(*PollReadable(server->sentinel(), Watchdog()));
}

int StartAndWait(Nursery& nursery, int code) {
  auto child = StartFrom(
      nursery, {}, [](int code) { return code; }, code);
  if (!child.ok()) {
    ADD_FAILURE() << child.status();
    return -1;
  }
  return (*child)->Wait(Watchdog())->exit_code().value_or(-1);
}

TEST_P(NurseryChildren, AreMadeByTheNextProcessOfANurseryThatIsKilledAndNoZombieStays) {
  const size_t whole = nursery_->servers().size();
  EXPECT_EQ(whole, GetParam() == Nursery::Origin::kFork ? 2u : 1u);
  for (int i = 0; i < 30; ++i) {
    KillServer(*nursery_, i % whole);
    EXPECT_EQ(StartAndWait(*nursery_, i), i);
    EXPECT_EQ(StartAndWait(*nursery_, i + 1), i + 1);
    EXPECT_THAT(nursery_->Heal(), IsOk());
    EXPECT_TRUE(nursery_->whole());
    EXPECT_EQ(nursery_->servers().size(), whole);
    EXPECT_EQ(ChildrenOf(getpid()).size(), whole);
  }
}

TEST_P(NurseryChildren, AreMadeThoughAForkedNurseryHasNotHealed) {
  KillServer(*nursery_, 0);
  EXPECT_EQ(StartAndWait(*nursery_, 1), 1);
  EXPECT_EQ(StartAndWait(*nursery_, 2), 2);
  EXPECT_EQ(nursery_->whole(), GetParam() == Nursery::Origin::kExec);
}

TEST(NurseryProcessMemory, OfAStandbyIsAsAtCreateHoweverOftenItWasHealed) {
  g_set_before_create = 7;
  auto forked = Nursery::Create(Nursery::Origin::kFork);
  ASSERT_THAT(forked, IsOk());
  g_set_before_create = 8;
  for (int i = 0; i < 3; ++i) {
    KillServer(**forked, 0);
    EXPECT_EQ((*StartFrom(**forked, {}, [] { return g_set_before_create++; }))->Wait()->exit_code(), 7);
    EXPECT_THAT((*forked)->Heal(), IsOk());
  }
}

TEST_P(NurseryChildren, AreMadeByNobodyOnceAllOfAForkedNurseryWereKilledAtOnce) {
  for (const auto& server : nursery_->servers()) ASSERT_EQ(kill(server->pid(), SIGKILL), 0);
  if (GetParam() == Nursery::Origin::kExec) {
    EXPECT_EQ(StartAndWait(*nursery_, 3), 3);
    return;
  }
  for (int i = 0; i < 2; ++i) {
    const absl::Status gone = StartFrom(*nursery_, {}, [] {}).status();
    EXPECT_THAT(gone, StatusIs(absl::StatusCode::kAborted, testing::HasSubstr("SIGKILL")));
    EXPECT_THAT(nursery_->Heal(), StatusIs(absl::StatusCode::kAborted));
  }
  EXPECT_TRUE(nursery_->servers().empty());
  EXPECT_TRUE(ChildrenOf(getpid()).empty());
}

TEST_P(NurseryChildren, AreMadeByTheNextProcessOfAStoppedNurseryWhichIsKilledAfterAWhile) {
  const int32_t server = nursery_->servers()[0]->pid();
  ASSERT_EQ(kill(server, SIGSTOP), 0);
  EXPECT_EQ(StartAndWait(*nursery_, 3), 3);
  for (const int32_t pid : ChildrenOf(getpid())) EXPECT_NE(pid, server);
}

TEST_P(NurseryChildren, AreMadeByTheNextProcessOfADeadNurseryThoughACopyOfItsOwnerHoldsTheSocket) {
  // A copy that the C library knows nothing of keeps all descriptors.
  const pid_t copy = _Fork();
  if (copy == 0) {
    for (;;) pause();
  }
  KillServer(*nursery_, 0);
  EXPECT_EQ(StartAndWait(*nursery_, 3), 3);
  EXPECT_THAT(nursery_->Heal(), IsOk());
  KillAndReap(copy);
}

TEST_P(NurseryChildren, LeaveAStoppedNurseryToBeDestroyed) {
  for (const auto& server : nursery_->servers()) ASSERT_EQ(kill(server->pid(), SIGSTOP), 0);
  nursery_.reset();
  EXPECT_TRUE(ChildrenOf(getpid()).empty());
}

TEST_P(NurseryChildren, AreMadeAfterTheTerminalsSignalsWentToTheNursery) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGQUIT}) {
    for (const auto& server : nursery_->servers()) ASSERT_EQ(kill(server->pid(), signal), 0);
  }
  auto child = StartFrom(*nursery_, {}, [] {
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    return sigismember(&mask, SIGINT) == 0 && sigismember(&mask, SIGTERM) == 0 ? 0 : 1;
  });
  ASSERT_THAT(child, IsOk());
  EXPECT_EQ((*child)->Wait(Watchdog())->exit_code(), 0);
}

TEST_P(NurseryChildren, AreNotMadeForAForkedChildOfTheOwner) {
  absl::StatusOr<Process> other = Process::Fork([&] {
    const bool refused = absl::IsFailedPrecondition(StartFrom(*nursery_, {}, [] {}).status());
    nursery_.reset();  // Ends nothing.
    return refused ? 0 : 1;
  });
  ASSERT_THAT(other, IsOk());
  EXPECT_EQ(other->Join()->exit_code(), 0);
  EXPECT_EQ((*StartFrom(*nursery_, {}, [] { return 5; }))->Wait()->exit_code(), 5);
}

TEST_P(NurseryChildren, AndTheNurseryEndWithTheirOwnerEvenIfACopyOfItHoldsTheSocket) {
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
    WriteText(pids.write, absl::StrCat((*nursery)->servers().front()->pid(), "\n", (*nursery)->servers().back()->pid(),
                                       "\n", (*child)->pid(), "\n"));
    for (;;) pause();
    return 0;
  });
  ASSERT_THAT(owner, IsOk());
  const absl::StatusOr<Fd> server = OpenPidfd(atoi(ReadLine(pids.read).c_str()));
  const absl::StatusOr<Fd> standby = OpenPidfd(atoi(ReadLine(pids.read).c_str()));
  const absl::StatusOr<Fd> child = OpenPidfd(atoi(ReadLine(pids.read).c_str()));
  ASSERT_TRUE(server.ok() && standby.ok() && child.ok());
  ASSERT_THAT(owner->Kill(), IsOk());
  EXPECT_TRUE(*PollReadable(*server, Watchdog()));
  EXPECT_TRUE(*PollReadable(*standby, Watchdog()));
  EXPECT_TRUE(*PollReadable(*child, Watchdog()));
  WriteText(copy_gate.write, "x");
  EXPECT_THAT(owner->Join(), IsOk());
}

}  // namespace
}  // namespace regatta
