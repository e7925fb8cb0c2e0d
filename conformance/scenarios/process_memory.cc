// Processes: side by side, and what they do not share.
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "conformance/checks/counting.h"
#include "conformance/checks/events.h"
#include "conformance/checks/ordering.h"
#include "conformance/checks/outcome.h"
#include "conformance/scenarios/scenario.h"
#include "conformance/systems/core/gate.h"
#include "conformance/systems/core/recorder.h"
#include "conformance/systems/core/subject/process.h"

namespace regatta::conformance {
namespace {

using subject::Process;

void Loop(const std::string& actor, Gate turn, Gate done) {
  for (int i = 1;; ++i) {
    turn.Pass();
    Tell(actor, "turn", {i});
    done.Open();
  }
}

// Each goes on while the other and the parent stand still.
void PlayTwoLoops(StartMethod method) {
  const Gate hi_turn;
  const Gate yes_turn;
  const Gate done;
  Process hi = Must(Process::Start({.method = method}, &Loop, std::string("say_hi"), hi_turn, done));
  Process yes = Must(Process::Start({.method = method}, &Loop, std::string("say_yes"), yes_turn, done));
  for (int round = 1; round <= 2; ++round) {
    Tell("main", "turn", {round});
    hi_turn.Open(3);
    done.Pass(3);
    yes_turn.Open(3);
    done.Pass(3);
  }
  // Both at once.
  hi_turn.Open(3);
  yes_turn.Open(3);
  done.Pass(6);
  Must(hi.Terminate());
  Must(yes.Terminate());
  TellExit("say_hi", hi.Join());
  TellExit("say_yes", yes.Join());
  Tell("main", "alive", {hi.IsAlive(), yes.IsAlive()});
}

std::vector<int>& Numbers() {
  static auto& numbers = *new std::vector<int>{11, 22};
  return numbers;
}

void TellNumbers(const std::string& actor) { Tell(actor, "numbers", Values(Numbers().begin(), Numbers().end())); }

void AppendThree(const std::string& actor) {
  TellNumbers(actor);
  for (int i = 0; i < 3; ++i) {
    Numbers().push_back(i);
    TellNumbers(actor);
  }
}

void PlayNoSharedGlobals(StartMethod method) {
  Process first = Must(Process::Start({.method = method}, &AppendThree, std::string("first")));
  TellExit("first", first.Join());
  Process second = Must(Process::Start({.method = method}, &TellNumbers, std::string("second")));
  TellExit("second", second.Join());
  TellNumbers("main");
}

void ShareAmongThreads() {
  std::thread(&AppendThree, "first").join();
  std::thread(&TellNumbers, "second").join();
}

// The threads are a child's, so that the parent's list is the contrast.
void PlayThreadsShare(StartMethod method) {
  Process child = Must(Process::Start({.method = method}, &ShareAmongThreads));
  TellExit("child", child.Join());
  TellNumbers("main");
}

constexpr size_t kLarge = 16 << 20;

std::vector<uint8_t>& LargeArray() {
  static auto& array = *new std::vector<uint8_t>();
  return array;
}

void WriteToTheArray() {
  std::vector<uint8_t>& array = LargeArray();
  Tell("child", "sees", {array.size(), array.empty() ? Value() : Value(array.back())});
  if (array.empty()) return;
  array.back() = 9;
  Tell("child", "wrote", {array.back()});
}

void PlayCloneCost(StartMethod method) {
  LargeArray().assign(kLarge, 7);
  Tell("main", "method", {std::string(StartMethodName(method))});
  Process child = Must(Process::Start({.method = method}, &WriteToTheArray));
  TellExit("child", child.Join());
  Tell("main", "still has", {LargeArray().size(), LargeArray().back()});
}

int Download(const std::string& file, Gate here, Gate go) {
  const Inside downloading("child", "download", {file});
  here.Open();
  go.Pass();
  return 3;
}

void PlayTwoDownloads(StartMethod method) {
  const Gate here;
  const Gate go;
  const Inside total("main", "total");
  Process first = Must(Process::Start({.method = method}, &Download, std::string("first.pdf"), here, go));
  Process second = Must(Process::Start({.method = method}, &Download, std::string("second.pdf"), here, go));
  here.Pass(2);
  go.Open(2);
  TellExit("first", first.Join());
  TellExit("second", second.Join());
}

}  // namespace

std::vector<Scenario> ProcessMemoryScenarios() {
  const Events turn("turn");
  const Events numbers("numbers");
  const std::vector<Values> appended = {{11, 22}, {11, 22, 0}, {11, 22, 0, 1}, {11, 22, 0, 1, 2}};
  const std::vector<Values> as_ever = {{11, 22}};
  return {
      {.id = "process/two-loops",
       .expectations = {Sequence(turn.By("say_hi"), Single({1, 2, 3, 4, 5, 6, 7, 8, 9})),
                        Sequence(turn.By("say_yes"), Single({1, 2, 3, 4, 5, 6, 7, 8, 9})),
                        Before(turn.By("main").With({1}), turn.By("say_hi").With({1})),
                        Before(turn.By("say_hi").With({3}), turn.By("say_yes").With({1})),
                        Before(turn.By("say_yes").With({3}), turn.By("main").With({2})),
                        Before(turn.By("say_hi").With({6}), turn.By("say_yes").With({4})), Processes(3, turn),
                        EndsWith("say_hi", -15), EndsWith("say_yes", -15), Sequence(Events("alive"), {{false, false}})},
       .play = &PlayTwoLoops},
      {.id = "process/no-shared-globals",
       .expectations = {Sequence(numbers.By("first"), appended), Sequence(numbers.By("second"), as_ever),
                        Sequence(numbers.By("main"), as_ever), Processes(3, numbers), EndsWith("first", 0),
                        EndsWith("second", 0)},
       .play = &PlayNoSharedGlobals},
      {.id = "process/threads-share",
       .expectations = {Sequence(numbers.By("first"), appended), Sequence(numbers.By("second"), {appended.back()}),
                        Sequence(numbers.By("main"), as_ever), Processes(2, numbers), EndsWith("child", 0)},
       .play = &PlayThreadsShare},
      {.id = "process/clone-cost",
       .expectations = {Sequence(Events("still has"), {{kLarge, 7}}), EndsWith("child", 0),
                        AnyOf("with fork the child sees the array and writes to its own, otherwise it sees none",
                              {AllOf("a copy",
                                     {Sequence(Events("method"), Single({"fork"})),
                                      Sequence(Events("sees"), {{kLarge, 7}}), Sequence(Events("wrote"), {{9}})}),
                               AllOf("none", {Never(Events("method").With({"fork"})),
                                              Sequence(Events("sees"), {{0, Value()}}), Never(Events("wrote"))})})},
       .play = &PlayCloneCost},
      {.id = "process/two-downloads",
       .expectations = {Together(Events("download"), 2), Processes(2, Events("download")),
                        Multiset(Events("download"), Single({"first.pdf", "second.pdf"})),
                        Within(Events("download"), Events("total")), EndsWith("first", 3), EndsWith("second", 3)},
       .play = &PlayTwoDownloads},
  };
}

}  // namespace regatta::conformance
