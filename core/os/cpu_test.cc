#include "core/os/cpu.h"

#include <sched.h>

#include <atomic>
#include <thread>

#include "core/testing/forked_child.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

TEST(CurrentProcessor, IsTheOneThatTheThreadIsPinnedTo) {
  cpu_set_t allowed;
  ASSERT_EQ(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
  for (uint32_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
    EXPECT_EQ(CurrentProcessor(), cpu);
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof(allowed), &allowed), 0);
}

bool LightIsFull() { return cpu_internal::g_refused.load()->load() != 0; }

TEST(AsymmetricFence, LightIsAFullFenceUntilEnabled) {
  ForkedChild child([] {
    std::atomic<uint32_t> refused{0};
    REGATTA_CHILD_REQUIRE(LightIsFull());
    EnableAsymmetricFence(refused);
    REGATTA_CHILD_REQUIRE(!LightIsFull());
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST(AsymmetricFence, LightStaysAFullFenceWhereTheKernelRefuses) {
  ForkedChild child([] {
    RefuseMembarrier();
    std::atomic<uint32_t> refused{0};
    EnableAsymmetricFence(refused);
    REGATTA_CHILD_REQUIRE(LightIsFull());
    AsymmetricFenceHeavy();
    AsymmetricFenceLight();
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST(AsymmetricFence, LightBecomesAFullFenceInAllWhenOneIsRefusedFromTheStartOrLater) {
  for (const bool later : {false, true}) {
    Shared<std::atomic<uint32_t>> refused;
    ForkedChild registered([&] {
      EnableAsymmetricFence(*refused);
      REGATTA_CHILD_REQUIRE(!LightIsFull());
      ForkedChild sandboxed([&] {
        if (later) EnableAsymmetricFence(*refused);
        RefuseMembarrier();
        if (later && LightIsFull()) return 1;
        later ? AsymmetricFenceHeavy() : EnableAsymmetricFence(*refused);
        return LightIsFull() ? 0 : 2;
      });
      REGATTA_CHILD_REQUIRE(sandboxed.Wait() == 0);
      return LightIsFull() ? 0 : 3;
    });
    EXPECT_EQ(registered.Wait(), 0) << "later: " << later;
  }
}

// Dekker's pattern: without fences both sides may miss each other's store. One side fences lightly, the other heavily.
TEST(AsymmetricFence, OneOfTwoSidesSeesTheOther) {
  static std::atomic<uint32_t> refused{0};
  EnableAsymmetricFence(refused);
  constexpr uint32_t kRounds = 3000;
  struct alignas(128) Line {
    std::atomic<uint32_t> value{0};
  };
  Line light_flag, heavy_flag, light_round, heavy_round;
  uint32_t light_saw = 0;
  uint32_t both_missed = 0;
  std::atomic<uint32_t> light_result{0};
  std::thread light([&] {
    for (uint32_t round = 1; round <= kRounds; ++round) {
      while (heavy_round.value.load(std::memory_order_acquire) != round) YieldProcessor();
      light_flag.value.store(round, std::memory_order_relaxed);
      AsymmetricFenceLight();
      light_saw = heavy_flag.value.load(std::memory_order_relaxed) == round;
      light_result.store(light_saw, std::memory_order_relaxed);
      light_round.value.store(round, std::memory_order_release);
    }
  });
  for (uint32_t round = 1; round <= kRounds; ++round) {
    heavy_round.value.store(round, std::memory_order_release);
    heavy_flag.value.store(round, std::memory_order_relaxed);
    AsymmetricFenceHeavy();
    const bool heavy_saw = light_flag.value.load(std::memory_order_relaxed) == round;
    while (light_round.value.load(std::memory_order_acquire) != round) YieldProcessor();
    if (!heavy_saw && light_result.load(std::memory_order_relaxed) == 0) ++both_missed;
  }
  light.join();
  EXPECT_EQ(both_missed, 0u);
}

}  // namespace
}  // namespace regatta
