// What several processes get from queues, values and connections is what one sequential object could have returned. For
// each type there is a wrong history too, which the check must refuse.
#include <array>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "core/ipc/connection.h"
#include "core/ipc/queue.h"
#include "core/ipc/value.h"
#include "core/os/deadline.h"
#include "core/os/error.h"
#include "core/testing/linearizability.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

constexpr int kClients = 3;

// --- Queue ---

struct Item {
  int32_t producer;
  int32_t number;  // Of the producer's items.
};
struct QueueOperation {
  bool puts;
  Item item;          // Put, or got.
  bool found = true;  // Of a get.
};
// Each producer's items come in its order. The order among producers is free, so each has a queue of its own. A look
// that finds nothing has looked at one of these after another, which is no single moment: it is checked only with one
// producer.
template <int kProducers>
struct QueueModel {
  using Operation = QueueOperation;
  struct State {
    std::array<int32_t, kClients> put{}, got{};
    auto operator<=>(const State&) const = default;
  };
  static std::string Text(const Operation& operation) {
    if (!operation.found) return "get: nothing";
    return absl::StrCat(operation.puts ? "put " : "get: ", operation.item.producer, "/", operation.item.number);
  }
  static std::optional<State> After(const State& state, int, const Operation& operation) {
    State after = state;
    if (!operation.found) return kProducers > 1 || state.put == state.got ? std::optional(after) : std::nullopt;
    const auto [producer, number] = operation.item;
    if (operation.puts) {
      if (after.put[producer]++ != number) return std::nullopt;
    } else if (after.got[producer]++ != number || number >= after.put[producer]) {
      return std::nullopt;
    }
    return after;
  }
};

template <int kProducers>
void CheckQueue() {
  Queue<Item> queue = *Queue<Item>::Create();
  SharedHistory<QueueOperation> history;
  std::array<int32_t, kClients> next{};  // Each client's copy has its own.
  RunClients(kClients, 300, [&](int client, std::mt19937& random) {
    bool went_well = true;
    const bool puts = client < kProducers && random() % 2 == 0;
    history.Record(client, {puts, {client, puts ? next[client]++ : 0}}, [&](QueueOperation& operation) {
      if (puts) {
        went_well = queue.Put(operation.item).ok();
        return;
      }
      const absl::StatusOr<Item> item = queue.Get(Deadline::Now());
      operation.found = item.ok();
      went_well = item.ok() || absl::IsUnavailable(item.status());
      if (item.ok()) operation.item = *item;
    });
    return went_well;
  });
  EXPECT_TRUE(IsLinearizable<QueueModel<kProducers>>(history.Entries()));
}

TEST(QueueHistory, OfSeveralProducersIsThatOfASequentialObject) { CheckQueue<kClients>(); }
TEST(QueueHistory, OfOneProducerIsThatOfASequentialObject) { CheckQueue<1>(); }

TEST(QueueHistory, IsRefusedIfAnItemComesTwiceIsOvertakenOrIsNotSeen) {
  for (const QueueOperation wrong : {QueueOperation{false, {0, 0}}, {false, {0, 2}}, {false, {}, false}}) {
    SharedHistory<QueueOperation> history;
    for (const int number : {0, 1, 2}) history.Record(0, {true, {0, number}}, [](QueueOperation&) {});
    history.Record(1, {false, {0, 0}}, [](QueueOperation&) {});
    history.Record(1, wrong, [](QueueOperation&) {});
    EXPECT_FALSE(IsLinearizable<QueueModel<1>>(history.Entries())) << QueueModel<1>::Text(wrong);
  }
}

// --- Value ---

enum class ValueCall { kGet, kSet, kFetchAdd, kCompareExchange, kUpdate };
struct ValueOperation {
  ValueCall call;
  int64_t argument = 0;  // What it sets, adds, or puts in the place of `seen`.
  int64_t seen = 0;      // The value before.
  bool done = true;      // Of CompareExchange.
};
struct ValueModel {
  using Operation = ValueOperation;
  using State = int64_t;
  static std::string Text(const Operation& operation) {
    constexpr std::array kNames = {"Get", "Set", "FetchAdd", "CompareExchange", "Update"};
    return absl::StrCat(kNames[static_cast<size_t>(operation.call)], " ", operation.argument, ", saw ", operation.seen,
                        operation.done ? "" : ": another value");
  }
  static std::optional<State> After(const State& state, int, const Operation& operation) {
    if (operation.call == ValueCall::kSet) return operation.argument;
    if (operation.seen != state) return std::nullopt;
    switch (operation.call) {
      case ValueCall::kFetchAdd:
        return state + operation.argument;
      case ValueCall::kUpdate:
        return state / 2 + operation.argument;
      case ValueCall::kCompareExchange:
        return operation.done ? operation.argument : state;
      default:
        return state;
    }
  }
};

TEST(ValueHistory, IsThatOfASequentialObject) {
  Value<int64_t> value = *Value<int64_t>::Create(0);
  SharedHistory<ValueOperation> history;
  RunClients(kClients, 300, [&](int client, std::mt19937& random) {
    const ValueOperation asked{static_cast<ValueCall>(random() % 5), static_cast<int64_t>(random() % 3), 0};
    history.Record(client, asked, [&](ValueOperation& operation) {
      switch (operation.call) {
        case ValueCall::kGet:
          operation.seen = value.Get();
          return;
        case ValueCall::kSet:
          return value.Set(operation.argument);
        case ValueCall::kFetchAdd:
          operation.seen = value.FetchAdd(operation.argument);
          return;
        case ValueCall::kCompareExchange:
          // The value that it expects is one that is often there.
          operation.seen = static_cast<int64_t>(random() % 3);
          operation.done = value.CompareExchange(operation.seen, operation.argument);
          return;
        case ValueCall::kUpdate:
          value
              .Update([&](int64_t& it) {
                operation.seen = it;
                it = it / 2 + operation.argument;
              })
              .IgnoreError();  // Without a deadline it has none.
          return;
      }
    });
    return true;
  });
  EXPECT_TRUE(IsLinearizable<ValueModel>(history.Entries()));
}

TEST(ValueHistory, IsRefusedIfAnAdditionIsLost) {
  SharedHistory<ValueOperation> history;
  for (int client = 0; client < 2; ++client) {
    history.Record(client, {ValueCall::kFetchAdd, 1}, [](ValueOperation& operation) { operation.seen = 0; });
  }
  EXPECT_FALSE(IsLinearizable<ValueModel>(history.Entries()));
}

// --- Connection ---

struct MessageOperation {
  bool sends;
  int number = 0;    // Sent, or received: a client's messages are numbered from 0 on.
  bool done = true;  // False: there was nothing, or the other client has ended.
};
// Clients 0 and 1 have an end each.
struct ConnectionModel {
  using Operation = MessageOperation;
  struct State {
    std::array<int, 2> sent{}, received{};
    auto operator<=>(const State&) const = default;
  };
  static std::string Text(const Operation& operation) {
    return absl::StrCat(operation.sends ? "send " : "receive: ", operation.number, operation.done ? "" : ", not done");
  }
  static std::optional<State> After(const State& state, int client, const Operation& operation) {
    State after = state;
    const int sender = operation.sends ? client : 1 - client;
    if (!operation.done) {
      return operation.sends || after.sent[sender] == after.received[sender] ? std::optional(after) : std::nullopt;
    }
    if (operation.number != (operation.sends ? after.sent : after.received)[sender]++) return std::nullopt;
    if (after.received[sender] > after.sent[sender]) return std::nullopt;
    return after;
  }
};

TEST(ConnectionHistory, IsThatOfASequentialObject) {
  PipeEnds<int> ends = *Pipe<int>();
  SharedHistory<MessageOperation> history;
  int next = 0;  // Each client's copy is its own.
  RunClients(2, 400, [&](int client, std::mt19937& random) {
    const Connection<int>& mine = client == 0 ? ends.first : ends.second;
    bool went_well = true;
    const bool sends = random() % 2 == 0;
    history.Record(client, {sends, sends ? next++ : 0}, [&](MessageOperation& operation) {
      absl::Status status;
      if (sends) {
        status = mine.Send(operation.number);
      } else {
        const absl::StatusOr<int> message = mine.Recv(Deadline::Now());
        status = message.status();
        operation.number = message.value_or(0);
      }
      operation.done = status.ok();
      went_well = status.ok() || IsEmpty(status) || IsEndOfFile(status);
    });
    return went_well;
  });
  EXPECT_TRUE(IsLinearizable<ConnectionModel>(history.Entries()));
}

TEST(ConnectionHistory, IsRefusedIfAMessageIsLostOrComesToItsSender) {
  for (const int receiver : {0, 1}) {
    SharedHistory<MessageOperation> history;
    for (const int number : {0, 1}) history.Record(0, {true, number}, [](MessageOperation&) {});
    history.Record(receiver, {false, 1}, [](MessageOperation&) {});
    EXPECT_FALSE(IsLinearizable<ConnectionModel>(history.Entries())) << receiver;
  }
}

}  // namespace
}  // namespace regatta
