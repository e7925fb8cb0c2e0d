// Queues: items on their way from process to process.
#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "conformance/checks/counting.h"
#include "conformance/checks/events.h"
#include "conformance/checks/ordering.h"
#include "conformance/checks/outcome.h"
#include "conformance/scenarios/scenario.h"
#include "conformance/systems/core/gate.h"
#include "conformance/systems/core/recorder.h"
#include "conformance/systems/core/subject/pool.h"
#include "conformance/systems/core/subject/process.h"
#include "conformance/systems/core/subject/queue.h"
#include "core/os/deadline.h"

namespace regatta::conformance {
namespace {

using subject::Process;
using subject::Queue;

constexpr int kSentinel = -1;
// How long a getter is held up by an empty queue, and how much of this it may spend on a processor: it sleeps.
constexpr absl::Duration kHeldUp = absl::Milliseconds(200);
constexpr absl::Duration kAwake = absl::Milliseconds(20);

template <class T>
void Put(Queue<T> queue, const std::string& actor, const std::vector<T>& items) {
  for (const T& item : items) {
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

// The documents' loop: until the queue says for the first time that it is empty.
void GetToEmpty(Queue<int> queue, const std::string& actor) {
  do {
    if (!Record(actor, "get", {}, [&] { return queue.Get(); }).ok()) return;
  } while (!queue.empty());
}

// What it says that it has, without waiting.
template <class T>
void Drain(Queue<T> queue, const std::string& actor, const std::string& kind) {
  const int64_t size = queue.size();
  Tell(actor, "size", {size});
  for (int64_t i = 0; i < size; ++i) Record(actor, kind, {}, [&] { return queue.TryGet(); }).IgnoreError();
}

void PutLetters(Queue<std::string> queue, const std::vector<std::string>& letters) { Put(queue, "writer", letters); }

void PlayDrain(StartMethod method) {
  Queue<std::string> queue = Must(Queue<std::string>::Create(3));
  // What a process that has ended has put is in the queue.
  const std::vector<std::string> messages = {"message 1", "message 2", "message 3"};
  Process writer = Must(Process::Start({.method = method}, &PutLetters, queue, messages));
  TellExit("writer", writer.Join());
  Drain(queue, "main", "get");
  Tell("main", "empty", {queue.empty()});
  Record("main", "get of nothing", {}, [&] { return queue.TryGet(); }).IgnoreError();
  // So is what was put just now.
  Queue<std::string> another = Must(Queue<std::string>::Create(3));
  Put(another, "main", messages);
  Drain(another, "main", "get at once");
}

void GetWhileNotEmpty(Queue<std::string> queue) {
  while (!queue.empty()) Record("reader", "get", {}, [&] { return queue.Get(); }).IgnoreError();
}

void PlayFifoTwoProcesses(StartMethod method) {
  const Queue<std::string> queue = Must(Queue<std::string>::Create());
  Process writer =
      Must(Process::Start({.method = method}, &PutLetters, queue, std::vector<std::string>{"A", "B", "C"}));
  TellExit("writer", writer.Join());
  Process reader = Must(Process::Start({.method = method}, &GetWhileNotEmpty, queue));
  TellExit("reader", reader.Join());
}

void PutWhereThereIsRoom(Queue<int> queue, const std::vector<int>& items) {
  for (const int item : items) {
    if (queue.full()) {
      Tell("writer", "no room", {item});
    } else {
      Put(queue, "writer", {item});
    }
  }
}

// Who reads, and when.
enum class Reader {
  kLate,   // After the fourth item was offered.
  kEager,  // Takes one before that.
  kFree,   // When it comes.
  kHasty,  // When it comes, and only until the queue is empty.
};

void OfferFour(Queue<int> queue, Reader reader, Gate ready, Gate taken) {
  if (reader == Reader::kFree || reader == Reader::kHasty) ready.Open();
  PutWhereThereIsRoom(queue, {11, 22, 33});
  if (reader == Reader::kEager) {
    ready.Open();
    taken.Pass();
  }
  PutWhereThereIsRoom(queue, {44});
  if (reader == Reader::kLate) ready.Open();
  if (reader != Reader::kHasty) Put(queue, "writer", {kSentinel});
}

void ReadWhatIsOffered(Queue<int> queue, Reader reader, Gate ready, Gate taken) {
  ready.Pass();
  switch (reader) {
    case Reader::kLate:
      return GetToSentinel(queue, "late reader");
    case Reader::kEager:
      Record("eager reader", "get", {}, [&] { return queue.Get(); }).IgnoreError();
      taken.Open();
      return GetToSentinel(queue, "eager reader");
    case Reader::kFree:
      return GetToSentinel(queue, "free reader");
    case Reader::kHasty:
      return GetToEmpty(queue, "hasty reader");
  }
}

void PlayQFullGuard(StartMethod method) {
  for (const Reader kind : {Reader::kLate, Reader::kEager, Reader::kFree, Reader::kHasty}) {
    const Queue<int> queue = Must(Queue<int>::Create(3));
    const Gate ready;
    const Gate taken;
    Process writer = Must(Process::Start({.method = method}, &OfferFour, queue, kind, ready, taken));
    Process reader = Must(Process::Start({.method = method}, &ReadWhatIsOffered, queue, kind, ready, taken));
    TellExit("writer", writer.Join());
    TellExit("reader", reader.Join());
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

void PutFourWithoutSentinel(Queue<int> queue) { Put(queue, "hasty writer", {11, 22, 33, 44}); }

void GetHastily(Queue<int> queue) { GetToEmpty(queue, "hasty reader"); }

void PlayFourThroughThree(StartMethod method) {
  const Queue<int> queue = Must(Queue<int>::Create(3));
  const Gate ready;
  Process writer = Must(Process::Start({.method = method}, &PutFour, queue, ready));
  Process reader = Must(Process::Start({.method = method}, &GetFour, queue, ready));
  TellExit("writer", writer.Join());
  TellExit("reader", reader.Join());

  const Queue<int> another = Must(Queue<int>::Create(3));
  Process hasty_writer = Must(Process::Start({.method = method}, &PutFourWithoutSentinel, another));
  Process hasty_reader = Must(Process::Start({.method = method}, &GetHastily, another));
  TellExit("hasty writer", hasty_writer.Join());
  TellExit("hasty reader", hasty_reader.Join());
}

// The queue is empty between the first item and the others, for as long as the reader needs to see it.
void PutWithAGap(Queue<int> queue, const std::vector<int>& others, Gate seen_empty) {
  Put(queue, "writer", {11});
  seen_empty.Pass();
  Put(queue, "writer", others);
}

void StopWhereEmpty(Queue<int> queue, Gate seen_empty) {
  GetToEmpty(queue, "hasty reader");
  seen_empty.Open();
}

void GoOnWhereEmpty(Queue<int> queue, Gate seen_empty) {
  Record("patient reader", "get", {}, [&] { return queue.Get(); }).IgnoreError();
  Tell("patient reader", "empty", {queue.empty()});
  seen_empty.Open();
  GetToSentinel(queue, "patient reader");
}

void PlayEmptyIsAHint(StartMethod method) {
  const Queue<int> queue = Must(Queue<int>::Create());
  const Gate stopped;
  Process writer = Must(Process::Start({.method = method}, &PutWithAGap, queue, std::vector<int>{22, 33}, stopped));
  Process hasty = Must(Process::Start({.method = method}, &StopWhereEmpty, queue, stopped));
  TellExit("writer", writer.Join());
  TellExit("hasty reader", hasty.Join());
  Drain(queue, "main", "get of the rest");

  const Queue<int> another = Must(Queue<int>::Create());
  const Gate goes_on;
  Process again =
      Must(Process::Start({.method = method}, &PutWithAGap, another, std::vector<int>{22, kSentinel}, goes_on));
  Process patient = Must(Process::Start({.method = method}, &GoOnWhereEmpty, another, goes_on));
  TellExit("writer", again.Join());
  TellExit("patient reader", patient.Join());
}

absl::Duration CpuTimeOfThisThread() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return absl::DurationFromTimespec(time);
}

void GetAndSleep(Queue<int> queue, Gate ready) {
  Tell("reader", "empty", {queue.empty()});
  ready.Open();
  const absl::Duration before = CpuTimeOfThisThread();
  Record("reader", "get", {}, [&] { return queue.Get(); }).IgnoreError();
  Tell("reader", "slept", {CpuTimeOfThisThread() - before < kAwake});
}

void PlayGetBlocks(StartMethod method) {
  const Queue<int> queue = Must(Queue<int>::Create());
  const Gate ready;
  Process reader = Must(Process::Start({.method = method}, &GetAndSleep, queue, ready));
  ready.Pass();
  Queue<int> nobodys = Must(Queue<int>::Create());
  Record("main", "get of nothing", {}, [&] { return nobodys.Get(Deadline::After(kHeldUp)); }).IgnoreError();
  Put(queue, "main", {7});
  TellExit("reader", reader.Join());
}

void Produce(Queue<int> queue, Gate turn, Gate done) {
  for (int i = 1;; ++i) {
    turn.Pass();
    Put(queue, "producer", {i});
    done.Open();
  }
}

void Consume(Queue<int> queue, Gate turn, Gate done) {
  for (;;) {
    turn.Pass();
    Record("consumer", "get", {}, [&] { return queue.Get(); }).IgnoreError();
    done.Open();
  }
}

void GetOne(Queue<int> queue) {
  Record("heir", "get", {}, [&] { return queue.Get(); }).IgnoreError();
}

void PlayProducerConsumer(StartMethod method) {
  const Queue<int> queue = Must(Queue<int>::Create());
  const Gate produce;
  const Gate produced;
  const Gate consume;
  const Gate consumed;
  Process producer = Must(Process::Start({.method = method}, &Produce, queue, produce, produced));
  Process consumer = Must(Process::Start({.method = method}, &Consume, queue, consume, consumed));
  for (const int more : {2, 3}) {
    produce.Open(more);
    produced.Pass(more);
    Tell("main", "backlog", {queue.size()});
  }
  consume.Open(2);
  consumed.Pass(2);
  Tell("main", "backlog", {queue.size()});
  // Both at once.
  produce.Open(4);
  consume.Open(7);
  produced.Pass(4);
  consumed.Pass(7);
  // Nobody is inside the queue any more once somebody else's item has gone the same way.
  Put(queue, "main", {100});
  consume.Open();
  consumed.Pass();
  Must(producer.Terminate());
  Must(consumer.Terminate());
  TellExit("producer", producer.Join());
  TellExit("consumer", consumer.Join());

  Process heir = Must(Process::Start({.method = method}, &GetOne, queue));
  Put(queue, "main", {200});
  TellExit("heir", heir.Join());
}

int WriteTask(Queue<std::string> queue) {
  PutLetters(queue, {"i", "t", "c", "a", "s", "t"});
  return 0;
}

int ReadTask(Queue<std::string> queue) {
  Drain(queue, "reader", "get");
  return 0;
}

void PlayInPool(StartMethod method) {
  const Queue<std::string> queue = Must(Queue<std::string>::Create());
  subject::Pool pool = Must(subject::Pool::Create({.workers = 2, .method = method}));
  for (int (*task)(Queue<std::string>) : {&WriteTask, &ReadTask}) {
    Record("main", "task", {}, [&] { return pool.Apply(task, queue).status(); }).IgnoreError();
  }
  Must(pool.Close());
  Must(pool.Join());
}

}  // namespace

std::vector<Scenario> QueueTrafficScenarios() {
  const Events put("put");
  const Events get("get");
  const std::vector<Values> four = Single({11, 22, 33, 44});
  const std::vector<Values> four_and_sentinel = Single({11, 22, 33, 44, kSentinel});
  const std::vector<Values> three_and_sentinel = Single({11, 22, 33, kSentinel});
  const std::vector<Values> messages = Single({"message 1", "message 2", "message 3"});
  return {
      {.id = "queue/drain",
       .expectations = {Succeeds(put), EndsWith("writer", 0), Sequence(Events("size"), Single({3, 3})),
                        Sequence(get.Ok(), messages), Sequence(Events("empty"), Single({true})),
                        FailsWith(Events("get of nothing"), "empty"), Sequence(Events("get at once").Ok(), messages)},
       .play = &PlayDrain},
      {.id = "queue/fifo-two-processes",
       .expectations = {Succeeds(put), Succeeds(get), Before(put, get), OtherProcess(put, get),
                        Sequence(get.By("reader"), Single({"A", "B", "C"})), EndsWith("writer", 0),
                        EndsWith("reader", 0)},
       .play = &PlayFifoTwoProcesses},
      {.id = "queue/q-full-guard",
       .expectations = {Succeeds(put), Sequence(get.By("late reader").Ok(), three_and_sentinel),
                        Sequence(get.By("eager reader").Ok(), four_and_sentinel),
                        AnyOf("the free reader gets what there was room for",
                              {Sequence(get.By("free reader").Ok(), three_and_sentinel),
                               Sequence(get.By("free reader").Ok(), four_and_sentinel)}),
                        Prefix(get.By("hasty reader").Ok(), four, 1), EndsWith("writer", 0), EndsWith("reader", 0)},
       .play = &PlayQFullGuard},
      {.id = "queue/four-through-three",
       .expectations = {Succeeds(put), SameMultiset(put.By("writer"), get.By("reader")),
                        OrderOfEachProducer(put.By("writer"), get.By("reader")),
                        Sequence(get.By("reader").Ok(), four_and_sentinel),
                        Prefix(get.By("hasty reader").Ok(), four, 1), EndsWith("writer", 0), EndsWith("reader", 0),
                        EndsWith("hasty writer", 0), EndsWith("hasty reader", 0)},
       .play = &PlayFourThroughThree},
      {.id = "queue/empty-is-a-hint",
       .expectations = {Succeeds(put), Sequence(get.By("hasty reader").Ok(), Single({11})),
                        Sequence(Events("get of the rest").Ok(), Single({22, 33})),
                        Sequence(Events("empty").By("patient reader"), Single({true})),
                        Sequence(get.By("patient reader").Ok(), Single({11, 22, kSentinel})), EndsWith("writer", 0),
                        EndsWith("hasty reader", 0), EndsWith("patient reader", 0)},
       .play = &PlayEmptyIsAHint},
      {.id = "queue/get-blocks",
       .expectations = {Sequence(Events("empty"), Single({true})), FailsWith(Events("get of nothing"), "empty"),
                        Before(Events("get of nothing"), put), Sequence(get.Ok(), Single({7})), OtherProcess(put, get),
                        Sequence(Events("slept"), Single({true})), EndsWith("reader", 0)},
       .play = &PlayGetBlocks},
      {.id = "queue/producer-consumer",
       .expectations = {Succeeds(put), Sequence(Events("backlog"), Single({2, 5, 3})),
                        Sequence(get.By("consumer").Ok(), Single({1, 2, 3, 4, 5, 6, 7, 8, 9, 100})),
                        OrderOfEachProducer(put, get), EndsWith("producer", -15), EndsWith("consumer", -15),
                        Sequence(get.By("heir").Ok(), Single({200})), EndsWith("heir", 0)},
       .play = &PlayProducerConsumer},
      {.id = "queue/in-pool",
       .expectations = {Succeeds(Events("task")),
                        Sequence(get.By("reader").Ok(), Single({"i", "t", "c", "a", "s", "t"}))},
       .play = &PlayInPool},
  };
}

}  // namespace regatta::conformance
