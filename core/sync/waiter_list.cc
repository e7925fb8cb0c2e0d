#include "core/sync/waiter_list.h"

#include <algorithm>

#include "core/os/cpu.h"
#include "core/os/futex.h"
#include "core/sync/fault_points.h"

namespace regatta {
namespace {

constexpr int64_t kLongestSpin = 40'000;  // About as long as a wake-up takes.
constexpr int64_t kShortestSpin = 2'000;
constexpr int64_t kFirstTick = 50'000'000;
constexpr int64_t kTick = 1'000'000'000;

// How long this thread looks before it sleeps: halves when looking was in vain, doubles when it paid.
thread_local int64_t t_spin = kLongestSpin;

}  // namespace

// Compared with the number of slots, since another process may have written anything.
uint32_t WaiterList::Used() const { return std::min(used_.load(std::memory_order_relaxed), kSlots); }

WaiterList::Slot* WaiterList::Join(Member self) {
  for (uint32_t i = 0; i < kSlots; ++i) {
    Slot& slot = slots_[i];
    const uint32_t seen = slot.word_.load(std::memory_order_relaxed);
    const bool is_left_over = StateOf(seen) != kNotified && !Family::IsAlive(MemberOf(seen));
    if (seen != kFree && !is_left_over) continue;
    slot.number_.store(next_number_.fetch_add(1, std::memory_order_relaxed), std::memory_order_relaxed);
    // First, so that no slot in use is behind it.
    if (i >= Used()) used_.store(i + 1, std::memory_order_relaxed);
    FaultPointHere(fault::kWaiterJoins);
    slot.word_.store(Word(kWaiting, self), std::memory_order_release);
    return &slot;
  }
  // All slots may hold notifications of dead waiters.
  Slot* const ownerless = Ownerless();
  if (ownerless == nullptr) return nullptr;
  uint32_t seen = ownerless->word_.load(std::memory_order_relaxed);
  if (!IsOwnerless(seen) || !ownerless->word_.compare_exchange_strong(seen, Word(kNotified, self))) return nullptr;
  return ownerless;
}

void WaiterList::Leave(Slot& slot) {
  slot.word_.store(kFree, std::memory_order_relaxed);
  uint32_t used = Used();
  while (used > 0 && slots_[used - 1].word_.load(std::memory_order_relaxed) == kFree) --used;
  used_.store(used, std::memory_order_relaxed);
}

WaiterList::Slot* WaiterList::First() {
  Slot* first = nullptr;
  uint32_t first_number = 0;
  for (uint32_t i = 0; i < Used(); ++i) {
    Slot& slot = slots_[i];
    const uint32_t seen = slot.word_.load(std::memory_order_acquire);
    if (StateOf(seen) != kWaiting || !Family::IsAlive(MemberOf(seen))) continue;
    const uint32_t number = slot.number_.load(std::memory_order_relaxed);
    if (first != nullptr && static_cast<int32_t>(number - first_number) > 0) continue;
    first = &slot;
    first_number = number;
  }
  return first;
}

WaiterList::Slot* WaiterList::Ownerless() {
  for (uint32_t i = 0; i < Used(); ++i) {
    const uint32_t seen = slots_[i].word_.load(std::memory_order_acquire);
    if (IsOwnerless(seen)) return &slots_[i];
  }
  return nullptr;
}

bool WaiterList::IsOwnerless(uint32_t word) {
  return StateOf(word) == kNotified && (MemberOf(word) == kNobody || !Family::Recheck(MemberOf(word)));
}

bool WaiterList::NotifySlot(Slot& slot, State state) {
  uint32_t seen = slot.word_.load(std::memory_order_relaxed);
  // The exchange fails if the wait ends at its deadline at this moment.
  if (StateOf(seen) != kWaiting || !Family::IsAlive(MemberOf(seen)) ||
      !slot.word_.compare_exchange_strong(seen, Word(state, MemberOf(seen)), std::memory_order_acq_rel)) {
    return false;
  }
  FaultPointHere(fault::kWaiterNotified);
  FutexWake(slot.word_, 1);
  return true;
}

void WaiterList::Notify(int64_t count) {
  while (count > 0) {
    Slot* const first = First();
    if (first == nullptr) return;
    if (NotifySlot(*first, kNotified)) --count;
  }
  if (Ownerless() != nullptr) WakeFirst();
}

void WaiterList::NotifyAll() {
  for (uint32_t i = 0; i < Used(); ++i) NotifySlot(slots_[i], kNotifiedWithAll);
}

void WaiterList::WakeFirst() {
  if (const Slot* const first = First(); first != nullptr) FutexWake(first->word_, 1);
}

WaiterList::Slot* WaiterList::TakeOver(Slot* slot, Member self) {
  Slot* const ownerless = Ownerless();
  if (ownerless == nullptr) return nullptr;
  if (First() != slot) {
    WakeFirst();
    return nullptr;
  }
  uint32_t seen = ownerless->word_.load(std::memory_order_acquire);
  if (!IsOwnerless(seen) ||
      !ownerless->word_.compare_exchange_strong(seen, Word(kNotified, self), std::memory_order_acq_rel)) {
    return nullptr;
  }
  FaultPointHere(fault::kNotificationTakenOver);
  uint32_t waiting = Word(kWaiting, self);
  if (slot->word_.compare_exchange_strong(waiting, kFree, std::memory_order_acq_rel)) return ownerless;
  // Somebody has notified `slot` meanwhile, and a wait needs one notification.
  ownerless->word_.store(Word(kNotified, kNobody), std::memory_order_release);
  WakeFirst();
  return slot;
}

WaiterList::Slot* WaiterList::Await(Slot* slot, Member self, Deadline deadline) {
  const auto is_notified = [&] { return StateOf(slot->word_.load(std::memory_order_acquire)) >= kNotified; };
  const int64_t began = MonotonicNanos();
  // Of several waiters none spins: they would take the processor from the thread that is to notify them.
  if (Used() == 1) {
    while (!is_notified() && MonotonicNanos() - began < t_spin) CpuPause();
    t_spin = is_notified() ? std::min(2 * t_spin, kLongestSpin) : std::max(t_spin / 2, kShortestSpin);
  }
  int64_t tick = kFirstTick;
  while (!is_notified()) {
    if (Slot* const taken = TakeOver(slot, self); taken != nullptr) return taken;
    uint32_t waiting = Word(kWaiting, self);
    if (deadline.passed()) {
      if (slot->word_.compare_exchange_strong(waiting, kFree, std::memory_order_acq_rel)) return nullptr;
      continue;
    }
    FutexWait(slot->word_, waiting, Deadline::Earlier(deadline, Deadline::AtMonotonicNanos(MonotonicNanos() + tick)));
    FaultPointHere(fault::kWaiterWoken);
    tick = kTick;
  }
  return slot;
}

}  // namespace regatta
