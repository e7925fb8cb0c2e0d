// Whose CPU time is whose: of a child, and of a process that isn't of this one's family.
#include "bench/harness/cpu_time.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstring>

#include "absl/status/statusor.h"
#include "core/os/deadline.h"
#include "core/topology/affinity.h"
#include "gtest/gtest.h"

namespace regatta::bench {
namespace {

constexpr int64_t kSpun = 50'000'000;

int64_t OwnCpuNanos() {
  timespec own;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
  return own.tv_sec * 1'000'000'000 + own.tv_nsec;
}

// Uses kSpun of CPU time, says so by a byte, and stays.
[[noreturn]] void SpinAndStay(int done) {
  while (OwnCpuNanos() < kSpun) {
  }
  if (write(done, "x", 1) != 1) _exit(1);
  for (;;) pause();
}

struct Spinner {
  int done[2];
  pid_t pid = -1;
};

void AwaitSpun(const Spinner& spinner) {
  char byte;
  ASSERT_EQ(read(spinner.done[0], &byte, 1), 1);
}

TEST(FamilyCpuChild, CountsWhileItLives) {
  Spinner child;
  ASSERT_EQ(pipe(child.done), 0);
  const int64_t before = FamilyCpuNanos().value_or(-1);
  ASSERT_GE(before, 0);
  child.pid = fork();
  ASSERT_GE(child.pid, 0);
  if (child.pid == 0) SpinAndStay(child.done[1]);
  AwaitSpun(child);
  EXPECT_GE(FamilyCpuNanos().value_or(-1) - before, kSpun);
  kill(child.pid, SIGKILL);
  waitpid(child.pid, nullptr, 0);
}

// Bounces a byte with a child: each waits for the other each time.
TEST(FamilyUsageChild, CountsItsSwitchesAndFaultsWhileItLives) {
  constexpr int kTurns = 200;
  constexpr size_t kPages = 300;
  int there[2];
  int back[2];
  ASSERT_EQ(pipe(there), 0);
  ASSERT_EQ(pipe(back), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    char byte;
    while (read(there[0], &byte, 1) == 1) {
      if (byte == 'm') {
        const size_t size = kPages * static_cast<size_t>(sysconf(_SC_PAGESIZE));
        void* const fresh = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (fresh == MAP_FAILED || madvise(fresh, size, MADV_NOHUGEPAGE) != 0) _exit(2);
        memset(fresh, 1, size);
      }
      if (write(back[1], &byte, 1) != 1) _exit(1);
    }
    _exit(0);
  }
  const auto turn = [&](char byte) {
    ASSERT_EQ(write(there[1], &byte, 1), 1);
    ASSERT_EQ(read(back[0], &byte, 1), 1);
  };
  turn('a');
  const absl::StatusOr<Usage> before = FamilyUsage();
  ASSERT_TRUE(before.ok()) << before.status();
  for (int i = 0; i < kTurns; ++i) turn('a');
  turn('m');
  const absl::StatusOr<Usage> after = FamilyUsage();
  ASSERT_TRUE(after.ok()) << after.status();
  kill(child, SIGKILL);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  // A reader that finds its byte there already doesn't wait: on two processors some turns cost less than both waits.
  EXPECT_GE(after->voluntary_switches - before->voluntary_switches, kTurns / 2);
  EXPECT_GE(after->minor_faults - before->minor_faults, static_cast<int64_t>(kPages));
  EXPECT_GE(after->migrations, before->migrations);
}

TEST(NoiseForeign, IsSeenToTheNanosecondHoweverShortTheTime) {
  const absl::StatusOr<std::vector<int>> cpus = CurrentAffinity();
  ASSERT_TRUE(cpus.ok()) << cpus.status();
  Spinner stranger;
  ASSERT_EQ(pipe(stranger.done), 0);
  int told[2];
  ASSERT_EQ(pipe(told), 0);
  const NoiseMeter meter(*cpus);
  const int64_t began = MonotonicNanos();
  // A grandchild in a session of its own, whose parent is gone: nobody of ours.
  const pid_t between = fork();
  ASSERT_GE(between, 0);
  if (between == 0) {
    setsid();
    const pid_t pid = fork();
    if (pid == 0) SpinAndStay(stranger.done[1]);
    _exit(pid > 0 && write(told[1], &pid, sizeof(pid)) == sizeof(pid) ? 0 : 1);
  }
  ASSERT_EQ(read(told[0], &stranger.pid, sizeof(stranger.pid)), static_cast<ssize_t>(sizeof(stranger.pid)));
  ASSERT_EQ(waitpid(between, nullptr, 0), between);
  AwaitSpun(stranger);
  const Noise noise = meter.End();
  const auto whole = static_cast<double>(MonotonicNanos() - began) * static_cast<double>(cpus->size());
  kill(stranger.pid, SIGKILL);
  ASSERT_TRUE(noise.foreign_cpu_share.has_value());
  EXPECT_GE(*noise.foreign_cpu_share * whole, 0.9 * static_cast<double>(kSpun));
}

}  // namespace
}  // namespace regatta::bench
