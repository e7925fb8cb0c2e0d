// Locks, and what isn't shared without them.
#include "conformance/systems/core/subject/lock.h"

#include <stdexcept>
#include <string>
#include <vector>

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

using subject::Lock;
using subject::Process;
using subject::ScopedLock;

// Adds five times to a plain number of its own.
void AddFiveTimes(const std::string& actor, int number, int value) {
  Tell(actor, "line", {number});
  for (int i = 0; i < 5; ++i) {
    number += value;
    Tell(actor, "line", {number});
  }
}

// The same, a step a turn.
void AddInTurn(const std::string& actor, int value, Gate turn, Gate done) {
  int number = 0;
  for (int i = 0; i <= 5; ++i) {
    turn.Pass();
    if (i > 0) number += value;
    Tell(actor, "line", {number});
    done.Open();
  }
}

// Alternating, then the second wholly before the first.
void PlayWithout(StartMethod method) {
  const Gate first;
  const Gate second;
  const Gate late;
  const Gate early;
  const Gate done;
  const auto start = [&](const std::string& actor, int value, const Gate& turn) {
    return Must(Process::Start({.method = method}, &AddInTurn, actor, value, turn, done));
  };
  Process add1 = start("add1", 1, first);
  Process add3 = start("add3", 3, second);
  Process late_add1 = start("late add1", 1, late);
  Process early_add3 = start("early add3", 3, early);
  for (int i = 0; i <= 5; ++i) {
    if (i == 5) Tell("main", "main end");
    first.Open();
    done.Pass();
    second.Open();
    done.Pass();
  }
  early.Open(6);
  done.Pass(6);
  late.Open(6);
  TellExit("add1", add1.Join());
  TellExit("add3", add3.Join());
  TellExit("late add1", late_add1.Join());
  TellExit("early add3", early_add3.Join());
}

// Takes the lock, and goes on once the other has tried in vain.
void AddFirst(Lock lock, Gate held, Gate tried) {
  Must(lock.Acquire());
  {
    const Inside holding("add1", "holding");
    held.Open();
    tried.Pass();
    AddFiveTimes("add1", 0, 1);
  }
  Must(lock.Release());
}

void AddSecond(Lock lock, Gate held, Gate tried) {
  held.Pass();
  Record("add3", "try", {}, [&] { return lock.Acquire(Deadline::Now()).status(); }).IgnoreError();  // In the trace.
  tried.Open();
  Must(lock.Acquire());
  {
    const Inside holding("add3", "holding");
    AddFiveTimes("add3", 0, 3);
  }
  Must(lock.Release());
}

void PlayWith(StartMethod method) {
  const Lock lock = Must(Lock::Create());
  const Gate held;
  const Gate tried;
  Process first = Must(Process::Start({.method = method}, &AddFirst, lock, held, tried));
  Process second = Must(Process::Start({.method = method}, &AddSecond, lock, held, tried));
  TellExit("add1", first.Join());
  TellExit("add3", second.Join());
}

void FailInsideTheGuardedBlock(Lock lock) {
  try {
    const auto held = Must(ScopedLock::Acquire(lock, Deadline::Now()));
    throw std::runtime_error("inside");
  } catch (const std::runtime_error&) {
    Tell("child", "error left the block");
  }
}

void PlayAcquireRelease(StartMethod method) {
  Lock lock = Must(Lock::Create());
  const auto acquire = [&] { return lock.Acquire(Deadline::Now()).status(); };
  const auto release = [&] { return lock.Release(); };
  Record("main", "acquire", {}, acquire).IgnoreError();  // All in the trace.
  Record("main", "acquire again", {}, acquire).IgnoreError();
  Record("main", "release", {}, release).IgnoreError();
  Record("main", "release again", {}, release).IgnoreError();
  Process child = Must(Process::Start({.method = method}, &FailInsideTheGuardedBlock, lock));
  TellExit("child", child.Join());
  Record("main", "acquire after the error", {}, acquire).IgnoreError();
}

}  // namespace

std::vector<Scenario> LockScenarios() {
  const Events line("line");
  const std::vector<Values> ones = Single({0, 1, 2, 3, 4, 5});
  const std::vector<Values> threes = Single({0, 3, 6, 9, 12, 15});
  return {
      {.id = "lock/without",
       .expectations = {Sequence(line.By("add1"), ones), Sequence(line.By("add3"), threes),
                        // The lines interleave: each child's are among the other's.
                        Before(line.By("add1").With({0}), line.By("add3").With({0})),
                        Before(line.By("add3").With({0}), line.By("add1").With({1})),
                        Before(line.By("add1").With({4}), line.By("add3").With({12})),
                        Before(line.By("add3").With({12}), line.By("add1").With({5})),
                        Before(Events("main end"), line.By("add1").With({5})),
                        Before(Events("main end"), line.By("add3").With({15})), Sequence(line.By("late add1"), ones),
                        Sequence(line.By("early add3"), threes), Before(line.By("early add3"), line.By("late add1")),
                        EndsWith("add1", 0), EndsWith("add3", 0), EndsWith("late add1", 0), EndsWith("early add3", 0)},
       .play = &PlayWithout},
      {.id = "lock/with",
       .expectations = {FailsWith(Events("try").By("add3"), "timeout"), AtMostAtOnce(Events("holding"), 1),
                        Exactly(2, Events("holding")), Before(line.By("add1"), line.By("add3")),
                        Sequence(line.By("add1"), ones), Sequence(line.By("add3"), threes), EndsWith("add1", 0),
                        EndsWith("add3", 0)},
       .play = &PlayWith},
      {.id = "lock/acquire-release",
       .expectations = {Succeeds(Events("acquire")), FailsWith(Events("acquire again"), "timeout"),
                        Succeeds(Events("release")), FailsWith(Events("release again"), "misuse"),
                        Exactly(1, Events("error left the block")), EndsWith("child", 0),
                        Succeeds(Events("acquire after the error"))},
       .play = &PlayAcquireRelease},
  };
}

}  // namespace regatta::conformance
