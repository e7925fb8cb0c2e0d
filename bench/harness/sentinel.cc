#include "bench/harness/sentinel.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <new>

#include "absl/strings/str_cat.h"
#include "core/os/cpu.h"
#include "core/os/deadline.h"
#include "core/os/error.h"
#include "core/os/memfd.h"
#include "core/topology/affinity.h"

namespace regatta::bench {
namespace {

constexpr int kSentinelSteps = 1'000'000;
constexpr int kSeries = 7;
constexpr uint32_t kRounds = 400;
constexpr int64_t kPatienceNs = 10'000'000'000;

struct alignas(128) Ball {
  std::atomic<uint32_t> turn{0};
};

// Waits until ball.turn is `turn`. False: not within the timeout.
bool Await(const Ball& ball, uint32_t turn) {
  int64_t started = 0;
  for (uint32_t spins = 1;; ++spins) {
    if (ball.turn.load(std::memory_order_acquire) == turn) return true;
    if (spins % 65536 != 0) continue;
    // The clock is only read once the other is late.
    const int64_t now = MonotonicNanos();
    if (started == 0) started = now;
    if (now - started > kPatienceNs) return false;
  }
}

// The partner: never returns.
[[noreturn]] void PlayBack(Ball& ball, int cpu) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (!PinThisThread({cpu}).ok()) _exit(2);
  for (uint32_t round = 0; round < (kSeries + 1) * kRounds; ++round) {
    if (!Await(ball, 2 * round + 1)) _exit(3);
    ball.turn.store(2 * round + 2, std::memory_order_release);
  }
  _exit(0);
}

}  // namespace

int64_t RunSentinel() {
  const int64_t began = MonotonicNanos();
  uint64_t value = 88172645463325252U;
  for (int step = 0; step < kSentinelSteps; ++step) {
    value = value * 6364136223846793005U + 1442695040888963407U;
    asm volatile("" : "+r"(value));  // Keeps the compiler from folding the steps.
  }
  return MonotonicNanos() - began;
}

absl::StatusOr<double> MeasureCacheLine(int here, int there) {
  if (here == there) return absl::InvalidArgumentError("a cache line's way needs two different processors");
  absl::StatusOr<Fd> file = CreateMemfd("regatta-cache-line");
  if (!file.ok()) return file.status();
  if (absl::Status grown = GrowMemfd(*file, 0, sizeof(Ball)); !grown.ok()) return grown;
  absl::StatusOr<Mapping> mapping = Mapping::Map(*file, sizeof(Ball));
  if (!mapping.ok()) return mapping.status();
  Ball& ball = *new (mapping->data()) Ball;

  const pid_t partner = fork();
  if (partner < 0) return ErrnoError("fork");
  if (partner == 0) PlayBack(ball, there);

  std::array<double, kSeries> series;
  bool answered = true;
  uint32_t round = 0;
  for (int s = -1; s < kSeries && answered; ++s) {  // The first series warms up.
    const int64_t began = MonotonicNanos();
    for (uint32_t i = 0; i < kRounds && answered; ++i, ++round) {
      ball.turn.store(2 * round + 1, std::memory_order_release);
      answered = Await(ball, 2 * round + 2);
    }
    if (s >= 0) series[s] = static_cast<double>(MonotonicNanos() - began) / kRounds;
  }
  if (!answered) kill(partner, SIGKILL);
  int status = 0;
  pid_t reaped;
  do {
    reaped = waitpid(partner, &status, 0);
  } while (reaped < 0 && errno == EINTR);
  if (reaped < 0) return ErrnoError("waitpid");
  if (!answered) {
    if (WIFEXITED(status)) {
      return absl::AbortedError(absl::StrCat("the cache line's partner on processor ", there, " ended with code ",
                                             WEXITSTATUS(status), " (2: it could not be pinned)"));
    }
    return absl::DeadlineExceededError(
        absl::StrCat("the cache line's partner on processor ", there, " did not answer within ten seconds"));
  }
  std::nth_element(series.begin(), series.begin() + kSeries / 2, series.end());
  return series[kSeries / 2];
}

absl::string_view MachineState(const BeforeAfter& cacheline_ns) {
  if (!cacheline_ns.before || !cacheline_ns.after) return "";
  const bool far_before = *cacheline_ns.before >= kFarFromNs;
  const bool far_after = *cacheline_ns.after >= kFarFromNs;
  if (far_before != far_after) return "mixed";
  return far_before ? "far" : "near";
}

}  // namespace regatta::bench
