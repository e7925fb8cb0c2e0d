#include "core/sync/barrier.h"

#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "core/os/cpu.h"
#include "core/os/thrown.h"
#include "core/sync/fault_points.h"

namespace regatta {
namespace {

using State = BarrierLayout::State;
using Cause = BarrierLayout::Cause;

// For the lock, however little time a thread has: any holder that runs has long released it by then.
constexpr absl::Duration kPatience = absl::Milliseconds(100);

uint32_t Relaxed(const std::atomic<uint32_t>& word) { return word.load(std::memory_order_relaxed); }

}  // namespace

absl::StatusOr<Barrier> Barrier::Create(int64_t parties) {
  if (parties < 1 || parties > kMostParties) {
    return absl::InvalidArgumentError(
        absl::StrCat("a barrier can't have ", parties, " parties: give 1 to ", kMostParties));
  }
  absl::StatusOr<Barrier> made = ObjectHandle::Create();
  if (made.ok()) made->object_->parties = static_cast<uint32_t>(parties);
  return made;
}

// Compared with the number of slots, since another process may have written anything.
int Barrier::parties() const {
  return static_cast<int>(std::clamp(object_->parties, uint32_t{1}, BarrierLayout::kSlots));
}

int Barrier::waiting() const {
  const absl::Span<const Slot> slots = UsedSlots();
  return static_cast<int>(std::count_if(slots.begin(), slots.end(), [](const Slot& slot) {
    return BarrierLayout::StateOf(Relaxed(slot)) == State::kArrived;
  }));
}

absl::Span<Barrier::Slot> Barrier::UsedSlots() const {
  return absl::MakeSpan(object_->slots).subspan(0, Relaxed(object_->used));
}

absl::Status Barrier::BrokenError() const {
  const int32_t pid = object_->broken_by.load(std::memory_order_relaxed);
  const auto broken = [pid](absl::string_view what) {
    return absl::AbortedError(absl::StrCat("the barrier is broken: process ", pid, " ", what, ". Reset repairs it"));
  };
  switch (static_cast<Cause>(object_->broken.load(std::memory_order_acquire))) {
    case Cause::kNotBroken:
      break;
    case Cause::kDeath:
      return broken("died while it waited");
    case Cause::kDeadline:
      return broken("stopped waiting at its deadline");
    case Cause::kAbort:
      return broken("called Abort");
    case Cause::kAction:
      return broken("failed in its action");
  }
  return absl::AbortedError("the barrier was reset while this thread waited");
}

bool Barrier::Enter(Member self, Deadline deadline) {
  LockCell& lock = object_->lock;
  if (!lock.Acquire(self, Deadline::Now()).acquired) {
    const Deadline patience = Deadline::After(kPatience);
    const bool is_near = deadline.monotonic_nanos() < patience.monotonic_nanos();
    if (!lock.Acquire(self, is_near ? patience : deadline).acquired) return false;
  }
  if (Relaxed(object_->ending) != 0) GoOnEnding();
  return true;
}

void Barrier::End(State outcome, Cause cause, int32_t pid) {
  if (cause != Cause::kNotBroken) object_->broken_by.store(pid, std::memory_order_relaxed);
  object_->ending.store(cause << 2 | outcome, std::memory_order_relaxed);
  GoOnEnding();
}

void Barrier::GoOnEnding() {
  FaultPointHere(fault::kBarrierEnding);
  const uint32_t ending = Relaxed(object_->ending);
  const auto outcome = static_cast<State>(ending & 3);
  // First, so that each thread whose turn has failed finds the cause.
  if (ending >> 2 != Cause::kNotBroken) object_->broken.store(ending >> 2, std::memory_order_release);
  for (Slot& slot : UsedSlots()) {
    uint32_t seen = Relaxed(slot);
    // The exchange fails if the thread takes itself out at this moment.
    if (BarrierLayout::StateOf(seen) == State::kArrived) {
      slot.compare_exchange_strong(seen, BarrierLayout::Word(outcome, BarrierLayout::MemberOf(seen)),
                                   std::memory_order_acq_rel);
    }
  }
  FaultPointHere(fault::kBarrierMarked);
  object_->turn.fetch_add(1, std::memory_order_acq_rel);
  FaultPointHere(fault::kBarrierTurned);
  object_->ending.store(0, std::memory_order_relaxed);
  AsymmetricFenceLight();
  if (object_->waiters.anybody_sleeps()) object_->waiters.NotifyAll();
}

void Barrier::BreakIfOneDied(bool (*is_alive)(Member)) {
  for (const Slot& slot : UsedSlots()) {
    const uint32_t seen = Relaxed(slot);
    const Member member = BarrierLayout::MemberOf(seen);
    if (BarrierLayout::StateOf(seen) == State::kArrived && !is_alive(member)) {
      return End(State::kFailed, Cause::kDeath, Family::PidOf(member));
    }
  }
}

Barrier::Slot* Barrier::FreeSlot() {
  for (Slot& slot : UsedSlots()) {
    const uint32_t seen = Relaxed(slot);
    // Slots of threads that have arrived are never free: their death breaks the barrier first.
    if (seen == 0 ||
        (BarrierLayout::StateOf(seen) != State::kArrived && !Family::IsAlive(BarrierLayout::MemberOf(seen)))) {
      return &slot;
    }
  }
  const uint32_t used = Relaxed(object_->used);
  if (used >= BarrierLayout::kSlots) return nullptr;
  object_->used.store(used + 1, std::memory_order_relaxed);
  return &object_->slots[used];
}

absl::StatusOr<int> Barrier::ResultOf(Slot& slot, int index) {
  const State state = BarrierLayout::StateOf(slot.load(std::memory_order_acquire));
  slot.store(0, std::memory_order_release);
  if (state == State::kReleased) return index;
  return BrokenError();
}

absl::StatusOr<int> Barrier::Wait(Deadline deadline) { return WaitWith(nullptr, deadline); }

absl::StatusOr<int> Barrier::Wait(absl::FunctionRef<absl::Status()> action, Deadline deadline) {
  return WaitWith(&action, deadline);
}

absl::StatusOr<int> Barrier::WaitWith(const absl::FunctionRef<absl::Status()>* action, Deadline deadline) {
  const absl::StatusOr<Member> self = Family::Self();
  if (!self.ok()) return self.status();
  BarrierLayout& shared = *object_;
  const auto partner_here = [] { return false; };  // Any process may come, on any processor.
  const auto ended = [&shared](uint32_t turn) { return shared.turn.load(std::memory_order_acquire) != turn; };
  const auto at_tick = [&] {
    if (!Enter(*self, Deadline::Now())) return;
    BreakIfOneDied(&Family::Recheck);
    Leave();
  };
  int index = 0;
  uint32_t turn = 0;
  Slot* slot = nullptr;
  while (slot == nullptr) {
    if (!Enter(*self, deadline)) {
      return absl::UnavailableError(absl::StrCat("process ", Family::PidOf(shared.lock.holder()),
                                                 " holds the barrier's lock: continue it if it is stopped, or end it"));
    }
    BreakIfOneDied(&Family::IsAlive);
    if (broken()) {
      Leave();
      return BrokenError();
    }
    index = waiting();
    turn = Relaxed(shared.turn);
    if (index >= parties()) {
      // All have arrived, and the last of them runs its action.
      Leave();
      if (!shared.waiters.Await([&] { return ended(turn); }, deadline, partner_here, *self, at_tick)) {
        const absl::string_view text = "the action of the turn before this one still runs";
        return deadline.is_now() ? absl::UnavailableError(text) : absl::DeadlineExceededError(text);
      }
      continue;
    }
    if (deadline.is_now() && index + 1 < parties()) {
      Leave();
      return absl::UnavailableError(absl::StrCat(index, " of the barrier's other ", parties() - 1, " parties wait"));
    }
    slot = FreeSlot();
    if (slot == nullptr) {
      Leave();
      return absl::ResourceExhaustedError(
          absl::StrCat(kMostParties, " threads wait at the barrier or are still to return from it, and no more can"));
    }
    slot->store(BarrierLayout::Word(State::kArrived, *self), std::memory_order_release);
    FaultPointHere(fault::kBarrierArrived);
  }

  if (index + 1 == parties()) {
    absl::Status done;
    if (action != nullptr) {
      Leave();
      done = WithoutExceptions([&] { return (*action)(); });
      Enter(*self, Deadline::Never());
    }
    // It is not kArrived if the barrier was broken or reset during the action.
    if (BarrierLayout::StateOf(Relaxed(*slot)) == State::kArrived) {
      if (done.ok()) {
        End(State::kReleased, Cause::kNotBroken, 0);
      } else {
        End(State::kFailed, Cause::kAction, getpid());
      }
    }
    Leave();
    absl::StatusOr<int> outcome = ResultOf(*slot, index);
    if (!done.ok()) return done;
    return outcome;
  }

  Leave();
  if (!shared.waiters.Await([&] { return ended(turn); }, deadline, partner_here, *self, at_tick)) {
    const bool entered = Enter(*self, Deadline::Now());
    uint32_t arrived = BarrierLayout::Word(State::kArrived, *self);
    const bool gives_up = slot->compare_exchange_strong(arrived, 0, std::memory_order_acq_rel);
    // Without the lock it only leaves; the process that holds the lock seems to be stopped.
    if (gives_up && entered) End(State::kFailed, Cause::kDeadline, getpid());
    if (entered) Leave();
    if (gives_up) {
      return absl::DeadlineExceededError(
          absl::StrCat("not all of the barrier's ", parties(), " parties came by the deadline"));
    }
  }
  return ResultOf(*slot, index);
}

absl::Status Barrier::Abort() {
  const absl::StatusOr<Member> self = Family::Self();
  if (!self.ok()) return self.status();
  Enter(*self, Deadline::Never());
  End(State::kFailed, Cause::kAbort, getpid());
  Leave();
  return absl::OkStatus();
}

absl::Status Barrier::Reset() {
  const absl::StatusOr<Member> self = Family::Self();
  if (!self.ok()) return self.status();
  Enter(*self, Deadline::Never());
  object_->broken.store(Cause::kNotBroken, std::memory_order_release);
  End(State::kFailed, Cause::kNotBroken, 0);
  Leave();
  return absl::OkStatus();
}

}  // namespace regatta
