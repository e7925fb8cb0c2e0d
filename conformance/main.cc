// The program that judges the scenarios: `bazel run //conformance -- <flags>`. README.md describes its flags, and
// RESULTS.md describes the results that it writes.
//
// Exit code 0: every case stands as it should. 1: one doesn't, or the results could not be written. 2: the command line
// is wrong.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "conformance/judge/case.h"
#include "conformance/judge/catalogue.h"
#include "conformance/judge/known_failures.h"
#include "conformance/judge/results.h"
#include "conformance/judge/system.h"
#include "conformance/judge/testee.h"
#include "conformance/scenarios/scenario.h"
#include "tools/program/flags.h"
#include "tools/program/paths.h"

ABSL_FLAG(std::vector<std::string>, systems, std::vector<std::string>({"core", "cpython", "broken"}),
          "which of the systems that are built in: core, cpython, broken; empty: none");
ABSL_FLAG(std::string, testee, "",
          "a system of your own: the command that plays a scenario when followed by its id and a start method");
ABSL_FLAG(std::string, testee_name, "testee", "what to call it");
ABSL_FLAG(std::vector<std::string>, scenarios, {}, "those whose id begins so; default: all");
ABSL_FLAG(std::vector<std::string>, methods, {}, "those start methods only; default: all");
ABSL_FLAG(int, repeat, 1, "how often to run it all; with surprises it ends after the round");
ABSL_FLAG(std::string, results, "", "the file to write the results to");

namespace regatta::conformance {
namespace {

constexpr int kFine = 0;
constexpr int kSurprised = 1;

constexpr Program kProgram = {.name = "conformance",
                              .file = "conformance/main.cc",
                              .usage =
                                  "Judges systems by the conformance scenarios; see conformance/README.md.\n\n"
                                  "Exit code 0: every case stands as it should; 1: one doesn't, or the results "
                                  "could not be written; 2: the command line is wrong.",
                              .example = "--scenarios="};

int Fail(int code, const std::string& what) { return Fail(kProgram, code, what); }

absl::StatusOr<std::vector<System>> Systems() {
  std::vector<System> systems;
  for (const std::string& name : absl::GetFlag(FLAGS_systems)) {
    if (name.empty()) continue;
    absl::StatusOr<std::vector<std::string>> command = CommandOf(name);
    if (!command.ok()) return command.status();
    systems.push_back({.name = name, .command = *std::move(command), .faulty = name == "broken"});
  }
  const std::vector<std::string> testee = absl::StrSplit(absl::GetFlag(FLAGS_testee), ' ', absl::SkipEmpty());
  if (!testee.empty()) systems.push_back({.name = absl::GetFlag(FLAGS_testee_name), .command = testee});
  if (systems.empty()) return absl::InvalidArgumentError("nobody to judge: name --systems or a --testee");
  return systems;
}

bool Chosen(const Case& one) {
  const std::vector<std::string> methods = absl::GetFlag(FLAGS_methods);
  const std::vector<std::string> prefixes = absl::GetFlag(FLAGS_scenarios);
  const auto any_of = [](const std::vector<std::string>& list, const auto& fits) {
    for (const std::string& element : list) {
      if (fits(element)) return true;
    }
    return list.empty();
  };
  return any_of(methods, [&](const std::string& method) { return one.method == method; }) &&
         any_of(prefixes, [&](const std::string& prefix) { return absl::StartsWith(one.scenario.id, prefix); });
}

bool WriteFile(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  return !file.fail();
}

// Tells surprises as they come. How many there were.
int RunAll(const std::vector<Case>& cases, const std::vector<KnownFailure>& known, CaseResults& results) {
  int surprises = 0;
  for (const Case& one : cases) {
    CaseResult result = RunCase(one, known);
    // A system that is built in has to play everything.
    const bool ours = one.system.name != absl::GetFlag(FLAGS_testee_name) || absl::GetFlag(FLAGS_testee).empty();
    if (result.standing == Standing::kSurprise || (result.standing == Standing::kAbsent && ours)) {
      ++surprises;
      printf("%s: %s\n%s\n\n", one.name().c_str(), std::string(StandingName(result.standing)).c_str(),
             result.why.c_str());
      fflush(stdout);
    }
    results.emplace_back(one, std::move(result));
  }
  return surprises;
}

int Main(int argc, char** argv) {
  if (const std::optional<int> code = ReadFlags(kProgram, argc, argv)) return *code;
  bool private_shared_memory = false;
  if (const absl::Status ready = PrepareToJudge(&private_shared_memory); !ready.ok()) {
    return Fail(kSurprised, ready.ToString());
  }
  if (!private_shared_memory) {
    printf("note: no /dev/shm of its own here, so what a testee leaves there is not looked at\n");
  }
  const absl::StatusOr<Catalogue> catalogue = ReadCatalogue();
  if (!catalogue.ok()) return Fail(kSurprised, catalogue.status().ToString());
  const absl::StatusOr<std::vector<KnownFailure>> known = ReadKnownFailures();
  if (!known.ok()) return Fail(kSurprised, known.status().ToString());
  const absl::StatusOr<std::vector<System>> systems = Systems();
  if (!systems.ok()) return Fail(kMisuse, std::string(systems.status().message()));

  std::vector<Case> cases;
  for (const System& system : *systems) {
    for (Case& one : CasesOf(system, AllScenarios(), *catalogue)) {
      if (Chosen(one)) cases.push_back(std::move(one));
    }
  }
  const int rounds = absl::GetFlag(FLAGS_repeat);
  if (rounds < 1) return Fail(kMisuse, "--repeat must be 1 or more");
  if (cases.empty()) {
    return Fail(kMisuse,
                "no case is of these --scenarios and --methods: the catalogue in conformance/catalogue has them all");
  }

  CaseResults results;
  int surprises = 0;
  for (int round = 1; round <= rounds && surprises == 0; ++round) {
    results.clear();
    surprises = RunAll(cases, *known, results);
    if (rounds > 1) {
      printf("round %d of %d: %zu cases, %d surprises\n", round, rounds, cases.size(), surprises);
      fflush(stdout);
    }
  }
  const bool none_played = std::all_of(results.begin(), results.end(),
                                       [](const auto& result) { return result.second.standing == Standing::kAbsent; });
  printf("%s\n%zu cases, %d surprises\n", ResultsAsMatrix(results).c_str(), cases.size(), surprises);
  if (const std::string path = absl::GetFlag(FLAGS_results); !path.empty()) {
    if (!WriteFile(FromCaller(path), ResultsAsJsonLines(*catalogue, results))) {
      return Fail(kSurprised,
                  absl::StrCat("could not write ", FromCaller(path), ": is there such a folder, and room?"));
    }
  }
  if (none_played) {
    return Fail(kSurprised,
                absl::StrCat(systems->back().name, " plays none of these scenarios: ", results[0].second.why));
  }
  return surprises == 0 ? kFine : kSurprised;
}

}  // namespace
}  // namespace regatta::conformance

int main(int argc, char** argv) { return regatta::conformance::Main(argc, argv); }
