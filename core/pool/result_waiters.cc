#include "core/pool/result_waiters.h"

#include "core/os/cpu.h"
#include "core/os/futex.h"

namespace regatta {
namespace {

constexpr int kPausesBetween = 8;  // Between looks for results of which some have come.
constexpr int kFirstLooks = 48;    // About a microsecond.

}  // namespace

bool ResultWaiters::TryLead(Waiter* me) {
  Waiter* leader = nullptr;
  if (leader_.compare_exchange_strong(leader, me, std::memory_order_seq_cst)) return true;
  // A thread that waits relieves the collector, so that it gets its result without a second switch.
  return leader == &collector_ && leader_.compare_exchange_strong(leader, me, std::memory_order_seq_cst);
}

void ResultWaiters::StepDown() {
  leader_.store(nullptr, std::memory_order_seq_cst);
  if (sleepers_.load(std::memory_order_seq_cst) > 0 || unattended_.load(std::memory_order_seq_cst) > 0) PassOn();
}

void ResultWaiters::PassOn() {
  Waiter* next = nullptr;
  {
    MutexLock lock(mutex_);
    next = first_;
    if (next != nullptr) {
      UnlinkLocked(*next);
      next->woken.store(1, std::memory_order_release);
    }
  }
  // Its word may be gone by now. A wake of that address then wakes nothing, or spuriously what sleeps there next.
  if (next != nullptr) {
    FutexWake(next->woken, 1);
  } else if (unattended_.load(std::memory_order_seq_cst) > 0) {
    NudgeCollector();
  }
}

void ResultWaiters::Link(Waiter& waiter) {
  MutexLock lock(mutex_);
  waiter.woken.store(0, std::memory_order_relaxed);
  waiter.linked = true;
  waiter.next_in_list = waiter.list->first_;
  waiter.list->first_ = &waiter;
  waiter.previous = nullptr;
  waiter.next = first_;
  if (first_ != nullptr) first_->previous = &waiter;
  first_ = &waiter;
  sleepers_.fetch_add(1, std::memory_order_seq_cst);
}

void ResultWaiters::UnlinkLocked(Waiter& waiter) {
  if (!waiter.linked) return;
  waiter.linked = false;
  Waiter** at = &waiter.list->first_;
  while (*at != &waiter) at = &(*at)->next_in_list;
  *at = waiter.next_in_list;
  (waiter.previous != nullptr ? waiter.previous->next : first_) = waiter.next;
  if (waiter.next != nullptr) waiter.next->previous = waiter.previous;
  sleepers_.fetch_sub(1, std::memory_order_relaxed);
}

void ResultWaiters::Unlink(Waiter& waiter) {
  MutexLock lock(mutex_);
  UnlinkLocked(waiter);
}

void ResultWaiters::Wake(List& list) {
  for (;;) {
    Waiter* waiter = nullptr;
    {
      MutexLock lock(mutex_);
      waiter = list.first_;
      if (waiter == nullptr) return;
      UnlinkLocked(*waiter);
      waiter->woken.store(1, std::memory_order_release);
    }
    FutexWake(waiter->woken, 1);  // As in PassOn.
  }
}

void ResultWaiters::WakeLeader() {
  AsymmetricFenceLight();  // The leader fences heavily between its entry in leader_ and its last look.
  const Waiter* leader = leader_.load(std::memory_order_relaxed);
  WaitPoint& results = board_->header().results;
  if (leader != nullptr && leader != &collector_ && results.anybody_sleeps()) results.NotifyAll();
}

bool ResultWaiters::Wait(List& list, absl::FunctionRef<bool()> done, Deadline deadline) {
  WaitPoint& results = board_->header().results;
  // Whether a worker last posted a result on this thread's processor.
  const auto worker_is_here = [this] {
    return board_->header().worker_processor.load(std::memory_order_relaxed) == CurrentProcessor();
  };
  // A short task's result comes before anything else is worth its cost. Each thread collects it by itself: the leader
  // may have been taken off its processor.
  const auto collect_own = [&] {
    source_->Collect(/*leading=*/false);
    return done();
  };
  for (int i = 0; i < kFirstLooks && !results.anybody_sleeps(); ++i) {
    if (collect_own()) return true;
    if (i % 8 == 7) CpuPause();
  }
  Waiter me;
  me.list = &list;
  for (;;) {
    if (TryLead(&me)) {
      const bool is_done = results.Await(
          [&] {
            if (done()) return true;
            const bool some = source_->Collect(/*leading=*/true);
            if (done()) return true;
            // Others will follow: to look less often leaves the workers' lines to them.
            for (int i = 0; some && i < kPausesBetween; ++i) CpuPause();
            return false;
          },
          deadline, worker_is_here, board_->self(), [] {});
      StepDown();
      return is_done;
    }
    if (results.AwaitAwake(collect_own, worker_is_here, board_->self())) return true;
    Link(me);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (!done() && leader_.load(std::memory_order_seq_cst) != nullptr) FutexWait(me.woken, 0, deadline);
    Unlink(me);
    const bool is_done = done();
    if (!is_done && !deadline.passed()) continue;
    // It may have been woken to lead.
    if (leader_.load(std::memory_order_seq_cst) == nullptr) PassOn();
    return is_done;
  }
}

void ResultWaiters::AddUnattended(int64_t change) {
  unattended_.fetch_add(change, std::memory_order_seq_cst);
  if (change > 0 && leader_.load(std::memory_order_seq_cst) == nullptr) NudgeCollector();
}

void ResultWaiters::NudgeCollector() {
  nudges_.fetch_add(1, std::memory_order_seq_cst);
  if (collector_sleeps_.load(std::memory_order_seq_cst)) FutexWake(nudges_, 1);
}

void ResultWaiters::Interrupt() {
  NudgeCollector();
  if (collector_awaits_.load(std::memory_order_seq_cst)) board_->header().results.NotifyAll();
}

void ResultWaiters::Attend(uint32_t seen) {
  Waiter* leader = nullptr;
  if (unattended_.load(std::memory_order_seq_cst) > 0 &&
      leader_.compare_exchange_strong(leader, &collector_, std::memory_order_seq_cst)) {
    const auto is_over = [&] {
      return nudges_.load(std::memory_order_relaxed) != seen ||
             leader_.load(std::memory_order_relaxed) != &collector_ || unattended_.load(std::memory_order_relaxed) <= 0;
    };
    collector_awaits_.store(true, std::memory_order_seq_cst);
    // No thread waits for what it collects. It yields instead of spinning, as if the worker were on its processor: the
    // threads that submit need that processor.
    board_->header().results.Await(
        [&] {
          if (is_over()) return true;
          source_->Collect(/*leading=*/false);  // A thread that relieved it meanwhile must be woken.
          return is_over();
        },
        Deadline::Never(), [] { return true; }, board_->self(), [] {});
    collector_awaits_.store(false, std::memory_order_relaxed);
    leader = &collector_;
    if (leader_.compare_exchange_strong(leader, nullptr, std::memory_order_seq_cst) &&
        sleepers_.load(std::memory_order_seq_cst) > 0) {
      PassOn();
    }
    // The wake that ended its sleep may have been meant for its successor.
    WaitPoint& results = board_->header().results;
    if (results.anybody_sleeps() && source_->AnyResultPosted()) results.Notify();
    return;
  }
  collector_sleeps_.store(true, std::memory_order_seq_cst);
  const bool needed =
      unattended_.load(std::memory_order_seq_cst) > 0 && leader_.load(std::memory_order_seq_cst) == nullptr;
  if (!needed) FutexWait(nudges_, seen, Deadline::Never());
  collector_sleeps_.store(false, std::memory_order_seq_cst);
}

}  // namespace regatta
