// Events: whom they release, and when.
#include "conformance/systems/core/subject/event.h"

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

using subject::Event;
using subject::Process;

constexpr absl::Duration kTimeout = absl::Milliseconds(50);
constexpr absl::Duration kNegative = absl::Seconds(-1);

void Wait(Event event, const std::string& actor, const std::string& kind, Deadline deadline) {
  Record(actor, kind, {}, [&] { return event.Wait(deadline); }).IgnoreError();  // In the trace.
}

void TellIsSet(const Event& event) { Tell("main", "is set", {event.IsSet()}); }

void LookAndWait(const std::string& actor, Event event, Gate looked) {
  Wait(event, actor, "look", Deadline::Now());
  looked.Open();
  Wait(event, actor, "wait", Deadline::Never());
}

// Three wait; one Set releases all, and whoever waits later.
void PlaySetWakesAll(StartMethod method) {
  Event event = Must(Event::Create());
  const Gate looked;
  std::vector<Process> waiters;
  const std::vector<std::string> actors = {"first", "second", "third"};
  for (const std::string& actor : actors) {
    waiters.push_back(Must(Process::Start({.method = method}, &LookAndWait, actor, event, looked)));
  }
  looked.Pass(3);
  Tell("main", "set");
  event.Set();
  for (size_t i = 0; i < waiters.size(); ++i) TellExit(actors[i], waiters[i].Join());
  Wait(event, "main", "late wait", Deadline::Never());
  TellIsSet(event);
}

void SetAndClearTwice(Event event, Gate was_set, Gate go_on) {
  event.Set();
  event.Set();
  was_set.Open();
  go_on.Pass();
  event.Clear();
  event.Clear();
}

// Another process sets and clears, each twice: it is like once.
void PlaySetAndClear(StartMethod method) {
  Event event = Must(Event::Create());
  TellIsSet(event);
  const Gate was_set;
  const Gate go_on;
  Process other = Must(Process::Start({.method = method}, &SetAndClearTwice, event, was_set, go_on));
  was_set.Pass();
  TellIsSet(event);
  Wait(event, "main", "wait while set", Deadline::After(kTimeout));
  TellIsSet(event);
  go_on.Open();
  TellExit("other", other.Join());
  TellIsSet(event);
  Wait(event, "main", "wait after clear", Deadline::After(kTimeout));
  event.Set();
  Wait(event, "main", "wait after set", Deadline::Never());
}

void PlayWaitDeadline(StartMethod method) {
  Event event = Must(Event::Create());
  Wait(event, "main", "late wait", Deadline::After(kTimeout));
  Wait(event, "main", "wait without time", Deadline::Now());
  Wait(event, "main", "wait without time", Deadline::After(kNegative));
  Process other = Must(Process::Start(
      {.method = method}, [](Event event) { event.Set(); }, event));
  Wait(event, "main", "wait", Deadline::After(absl::Seconds(20)));
  TellExit("other", other.Join());
  Wait(event, "main", "wait of a set one", Deadline::Now());
  Wait(event, "main", "wait of a set one", Deadline::After(kNegative));
}

}  // namespace

std::vector<Scenario> EventScenarios() {
  const Events is_set("is set");
  return {
      {.id = "event/set-wakes-all",
       .expectations = {Exactly(3, Events("look")), FailsWith(Events("look"), "timeout"), Exactly(3, Events("wait")),
                        Succeeds(Events("wait")), Before(Events("look"), Events("set")), EndsWith("first", 0),
                        EndsWith("second", 0), EndsWith("third", 0), Succeeds(Events("late wait")),
                        Sequence(is_set, Single({true}))},
       .play = &PlaySetWakesAll},
      {.id = "event/set-and-clear",
       .expectations = {Sequence(is_set, Single({false, true, true, false})), Succeeds(Events("wait while set")),
                        FailsWith(Events("wait after clear"), "timeout"), Succeeds(Events("wait after set")),
                        EndsWith("other", 0)},
       .play = &PlaySetAndClear},
      {.id = "event/wait-deadline",
       .expectations = {FailsWith(Events("late wait"), "timeout"), NotSooner(Events("late wait"), kTimeout),
                        Exactly(2, Events("wait without time")), FailsWith(Events("wait without time"), "timeout"),
                        Succeeds(Events("wait")), EndsWith("other", 0), Exactly(2, Events("wait of a set one")),
                        Succeeds(Events("wait of a set one"))},
       .play = &PlayWaitDeadline},
  };
}

}  // namespace regatta::conformance
