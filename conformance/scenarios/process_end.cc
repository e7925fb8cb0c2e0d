// Processes: waiting for their end, ending them, and what becomes of them when their creator ends.
#include <unistd.h>

#include <optional>
#include <stdexcept>
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
#include "core/os/pidfd.h"
#include "core/os/poll.h"
#include "core/process/this_process.h"

namespace regatta::conformance {
namespace {

using subject::Process;

constexpr absl::Duration kTimeout = absl::Milliseconds(50);

int SayThreeLines() {
  for (int i = 1; i <= 3; ++i) Tell("child", "line", {i});
  return 3;
}

void PlayJoin(StartMethod method) {
  Process child = Must(Process::Start({.method = method}, &SayThreeLines));
  TellExit("child", child.Join());
  Tell("main", "end");
}

int PassAndSayThreeLines(Gate gate) {
  gate.Pass();
  return SayThreeLines();
}

// The child is let go at the end of the program, by the last callback.
void PlayNoJoin(StartMethod method) {
  const Gate gate;
  [[maybe_unused]] static const auto* const at_end = new ExitCallback([gate = std::optional(gate)]() mutable {
    gate->Open();
    gate.reset();
  });
  Process child({.method = method}, &PassAndSayThreeLines, gate);
  Record("main", "start", {}, [&] { return child.Start(); }).IgnoreError();  // In the trace.
  Tell("main", "end");
}

Value CodeOf(Process& process) {
  const std::optional<ExitStatus> status = process.exit_status();
  return status.has_value() && status->code().has_value() ? Value(*status->code()) : Value();
}

void PlayJoinTimeout(StartMethod method) {
  const Gate gate;
  Process child = Must(Process::Start({.method = method}, &PassAndSayThreeLines, gate));
  Record("main", "join", {}, [&] { return child.Join(Deadline::After(kTimeout)).status(); }).IgnoreError();
  Tell("main", "alive", {child.IsAlive()});
  Tell("main", "code", {CodeOf(child)});
  gate.Open();
  TellExit("child", child.Join());
  Tell("main", "code", {CodeOf(child)});
}

void PlayIsAlive(StartMethod method) {
  const Gate gate;
  Process child({.method = method}, &PassAndSayThreeLines, gate);
  Tell("main", "alive", {child.IsAlive()});
  Must(child.Start());
  Tell("main", "alive", {child.IsAlive()});
  gate.Open();
  TellExit("child", child.Join());
  Tell("main", "alive", {child.IsAlive()});
}

void TakeSteps(Gate step, Gate done) {
  for (int i = 1;; ++i) {
    step.Pass();
    Tell("child", "step", {i});
    done.Open();
  }
}

void PlayTerminate(StartMethod method) {
  const Gate step;
  const Gate done;
  Process child = Must(Process::Start({.method = method}, &TakeSteps, step, done));
  step.Open(2);
  done.Pass(2);
  Must(child.Terminate());
  step.Open(2);  // Nobody is there any more.
  TellExit("child", child.Join());
  Must(child.Terminate());  // On the dead it does nothing.
}

void SayLine(const std::string& actor, Gate gate) {
  gate.Pass();
  Tell(actor, "line");
}

void CreateBoth(StartMethod method, Gate daemon_gate, Gate plain_gate, Gate returns) {
  Process daemon =
      Must(Process::Start({.method = method, .daemon = true}, &SayLine, std::string("daemon"), daemon_gate));
  Record("creator", "change of the flag", {}, [&] { return daemon.SetDaemon(false); }).IgnoreError();
  Process plain = Must(Process::Start({.method = method}, &SayLine, std::string("plain"), plain_gate));
  Tell("creator", "flags", {daemon.daemon(), plain.daemon()});
  returns.Open();
}

void TellFlagOfAChildToBe(StartMethod method) {
  Tell("creator", "flag as the creator's", {Process({.method = method}).daemon()});
}

void PlayDaemon(StartMethod method) {
  const Gate daemon_gate;
  const Gate plain_gate;
  const Gate returns;
  Process creator = Must(Process::Start({.method = method}, &CreateBoth, method, daemon_gate, plain_gate, returns));
  returns.Pass();
  Record("main", "early join", {}, [&] { return creator.Join(Deadline::After(kTimeout)).status(); }).IgnoreError();
  plain_gate.Open();
  TellExit("creator", creator.Join());
  daemon_gate.Open();  // Nobody is there any more.
  Process daemonic = Must(Process::Start({.method = method, .daemon = true}, &TellFlagOfAChildToBe, method));
  TellExit("daemonic creator", daemonic.Join());
}

void LiveOn(Gate ready, Gate done) {
  const Fd creator = Must(OpenPidfd(this_process::creator_pid()));
  ready.Open();
  Must(PollReadable(creator, Deadline::Never()).status());
  Tell("orphan", "parent now", {getppid()});
  done.Open();
}

// And dies, by itself or not.
void LeaveAnOrphan(StartMethod method, Gate ready, Gate done, Gate die) {
  const Process child = Must(Process::Start({.method = method}, &LiveOn, ready, done));
  die.Pass();
  _exit(5);
}

void PlayOrphan(StartMethod method) {
  const Gate plain_gate;
  const Gate returns;
  Process ending = Must(Process::Start(
      {.method = method},
      [](StartMethod method, Gate gate, Gate returns) {
        Must(Process::Start({.method = method}, &SayLine, std::string("not an orphan"), gate).status());
        returns.Open();
      },
      method, plain_gate, returns));
  returns.Pass();
  Record("main", "early join", {}, [&] { return ending.Join(Deadline::After(kTimeout)).status(); }).IgnoreError();
  plain_gate.Open();
  TellExit("ending", ending.Join());

  // Orphans come to the process that looks after them in this process's place.
  Tell("main", "who takes orphans", {getppid()});
  for (const bool killed : {true, false}) {
    const Gate ready;
    const Gate done;
    const Gate die;
    Process dying = Must(Process::Start({.method = method}, &LeaveAnOrphan, method, ready, done, die));
    ready.Pass();
    if (killed) {
      Must(dying.Kill());
    } else {
      die.Open();
    }
    TellExit(killed ? "killed" : "leaving", dying.Join());
    done.Pass();
  }
}

constexpr char kText[] = "no such boat";

void Throw() {
  Tell("boatman", "throws", {"runtime_error", kText, "boatman"});
  throw std::runtime_error(kText);
}

void PlayException(StartMethod method) {
  Process child = Must(Process::Start({.method = method, .name = "boatman"}, &Throw));
  TellExit("boatman", child.Join());
  Process next = Must(Process::Start({.method = method}, &SayThreeLines));
  TellExit("next", next.Join());
}

}  // namespace

std::vector<Scenario> ProcessEndScenarios() {
  const Events line("line");
  return {
      {.id = "process/join",
       .expectations = {Sequence(line, Single({1, 2, 3})), Before(line, Events("end")),
                        OtherProcess(line, Events("end")), EndsWith("child", 3)},
       .play = &PlayJoin},
      {.id = "process/no-join",
       .expectations = {Succeeds(Events("start")), Before(Events("start"), line), Before(Events("end"), line),
                        Sequence(line, Single({1, 2, 3}))},
       .play = &PlayNoJoin},
      {.id = "process/join-timeout",
       .expectations = {FailsWith(Events("join"), "timeout"), NotSooner(Events("join"), kTimeout),
                        Before(Events("join"), line), Sequence(Events("alive"), Single({true})),
                        Sequence(Events("code"), Single({Value(), 3})), EndsWith("child", 3)},
       .play = &PlayJoinTimeout},
      {.id = "process/is-alive",
       .expectations = {Sequence(Events("alive"), Single({false, true, false})), EndsWith("child", 3)},
       .play = &PlayIsAlive},
      {.id = "process/terminate",
       .expectations = {Sequence(Events("step"), Single({1, 2})), EndsWith("child", -15)},
       .play = &PlayTerminate},
      {.id = "process/daemon",
       .expectations = {Sequence(Events("flags"), {{true, false}}), FailsWith(Events("change of the flag"), "misuse"),
                        FailsWith(Events("early join"), "timeout"), Before(Events("early join"), line.By("plain")),
                        Exactly(1, line.By("plain")), Before(line.By("plain"), Events("exit").With({"creator"})),
                        Never(line.By("daemon")), EndsWith("creator", 0),
                        Sequence(Events("flag as the creator's"), Single({true})), EndsWith("daemonic creator", 0)},
       .play = &PlayDaemon},
      {.id = "process/orphan",
       .expectations = {FailsWith(Events("early join"), "timeout"), Exactly(1, line),
                        Before(line, Events("exit").With({"ending"})), EndsWith("ending", 0), EndsWith("killed", -9),
                        EndsWith("leaving", 5), Exactly(2, Events("parent now")),
                        SameValues(Events("parent now"), Events("who takes orphans"))},
       .play = &PlayOrphan},
      {.id = "process/exception",
       .expectations = {EndsWith("boatman", 1), StandardErrorHas(Events("throws")), EndsWith("next", 3),
                        Exactly(3, line)},
       .play = &PlayException},
  };
}

}  // namespace regatta::conformance
