#include "core/os/life.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "absl/time/time.h"
#include "core/os/forked_child.h"
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
  ASSERT_TRUE(scene->life.Hold().ok());
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
  ASSERT_TRUE(scene->life.Hold().ok());
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
    ASSERT_TRUE(scene->life.Hold().ok());
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
  ASSERT_TRUE(scene->life.Hold().ok());
  scene->life.WaitBeside(scene->word, 1, Deadline::Never());
  const Deadline deadline = Deadline::After(absl::Milliseconds(3));
  while (!deadline.passed()) scene->life.WaitBeside(scene->word, 0, deadline);
  scene->life.Release();
}

TEST(LifeWaitBeside, LooksAgainSoonWhereNobodyHolds) {
  Shared<Scene> scene;
  scene->life.WaitBeside(scene->word, 0, Deadline::Never());  // Returns by itself: nobody would wake it.
}

TEST(HasEnded, IsFalseForTheLivingAndTrueForZombiesAndTheGone) {
  const ProcessStamp self = ThisProcessStamp();
  EXPECT_EQ(self.pid, getpid());
  EXPECT_GT(self.start_time, 0u);
  EXPECT_FALSE(HasEnded(self));

  Shared<ProcessStamp> stamp;
  ForkedChild child([&] {
    *stamp = ThisProcessStamp();
    return 0;
  });
  ASSERT_TRUE(Eventually([&] { return child.HasEnded(); }));
  EXPECT_TRUE(HasEnded(*stamp)) << "a zombie";
  child.Wait();
  EXPECT_TRUE(HasEnded(*stamp)) << "reaped";
}

TEST(HasEnded, IsNotFooledByAPidUsedAgain) {
  ProcessStamp other = ThisProcessStamp();
  other.start_time -= 1;
  EXPECT_TRUE(HasEnded(other));
}

TEST(HasEnded, IsFalseWhileAnyThreadRunsOnThoughTheFirstHasEnded) {
  Shared<Scene> scene;
  Shared<ProcessStamp> stamp;
  ForkedChild child([&] {
    *stamp = ThisProcessStamp();
    std::thread([&] {
      while (!scene->go) usleep(100);
      _exit(0);
    }).detach();
    scene->ready = true;
    syscall(SYS_exit, 0);  // This thread alone.
    return 1;
  });
  ASSERT_TRUE(Eventually([&] { return scene->ready.load(); }));
  for (int i = 0; i < 100; ++i) ASSERT_FALSE(HasEnded(*stamp));
  scene->go = true;
  EXPECT_TRUE(Eventually([&] { return HasEnded(*stamp); }));
}

TEST(HasEnded, TakesNobodyForDeadWhereNoDescriptorIsLeft) {
  const ProcessStamp self = ThisProcessStamp();
  ForkedChild child([&] {
    LimitDescriptors(64);
    while (open("/dev/null", O_RDONLY) >= 0) {
    }
    REGATTA_CHILD_REQUIRE(!HasEnded(self));
    REGATTA_CHILD_REQUIRE(HasEnded({.pid = 0x3fffff, .start_time = 1}));
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

}  // namespace
}  // namespace regatta
