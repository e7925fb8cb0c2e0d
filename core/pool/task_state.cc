#include "core/pool/task_state.h"

#include <climits>

#include "core/os/futex.h"

namespace regatta {

void TaskState::DecodeClaimed() {
  // A thread that is cancelled in the middle unwinds through here: another may then try again.
  struct Claim {
    std::atomic<uint32_t>& phase;
    bool complete = false;
    ~Claim() {
      const uint32_t next = complete ? kSettled : kRaw;
      if (phase.exchange(next, std::memory_order_acq_rel) == kAwaited) FutexWake(phase, INT_MAX);
    }
  } claim{phase_};
  claim.complete = Decode();
}

void TaskState::SettleSome() {
  uint32_t seen = kRaw;
  if (phase_.compare_exchange_strong(seen, kDecoding, std::memory_order_acquire)) DecodeClaimed();
}

bool TaskState::Settle(Deadline deadline) {
  for (;;) {
    uint32_t seen = phase_.load(std::memory_order_acquire);
    if (seen == kSettled) return true;
    if (seen == kRaw) {
      SettleSome();
      continue;
    }
    if (deadline.passed()) return false;
    if (seen == kAwaited || phase_.compare_exchange_strong(seen, kAwaited, std::memory_order_acquire)) {
      FutexWait(phase_, kAwaited, deadline);
    }
  }
}

}  // namespace regatta
