// For tests: whether one order of operations explains every result that several processes got from one object.
//
//   SharedHistory<Operation> history(kClients);              // Before the fork.
//   history.Record(client, operation, [&](Operation& operation) { operation.result = object.Do(operation.argument); });
//   EXPECT_TRUE(IsLinearizable<Model>(history.Entries()));   // After all clients have ended.
//
// Model      A sequential object: `State`, copyable and with operator<; `Operation`, trivially copyable, with what was
//            asked and what was returned; `static std::string Text(const Operation&)`; and
//            `static std::optional<State> After(const State&, int client, const Operation&)`: the state after the
//            operation, or nothing if the operation can't return that result in this state.
// Times      All moments come from one shared counter: an operation that returned before another one was called has the
//            lower number.
// Deaths     An operation whose client died in it has no result. It may have taken effect, or not.
// Source     The search is Wing and Gong's ("Testing and verifying concurrent objects", 1993) with Lowe's memory of
//            where it has been ("Testing for linearizability", 2017), as porcupine has it
//            (github.com/anishathalye/porcupine).
#ifndef REGATTA_CORE_TESTING_LINEARIZABILITY_H_
#define REGATTA_CORE_TESTING_LINEARIZABILITY_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "core/testing/forked_child.h"
#include "gtest/gtest.h"

namespace regatta {

template <class Operation>
struct HistoryEntry {
  static constexpr uint64_t kNever = UINT64_MAX;
  uint64_t called = 0;
  uint64_t returned = kNever;
  int client = 0;
  Operation operation{};
};

// What up to kMostClients processes did, each up to kMostOperations operations.
template <class Operation>
class SharedHistory {
 public:
  static constexpr int kMostClients = 8;
  static constexpr int kMostOperations = 2000;

  // Calls `act`, which carries `operation` out and writes its result there, and notes when that was. `client` is the
  // caller's own number.
  template <class Act>
  void Record(int client, Operation operation, Act act) {
    Client& mine = memory_->clients[client];
    const int at = mine.count.load(std::memory_order_relaxed);
    if (at == kMostOperations) std::abort();
    Slot& slot = mine.slots[at];
    slot.operation = operation;
    slot.called = memory_->clock.fetch_add(1, std::memory_order_seq_cst);
    mine.count.store(at + 1, std::memory_order_release);
    act(operation);
    const uint64_t returned = memory_->clock.fetch_add(1, std::memory_order_seq_cst);
    slot.operation = operation;
    slot.returned.store(returned, std::memory_order_release);
  }

  // All of it; the clients have ended.
  std::vector<HistoryEntry<Operation>> Entries() const {
    std::vector<HistoryEntry<Operation>> all;
    for (int client = 0; client < kMostClients; ++client) {
      const Client& its = memory_->clients[client];
      for (int i = 0; i < its.count.load(std::memory_order_acquire); ++i) {
        const uint64_t returned = its.slots[i].returned.load(std::memory_order_acquire);
        all.push_back({its.slots[i].called, returned == 0 ? HistoryEntry<Operation>::kNever : returned, client,
                       its.slots[i].operation});
      }
    }
    return all;
  }

 private:
  struct Slot {
    uint64_t called;
    std::atomic<uint64_t> returned;  // 0: not yet.
    Operation operation;
  };
  struct alignas(128) Client {
    std::atomic<int> count;
    Slot slots[kMostOperations];
  };
  struct Memory {
    alignas(128) std::atomic<uint64_t> clock{1};
    Client clients[kMostClients];
  };
  Shared<Memory> memory_;
};

// Forks `clients` processes, each of which calls `round` `rounds` times, with its number and with random numbers of its
// own, and waits for them. A test fails if a `round` returned false.
inline void RunClients(int clients, int rounds, absl::FunctionRef<bool(int client, std::mt19937& random)> round) {
  std::vector<ForkedChild> children;
  for (int client = 0; client < clients; ++client) {
    children.emplace_back([&, client] {
      std::mt19937 random(static_cast<uint32_t>(client));
      for (int i = 0; i < rounds; ++i) REGATTA_CHILD_REQUIRE(round(client, random));
      return 0;
    });
  }
  for (ForkedChild& child : children) ASSERT_EQ(child.Wait(), 0);
}

// Whether some order of the operations, in which each takes effect between its call and its return, explains all
// results by `Model`. The text of a failure shows the operations of which none could come next.
template <class Model>
testing::AssertionResult IsLinearizable(std::vector<HistoryEntry<typename Model::Operation>> entries) {
  using State = typename Model::State;
  using Entry = HistoryEntry<typename Model::Operation>;
  constexpr size_t kMostStates = 2'000'000;  // A search through more takes too long for a test.
  constexpr size_t kEnd = SIZE_MAX;

  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.called < b.called; });
  const size_t size = entries.size();
  // The moments in order, as a list that operations are taken out of as the search puts them in their place.
  struct Moment {
    size_t entry;
    bool is_return;
    size_t next, previous;
  };
  std::vector<std::pair<uint64_t, std::pair<size_t, bool>>> times;
  for (size_t i = 0; i < size; ++i) {
    times.push_back({entries[i].called, {i, false}});
    if (entries[i].returned != Entry::kNever) times.push_back({entries[i].returned, {i, true}});
  }
  std::sort(times.begin(), times.end());
  std::vector<Moment> list(times.size() + 1);  // The first is the head.
  std::vector<size_t> call_at(size), return_at(size, kEnd);
  for (size_t i = 0; i < times.size(); ++i) {
    const auto [entry, is_return] = times[i].second;
    list[i + 1] = {entry, is_return, i + 2 <= times.size() ? i + 2 : kEnd, i};
    (is_return ? return_at : call_at)[entry] = i + 1;
  }
  list[0] = {0, false, times.empty() ? kEnd : 1, kEnd};
  const auto take_out = [&](size_t at) {
    list[list[at].previous].next = list[at].next;
    if (list[at].next != kEnd) list[list[at].next].previous = list[at].previous;
  };
  const auto put_back = [&](size_t at) {
    list[list[at].previous].next = at;
    if (list[at].next != kEnd) list[list[at].next].previous = at;
  };

  size_t left = static_cast<size_t>(std::count_if(entries.begin(), entries.end(),
                                                  [](const Entry& entry) { return entry.returned != Entry::kNever; }));
  State state{};
  std::vector<uint64_t> placed((size + 63) / 64);
  std::set<std::pair<std::vector<uint64_t>, State>> seen;
  std::vector<std::pair<size_t, State>> stack;  // The moment of the call, and the state before.
  size_t deepest = 0;
  std::string stuck;
  size_t at = list[0].next;
  while (left > 0) {
    if (at != kEnd && !list[at].is_return) {
      const size_t entry = list[at].entry;
      std::optional<State> after = Model::After(state, entries[entry].client, entries[entry].operation);
      if (after.has_value()) {
        placed[entry / 64] |= uint64_t{1} << (entry % 64);
        if (seen.insert({placed, *after}).second) {
          if (seen.size() > kMostStates) return testing::AssertionFailure() << "the history is too long to be checked";
          stack.push_back({at, std::exchange(state, *std::move(after))});
          take_out(at);
          if (return_at[entry] != kEnd) {
            take_out(return_at[entry]);
            --left;
          }
          at = list[0].next;
          continue;
        }
        placed[entry / 64] &= ~(uint64_t{1} << (entry % 64));
      }
      at = list[at].next;
      continue;
    }
    // An operation returned here, and no order explains that.
    if (stack.size() >= deepest) {
      deepest = stack.size();
      stuck.clear();
      for (size_t open = list[0].next; open != kEnd; open = list[open].next) {
        const Entry& entry = entries[list[open].entry];
        if (!list[open].is_return) {
          absl::StrAppend(&stuck, "\n  client ", entry.client, ", ", entry.called, " to ", entry.returned, ": ",
                          Model::Text(entry.operation));
        }
        if (open == at) break;
      }
    }
    if (stack.empty()) {
      return testing::AssertionFailure() << "no order explains the results: after " << deepest << " of " << size
                                         << " operations none of these could come next:" << stuck;
    }
    const size_t call = stack.back().first;
    state = std::move(stack.back().second);
    stack.pop_back();
    const size_t entry = list[call].entry;
    placed[entry / 64] &= ~(uint64_t{1} << (entry % 64));
    if (return_at[entry] != kEnd) {
      put_back(return_at[entry]);
      ++left;
    }
    put_back(call);
    at = list[call].next;
  }
  return testing::AssertionSuccess();
}

}  // namespace regatta

#endif  // REGATTA_CORE_TESTING_LINEARIZABILITY_H_
