#include "core/sync/event.h"

#include "core/os/cpu.h"
#include "core/shm/family.h"
#include "core/sync/fault_points.h"

namespace regatta {

void Event::Set() {
  constexpr uint64_t kBecomesSet = EventLayout::kOnce | EventLayout::kIsSet;
  // An event that is set is written, too: Clear then reads from this Set, and its process sees what was written before
  // it.
  uint64_t seen = object_->state.load(std::memory_order_relaxed);
  while (!object_->state.compare_exchange_weak(seen, (seen & EventLayout::kIsSet) != 0 ? seen : seen + kBecomesSet,
                                               std::memory_order_acq_rel)) {
  }
  FaultPointHere(fault::kEventSet);
  // Sleepers are woken also if the event was set already: the process that set it may have died before it woke them.
  AsymmetricFenceLight();
  if (object_->waiters.anybody_sleeps()) [[unlikely]]
    object_->waiters.NotifyAll();
}

void Event::Clear() { object_->state.fetch_and(~EventLayout::kIsSet, std::memory_order_acq_rel); }

bool Event::IsSet() const { return (object_->state.load(std::memory_order_acquire) & EventLayout::kIsSet) != 0; }

absl::Status Event::Wait(Deadline deadline) {
  const uint64_t before = object_->state.load(std::memory_order_acquire);
  if ((before & EventLayout::kIsSet) != 0) return absl::OkStatus();
  if (deadline.is_now()) return absl::UnavailableError("the event is not set");
  const absl::StatusOr<Member> self = Family::Self();
  if (!self.ok()) return self.status();
  const auto was_set = [&] { return object_->state.load(std::memory_order_acquire) != before; };
  const auto partner_here = [] { return false; };  // Any process may set it, on any processor.
  if (object_->waiters.Await(was_set, deadline, partner_here, *self, /*idle=*/[] {})) return absl::OkStatus();
  return absl::DeadlineExceededError("the event was not set by the deadline");
}

}  // namespace regatta
