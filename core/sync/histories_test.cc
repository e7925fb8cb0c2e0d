// What several processes get from locks, semaphores, events, conditions and barriers is what one sequential object
// could have returned. For each type there is a wrong history too, from an object that does not do its work, which the
// check must refuse.
#include <array>
#include <bit>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "core/os/deadline.h"
#include "core/sync/barrier.h"
#include "core/sync/bounded_semaphore.h"
#include "core/sync/condition.h"
#include "core/sync/event.h"
#include "core/sync/lock.h"
#include "core/sync/rlock.h"
#include "core/sync/semaphore.h"
#include "core/testing/linearizability.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

constexpr int kClients = 3;

// --- Permits: Lock, RLock, Semaphore, BoundedSemaphore ---

enum class PermitCall { kAcquire, kTryAcquire, kRelease };
struct PermitOperation {
  PermitCall call;
  bool succeeded = true;
};

// An object with kPermits permits, of which one client may hold several only if it is not kOwned. An owner acquires
// again without a permit.
template <int kPermits, bool kOwned>
struct PermitModel {
  using Operation = PermitOperation;
  using State = std::array<int, kClients>;  // How many each client holds.
  static std::string Text(const Operation& operation) {
    constexpr std::array kNames = {"Acquire", "Acquire(now)", "Release"};
    return absl::StrCat(kNames[static_cast<size_t>(operation.call)], operation.succeeded ? "" : ": none is free");
  }
  static std::optional<State> After(const State& state, int client, const Operation& operation) {
    State after = state;
    if (operation.call == PermitCall::kRelease) {
      --after[client];
      return after;
    }
    int taken = 0;
    for (const int held : state) taken += kOwned ? held > 0 : held;
    const bool free = taken < kPermits || (kOwned && state[client] > 0);
    if (operation.succeeded != free) return std::nullopt;
    if (operation.succeeded) ++after[client];
    return after;
  }
};

template <class Object>
struct Permits;
template <>
struct Permits<Lock> {
  using Model = PermitModel<1, false>;
  static Lock Make() { return *Lock::Create(); }
};
template <>
struct Permits<RLock> {
  using Model = PermitModel<1, true>;
  static RLock Make() { return *RLock::Create(); }
};
template <>
struct Permits<Semaphore> {
  using Model = PermitModel<2, false>;
  static Semaphore Make() { return *Semaphore::Create(2); }
};
template <>
struct Permits<BoundedSemaphore> {
  using Model = PermitModel<2, false>;
  static BoundedSemaphore Make() { return *BoundedSemaphore::Create(2); }
};

template <class Object>
class PermitHistory : public testing::Test {};
using PermitTypes = testing::Types<Lock, RLock, Semaphore, BoundedSemaphore>;
TYPED_TEST_SUITE(PermitHistory, PermitTypes);

TYPED_TEST(PermitHistory, IsThatOfASequentialObject) {
  TypeParam object = Permits<TypeParam>::Make();
  SharedHistory<PermitOperation> history;
  RunClients(kClients, 200, [&](int client, std::mt19937& random) {
    bool held = false;
    history.Record(client, {random() % 2 == 0 ? PermitCall::kAcquire : PermitCall::kTryAcquire},
                   [&](PermitOperation& operation) {
                     const bool waits = operation.call == PermitCall::kAcquire;
                     held = object.Acquire(waits ? Deadline::Never() : Deadline::Now()).ok();
                     operation.succeeded = held;
                   });
    if (!held) return true;
    if constexpr (std::is_same_v<TypeParam, RLock>) {
      if (random() % 4 == 0) {
        history.Record(client, {PermitCall::kAcquire}, [&](PermitOperation&) { held = object.Acquire().ok(); });
        history.Record(client, {PermitCall::kRelease}, [&](PermitOperation&) { held = held && object.Release().ok(); });
      }
    }
    history.Record(client, {PermitCall::kRelease}, [&](PermitOperation&) { held = held && object.Release().ok(); });
    return held;
  });
  EXPECT_TRUE(IsLinearizable<typename Permits<TypeParam>::Model>(history.Entries()));
}

TYPED_TEST(PermitHistory, IsRefusedIfAnAcquireTookNothing) {
  SharedHistory<PermitOperation> history;
  for (int client = 0; client < kClients; ++client) {
    history.Record(client, {PermitCall::kAcquire}, [](PermitOperation&) {});
  }
  EXPECT_FALSE(IsLinearizable<typename Permits<TypeParam>::Model>(history.Entries()));
}

TYPED_TEST(PermitHistory, IsRefusedIfAReleasedPermitIsNotFree) {
  SharedHistory<PermitOperation> history;
  history.Record(0, {PermitCall::kAcquire}, [](PermitOperation&) {});
  history.Record(0, {PermitCall::kRelease}, [](PermitOperation&) {});
  history.Record(1, {PermitCall::kTryAcquire}, [](PermitOperation& operation) { operation.succeeded = false; });
  EXPECT_FALSE(IsLinearizable<typename Permits<TypeParam>::Model>(history.Entries()));
}

// --- Event ---

enum class EventCall { kSet, kClear, kIsSet, kWait };
struct EventOperation {
  EventCall call;
  bool is_set = false;  // Of the last two: what they returned.
};
struct EventModel {
  using Operation = EventOperation;
  using State = bool;
  static std::string Text(const Operation& operation) {
    constexpr std::array kNames = {"Set", "Clear", "IsSet: ", "Wait: "};
    return absl::StrCat(kNames[static_cast<size_t>(operation.call)],
                        operation.call < EventCall::kIsSet ? "" : (operation.is_set ? "true" : "false"));
  }
  static std::optional<State> After(const State& state, int, const Operation& operation) {
    if (operation.call == EventCall::kSet) return true;
    if (operation.call == EventCall::kClear) return false;
    if (operation.is_set != state) return std::nullopt;
    return state;
  }
};

TEST(EventHistory, IsThatOfASequentialObject) {
  Event event = *Event::Create();
  SharedHistory<EventOperation> history;
  RunClients(kClients, 300, [&](int client, std::mt19937& random) {
    history.Record(client, {static_cast<EventCall>(random() % 4)}, [&](EventOperation& operation) {
      switch (operation.call) {
        case EventCall::kSet:
          return event.Set();
        case EventCall::kClear:
          return event.Clear();
        case EventCall::kIsSet:
          operation.is_set = event.IsSet();
          return;
        case EventCall::kWait:
          operation.is_set =
              event.Wait(random() % 2 == 0 ? Deadline::Now() : Deadline::After(absl::Microseconds(200))).ok();
          return;
      }
    });
    return true;
  });
  EXPECT_TRUE(IsLinearizable<EventModel>(history.Entries()));
}

TEST(EventHistory, IsRefusedIfASetIsLost) {
  Event event = *Event::Create();
  SharedHistory<EventOperation> history;
  history.Record(0, {EventCall::kSet}, [](EventOperation&) {});
  history.Record(1, {EventCall::kIsSet}, [&](EventOperation& operation) { operation.is_set = event.IsSet(); });
  EXPECT_FALSE(IsLinearizable<EventModel>(history.Entries()));
}

// --- Barrier ---

struct BarrierOperation {
  bool arrives;  // Else it leaves. A Wait is both, in the same time.
  int index;
};
struct BarrierModel {
  using Operation = BarrierOperation;
  using State = std::pair<unsigned, unsigned>;  // The clients that have arrived, and those that may leave.
  static std::string Text(const Operation& operation) {
    return absl::StrCat(operation.arrives ? "arrives, index " : "leaves, index ", operation.index);
  }
  static std::optional<State> After(const State& state, int client, const Operation& operation) {
    auto [arrived, leaving] = state;
    const unsigned me = 1U << client;
    if (!operation.arrives) {
      if ((leaving & me) == 0) return std::nullopt;
      return State(arrived, leaving & ~me);
    }
    if (((arrived | leaving) & me) != 0 || operation.index != std::popcount(arrived)) return std::nullopt;
    arrived |= me;
    if (std::popcount(arrived) < kClients) return State(arrived, leaving);
    return State(0, leaving | arrived);
  }
};

// Each Wait as its arrival and its leave.
std::vector<HistoryEntry<BarrierOperation>> Halves(const SharedHistory<BarrierOperation>& history) {
  std::vector<HistoryEntry<BarrierOperation>> halves;
  for (HistoryEntry<BarrierOperation> wait : history.Entries()) {
    wait.operation.arrives = true;
    halves.push_back(wait);
    wait.operation.arrives = false;
    halves.push_back(wait);
  }
  return halves;
}

TEST(BarrierHistory, IsThatOfASequentialObject) {
  Barrier barrier = *Barrier::Create(kClients);
  SharedHistory<BarrierOperation> history;
  RunClients(kClients, 150, [&](int client, std::mt19937&) {
    bool waited = false;
    history.Record(client, {}, [&](BarrierOperation& operation) {
      const absl::StatusOr<int> index = barrier.Wait();
      waited = index.ok();
      operation.index = index.value_or(-1);
    });
    return waited;
  });
  EXPECT_TRUE(IsLinearizable<BarrierModel>(Halves(history)));
}

TEST(BarrierHistory, IsRefusedIfAPartyIsNotWaitedFor) {
  SharedHistory<BarrierOperation> history;
  for (int client = 0; client < kClients; ++client) {
    history.Record(client, {}, [&](BarrierOperation& operation) { operation.index = client; });
  }
  EXPECT_FALSE(IsLinearizable<BarrierModel>(Halves(history))) << "the first left before the last arrived";
}

// --- Condition ---

enum class ConditionCall { kNotify, kEnter, kLeave };
struct ConditionOperation {
  ConditionCall call;
  int waiters = 0;        // To be notified.
  bool notified = false;  // What Wait returned.
};
struct ConditionModel {
  using Operation = ConditionOperation;
  using State = std::pair<int, int>;  // How many wait, and how many were notified and are still to return.
  static std::string Text(const Operation& operation) {
    if (operation.call == ConditionCall::kNotify) return absl::StrCat("Notify ", operation.waiters);
    return absl::StrCat(operation.call == ConditionCall::kEnter ? "begins to wait" : "returns from Wait",
                        operation.notified ? ", notified" : ", not notified");
  }
  static std::optional<State> After(const State& state, int, const Operation& operation) {
    auto [waiting, notified] = state;
    switch (operation.call) {
      case ConditionCall::kNotify: {
        const int count = std::min(waiting, operation.waiters);
        return State(waiting - count, notified + count);
      }
      case ConditionCall::kEnter:
        return State(waiting + 1, notified);
      case ConditionCall::kLeave:
        break;
    }
    if ((operation.notified ? notified : waiting) == 0) return std::nullopt;
    return operation.notified ? State(waiting, notified - 1) : State(waiting - 1, notified);
  }
};

std::vector<HistoryEntry<ConditionOperation>> Halves(const SharedHistory<ConditionOperation>& history) {
  std::vector<HistoryEntry<ConditionOperation>> halves;
  for (HistoryEntry<ConditionOperation> entry : history.Entries()) {
    halves.push_back(entry);
    if (entry.operation.call != ConditionCall::kEnter) continue;
    entry.operation.call = ConditionCall::kLeave;
    halves.push_back(entry);
  }
  return halves;
}

TEST(ConditionHistory, IsThatOfASequentialObject) {
  Condition condition = *Condition::Create();
  SharedHistory<ConditionOperation> history;
  RunClients(kClients, 150, [&](int client, std::mt19937& random) {
    if (!condition.Acquire().ok()) return false;
    bool went_well = true;
    const bool notifies = client == 0 || random() % 4 == 0;
    history.Record(client,
                   {notifies ? ConditionCall::kNotify : ConditionCall::kEnter, static_cast<int>(1 + random() % 2)},
                   [&](ConditionOperation& operation) {
                     if (notifies) {
                       went_well = condition.Notify(operation.waiters).ok();
                       return;
                     }
                     const auto waited = condition.Wait(Deadline::After(absl::Microseconds(random() % 500)));
                     went_well = waited.ok();
                     operation.notified = waited.ok() && waited->notified;
                   });
    return condition.Release().ok() && went_well;
  });
  EXPECT_TRUE(IsLinearizable<ConditionModel>(Halves(history)));
}

TEST(ConditionHistory, IsRefusedIfANotificationCameFromNobodyOrWasLost) {
  for (const bool notify : {false, true}) {
    SharedHistory<ConditionOperation> history;
    history.Record(0, {ConditionCall::kEnter}, [&](ConditionOperation& operation) {
      if (notify) history.Record(1, {ConditionCall::kNotify, 1}, [](ConditionOperation&) {});
      operation.notified = !notify;
    });
    std::vector<HistoryEntry<ConditionOperation>> halves = Halves(history);
    // The waiter entered before anything else, and returned last.
    halves[0].returned = halves[0].called;
    halves[1].called = halves[1].returned;
    EXPECT_FALSE(IsLinearizable<ConditionModel>(halves)) << notify;
  }
}

}  // namespace
}  // namespace regatta
