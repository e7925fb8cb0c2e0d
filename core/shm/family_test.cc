#include "core/shm/family.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <set>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "core/os/life.h"
#include "core/os/memfd.h"
#include "core/shm/family_format.h"
#include "core/shm/fault_points.h"
#include "core/testing/forked_child.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

struct Scene {
  std::atomic<Member> member{0};
  std::atomic<Member> others[64]{};
  std::atomic<uint32_t> word{0};
  std::atomic<int32_t> thread_id{0};
  std::atomic<bool> go{false};
};

// A child that takes its place and lives on until `scene.go`.
ForkedChild Living(Scene& scene, std::atomic<Member>& member) {
  return ForkedChild([&] {
    const absl::StatusOr<Member> self = Family::Self();
    REGATTA_CHILD_REQUIRE(self.ok());
    member = *self;
    while (!scene.go) usleep(100);
    return 0;
  });
}

class FamilyTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_THAT(Family::Self(), IsOk()); }
  Shared<Scene> scene_;
};

TEST_F(FamilyTest, GivesEachProcessOnePlaceThatIsItsOwn) {
  const Member self = *Family::Self();
  EXPECT_NE(self, kNobody);
  EXPECT_EQ(*Family::Self(), self);
  EXPECT_EQ(Family::SelfIfAny(), self);
  EXPECT_EQ(self & ~kMemberMask, 0u);
  EXPECT_TRUE(Family::IsAlive(self));
  EXPECT_EQ(Family::PidOf(self), getpid());
  std::thread([&] { EXPECT_EQ(*Family::Self(), self); }).join();
}

TEST_F(FamilyTest, AChildOfForkTakesItsOwnAtFirstUse) {
  const Member parent = *Family::Self();
  const uint64_t id = *Family::Id();
  const uint32_t generation = Family::fork_generation();
  ForkedChild child([&] {
    REGATTA_CHILD_REQUIRE(Family::SelfIfAny() == kNobody);
    REGATTA_CHILD_REQUIRE(Family::fork_generation() == generation + 1);
    const absl::StatusOr<Member> self = Family::Self();
    REGATTA_CHILD_REQUIRE(self.ok() && *self != parent && *self != kNobody);
    REGATTA_CHILD_REQUIRE(*Family::Id() == id);
    REGATTA_CHILD_REQUIRE(Family::IsAlive(parent) && Family::PidOf(parent) == getppid());
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
  EXPECT_EQ(Family::fork_generation(), generation);
}

TEST_F(FamilyTest, AChildThatNoHandlerSawTakesItsOwnToo) {
  const Member parent = *Family::Self();
  for (const ForkCall call : {ForkCall::kUnderscoreFork, ForkCall::kClone}) {
    scene_->member = 0;
    ForkedChild child(
        [&]() -> int {
          REGATTA_CHILD_REQUIRE(Family::SelfIfAny() == kNobody);
          const absl::StatusOr<Member> self = Family::Self();
          REGATTA_CHILD_REQUIRE(self.ok() && *self != parent && Family::IsAlive(parent));
          scene_->member = *self;
          for (;;) pause();
        },
        call);
    ASSERT_TRUE(Eventually([&] { return scene_->member != 0 || child.HasEnded(); }));
    EXPECT_TRUE(Family::IsAlive(scene_->member));
    EXPECT_EQ(Family::PidOf(scene_->member), child.pid());
    std::thread waiter([&] {
      scene_->thread_id = ThisThreadId();
      while (Family::IsAlive(scene_->member)) Family::WaitBeside(scene_->member, scene_->word, 0, Deadline::Never());
    });
    EXPECT_TRUE(Eventually([&] { return scene_->thread_id != 0 && IsAsleep(scene_->thread_id); }));
    child.Kill();
    waiter.join();
    EXPECT_EQ(child.Wait(), -SIGKILL);
    EXPECT_TRUE(Family::IsAlive(parent));
    EXPECT_EQ(Family::SelfIfAny(), parent);
  }
}

TEST_F(FamilyTest, SeesADeathHoweverItCame) {
  for (const bool killed : {false, true}) {
    scene_->member = 0;
    scene_->go = false;
    ForkedChild child = Living(*scene_, scene_->member);
    ASSERT_TRUE(Eventually([&] { return scene_->member != 0; }));
    EXPECT_TRUE(Family::IsAlive(scene_->member));
    EXPECT_EQ(Family::PidOf(scene_->member), child.pid());
    if (killed) {
      child.Kill();
    } else {
      scene_->go = true;
    }
    EXPECT_TRUE(Eventually([&] { return !Family::IsAlive(scene_->member); }));
    EXPECT_EQ(child.Wait(), killed ? -SIGKILL : 0);
    EXPECT_FALSE(Family::IsAlive(scene_->member));
  }
}

TEST_F(FamilyTest, NobodyAndMembersThatCannotBeAreDead) {
  EXPECT_FALSE(Family::IsAlive(kNobody));
  EXPECT_FALSE(Family::IsAlive(5 << 14));
  EXPECT_FALSE(Family::IsAlive(16383));
  EXPECT_FALSE(Family::IsAlive(*Family::Self() + (1 << 14))) << "of a generation to come";
  EXPECT_EQ(Family::PidOf(kNobody), 0);
  EXPECT_EQ(Family::PidOf(16383), 0);
}

TEST_F(FamilyTest, AStoppedProcessIsAlive) {
  ForkedChild child = Living(*scene_, scene_->member);
  ASSERT_TRUE(Eventually([&] { return scene_->member != 0; }));
  child.Stop();
  EXPECT_TRUE(Family::IsAlive(scene_->member));
  child.Continue();
}

TEST_F(FamilyTest, TheEndOfTheThreadThatTookThePlaceIsNoDeath) {
  ForkedChild child([&] {
    Member member = kNobody;
    std::thread([&] { member = *Family::Self(); }).join();
    REGATTA_CHILD_REQUIRE(Family::IsAlive(member));
    scene_->member = member;
    while (!scene_->go) usleep(100);
    return 0;
  });
  ASSERT_TRUE(Eventually([&] { return scene_->member != 0; }));
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(Family::IsAlive(scene_->member));
  scene_->go = true;
  EXPECT_EQ(child.Wait(), 0);
  EXPECT_TRUE(Eventually([&] { return !Family::IsAlive(scene_->member); }));
}

TEST_F(FamilyTest, ThreadsOfADeadProcessAreGoneOnceItIsSeenDead) {
  // Four threads add to a word as fast as they can: no addition may come after IsAlive has said no.
  ForkedChild child([&]() -> int {
    scene_->member = *Family::Self();
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (;;) scene_->word.fetch_add(1);
      });
    }
    for (;;) pause();
  });
  ASSERT_TRUE(Eventually([&] { return scene_->word > 1000; }));
  child.Kill();
  ASSERT_TRUE(Eventually([&] { return !Family::IsAlive(scene_->member); }));
  const uint32_t after = scene_->word;
  child.Wait();
  EXPECT_EQ(scene_->word, after);
}

TEST_F(FamilyTest, PlacesAreUsedAgainUnderNewGenerations) {
  std::set<Member> seen;
  const uint64_t before = *MemfdSize(**Family::Descriptor());
  constexpr int kProcesses = 1000;
  for (int i = 0; i < kProcesses; ++i) {
    ForkedChild child([&] {
      scene_->member = *Family::Self();
      return 0;
    });
    ASSERT_EQ(child.Wait(), 0);
    ASSERT_TRUE(seen.insert(scene_->member).second) << "member " << scene_->member << " was there before";
  }
  for (const Member member : seen) ASSERT_FALSE(Family::IsAlive(member));
  EXPECT_EQ(*MemfdSize(**Family::Descriptor()), before) << "the table has grown";
}

#if !defined(__SANITIZE_THREAD__)  // It can't follow 2,100 mutexes that are held.
TEST_F(FamilyTest, RecheckFindsADeathThatTheKernelDidNotMark) {
  ForkedChild child([&]() -> int {
    const Member self = *Family::Self();
    // The kernel marks the 2,048 robust mutexes that were locked last.
    pthread_mutexattr_t robust;
    pthread_mutexattr_init(&robust);
    pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST);
    std::vector<pthread_mutex_t> mutexes(2100);
    for (pthread_mutex_t& mutex : mutexes) {
      pthread_mutex_init(&mutex, &robust);
      pthread_mutex_lock(&mutex);
    }
    scene_->member = self;
    for (;;) pause();
  });
  ASSERT_TRUE(Eventually([&] { return scene_->member != 0; }));
  EXPECT_TRUE(Family::Recheck(scene_->member));
  child.Kill();
  EXPECT_EQ(child.Wait(), -SIGKILL);
  EXPECT_TRUE(Family::IsAlive(scene_->member)) << "marked: this kernel has no such limit, and the test shows nothing";
  EXPECT_TRUE(Eventually([&] { return !Family::Recheck(scene_->member); }));
  EXPECT_FALSE(Family::IsAlive(scene_->member)) << "the death is stored for all";
}
#endif

TEST_F(FamilyTest, RecheckLeavesTheLivingAndTheStoppedAlone) {
  ForkedChild child = Living(*scene_, scene_->member);
  ASSERT_TRUE(Eventually([&] { return scene_->member != 0; }));
  child.Stop();
  const Deadline end = Deadline::After(absl::Milliseconds(1200));
  while (!end.passed()) ASSERT_TRUE(Family::Recheck(scene_->member));
  EXPECT_TRUE(Family::Recheck(*Family::Self()));
  EXPECT_FALSE(Family::Recheck(kNobody));
  EXPECT_FALSE(Family::Recheck(16383));
  child.Continue();
}

TEST_F(FamilyTest, GivesNoNumberTwice) {
  const absl::StatusOr<Mapping> mapping = Mapping::Map(**Family::Descriptor(), sizeof(FamilyTable));
  ASSERT_THAT(mapping, IsOk());
  auto& table = *reinterpret_cast<FamilyTable*>(mapping->data());
  const uint32_t mine = *Family::Self() & 0x3fff;
  // All places but this process's have had nearly all their generations.
  const uint32_t backed = table.backed;
  for (uint32_t i = 1; i < backed; ++i) {
    if (i != mine) table.places[i].claim = uint64_t{0xfffe} << 8;
  }
  std::set<Member> seen;
  for (uint32_t i = 0; i < 2 * backed; ++i) {
    ForkedChild child([&] {
      scene_->member = *Family::Self();
      return 0;
    });
    ASSERT_EQ(child.Wait(), 0);
    ASSERT_TRUE(seen.insert(scene_->member).second) << "member " << scene_->member << " was there before";
    ASSERT_NE(scene_->member >> 14, 0u);
  }
  EXPECT_GT(table.backed, backed) << "places that had all their generations are given on";
}

TEST_F(FamilyTest, GrowsWithItsLivingMembers) {
  std::vector<ForkedChild> children;
  for (auto& member : scene_->others) children.push_back(Living(*scene_, member));
  std::set<Member> members;
  for (auto& member : scene_->others) {
    ASSERT_TRUE(Eventually([&] { return member != 0; }));
    EXPECT_TRUE(members.insert(member).second);
    EXPECT_TRUE(Family::IsAlive(member));
  }
  scene_->go = true;
  for (ForkedChild& child : children) EXPECT_EQ(child.Wait(), 0);
  for (auto& member : scene_->others) EXPECT_FALSE(Family::IsAlive(member));
}

TEST_F(FamilyTest, WaitBesideEndsAtTheMembersDeath) {
  ForkedChild child = Living(*scene_, scene_->member);
  ASSERT_TRUE(Eventually([&] { return scene_->member != 0; }));
  std::thread waiter([&] {
    scene_->thread_id = ThisThreadId();
    while (Family::IsAlive(scene_->member)) {
      Family::WaitBeside(scene_->member, scene_->word, 0, Deadline::Never());
    }
  });
  ASSERT_TRUE(Eventually([&] { return scene_->thread_id != 0 && IsAsleep(scene_->thread_id); }));
  child.Kill();
  waiter.join();
  Family::WakeOthers(scene_->member);
}

TEST_F(FamilyTest, WaitBesideEndsWithTheWordOrTheDeadline) {
  const Member self = *Family::Self();
  Family::WaitBeside(self, scene_->word, 1, Deadline::Never());
  const Deadline deadline = Deadline::After(absl::Milliseconds(2));
  while (!deadline.passed()) Family::WaitBeside(self, scene_->word, 0, deadline);
  Family::WaitBeside(kNobody, scene_->word, 0, Deadline::Never());
}

TEST_F(FamilyTest, ADeathWhileTakingAPlaceCostsNobodyAnything) {
  const uint64_t before = *MemfdSize(**Family::Descriptor());
  for (const FaultPoint point : {fault::kFamilyPlaceClaimed, fault::kFamilyLifeHeld}) {
    for (int i = 0; i < 40; ++i) {
      ForkedChild child([&] {
        ArmFaultPoint(point);
        return Family::Self().ok() ? 0 : 1;
      });
      ASSERT_EQ(child.Wait(), -SIGKILL);
    }
    ForkedChild next([&] {
      const absl::StatusOr<Member> self = Family::Self();
      REGATTA_CHILD_REQUIRE(self.ok() && Family::IsAlive(*self));
      return 0;
    });
    EXPECT_EQ(next.Wait(), 0);
  }
  EXPECT_EQ(*MemfdSize(**Family::Descriptor()), before) << "the dead kept their places";
}

TEST_F(FamilyTest, ForkInAThreadedProcessGivesTheChildAPlace) {
  ForkedChild outer([] {
    std::atomic<bool> end{false};
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([&] {
        while (!end) Family::Self().IgnoreError();
      });
    }
    for (int i = 0; i < 20; ++i) {
      ForkedChild child([] { return Family::Self().ok() ? 0 : 1; });
      REGATTA_CHILD_REQUIRE(child.Wait() == 0);
    }
    end = true;
    for (std::thread& thread : threads) thread.join();
    return 0;
  });
  EXPECT_EQ(outer.Wait(), 0);
}

TEST(FamilyJoin, MakesASpawnedProcessAMember) {
  ASSERT_THAT(Family::Self(), IsOk());
  // In another program the family would arrive as a descriptor; here a process that has none yet stands for it.
  const uint64_t id = *Family::Id();
  EXPECT_THAT(Family::Join(*(*Family::Descriptor())->Duplicate()), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(*Family::Id(), id);
}

}  // namespace
}  // namespace regatta
