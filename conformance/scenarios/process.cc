// Processes: creating, naming, waiting, ending.
#include "conformance/systems/core/subject/process.h"

#include <string>
#include <vector>

#include "conformance/checks/counting.h"
#include "conformance/checks/events.h"
#include "conformance/checks/ordering.h"
#include "conformance/checks/outcome.h"
#include "conformance/scenarios/scenario.h"
#include "conformance/systems/core/gate.h"
#include "conformance/systems/core/recorder.h"

namespace regatta::conformance {
namespace {

using subject::Process;

int SayThreeLines() {
  for (int i = 1; i <= 3; ++i) Tell("child", "line", {i});
  return 3;
}

void PlayJoin(StartMethod method) {
  Process child = Must(Process::Start({.method = method}, &SayThreeLines));
  TellExit("child", child.Join());
  Tell("main", "end");
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
}

}  // namespace

std::vector<Scenario> ProcessScenarios() {
  return {
      {.id = "process/join",
       .expectations = {Sequence(Events("line"), Single({1, 2, 3})), Before(Events("line"), Events("end")),
                        OtherProcess(Events("line"), Events("end")), EndsWith("child", 3)},
       .play = &PlayJoin},
      {.id = "process/args-kwargs",
       .expectations = {Sequence(Events("arguments"), {{"test", 18, "m", 20, true}, {"", -1, "nobody", 0, false}}),
                        EndsWith("child", 0), EndsWith("defaults", 0), EndsWith("nothing to do", 0)},
       .play = &PlayArguments},
      {.id = "process/terminate",
       .expectations = {Sequence(Events("step"), Single({1, 2})), EndsWith("child", -15)},
       .play = &PlayTerminate},
  };
}

}  // namespace regatta::conformance
