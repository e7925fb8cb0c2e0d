// Queues: what a call says and when: full, empty, late, closed, out of memory.
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "conformance/checks/counting.h"
#include "conformance/checks/events.h"
#include "conformance/checks/ordering.h"
#include "conformance/checks/outcome.h"
#include "conformance/scenarios/scenario.h"
#include "conformance/systems/core/gate.h"
#include "conformance/systems/core/recorder.h"
#include "conformance/systems/core/subject/process.h"
#include "conformance/systems/core/subject/queue.h"
#include "core/os/deadline.h"

namespace regatta::conformance {
namespace {

using subject::Process;
using subject::Queue;

constexpr absl::Duration kTimeout = absl::Milliseconds(50);
constexpr absl::Duration kNegative = absl::Seconds(-1);
constexpr absl::Duration kWatchdog = absl::Seconds(20);

void Put(Queue<int> queue, const std::string& actor, const std::vector<int>& items) {
  for (const int item : items) {
    Record(actor, "put", {item}, [&] { return queue.Put(item); }).IgnoreError();  // In the trace.
  }
}

void Get(Queue<int> queue, const std::string& actor, int times) {
  for (int i = 0; i < times; ++i) Record(actor, "get", {}, [&] { return queue.Get(); }).IgnoreError();
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
  Get(queue, "main", 3);
}

void PutWithoutWaiting(Queue<int> queue) {
  Record("other", "put without waiting", {4}, [&] { return queue.TryPut(4); }).IgnoreError();
  Record("other", "put without waiting", {5}, [&] { return queue.Put(5, Deadline::Now()); }).IgnoreError();
}

// Room comes only after the other has given up.
void PlayPutNowait(StartMethod method) {
  const Queue<int> queue = Must(Queue<int>::Create(3));
  Put(queue, "main", {1, 2, 3});
  Process other = Must(Process::Start({.method = method}, &PutWithoutWaiting, queue));
  TellExit("other", other.Join());
  Tell("main", "size", {queue.size()});
  Get(queue, "main", 3);
}

void GetInTime(Queue<int> queue, Gate gave_up) {
  Record("reader", "late get", {}, [&] { return queue.Get(Deadline::After(kTimeout)); }).IgnoreError();
  gave_up.Open();
  Get(queue, "reader", 1);
}

void GetWithoutWaiting(Queue<int> queue, Gate gave_up) {
  Record("reader", "get without waiting", {}, [&] { return queue.TryGet(); }).IgnoreError();
  Record("reader", "get without waiting", {}, [&] { return queue.Get(Deadline::Now()); }).IgnoreError();
  gave_up.Open();
  Get(queue, "reader", 1);
}

// An item comes only after the reader has given up.
void PlayGet(StartMethod method, void (*read)(Queue<int> queue, Gate gave_up)) {
  const Queue<int> queue = Must(Queue<int>::Create());
  const Gate gave_up;
  Process reader = Must(Process::Start({.method = method}, read, queue, gave_up));
  gave_up.Pass();
  Put(queue, "main", {7});
  TellExit("reader", reader.Join());
}

void PlayGetTimeout(StartMethod method) { PlayGet(method, &GetInTime); }
void PlayGetNowait(StartMethod method) { PlayGet(method, &GetWithoutWaiting); }

void PutWithNegativeTimeout(Queue<int> queue) {
  for (const int item : {1, 2}) {
    Record("writer", "put", {item}, [&] { return queue.Put(item, Deadline::After(kNegative)); }).IgnoreError();
  }
}

void PlayNegativeTimeout(StartMethod method) {
  Queue<int> queue = Must(Queue<int>::Create(1));
  Process writer = Must(Process::Start({.method = method}, &PutWithNegativeTimeout, queue));
  TellExit("writer", writer.Join());
  for (int i = 0; i < 2; ++i) {
    Record("main", "get", {}, [&] { return queue.Get(Deadline::After(kNegative)); }).IgnoreError();
  }
}

// None waits, though nobody reads. How many there were, and how many are said to be there.
void PutMany(Queue<int> queue, const std::string& actor, int count) {
  Tell(actor, "asked to put", {count});
  int put = 0;
  while (put < count && queue.TryPut(put).ok()) ++put;
  Tell(actor, "put", {put});
  Tell(actor, "size", {queue.size()});
}

// Until one is missing or not the next in order.
void GetMany(Queue<int> queue, const std::string& actor, int count) {
  int got = 0;
  while (got < count && queue.TryGet() == absl::StatusOr<int>(got)) ++got;
  Tell(actor, "got in order", {got});
}

void LimitMoreMemory(uint64_t bytes) {
  uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  rlimit limit;
  getrlimit(RLIMIT_AS, &limit);
  limit.rlim_cur = pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) + bytes;
  if (pages == 0 || setrlimit(RLIMIT_AS, &limit) != 0) Must(absl::InternalError("the memory can't be limited"));
}

void LiftLimitOfMemory() {
  rlimit limit;
  getrlimit(RLIMIT_AS, &limit);
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_AS, &limit) != 0) Must(absl::InternalError("the limit of memory can't be lifted"));
}

std::string LargeItem(int number) { return std::to_string(number) + std::string(100'000, '.'); }

void PutUntilMemoryEnds() {
  constexpr int kMoreThanThereIsRoomFor = 5000;
  LimitMoreMemory(uint64_t{256} << 20);
  Queue<std::string> queue = Must(Queue<std::string>::Create());
  absl::Status status;
  int put = 0;
  while (put < kMoreThanThereIsRoomFor && (status = queue.TryPut(LargeItem(put))).ok()) ++put;
  Tell("limited", "put at the limit", {}, ErrorKind(status));
  Tell("limited", "put", {put});
  LiftLimitOfMemory();
  int got = 0;
  while (got < put && queue.TryGet() == absl::StatusOr<std::string>(LargeItem(got))) ++got;
  Tell("limited", "got in order", {got});
  Record("limited", "put after the limit", {}, [&] { return queue.Put("x"); }).IgnoreError();
}

void PlayUnbounded(StartMethod method) {
  PutMany(Must(Queue<int>::Create()), "no size", 1'000'000);
  for (const int size : {0, -1}) {
    const std::string actor = "size " + std::to_string(size);
    const Queue<int> queue = Must(Queue<int>::Create(size));
    PutMany(queue, actor, 5000);
    GetMany(queue, actor, 5000);
  }
  Process limited = Must(Process::Start({.method = method}, &PutUntilMemoryEnds));
  TellExit("limited", limited.Join());
}

void UseWhatOthersClosed(Queue<int> queue, Gate closed) {
  closed.Pass();
  Get(queue, "child", 2);
  Record("child", "late get", {}, [&] { return queue.TryGet(); }).IgnoreError();
  Record("child", "late put", {3}, [&] { return queue.TryPut(3); }).IgnoreError();
}

void WaitAtWhatIsClosed(Queue<int> queue, Gate ready) {
  ready.Open();
  Record("waiting child", "late get", {}, [&] { return queue.Get(Deadline::After(kWatchdog)); }).IgnoreError();
}

void PlayPutAfterClose(StartMethod method) {
  Queue<int> queue = Must(Queue<int>::Create());
  const Gate closed;
  Process child = Must(Process::Start({.method = method}, &UseWhatOthersClosed, queue, closed));
  Put(queue, "main", {1, 2});
  Must(queue.Close());
  Record("main", "late put", {4}, [&] { return queue.TryPut(4); }).IgnoreError();
  closed.Open();
  TellExit("child", child.Join());
  Record("main", "late get", {}, [&] { return queue.TryGet(); }).IgnoreError();

  // Somebody waits, or is about to.
  Queue<int> empty = Must(Queue<int>::Create());
  const Gate ready;
  Process waiting = Must(Process::Start({.method = method}, &WaitAtWhatIsClosed, empty, ready));
  ready.Pass();
  Must(empty.Close());
  Record("main", "late put", {5}, [&] { return empty.TryPut(5); }).IgnoreError();
  TellExit("waiting child", waiting.Join());
}

Expectation AllWerePut(const std::string& actor) {
  return AllOf("with " + actor + " no put waits",
               {SameValues(Events("asked to put").By(actor), Events("put").By(actor)),
                SameValues(Events("asked to put").By(actor), Events("size").By(actor))});
}

}  // namespace

std::vector<Scenario> QueueCallScenarios() {
  const Events put("put");
  const Events get("get");
  const Events put_without_waiting("put without waiting");
  const Events get_without_waiting("get without waiting");
  const Events asked("asked to put");
  const Events got("got in order");
  return {
      {.id = "queue/full",
       .expectations = {Succeeds(put), Sequence(Events("full"), Single({false, true})),
                        Sequence(Events("size"), Single({3}))},
       .play = &PlayFull},
      {.id = "queue/put-timeout",
       .expectations = {FailsWith(Events("late put"), "full"), NotSooner(Events("late put"), kTimeout),
                        Sequence(Events("size"), Single({3})), Sequence(get, Single({1, 2, 3}))},
       .play = &PlayPutTimeout},
      {.id = "queue/put-nowait",
       .expectations = {Exactly(2, put_without_waiting), FailsWith(put_without_waiting, "full"),
                        Before(put_without_waiting, get), EndsWith("other", 0), Sequence(Events("size"), Single({3})),
                        Sequence(get, Single({1, 2, 3}))},
       .play = &PlayPutNowait},
      {.id = "queue/get-timeout",
       .expectations = {FailsWith(Events("late get"), "empty"), NotSooner(Events("late get"), kTimeout),
                        Before(Events("late get"), put), Sequence(get, Single({7})), EndsWith("reader", 0)},
       .play = &PlayGetTimeout},
      {.id = "queue/get-nowait",
       .expectations = {Exactly(2, get_without_waiting), FailsWith(get_without_waiting, "empty"),
                        Before(get_without_waiting, put), Sequence(get, Single({7})), EndsWith("reader", 0)},
       .play = &PlayGetNowait},
      {.id = "queue/negative-timeout",
       .expectations = {Succeeds(put.With({1})), FailsWith(put.With({2}), "full"), EndsWith("writer", 0),
                        Sequence(get.Ok(), Single({1})), Exactly(1, get.Failed("empty")), Exactly(2, get)},
       .play = &PlayNegativeTimeout},
      {.id = "queue/unbounded",
       .expectations = {AllWerePut("no size"), AllWerePut("size 0"), AllWerePut("size -1"),
                        SameValues(asked.By("size 0"), got.By("size 0")),
                        SameValues(asked.By("size -1"), got.By("size -1")), EndsWith("limited", 0),
                        FailsWith(Events("put at the limit"), "exhausted"),
                        SameValues(put.By("limited"), got.By("limited")), Succeeds(Events("put after the limit"))},
       .play = &PlayUnbounded},
      {.id = "queue/put-after-close",
       .expectations = {Succeeds(put), Sequence(get.Ok(), Single({1, 2})), EndsWith("child", 0),
                        EndsWith("waiting child", 0), FailsWith(Events("late put").By("main"), "closed"),
                        FailsWith(Events("late get").By("main"), "closed"),
                        FailsWith(Events("late get").By("child"), "closed"),
                        FailsWith(Events("late put").By("child"), "closed"),
                        FailsWith(Events("late get").By("waiting child"), "closed")},
       .play = &PlayPutAfterClose},
  };
}

}  // namespace regatta::conformance
