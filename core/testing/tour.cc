// A tour of what the core offers, for tests in hostile surroundings.
//
//   tour [--refuse=NUMBER:ERRNO] [--report=FD]
//        [PART | --chroot=FOLDER | --uid=UID | --lock-memory=all | --unlink=yes]...
//
// Writes a line for each part to FD (1): "PART: works", "PART: refused: WHY" if the core refused with a status, or
// "PART: wrong: WHAT" if it neither worked nor refused.
//
// --refuse  The system call fails with ERRNO from main's first line on, in this process and in all its children.
// --chroot, --uid  Between parts: this process leaves its root folder, or its user.
// --lock-memory, --unlink  Between parts: memory is locked, all or that which is still to come (future); the program's
// file is removed.
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/ipc/queue.h"
#include "core/os/deadline.h"
#include "core/pool/pool.h"
#include "core/process/process.h"
#include "core/process/runtime.h"
#include "core/sync/event.h"
#include "core/sync/lock.h"
#include "core/testing/forked_child.h"
#include "core/testing/lock_memory.h"

namespace regatta {
namespace {

// A wait that lasts longer is a hang.
Deadline TimeLimit() { return Deadline::After(absl::Seconds(10)); }

// Not a status of the core's: the core did not do what it promises.
constexpr char kWrong[] = "wrong: ";
absl::Status Wrong(absl::string_view what) { return absl::InternalError(absl::StrCat(kWrong, what)); }

// A child that ends with an exit code has said on stderr why.
absl::Status BadEnd(const ExitStatus& end) {
  const std::string text = absl::StrCat("the child ended with ", end.ToString());
  return end.exited() ? absl::UnknownError(text) : Wrong(text);
}

absl::Status Joined(absl::StatusOr<Process>& process) {
  const absl::StatusOr<ExitStatus> end = process->Join(TimeLimit());
  if (!end.ok()) return end.status();
  // The kernel reaps the children of a process that ignores SIGCHLD.
  return end->success() || end->unknown() ? absl::OkStatus()
                                          : Wrong(absl::StrCat("the child ended with ", end->ToString()));
}

// What one process does with objects of its own.
absl::Status TryAlone() {
  absl::StatusOr<Lock> lock = Lock::Create();
  if (!lock.ok()) return lock.status();
  absl::StatusOr<Event> event = Event::Create();
  if (!event.ok()) return event.status();
  absl::StatusOr<Queue<int>> queue = Queue<int>::Create();
  if (!queue.ok()) return queue.status();
  if (const auto held = lock->Acquire(TimeLimit()); !held.ok()) return held.status();
  if (absl::Status released = lock->Release(); !released.ok()) return released;
  event->Set();
  if (absl::Status waited = event->Wait(TimeLimit()); !waited.ok()) return waited;
  if (absl::Status put = queue->Put(7, TimeLimit()); !put.ok()) return put;
  const absl::StatusOr<int> got = queue->Get(TimeLimit());
  if (!got.ok()) return got.status();
  return *got == 7 ? absl::OkStatus() : Wrong(absl::StrCat("a 7 arrived as ", *got));
}

// A child sets an event for which this process waits.
absl::Status TryEvent() {
  absl::StatusOr<Event> event = Event::Create();
  if (!event.ok()) return event.status();
  absl::StatusOr<Process> child = Process::Start(
      {}, [](Event set) { set.Set(); }, *event);
  if (!child.ok()) return child.status();
  if (absl::Status waited = event->Wait(TimeLimit()); !waited.ok()) return waited;
  return Joined(child);
}

// A child takes the lock and ends; then the lock passes back and forth.
absl::Status TryLock() {
  absl::StatusOr<Lock> lock = Lock::Create();
  if (!lock.ok()) return lock.status();
  if (const auto held = lock->Acquire(TimeLimit()); !held.ok()) return held.status();
  if (lock->Acquire(Deadline::Now()).ok()) return Wrong("the lock was acquired twice");
  if (absl::Status released = lock->Release(); !released.ok()) return released;
  absl::StatusOr<Process> child = Process::Start(
      {}, [](Lock taken) { return taken.Acquire(TimeLimit()).status(); }, *lock);
  if (!child.ok()) return child.status();
  if (absl::Status joined = Joined(child); !joined.ok()) return joined;
  const absl::StatusOr<Acquired> again = lock->Acquire(TimeLimit());
  if (!again.ok()) return again.status();
  return again->previous_owner_died.has_value() ? absl::OkStatus() : Wrong("the holder's death was not told");
}

constexpr int kItems = 2000;
constexpr size_t kLargeItem = 200'000;

absl::Status PutAll(Queue<std::string> queue) {
  for (int i = 0; i < kItems; ++i) {
    if (absl::Status put = queue.Put(absl::StrCat(i), TimeLimit()); !put.ok()) return put;
  }
  return queue.Put(std::string(kLargeItem, 'x'), TimeLimit());
}

// The next item; or how the child ended, if none comes.
absl::StatusOr<std::string> GetFrom(Queue<std::string>& queue, Process& child) {
  for (const Deadline limit = TimeLimit();;) {
    const bool ended = !child.IsAlive();
    absl::StatusOr<std::string> item = queue.Get(Deadline::After(absl::Milliseconds(50)));
    if (item.ok() || !IsEmpty(item.status())) return item;
    if (ended) {
      const absl::StatusOr<ExitStatus> end = child.Join(TimeLimit());
      return end.ok() ? BadEnd(*end) : end.status();
    }
    if (limit.remaining() <= absl::ZeroDuration()) return item;
  }
}

absl::Status TryQueue(StartMethod method) {
  absl::StatusOr<Queue<std::string>> queue = Queue<std::string>::Create();
  if (!queue.ok()) return queue.status();
  absl::StatusOr<Process> child = Process::Start({.method = method}, PutAll, *queue);
  if (!child.ok()) return child.status();
  for (int i = 0; i < kItems + 1; ++i) {
    const absl::StatusOr<std::string> item = GetFrom(*queue, *child);
    if (!item.ok()) return item.status();
    if (*item != (i < kItems ? absl::StrCat(i) : std::string(kLargeItem, 'x'))) {
      return Wrong(absl::StrCat("item ", i, " is ", item->substr(0, 20)));
    }
  }
  return Joined(child);
}

absl::Status TryPool(StartMethod method) {
  absl::StatusOr<Pool> pool = Pool::Create({.workers = 2, .method = method});
  if (!pool.ok()) return pool.status();
  std::vector<int> numbers(1000);
  std::iota(numbers.begin(), numbers.end(), 0);
  const absl::StatusOr<AsyncResult<std::vector<int>>> squares = pool->MapAsync([](int x) { return x * x; }, numbers);
  if (!squares.ok()) return squares.status();
  const absl::StatusOr<std::vector<int>> got = squares->Get(TimeLimit());
  if (!got.ok()) return got.status();
  for (int i = 0; i < 1000; ++i) {
    if ((*got)[i] != i * i) return Wrong(absl::StrCat("the square of ", i, " is ", (*got)[i]));
  }
  // A worker's death fails its task, and only that.
  const auto abort_task = pool->ApplyAsync(
      [](int) {
        std::abort();
        return 0;
      },
      0);
  if (!abort_task.ok()) return abort_task.status();
  const absl::Status died = abort_task->Get(TimeLimit()).status();
  if (!absl::IsAborted(died)) return died.ok() ? Wrong("a task that aborts returned") : died;
  const auto next = pool->ApplyAsync([](int x) { return x + 1; }, 1);
  if (!next.ok()) return next.status();
  const absl::StatusOr<int> two = next->Get(TimeLimit());
  if (!two.ok()) return two.status();
  if (*two != 2) return Wrong(absl::StrCat("1 + 1 is ", *two));
  if (absl::Status closed = pool->Close(); !closed.ok()) return closed;
  return pool->Join(TimeLimit());
}

const std::map<std::string, std::function<absl::Status()>>& Parts() {
  static const auto& parts = *new std::map<std::string, std::function<absl::Status()>>{
      {"alone", TryAlone},
      {"lock", TryLock},
      {"event", TryEvent},
      {"queue_fork", [] { return TryQueue(StartMethod::kFork); }},
      {"queue_spawn", [] { return TryQueue(StartMethod::kSpawn); }},
      {"queue_forkserver", [] { return TryQueue(StartMethod::kForkserver); }},
      {"pool_fork", [] { return TryPool(StartMethod::kFork); }},
      {"pool_forkserver", [] { return TryPool(StartMethod::kForkserver); }},
  };
  return parts;
}

int Usage(const std::string& word) {
  std::fprintf(stderr, "tour: what is '%s'?\n", word.c_str());
  return 2;
}

// Does what `option` asks for. False: there is no such option.
bool Apply(const std::string& option, int* report) {
  const std::vector<std::string> words = absl::StrSplit(option, absl::MaxSplits('=', 1));
  if (words.size() != 2) return false;
  if (words[0] == "--report") return absl::SimpleAtoi(words[1], report);
  if (words[0] == "--chroot") return chroot(words[1].c_str()) == 0 && chdir("/") == 0;
  if (words[0] == "--lock-memory") return LockMemory(words[1] == "all");
  char path[4096];
  if (words[0] == "--unlink") {
    const ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
    return length > 0 && unlink(std::string(path, static_cast<size_t>(length)).c_str()) == 0;
  }
  int uid = 0;
  if (words[0] == "--uid") return absl::SimpleAtoi(words[1], &uid) && setgid(uid) == 0 && setuid(uid) == 0;
  return false;
}

// --refuse=NUMBER:ERRNO, if `argument` is that.
bool Refuse(const std::string& argument) {
  const std::vector<std::string> words = absl::StrSplit(argument, absl::ByAnyChar("=:"));
  int number = 0;
  int error = 0;
  if (words.size() != 3 || words[0] != "--refuse" || !absl::SimpleAtoi(words[1], &number) ||
      !absl::SimpleAtoi(words[2], &error)) {
    return false;
  }
  RefuseSystemCall(number, error);
  return true;
}

int Tour(const std::vector<std::string>& arguments) {
  int report = STDOUT_FILENO;
  for (const std::string& argument : arguments) {
    if (absl::StartsWith(argument, "--")) {
      if (!Apply(argument, &report)) return Usage(argument);
      continue;
    }
    const auto part = Parts().find(argument);
    if (part == Parts().end()) return Usage(argument);
    const absl::Status outcome = part->second();
    const std::string line =
        absl::StrCat(argument, ": ",
                     outcome.ok()                                  ? "works"
                     : absl::StartsWith(outcome.message(), kWrong) ? std::string(outcome.message())
                                                                   : absl::StrCat("refused: ", outcome.ToString()),
                     "\n");
    if (write(report, line.data(), line.size()) != static_cast<ssize_t>(line.size())) return 3;
  }
  return 0;
}

}  // namespace
}  // namespace regatta

int main(int argc, char** argv) {
  const int refused = argc > 1 && regatta::Refuse(argv[1]) ? 1 : 0;
  regatta::Init(&argc, &argv);
  return regatta::Tour({argv + 1 + refused, argv + argc});
}
