// Case: one scenario on one system with one start method, and for a faulty system with one fault. What the tests run,
// and the program //conformance.
#ifndef REGATTA_CONFORMANCE_JUDGE_CASE_H_
#define REGATTA_CONFORMANCE_JUDGE_CASE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "conformance/judge/catalogue.h"
#include "conformance/judge/known_failures.h"
#include "conformance/judge/verdict.h"
#include "conformance/scenarios/scenario.h"

namespace regatta::conformance {

// Who plays: a name, and the command that plays a scenario when followed by its id and a start method.
struct System {
  std::string name;
  std::vector<std::string> command;
  // It is the core with a seeded fault, each case with another, and must fail.
  bool faulty = false;
};

struct Case {
  Scenario scenario;
  System system;
  std::string method;
  std::string fault;  // Empty, if the system isn't faulty.
  // "core_fork.queue/full", "broken_fork.queue/full/queue_full_lies".
  std::string name() const;
  std::string suite() const;          // The part before the dot.
  std::string name_in_suite() const;  // And that after it.
};

// All that the catalogue has for the system, in its order. Scenarios without a record, and records without one, are the
// matter of catalogue_test.
std::vector<Case> CasesOf(const System& system, const std::vector<Scenario>& scenarios, const Catalogue& catalogue);

enum class Standing {
  kPassed,
  kKnownFailure,  // It fails as known_failures.txt says.
  kCaught,        // A fault, as it must be.
  kAbsent,        // The testee isn't there, or can't play the scenario.
  kSurprise,      // Anything else: see `why`.
};
// "passed", "known", "caught", "absent", "surprise".
absl::string_view StandingName(Standing standing);

struct CaseResult {
  Verdict verdict;
  Standing standing = Standing::kSurprise;
  std::string why;  // For people; empty where it passed or was caught.
};

// Plays and judges.
CaseResult RunCase(const Case& one, const std::vector<KnownFailure>& known);
// What is made of a verdict.
CaseResult Weigh(const Case& one, Verdict verdict, const std::vector<KnownFailure>& known);

}  // namespace regatta::conformance

#endif  // REGATTA_CONFORMANCE_JUDGE_CASE_H_
