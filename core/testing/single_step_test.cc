#include "core/testing/single_step.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <vector>

#include "core/os/deadline.h"
#include "core/os/futex.h"
#include "core/testing/forked_child.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

using At = SteppedChild::At;

// Three stores, each by an instruction of its own.
struct Scene {
  std::atomic<uint32_t> first{0};
  std::atomic<uint32_t> second{0};
  std::atomic<uint32_t> third{0};
  std::atomic<uint32_t> word{0};
};

int StoreThrice(Scene& scene) {
  BeginSteps();
  scene.first = 1;
  scene.second = 1;
  scene.third = 1;
  EndSteps();
  return 7;
}

TEST(SteppedChildTest, ComesToEachStateBetweenTwoInstructionsInOrder) {
  const SteppedHere here;
  Shared<Scene> scene;
  SteppedChild victim([&] { return StoreThrice(*scene); });
  std::set<uint32_t> seen;
  while (victim.Step(1) == At::kStep) {
    const uint32_t state = scene->first * 100 + scene->second * 10 + scene->third;
    EXPECT_TRUE(seen.empty() || state >= *seen.rbegin());
    seen.insert(state);
  }
  EXPECT_EQ(seen, (std::set<uint32_t>{0, 100, 110, 111}));
  EXPECT_LT(victim.process().steps(), 100u) << "the frame around the operation is thin";
  EXPECT_EQ(victim.Finish(), 7);
}

TEST(SteppedChildTest, DiesAfterExactlyTheStepAskedFor) {
  const SteppedHere here;
  std::set<uint32_t> left;
  At at = At::kStep;
  for (uint64_t steps = 0; at == At::kStep; ++steps) {
    Shared<Scene> scene;
    SteppedChild victim([&] { return StoreThrice(*scene); });
    at = victim.Step(steps);
    victim.Kill();
    left.insert(scene->first * 100 + scene->second * 10 + scene->third);
  }
  EXPECT_EQ(at, At::kEnd);
  EXPECT_EQ(left, (std::set<uint32_t>{0, 100, 110, 111}));
}

TEST(SteppedChildTest, ASleeperIsSeenAndGoesOnOnceWoken) {
  Shared<Scene> scene;
  SteppedChild victim([&] {
    BeginSteps();
    FutexWait(scene->word, 0, Deadline::Never());
    scene->first = 1;
    EndSteps();
    return 0;
  });
  At at;
  while ((at = victim.Step(1)) == At::kStep) {
  }
  ASSERT_EQ(at, At::kAsleep);
  EXPECT_EQ(victim.Step(1), At::kAsleep) << "still";
  scene->word = 1;
  FutexWake(scene->word, 1);
  while ((at = victim.Step(1)) == At::kAsleep) {
  }
  EXPECT_EQ(at, At::kStep);
  EXPECT_EQ(scene->first, 0u);
  while ((at = victim.Step(1)) == At::kStep) {
  }
  EXPECT_EQ(at, At::kEnd);
  EXPECT_EQ(scene->first, 1u);
  EXPECT_EQ(victim.Finish(), 0);
}

TEST(SteppedChildTest, StopsBeforeAndAfterEachSystemCall) {
  Shared<Scene> scene;
  SteppedChild victim([&] {
    BeginSteps();
    scene->first = 1;
    FutexWake(scene->word, 1);
    scene->second = 1;
    FutexWake(scene->word, 1);
    scene->third = 1;
    EndSteps();
    return 0;
  });
  std::vector<uint32_t> seen;
  while (victim.StepCalls(1) == At::kStep) seen.push_back(scene->first * 100 + scene->second * 10 + scene->third);
  // The first stop is behind BeginSteps' own call, the last ones are before those of EndSteps.
  EXPECT_EQ(std::count(seen.begin(), seen.end(), 100u), 2);
  EXPECT_EQ(std::count(seen.begin(), seen.end(), 110u), 2);
  EXPECT_EQ(victim.Finish(), 0);
}

TEST(SteppedChildTest, RunsToItsEndWithoutSteps) {
  Shared<Scene> scene;
  SteppedChild victim([&] { return StoreThrice(*scene); });
  EXPECT_EQ(victim.process().RunToEnd(), At::kEnd);
  EXPECT_EQ(scene->third, 1u);
  EXPECT_EQ(victim.Finish(), 7);
}

TEST(SteppedChildTest, OneThatWasKilledIsGone) {
  Shared<Scene> scene;
  SteppedChild victim([&] { return StoreThrice(*scene); });
  ASSERT_EQ(kill(victim.pid(), SIGKILL), 0);
  EXPECT_EQ(victim.Step(1000), At::kGone);
}

TEST(StepPlanTest, TakesEachStepWhereTheyAreFewAndAShareOtherwise) {
  EXPECT_EQ(PlanSteps(100, 100, 1).stride, 1u);
  EXPECT_EQ(PlanSteps(100, 100, 1).first, 0u);
  const StepPlan plan = PlanSteps(1000, 100, 1);
  EXPECT_EQ(plan.stride, 10u);
  EXPECT_LT(plan.first, 10u);
  ASSERT_EQ(setenv("REGATTA_EVERY_STEP", "1", 1), 0);
  EXPECT_EQ(PlanSteps(1000, 100, 1).stride, 1u);
  ASSERT_EQ(unsetenv("REGATTA_EVERY_STEP"), 0);
}

}  // namespace
}  // namespace regatta
