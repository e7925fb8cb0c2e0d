#include "reports/trust/burner.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <random>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace regatta::reports {
namespace {

constexpr int64_t kMs = 1'000'000;
// The longest pause of a stretch, and how many bursts a stretch has.
constexpr int64_t kLongestMs[] = {300, 1200, 4000};
constexpr int kBursts = 12;

// The generator is fixed by the standard, its distributions are not: a recorded seed gives the same bursts on every
// machine.
int64_t Draw(std::mt19937_64& random, int64_t from, int64_t to) {
  return from + static_cast<int64_t>(random() % static_cast<uint64_t>(to - from + 1));
}

int64_t Now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

[[noreturn]] void Burn(uint64_t seed) {
  std::mt19937_64 random(seed);
  for (;;) {
    const int64_t longest = kLongestMs[random() % std::size(kLongestMs)];
    for (int burst = 0; burst < kBursts; ++burst) {
      const int64_t until = Now() + Draw(random, 20, 400) * kMs;
      while (Now() < until) {
      }
      const int64_t pause = Draw(random, 50, longest) * kMs;
      const timespec rest = {pause / 1'000'000'000, pause % 1'000'000'000};
      nanosleep(&rest, nullptr);
    }
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Burner>> Burner::Start(int cpu, uint64_t seed) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  const pid_t maker = getpid();
  const pid_t pid = fork();
  if (pid < 0) return absl::ErrnoToStatus(errno, "can't start the disturbing process: fork");
  if (pid == 0) {
    // Of no terminal and no group of ours: an interrupt of the measurement is none of it. Asked again afterwards who
    // made it.
    setsid();
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != maker) _exit(4);
    if (sched_setaffinity(0, sizeof set, &set) != 0) _exit(5);
    Burn(seed);
  }
  return std::unique_ptr<Burner>(new Burner(pid));
}

bool Burner::Alive() const {
  siginfo_t info = {};
  return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
}

Burner::~Burner() {
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace regatta::reports
