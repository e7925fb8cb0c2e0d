#include "core/os/fault_point.h"

#include <array>
#include <atomic>
#include <csignal>

#include "core/testing/forked_child.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

constexpr FaultPoint kClosing("thing_closing");
constexpr FaultPoint kLocked("thing_locked");
constexpr std::array kPoints = {kClosing, kLocked};

TEST(FaultPoint, HasAnIdThatItsNameGives) {
  EXPECT_EQ(kClosing.id(), FaultPoint("thing_closing").id());
  EXPECT_NE(kClosing.id(), kLocked.id());
  EXPECT_NE(kClosing.id(), 0u);
}

TEST(FaultPoint, IsFoundByName) {
  EXPECT_EQ(FindFaultPoint(kPoints, "thing_locked"), kLocked);
  EXPECT_FALSE(FindFaultPoint(kPoints, "nonsense").has_value());
}

TEST(FaultPoint, KillsAtThePassageAfterThoseSkipped) {
  Shared<std::atomic<int>> passed;
  for (const uint32_t skip : {0u, 1u, 5u}) {
    passed->store(0);
    ForkedChild child([&] {
      ArmFaultPoint(kClosing, skip);
      for (int i = 0; i < 100; ++i) {
        FaultPointHere(kClosing);
        passed->fetch_add(1);
      }
      return 0;
    });
    EXPECT_EQ(child.Wait(), -SIGKILL);
    EXPECT_EQ(passed->load(), static_cast<int>(skip));
  }
}

TEST(FaultPoint, LetsOthersPassAndCanBeDisarmed) {
  ForkedChild child([] {
    ArmFaultPoint(kClosing);
    FaultPointHere(kLocked);
    DisarmFaultPoint();
    FaultPointHere(kClosing);
    return 7;
  });
  EXPECT_EQ(child.Wait(), 7);
}

TEST(FaultPoint, KillsOneOfTheProcessesThatShareIt) {
  Shared<std::atomic<uint32_t>> skip;
  *skip = 2;
  ArmFaultPointOnce(kClosing, *skip);
  int killed = 0;
  for (int i = 0; i < 5; ++i) {
    ForkedChild child([] {
      FaultPointHere(kClosing);
      return 0;
    });
    if (child.Wait() == -SIGKILL) killed += i;
  }
  DisarmFaultPoint();
  EXPECT_EQ(killed, 2);
}

TEST(FaultPoint, IsInheritedByFork) {
  ArmFaultPoint(kClosing);
  ForkedChild child([] {
    FaultPointHere(kClosing);
    return 0;
  });
  DisarmFaultPoint();
  EXPECT_EQ(child.Wait(), -SIGKILL);
}

}  // namespace
}  // namespace regatta
