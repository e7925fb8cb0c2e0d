#include "core/os/life.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "absl/time/time.h"
#include "core/testing/forked_child.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

struct Scene {
  Life life{};
  std::atomic<uint32_t> word{0};
  std::atomic<int32_t> thread_id{0};
  std::atomic<bool> ready{false};
  std::atomic<bool> go{false};
};

TEST(Life, OfZerosIsHeldByNobody) {
  Shared<Scene> scene;
  EXPECT_FALSE(scene->life.held());
}

TEST(Life, IsHeldUntilReleased) {
  Shared<Scene> scene;
  ASSERT_THAT(scene->life.Hold(), IsOk());
  EXPECT_TRUE(scene->life.held());
  scene->life.Release();
  EXPECT_FALSE(scene->life.held());
}

TEST(Life, EndsWithTheHolderHoweverItDies) {
  for (const bool killed : {true, false}) {
    Shared<Scene> scene;
    ForkedChild holder([&] {
      if (!scene->life.Hold().ok()) return 1;
      scene->ready = true;
      while (killed || !scene->go) usleep(100);
      return 0;
    });
    ASSERT_TRUE(Eventually([&] { return scene->ready.load(); }));
    EXPECT_TRUE(scene->life.held());
    if (killed) holder.Kill();
    scene->go = true;
    EXPECT_TRUE(Eventually([&] { return !scene->life.held(); })) << "still held, killed: " << killed;
  }
}

TEST(Life, IsMarkedWhenTheHolderExecs) {
  Shared<Scene> scene;
  ForkedChild holder([&] {
    if (!scene->life.Hold().ok()) return 1;
    scene->ready = true;
    while (!scene->go) usleep(100);
    execl("/bin/sleep", "sleep", "100", nullptr);
    return 1;
  });
  ASSERT_TRUE(Eventually([&] { return scene->ready.load(); }));
  EXPECT_TRUE(scene->life.held());
  scene->go = true;
  EXPECT_TRUE(Eventually([&] { return !scene->life.held(); }));
  EXPECT_FALSE(holder.HasEnded());
}

TEST(Life, CanBeHeldAgainAfterADeath) {
  Shared<Scene> scene;
  ForkedChild holder([&] { return scene->life.Hold().ok() ? 0 : 1; });
  EXPECT_EQ(holder.Wait(), 0);
  ASSERT_FALSE(scene->life.held());
  ASSERT_THAT(scene->life.Hold(), IsOk());
  EXPECT_TRUE(scene->life.held());
  scene->life.Release();
}

TEST(LifeHold, IsNotHeldUpByAWaiterWhoComesTooLate) {
  Shared<Scene> scene;
  std::atomic<bool> end{false};
  std::thread waiter([&] {
    while (!end) scene->life.WaitBeside(scene->word, 1, Deadline::Now());
  });
  for (int i = 0; i < 2000; ++i) {
    ASSERT_THAT(scene->life.Hold(), IsOk());
    ASSERT_TRUE(scene->life.held());
    scene->life.Release();
  }
  end = true;
  waiter.join();
}

TEST(LifeWaitBeside, EndsAtTheHoldersDeath) {
  Shared<Scene> scene;
  ForkedChild holder([&] {
    if (!scene->life.Hold().ok()) return 1;
    scene->ready = true;
    for (;;) pause();
  });
  ASSERT_TRUE(Eventually([&] { return scene->ready.load(); }));
  std::atomic<bool> returned{false};
  std::thread waiter([&] {
    scene->thread_id = ThisThreadId();
    while (scene->life.held()) scene->life.WaitBeside(scene->word, 0, Deadline::Never());
    returned = true;
  });
  ASSERT_TRUE(Eventually([&] { return scene->thread_id != 0 && IsAsleep(scene->thread_id); }));
  EXPECT_FALSE(returned);
  holder.Kill();
  waiter.join();
  EXPECT_TRUE(returned);
}

TEST(LifeWaitBeside, EndsWhenTheWordDiffersOrTheDeadlineHasCome) {
  Shared<Scene> scene;
  ASSERT_THAT(scene->life.Hold(), IsOk());
  scene->life.WaitBeside(scene->word, 1, Deadline::Never());
  const Deadline deadline = Deadline::After(absl::Milliseconds(3));
  while (!deadline.passed()) scene->life.WaitBeside(scene->word, 0, deadline);
  scene->life.Release();
}

TEST(LifeWaitBeside, LooksAgainSoonWhereNobodyHolds) {
  Shared<Scene> scene;
  scene->life.WaitBeside(scene->word, 0, Deadline::Never());  // Returns by itself: nobody would wake it.
}

}  // namespace
}  // namespace regatta
