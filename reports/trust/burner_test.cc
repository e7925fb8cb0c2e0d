#include "reports/trust/burner.h"

#include <sched.h>
#include <signal.h>
#include <time.h>

#include <cerrno>

#include "gtest/gtest.h"

namespace regatta::reports {
namespace {

int64_t CpuNanos(pid_t pid) {
  clockid_t clock;
  timespec time;
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0) return -1;
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

int FirstCpu() {
  cpu_set_t set;
  EXPECT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
  int cpu = 0;
  while (!CPU_ISSET(cpu, &set)) ++cpu;
  return cpu;
}

TEST(BurnerTest, UsesTheProcessorThatItWasGivenUntilItIsDestroyed) {
  const int cpu = FirstCpu();
  auto burner = Burner::Start(cpu, 7);
  ASSERT_TRUE(burner.ok()) << burner.status();
  const pid_t pid = (*burner)->pid();
  while (CpuNanos(pid) >= 0 && CpuNanos(pid) < 30'000'000) {
  }
  EXPECT_TRUE((*burner)->Alive());
  cpu_set_t set;
  ASSERT_EQ(sched_getaffinity(pid, sizeof set, &set), 0);
  EXPECT_EQ(CPU_COUNT(&set), 1);
  EXPECT_TRUE(CPU_ISSET(cpu, &set));
  burner->reset();
  EXPECT_EQ(kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST(BurnerTest, IsKnownToBeDeadWhereItCouldNotHaveItsProcessor) {
  auto burner = Burner::Start(CPU_SETSIZE - 1, 7);
  ASSERT_TRUE(burner.ok()) << burner.status();
  while ((*burner)->Alive()) {
  }
  EXPECT_FALSE((*burner)->Alive());
}

}  // namespace
}  // namespace regatta::reports
