#include "core/process/helper_thread.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "core/os/fd.h"
#include "core/process/process.h"
#include "core/testing/forked_child.h"
#include "core/testing/pipe.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

// A helper that takes and releases a lock as fast as it can, and sleeps on a pipe in between now and then.
class Worker {
 public:
  Worker() {
    auto started = HelperThread::Start(
        "test worker", [this](HelperThread& self) { Run(self); }, [this] { WriteText(wake_.write, "w"); });
    EXPECT_THAT(started, IsOk());
    thread_ = *std::move(started);
  }

  std::mutex mutex;
  std::atomic<int> rounds{0};

 private:
  void Run(HelperThread& self) {
    while (!self.stopping()) {
      self.Park();
      {
        std::lock_guard<std::mutex> lock(mutex);
        const std::string memory(static_cast<size_t>(rounds % 5000), 'x');
        rounds += memory.size() < 6000 ? 1 : 0;
      }
      // Asleep for ever every 50th round, until woken.
      if (rounds % 50 != 0) continue;
      pollfd polled{wake_.read.get(), POLLIN, 0};
      if (poll(&polled, 1, rounds % 100 == 0 ? 0 : 1) > 0) ReadByte(wake_.read);
    }
  }

  TestingPipe wake_;
  std::unique_ptr<HelperThread> thread_;
};

TEST(HelperThreadFork, FindsItAtASafePlaceWhateverItDoes) {
  std::vector<std::unique_ptr<Worker>> workers;
  for (int i = 0; i < 3; ++i) workers.push_back(std::make_unique<Worker>());
  for (int i = 0; i < 300; ++i) {
    absl::StatusOr<Process> child = Process::Fork([&] {
      // No lock that a helper takes is held by one that isn't here.
      for (const auto& worker : workers) {
        if (!worker->mutex.try_lock()) return 1;
      }
      const std::string memory(100'000, 'y');
      return memory.size() == 100'000 ? 0 : 2;
    });
    ASSERT_THAT(child, IsOk());
    ASSERT_EQ(child->Join()->code(), 0) << i;
  }
  for (const auto& worker : workers) {
    const int rounds = worker->rounds;
    EXPECT_TRUE(Eventually([&] { return worker->rounds > rounds + 10; }));  // It goes on.
  }
}

TEST(HelperThreadFork, WritesTheTextThatAStreamHoldsOnce) {
  Worker worker;
  TestingPipe pipe;
  FILE* const stream = fdopen(pipe.write.Release(), "w");
  ASSERT_NE(stream, nullptr);
  fputs("once", stream);
  for (int i = 0; i < 3; ++i) {
    absl::StatusOr<Process> child = Process::Fork([] {});
    ASSERT_THAT(child, IsOk());
    EXPECT_EQ(child->Join()->code(), 0);
  }
  fclose(stream);
  EXPECT_EQ(ReadToEnd(pipe.read), "once");
}

#if !defined( \
    __SANITIZE_THREAD__)  // It knows the parent's threads still, and takes a new one on such a stack for an old one.
TEST(HelperThreadFork, LeavesNoneOfThemInTheChildWhichCanForkItselfAndDestroyWhatItInherited) {
  auto worker = std::make_unique<Worker>();
  absl::StatusOr<Process> child = Process::Fork([&] {
    worker.reset();
    Worker own;
    absl::StatusOr<Process> grandchild = Process::Fork([] { return 3; });
    return grandchild.ok() && grandchild->Join()->exit_code() == 3 ? 0 : 1;
  });
  ASSERT_THAT(child, IsOk());
  EXPECT_EQ(child->Join()->exit_code(), 0);
}
#endif

TEST(HelperThreadFork, IsRefusedBesideOtherPeoplesThreadsAndTheMessageNamesThemAndTheWayOut) {
  Worker worker;
  TestingPipe named;
  TestingPipe gate;
  std::thread other([&] {
    pthread_setname_np(pthread_self(), "stowaway");
    WriteText(named.write, "x");
    ReadByte(gate.read);
  });
  ASSERT_TRUE(ReadByte(named.read));
  const absl::Status refused = Process::Fork([] {}).status();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition, testing::HasSubstr("stowaway")));
  EXPECT_FALSE(absl::StrContains(refused.message(), "test worker")) << refused;
  EXPECT_TRUE(absl::StrContains(refused.message(), "kForkserver")) << refused;
  WriteText(gate.write, "x");
  other.join();
  absl::StatusOr<Process> child = Process::Fork([] { return 2; });
  ASSERT_THAT(child, IsOk());
  EXPECT_EQ(child->Join()->exit_code(), 2);
}

TEST(HelperThreadFork, IsRefusedAfterAWhileIfAHelpersCallbackWaitsForWhatTheStarterHolds) {
  std::mutex held;
  std::unique_lock<std::mutex> lock(held);
  TestingPipe inside;
  auto helper = HelperThread::Start(
      "callbacks",
      [&](HelperThread& self) {
        WriteText(inside.write, "x");
        { std::lock_guard<std::mutex> wait(held); }
        while (!self.stopping()) self.Park();
      },
      [] {});
  ASSERT_THAT(helper, IsOk());
  ASSERT_TRUE(ReadByte(inside.read));
  const absl::Status refused = Process::Fork([] {}).status();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition, testing::HasSubstr("callbacks (tid ")));
  EXPECT_TRUE(absl::StrContains(refused.message(), "kForkserver")) << refused;
  lock.unlock();
  absl::StatusOr<Process> child = Process::Fork([] { return 2; });
  ASSERT_THAT(child, IsOk());
  EXPECT_EQ(child->Join()->exit_code(), 2);
}

TEST(HelperThreadFork, IsNotRefusedOnceAThreadHasBeenJoined) {
  for (int i = 0; i < 20'000; ++i) {
    std::thread([] {}).join();
    const auto guard = ForkGuard::Enter();
    ASSERT_THAT(guard, IsOk()) << "round " << i;
  }
}

TEST(HelperThreadFork, OtherMethodsWorkBesideOtherPeoplesThreads) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> hammers;
  std::mutex contended;
  for (int i = 0; i < 3; ++i) {
    hammers.emplace_back([&, i] {
      std::vector<std::string> memory;
      while (!stop) {
        std::lock_guard<std::mutex> lock(contended);
        memory.emplace_back(static_cast<size_t>(100 + i * 1000), 'x');
        if (memory.size() > 100) memory.clear();
      }
    });
  }
  for (const auto& [method, starts] : {std::pair(StartMethod::kForkserver, 500), std::pair(StartMethod::kSpawn, 50)}) {
    for (int i = 0; i < starts; ++i) {
      absl::StatusOr<Process> child = Process::Start(
          {.method = method}, [](int i) { return i % 100; }, i);
      ASSERT_THAT(child, IsOk());
      ASSERT_EQ(child->Join()->exit_code(), i % 100);
    }
  }
  stop = true;
  for (std::thread& hammer : hammers) hammer.join();
}

TEST(HelperThreadStart, NamesTheThreadAndBlocksSignalsInIt) {
  std::string name;
  sigset_t mask;
  {
    auto thread = HelperThread::Start(
        "a name that is too long",
        [&](HelperThread& self) {
          char text[16];
          pthread_getname_np(pthread_self(), text, sizeof(text));
          name = text;
          pthread_sigmask(SIG_SETMASK, nullptr, &mask);
          while (!self.stopping()) std::this_thread::yield();
        },
        [] {});
    ASSERT_THAT(thread, IsOk());
  }
  EXPECT_EQ(name, "a name that is ");
  EXPECT_EQ(sigismember(&mask, SIGTERM), 1);
}

}  // namespace
}  // namespace regatta
