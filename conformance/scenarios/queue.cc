// Queues between processes.
#include "conformance/systems/core/subject/queue.h"

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "conformance/checks/counting.h"
#include "conformance/checks/events.h"
#include "conformance/checks/ordering.h"
#include "conformance/checks/outcome.h"
#include "conformance/scenarios/scenario.h"
#include "conformance/systems/core/gate.h"
#include "conformance/systems/core/recorder.h"
#include "conformance/systems/core/subject/process.h"
#include "core/os/deadline.h"

namespace regatta::conformance {
namespace {

using subject::Process;
using subject::Queue;

constexpr int kSentinel = -1;
constexpr absl::Duration kTimeout = absl::Milliseconds(50);

void Put(Queue<int> queue, const std::string& actor, const std::vector<int>& items) {
  for (const int item : items) {
    Record(actor, "put", {item}, [&] { return queue.Put(item); }).IgnoreError();  // In the trace.
  }
}

// Until the sentinel or an error.
void GetToSentinel(Queue<int> queue, const std::string& actor) {
  for (;;) {
    const absl::StatusOr<int> item = Record(actor, "get", {}, [&] { return queue.Get(); });
    if (!item.ok() || *item == kSentinel) return;
  }
}

// Two items are there when the reader begins.
void PutFour(Queue<int> queue, Gate ready) {
  Put(queue, "writer", {11, 22});
  ready.Open();
  Put(queue, "writer", {33, 44, kSentinel});
}

void GetFour(Queue<int> queue, Gate ready) {
  ready.Pass();
  GetToSentinel(queue, "reader");
}

void PlayFull(StartMethod) {
  Queue<int> queue = Must(Queue<int>::Create(3));
  Put(queue, "main", {1, 2});
  Tell("main", "full", {queue.full()});
  Put(queue, "main", {3});
  Tell("main", "full", {queue.full()});
  Tell("main", "size", {queue.size()});
}

void PlayPutTimeout(StartMethod) {
  Queue<int> queue = Must(Queue<int>::Create(3));
  Put(queue, "main", {1, 2, 3});
  Record("main", "late put", {4}, [&] { return queue.Put(4, Deadline::After(kTimeout)); }).IgnoreError();
  Tell("main", "size", {queue.size()});
  for (int i = 0; i < 3; ++i) Record("main", "get", {}, [&] { return queue.Get(); }).IgnoreError();
}

void PlayFourThroughThree(StartMethod method) {
  const Queue<int> queue = Must(Queue<int>::Create(3));
  const Gate ready;
  Process writer = Must(Process::Start({.method = method}, &PutFour, queue, ready));
  Process reader = Must(Process::Start({.method = method}, &GetFour, queue, ready));
  TellExit("writer", writer.Join());
  TellExit("reader", reader.Join());
}

}  // namespace

std::vector<Scenario> QueueScenarios() {
  return {
      {.id = "queue/full",
       .expectations = {Succeeds(Events("put")), Sequence(Events("full"), Single({false, true})),
                        Sequence(Events("size"), Single({3}))},
       .play = &PlayFull},
      {.id = "queue/put-timeout",
       .expectations = {FailsWith(Events("late put"), "full"), NotSooner(Events("late put"), kTimeout),
                        Sequence(Events("size"), Single({3})), Sequence(Events("get"), Single({1, 2, 3}))},
       .play = &PlayPutTimeout},
      {.id = "queue/four-through-three",
       .expectations = {Succeeds(Events("put")), SameMultiset(Events("put"), Events("get")),
                        OrderOfEachProducer(Events("put"), Events("get")),
                        Sequence(Events("get").Ok(), Single({11, 22, 33, 44, kSentinel})), EndsWith("writer", 0),
                        EndsWith("reader", 0)},
       .play = &PlayFourThroughThree},
  };
}

}  // namespace regatta::conformance
