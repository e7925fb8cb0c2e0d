#include "core/os/fault_point.h"

#include <atomic>
#include <csignal>
#include <set>
#include <string>

#include "core/os/forked_child.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

TEST(FaultPointNames, AreThereOneEach) {
  std::set<std::string> names;
  for (uint32_t i = 0; i < static_cast<uint32_t>(FaultPoint::kCount); ++i) {
    const auto point = static_cast<FaultPoint>(i);
    const std::string name(FaultPointName(point));
    EXPECT_FALSE(name.empty()) << i;
    EXPECT_TRUE(names.insert(name).second) << name << " stands twice";
    EXPECT_EQ(FaultPointByName(name), point);
  }
  EXPECT_EQ(FaultPointName(FaultPoint::kNone), "none");
  EXPECT_EQ(FaultPointName(FaultPoint::kQueueClosing), "queue_closing");
  EXPECT_EQ(FaultPointName(FaultPoint::kCount), "no such fault point");
  EXPECT_FALSE(FaultPointByName("nonsense").has_value());
}

TEST(FaultPoint, KillsAtThePassageAfterThoseSkipped) {
  Shared<std::atomic<int>> passed;
  for (const uint32_t skip : {0u, 1u, 5u}) {
    passed->store(0);
    ForkedChild child([&] {
      ArmFaultPoint(FaultPoint::kQueueClosing, skip);
      for (int i = 0; i < 100; ++i) {
        FaultPointHere(FaultPoint::kQueueClosing);
        passed->fetch_add(1);
      }
      return 0;
    });
    EXPECT_EQ(child.Wait(), -SIGKILL);
    EXPECT_EQ(passed->load(), static_cast<int>(skip));
  }
}

TEST(FaultPoint, LetsOthersPassAndIsDisarmedByNone) {
  ForkedChild child([] {
    ArmFaultPoint(FaultPoint::kQueueClosing);
    FaultPointHere(FaultPoint::kQueueLocked);
    ArmFaultPoint(FaultPoint::kNone);
    FaultPointHere(FaultPoint::kQueueClosing);
    return 7;
  });
  EXPECT_EQ(child.Wait(), 7);
}

TEST(FaultPoint, IsInheritedByFork) {
  ArmFaultPoint(FaultPoint::kQueueClosing);
  ForkedChild child([] {
    FaultPointHere(FaultPoint::kQueueClosing);
    return 0;
  });
  ArmFaultPoint(FaultPoint::kNone);
  EXPECT_EQ(child.Wait(), -SIGKILL);
}

}  // namespace
}  // namespace regatta
