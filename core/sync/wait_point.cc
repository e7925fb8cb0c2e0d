#include "core/sync/wait_point.h"

#include <algorithm>
#include <climits>

#include "core/os/futex.h"
#include "core/sync/fault_points.h"

namespace regatta {
namespace {

constexpr int kFirstLooks = 48;  // About a microsecond, before the token's locked instruction.
constexpr int64_t kLongestSpin = 40'000;
constexpr int64_t kShortestSpin = 2'000;
constexpr int64_t kSlowYield = 500'000;
constexpr int64_t kShortestBan = 20'000'000;
constexpr int64_t kLongestBan = 1'000'000'000;
constexpr int64_t kTrust = 1'000'000;  // In a spinner that doesn't come back: stopped, or crowded out.
constexpr int64_t kIdleAfter = 50'000'000;
constexpr int64_t kTick = 1'000'000'000;

// What this thread has learnt about waiting.
struct Habit {
  int64_t spin = kLongestSpin;  // Halves when a spin ends in a long sleep, doubles when it would have paid.
  int64_t no_yield_until = 0;
  int64_t ban = kShortestBan;
};
thread_local Habit t_habit;

// Looks for `limit` nanoseconds.
bool Spin(absl::FunctionRef<bool()> ready, int64_t limit) {
  const int64_t end = MonotonicNanos() + limit;
  do {
    for (int i = 0; i < 32; ++i) {
      if (ready()) return true;
      if (i % 8 == 7) CpuPause();
    }
  } while (MonotonicNanos() < end);
  return false;
}

// Looks between yields: the partner needs this processor. A yield that takes long gave it to somebody else who keeps
// it.
bool YieldAndLook(absl::FunctionRef<bool()> ready, int64_t limit) {
  int64_t now = MonotonicNanos();
  const int64_t end = now + limit;
  while (now < end) {
    YieldProcessor();
    const int64_t after = MonotonicNanos();
    if (ready()) return true;
    if (after - now > kSlowYield) {
      t_habit.no_yield_until = after + t_habit.ban;
      t_habit.ban = std::min(2 * t_habit.ban, kLongestBan);
      return false;
    }
    now = after;
  }
  t_habit.ban = kShortestBan;
  return false;
}

}  // namespace

bool WaitPoint::TakeToken(Member self, bool partner_here) {
  const uint32_t elsewhere = elsewhere_.load(std::memory_order_relaxed);
  // On its partner's processor this one would answer only when the partner stops: another need not.
  if (partner_here && elsewhere != kNobody && elsewhere != self && Family::IsAlive(elsewhere)) return false;
  if (!partner_here && elsewhere != self) elsewhere_.store(self, std::memory_order_relaxed);
  uint32_t holder = token_.load(std::memory_order_relaxed);
  if (holder != kNobody && (holder == self || Family::IsAlive(holder))) return false;
  if (!token_.compare_exchange_strong(holder, self, std::memory_order_acq_rel)) return false;
  trusted_until_.store(MonotonicNanos() + kTrust, std::memory_order_relaxed);
  return true;
}

bool WaitPoint::FirstLooks(absl::FunctionRef<bool()> ready, absl::FunctionRef<bool()> partner_here) {
  // Where others sleep the token comes first, or a notifier would wake one of them although this one looks.
  for (int i = 0; i < kFirstLooks && !anybody_sleeps(); ++i) {
    if (ready()) return true;
    if (i % 8 == 7) {
      if (partner_here()) break;
      CpuPause();
    }
  }
  return false;
}

bool WaitPoint::LookWithToken(absl::FunctionRef<bool()> ready, bool partner_here) {
  FaultPointHere(fault::kWaitTokenTaken);
  bool found = false;
  if (!partner_here) {
    found = Spin(ready, t_habit.spin);
  } else if (MonotonicNanos() >= t_habit.no_yield_until) {
    found = YieldAndLook(ready, kLongestSpin);
  }
  token_.exchange(kNobody, std::memory_order_seq_cst);
  return found;
}

bool WaitPoint::AwaitAwake(absl::FunctionRef<bool()> ready, absl::FunctionRef<bool()> partner_here, Member self) {
  if (FirstLooks(ready, partner_here)) return true;
  const bool here = partner_here();
  if (!TakeToken(self, here)) return false;
  if (LookWithToken(ready, here)) {
    t_habit.spin = std::min(2 * t_habit.spin, kLongestSpin);
    return true;
  }
  t_habit.spin = std::max(t_habit.spin / 2, kShortestSpin);
  // A notifier that saw the token has woken nobody, and published before this fence.
  AsymmetricFenceHeavy();
  return ready();
}

bool WaitPoint::Await(absl::FunctionRef<bool()> ready, Deadline deadline, absl::FunctionRef<bool()> partner_here,
                      Member self, absl::FunctionRef<void()> idle, absl::FunctionRef<Member()> partner) {
  if (FirstLooks(ready, partner_here)) return true;
  int64_t slept_since = 0;
  int64_t idle_at = 0;
  while (!deadline.passed()) {
    const bool here = partner_here();
    if (slept_since == 0 && TakeToken(self, here) && LookWithToken(ready, here)) return true;
    const uint32_t announced = sleeping_.fetch_or(kAnnounced, std::memory_order_seq_cst) | kAnnounced;
    FaultPointHere(fault::kWaitAnnounced);
    AsymmetricFenceHeavy();
    if (ready()) return true;
    const int64_t before = MonotonicNanos();
    if (slept_since == 0) {
      slept_since = before;
      idle_at = before + kIdleAfter;
    }
    const bool first = before - slept_since < kIdleAfter;
    sleepers_.fetch_add(1, std::memory_order_relaxed);
    const Deadline until =
        Deadline::Earlier(deadline, Deadline::AtMonotonicNanos(before + (first ? kIdleAfter : kTick)));
    if (const Member other = partner(); other == kNobody) {
      FutexWait(sleeping_, announced, until);
    } else {
      Family::WaitBeside(other, sleeping_, announced, until);
      // The kernel has woken one of those that sleep beside it.
      if (!Family::IsAlive(other)) Family::WakeOthers(other);
    }
    FaultPointHere(fault::kWaitWoken);
    const bool others = sleepers_.fetch_sub(1, std::memory_order_relaxed) > 1;
    // Armed again for the others: whoever wakes one of us may not wake a second before this one has looked.
    sleeping_.fetch_or(kAnnounced, std::memory_order_seq_cst);
    const bool found = ready();
    // A notifier that read the flag before it was armed has published by now: the caller's next look finds what it
    // left.
    if (found && others) AsymmetricFenceHeavy();
    const int64_t now = MonotonicNanos();
    const int64_t slept = now - slept_since;
    if (found) {
      t_habit.spin =
          slept < kLongestSpin ? std::min(2 * t_habit.spin, kLongestSpin) : std::max(t_habit.spin / 2, kShortestSpin);
      return true;
    }
    if (now >= idle_at) {
      idle();
      idle_at = now + kTick;
    }
  }
  return ready();
}

void WaitPoint::WakeOne() {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  // A live spinner will look again after giving the token up; waking another for the same item would be in vain.
  const uint32_t spinner = token_.load(std::memory_order_relaxed);
  if (spinner != kNobody && MonotonicNanos() < trusted_until_.load(std::memory_order_relaxed) &&
      Family::IsAlive(spinner)) {
    return;
  }
  if (!Disarm()) return;
  FaultPointHere(fault::kNotifyDisarmed);
  FutexWake(sleeping_, 1);
}

bool WaitPoint::Disarm() {
  uint32_t seen = sleeping_.load(std::memory_order_relaxed);
  while ((seen & kAnnounced) != 0) {
    if (sleeping_.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel)) return true;
  }
  return false;
}

void WaitPoint::NotifyAll() {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  // Also without an announcement: a notifier may have taken it back, and woken one of several.
  if (Disarm()) FaultPointHere(fault::kNotifyDisarmed);
  FutexWake(sleeping_, INT_MAX);
}

}  // namespace regatta
