// Processes: what they are called, who their parent is, what they are given, and where they may be started.
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "conformance/checks/counting.h"
#include "conformance/checks/events.h"
#include "conformance/checks/ordering.h"
#include "conformance/checks/outcome.h"
#include "conformance/scenarios/scenario.h"
#include "conformance/systems/core/recorder.h"
#include "conformance/systems/core/subject/pool.h"
#include "conformance/systems/core/subject/process.h"
#include "core/process/this_process.h"
#include "core/topology/affinity.h"

namespace regatta::conformance {
namespace {

using subject::Pool;
using subject::Process;

void SayPids(const std::string& actor) {
  Tell(actor, "own pid", {getpid()});
  Tell(actor, "parent", {getppid()});
  Tell(actor, "creator", {this_process::creator_pid()});
}

Value PidOf(const Process& process) { return process.pid().has_value() ? Value(*process.pid()) : Value(); }

void PlayPid(StartMethod method) {
  Process child({.method = method}, &SayPids, std::string("child"));
  Tell("main", "pid before the start", {PidOf(child)});
  Must(child.Start());
  Tell("main", "pid of the child", {PidOf(child)});
  Tell("main", "own pid", {getpid()});
  TellExit("child", child.Join());
}

void SayName(const std::string& actor) { Tell(actor, "own name", {this_process::name()}); }

void SayNameAndHaveChildren(StartMethod method) {
  SayName("child");
  for (int i = 0; i < 2; ++i) {
    Process grandchild = Must(Process::Start({.method = method}, &SayName, std::string("grandchild")));
    Tell("child", "name of a grandchild", {grandchild.name()});
    Must(grandchild.Join());
  }
}

void TellNameAndRun(Process process) {
  Tell("main", "name", {process.name()});
  Must(process.Start());
  Must(process.Join());
}

void PlayName(StartMethod method) {
  TellNameAndRun(Process({.method = method}, &SayNameAndHaveChildren, method));
  TellNameAndRun(Process({.method = method, .name = "given"}, &SayName, std::string("child")));
  TellNameAndRun(Process({.method = method}, &SayName, std::string("child")));
  const Pool pool = Must(Pool::Create({.workers = 2, .method = method}));
  TellNameAndRun(Process({.method = method}, &SayName, std::string("child")));
}

struct Named {
  std::string name = "nobody";
  int age = 0;
  bool tall = false;
};

void SayArguments(const std::string& first, int second, Named named) {
  Tell("child", "arguments", {first, second, named.name, named.age, named.tall});
}

// CPython's keyword arguments are a struct with designated initialisers.
void PlayArguments(StartMethod method) {
  Process child = Must(Process::Start({.method = method}, &SayArguments, std::string("test"), 18,
                                      Named{.name = "m", .age = 20, .tall = true}));
  TellExit("child", child.Join());
  Process defaults = Must(Process::Start({.method = method}, &SayArguments, std::string(), -1, Named{}));
  TellExit("defaults", defaults.Join());
  Process nothing_to_do({.method = method});
  Must(nothing_to_do.Start());
  TellExit("nothing to do", nothing_to_do.Join());
}

int BeGrandchild() {
  SayPids("grandchild");
  SayName("grandchild");
  return 4;
}

int HaveGrandchild(StartMethod method) {
  Tell("child", "own pid", {getpid()});
  Process grandchild = Must(Process::Start({.method = method}, &BeGrandchild));
  Tell("child", "pid of the grandchild", {PidOf(grandchild)});
  TellExit("grandchild", grandchild.Join());
  return 5;
}

void PlayGrandchildren(StartMethod method) {
  Process child = Must(Process::Start({.method = method}, &HaveGrandchild, method));
  TellExit("child", child.Join());
}

void SayThatItRuns() { Tell("child", "line"); }

void TryToStart(StartMethod method) {
  Record("worker", "start", {}, [&] {
    return Process::Start({.method = method}, &SayThatItRuns).status();
  }).IgnoreError();  // In the trace, as all that is judged.
}

void PlayDaemonNoChildren(StartMethod method) {
  Pool pool = Must(Pool::Create({.workers = 1, .method = method}));
  Record("main", "task", {}, [&] { return pool.Apply(&TryToStart, method); }).IgnoreError();
  Record("main", "task", {}, [&] { return pool.Apply([] { return 17; }); }).IgnoreError();
  Must(pool.Close());
  Must(pool.Join());
}

void StartTooEarly(StartMethod method) {
  Record("main", "start", {}, [&] {
    return Process::Start({.method = method}, &SayThatItRuns).status();
  }).IgnoreError();
  Record("main", "pool", {}, [&] { return Pool::Create({.workers = 1, .method = method}).status(); }).IgnoreError();
}

void StartInTime(StartMethod method) {
  Process child = Must(Process::Start({.method = method}, [] { Tell("child", "line in time"); }));
  TellExit("child", child.Join());
}

void PlayCpuCount(StartMethod method) {
  Must(PinThisThread({Must(CurrentAffinity()).front()}));
  const int count = subject::UsableCpus();
  Tell("main", "counts what it may use", {count == 1});
  const Pool pool = Must(Pool::Create({.workers = std::max(1, count - 1), .method = method}));
  Tell("main", "leaves one free", {pool.workers() == std::max(1, count - 1)});
}

}  // namespace

std::vector<Scenario> ProcessIdentityScenarios() {
  return {
      {.id = "process/pid",
       .expectations = {Sequence(Events("pid before the start"), Single({Value()})),
                        SameValues(Events("pid of the child"), Events("own pid").By("child")),
                        SameValues(Events("own pid").By("main"), Events("creator").By("child")),
                        SameValues(Events("own pid").By("main"), Events("parent").By("child")), EndsWith("child", 0)},
       .play = &PlayPid},
      {.id = "process/name",
       .expectations = {Sequence(Events("name"), Single({"Process-1", "given", "Process-3", "Process-6"})),
                        Sequence(Events("own name").By("child"),
                                 Single({"Process-1", "given", "Process-3", "Process-6"})),
                        Sequence(Events("name of a grandchild"), Single({"Process-1:1", "Process-1:2"})),
                        Sequence(Events("own name").By("grandchild"), Single({"Process-1:1", "Process-1:2"}))},
       .play = &PlayName},
      {.id = "process/args-kwargs",
       .expectations = {Sequence(Events("arguments"), {{"test", 18, "m", 20, true}, {"", -1, "nobody", 0, false}}),
                        EndsWith("child", 0), EndsWith("defaults", 0), EndsWith("nothing to do", 0)},
       .play = &PlayArguments},
      {.id = "process/grandchildren",
       .expectations = {Sequence(Events("own name"), Single({"Process-1:1"})), EndsWith("grandchild", 4),
                        EndsWith("child", 5),
                        SameValues(Events("pid of the grandchild"), Events("own pid").By("grandchild")),
                        SameValues(Events("own pid").By("child"), Events("creator").By("grandchild")),
                        SameValues(Events("own pid").By("child"), Events("parent").By("grandchild"))},
       .play = &PlayGrandchildren},
      {.id = "process/daemon-no-children",
       .expectations = {FailsWith(Events("start").By("worker"), "misuse"), Never(Events("line")),
                        Sequence(Events("task").Ok(), {{}, {17}})},
       .play = &PlayDaemonNoChildren},
      {.id = "process/bootstrap-guard",
       .expectations = {FailsWith(Events("start"), "misuse"), FailsWith(Events("pool"), "misuse"),
                        Never(Events("line")), Exactly(1, Events("line in time")), EndsWith("child", 0)},
       .play = &StartInTime,
       .play_before_init = &StartTooEarly},
      {.id = "process/cpu-count",
       .expectations = {Sequence(Events("counts what it may use"), Single({true})),
                        Sequence(Events("leaves one free"), Single({true}))},
       .play = &PlayCpuCount},
  };
}

}  // namespace regatta::conformance
