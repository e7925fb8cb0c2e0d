#include "core/os/liveness.h"

#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "core/os/fd.h"
#include "core/testing/forked_child.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

struct Scene {
  ProcessStamp stamp;
  std::atomic<bool> ready{false};
  std::atomic<bool> go{false};
  std::atomic<bool> done{false};
};

// A child whose first thread has ended; another runs on until `go`.
ForkedChild Headless(Scene& scene) {
  return ForkedChild([&] {
    scene.stamp = ThisProcessStamp();
    std::thread([&] {
      while (!scene.go) usleep(100);
      _exit(0);
    }).detach();
    scene.ready = true;
    syscall(SYS_exit, 0);  // This thread alone.
    return 1;
  });
}

// A zombie that is this process's grandchild: its parent reaps nobody, and lives until it is killed.
struct Grandchild {
  explicit Grandchild(Scene& scene)
      : parent([&]() -> int {
          ForkedChild zombie([&] {
            scene.stamp = ThisProcessStamp();
            return 0;
          });
          while (!zombie.HasEnded()) usleep(100);
          scene.ready = true;
          for (;;) pause();
        }) {}
  ForkedChild parent;
};

void TakeAllDescriptors() {
  while (open("/dev/null", O_RDONLY) >= 0) {
  }
}

// What a process sees of `stamp` after `prepare`, as an exit code; 77 where it can't be prepared here.
template <typename Prepare>
int SeenAfter(const ProcessStamp& stamp, Prepare&& prepare) {
  ForkedChild child([&] { return prepare() ? static_cast<int>(LivenessOf(stamp)) : 77; });
  return child.Wait();
}
constexpr int kAlive = static_cast<int>(Liveness::kAlive);
constexpr int kDead = static_cast<int>(Liveness::kDead);
constexpr int kUnknown = static_cast<int>(Liveness::kUnknown);
constexpr int kNotHere = 77;

bool GoIntoAnEmptyRoot() {
  std::string folder = testing::TempDir() + "/empty_XXXXXX";
  return mkdtemp(folder.data()) != nullptr && chroot(folder.c_str()) == 0 && chdir("/") == 0;
}

bool BecomeAnotherUserUnderHidepid() {
  return unshare(CLONE_NEWNS) == 0 && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mount("proc", "/proc", "proc", 0, "hidepid=2") == 0 && setgroups(0, nullptr) == 0 && setgid(65534) == 0 &&
         setuid(65534) == 0;
}

TEST(LivenessOf, TheLivingIsAliveAndOfZombiesAndTheGoneDead) {
  const ProcessStamp self = ThisProcessStamp();
  EXPECT_EQ(self.pid, getpid());
  EXPECT_GT(self.start_time, 0u);
  EXPECT_EQ(LivenessOf(self), Liveness::kAlive);
  EXPECT_EQ(LivenessOf({}), Liveness::kDead);

  Shared<Scene> scene;
  ForkedChild child([&] {
    scene->stamp = ThisProcessStamp();
    return 0;
  });
  ASSERT_TRUE(Eventually([&] { return child.HasEnded(); }));
  EXPECT_EQ(LivenessOf(scene->stamp), Liveness::kDead) << "a zombie";
  child.Wait();
  EXPECT_EQ(LivenessOf(scene->stamp), Liveness::kDead) << "reaped";
}

TEST(LivenessOf, APidUsedAgainIsDead) {
  ProcessStamp other = ThisProcessStamp();
  other.start_time -= 1;
  EXPECT_EQ(LivenessOf(other), Liveness::kDead);
}

TEST(LivenessOf, AStampWithoutAStartTimeIsNeverSurelyAlive) {
  EXPECT_EQ(LivenessOf({.pid = getpid()}), Liveness::kUnknown);
  EXPECT_EQ(LivenessOf({.pid = 0x3fffff}), Liveness::kDead);
}

TEST(LivenessOf, StartTimesOfTwoTimeNamespacesAreNotCompared) {
  ProcessStamp other = ThisProcessStamp();
  other.start_time -= 1;
  other.clock += 1;
  EXPECT_EQ(LivenessOf(other), Liveness::kUnknown);
  const ProcessStamp self = ThisProcessStamp();
  ForkedChild outer([&] {
    if (unshare(CLONE_NEWTIME) != 0) return kNotHere;
    const int offsets = open("/proc/self/timens_offsets", O_WRONLY);
    const std::string shifted = "boottime 1000 0\n";
    if (write(offsets, shifted.data(), shifted.size()) < 0) return kNotHere;
    return SeenAfter(self, [] { return true; });
  });
  const int seen = outer.Wait();
  if (seen == kNotHere) GTEST_SKIP() << "no time namespaces here";
  EXPECT_EQ(seen, kUnknown);
}

TEST(LivenessOfAProcessWhoseFirstThreadHasEnded, IsAliveWhileAnotherRuns) {
  Shared<Scene> scene;
  ForkedChild child = Headless(*scene);
  ASSERT_TRUE(Eventually([&] { return scene->ready.load(); }));
  for (int i = 0; i < 100; ++i) ASSERT_EQ(LivenessOf(scene->stamp), Liveness::kAlive);
  scene->go = true;
  EXPECT_TRUE(Eventually([&] { return LivenessOf(scene->stamp) == Liveness::kDead; }));
}

TEST(LivenessOfAProcessWhoseFirstThreadHasEnded, IsAliveWhileOthersComeAndGo) {
  Shared<Scene> scene;
  ForkedChild child([&] {
    scene->stamp = ThisProcessStamp();
    std::thread([&] {
      while (!scene->go) {
        std::vector<std::thread> some;
        for (int i = 0; i < 6; ++i) some.emplace_back([] {});
        for (std::thread& thread : some) thread.join();
      }
      _exit(0);
    }).detach();
    scene->ready = true;
    syscall(SYS_exit, 0);
    return 1;
  });
  ASSERT_TRUE(Eventually([&] { return scene->ready.load(); }));
  for (int i = 0; i < 3000; ++i) ASSERT_EQ(LivenessOf(scene->stamp), Liveness::kAlive);
  scene->go = true;
  EXPECT_TRUE(Eventually([&] { return LivenessOf(scene->stamp) == Liveness::kDead; }));
}

// Each of its threads starts the next and ends.
void* PassOn(void* scene) {
  if (static_cast<Scene*>(scene)->go) _exit(0);
  pthread_attr_t detached;
  pthread_attr_init(&detached);
  pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
  pthread_t next;
  while (pthread_create(&next, &detached, PassOn, scene) != 0) {
  }
  return nullptr;
}

TEST(LivenessOfAProcessWhoseFirstThreadHasEnded, IsAliveWhileEachThreadStartsTheNextAndEnds) {
  Shared<Scene> scene;
  ForkedChild child([&] {
    scene->stamp = ThisProcessStamp();
    PassOn(&*scene);
    scene->ready = true;
    syscall(SYS_exit, 0);
    return 1;
  });
  ASSERT_TRUE(Eventually([&] { return scene->ready.load(); }));
  for (int i = 0; i < 5000; ++i) ASSERT_EQ(LivenessOf(scene->stamp), Liveness::kAlive) << i;
  scene->go = true;
  EXPECT_TRUE(Eventually([&] { return LivenessOf(scene->stamp) == Liveness::kDead; }));
}

class LivenessBlindTest : public testing::TestWithParam<bool (*)()> {};
INSTANTIATE_TEST_SUITE_P(Ways, LivenessBlindTest, testing::Values(&GoIntoAnEmptyRoot, &BecomeAnotherUserUnderHidepid));

TEST_P(LivenessBlindTest, TakesNobodyForDeadWhoLives) {
  Shared<Scene> scene;
  ForkedChild child = Headless(*scene);
  ASSERT_TRUE(Eventually([&] { return scene->ready.load(); }));
  const int seen = SeenAfter(scene->stamp, GetParam());
  if (seen == kNotHere) GTEST_SKIP() << "can't be made blind here";
  EXPECT_EQ(seen, kUnknown);
  EXPECT_EQ(SeenAfter(scene->stamp,
                      [&] {
                        RefuseSystemCall(SYS_pidfd_open, ENOSYS);
                        return GetParam()();
                      }),
            kUnknown);
}

TEST_P(LivenessBlindTest, SeesDeathsNevertheless) {
  Shared<Scene> scene;
  {
    Grandchild zombie(*scene);
    ASSERT_TRUE(Eventually([&] { return scene->ready.load(); }));
    const int seen = SeenAfter(scene->stamp, GetParam());
    if (seen == kNotHere) GTEST_SKIP() << "can't be made blind here";
    EXPECT_EQ(seen, kDead) << "a zombie";
  }
  ForkedChild gone([&] {
    scene->stamp = ThisProcessStamp();
    return 0;
  });
  gone.Wait();
  EXPECT_EQ(SeenAfter(scene->stamp, GetParam()), kDead) << "reaped";
}

TEST(LivenessWithoutDescriptors, IsSeenAllTheSame) {
  const ProcessStamp self = ThisProcessStamp();
  Shared<Scene> scene;
  Grandchild zombie(*scene);
  ASSERT_TRUE(Eventually([&] { return scene->ready.load(); }));
  ForkedChild child([&] {
    LimitDescriptors(64);
    KeepSpareDescriptor();
    TakeAllDescriptors();
    for (int i = 0; i < 3; ++i) {
      REGATTA_CHILD_REQUIRE(LivenessOf(self) == Liveness::kAlive);
      REGATTA_CHILD_REQUIRE(LivenessOf(scene->stamp) == Liveness::kDead);
      REGATTA_CHILD_REQUIRE(LivenessOf({.pid = 0x3fffff, .start_time = 1}) == Liveness::kDead);
    }
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST(LivenessWithoutDescriptors, AndWithoutASpareOneIsUnknownButForOwnChildren) {
  const ProcessStamp self = ThisProcessStamp();
  ForkedChild child([&] {
    Shared<Scene> scene;
    ForkedChild own([&] {
      scene->stamp = ThisProcessStamp();
      return 0;
    });
    REGATTA_CHILD_REQUIRE(Eventually([&] { return own.HasEnded(); }));
    // No memory file, so no spare descriptor.
    RefuseSystemCall(SYS_memfd_create, EPERM);
    LimitDescriptors(64);
    TakeAllDescriptors();
    REGATTA_CHILD_REQUIRE(LivenessOf(scene->stamp) == Liveness::kDead);
    return LivenessOf(self) == Liveness::kDead ? 1 : 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST(LivenessWithoutDescriptors, ClosesNoUsersFileThatHasTheSparesNumber) {
  const ProcessStamp self = ThisProcessStamp();
  ForkedChild child([&] {
    LimitDescriptors(600);
    KeepSpareDescriptor();
    for (int fd = 3; fd < 600; ++fd) close(fd);  // As a daemon does.
    std::vector<int> opened;
    for (int fd = open("/dev/null", O_RDONLY); fd >= 0; fd = open("/dev/null", O_RDONLY)) opened.push_back(fd);
    REGATTA_CHILD_REQUIRE(LivenessOf(self) != Liveness::kDead);
    for (const int fd : opened) REGATTA_CHILD_REQUIRE(fcntl(fd, F_GETFD) >= 0);
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

// The dump is made long by a mapping that core/os does not make: one of holes that is dumped.
TEST(LivenessOfAProcessThatDumpsCore, IsDeadBeforeTheDumpIsWritten) {
  Shared<Scene> scene;
  ForkedChild child([&] {
    rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
    if (setrlimit(RLIMIT_CORE, &unlimited) != 0 || chdir(testing::TempDir().c_str()) != 0) return kNotHere;
    constexpr size_t kHoles = size_t{256} << 30;
    const int file = memfd_create("holes", 0);
    if (ftruncate(file, kHoles) != 0) return kNotHere;
    if (mmap(nullptr, kHoles, PROT_READ, MAP_SHARED, file, 0) == MAP_FAILED) return kNotHere;
    scene->stamp = ThisProcessStamp();
    std::thread other([] {
      for (;;) pause();
    });
    scene->ready = true;
    std::abort();
  });
  ASSERT_TRUE(Eventually([&] { return scene->ready.load() || child.HasEnded(); }));
  EXPECT_TRUE(Eventually([&] { return LivenessOf(scene->stamp) == Liveness::kDead; }));
  if (child.HasEnded()) {
    EXPECT_NE(child.Wait(), 0);
    GTEST_SKIP() << "no core is dumped here";
  }
  child.Kill();  // Ends the dump.
  EXPECT_NE(child.Wait(), 0);
  unlink((testing::TempDir() + "/core").c_str());
}

}  // namespace
}  // namespace regatta
