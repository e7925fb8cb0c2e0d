#include "conformance/judge/case.h"

#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "conformance/judge/testee.h"

namespace regatta::conformance {
namespace {

// No scenario takes longer than two seconds; a loaded machine may.
constexpr absl::Duration kPatience = absl::Seconds(60);
// A fault may make it hang, which is a failure as good as another.
constexpr absl::Duration kPatienceWithFaults = absl::Seconds(3);

}  // namespace

std::string Case::suite() const { return absl::StrCat(system.name, "_", method); }

std::string Case::name_in_suite() const { return absl::StrCat(scenario.id, fault.empty() ? "" : "/", fault); }

std::string Case::name() const { return absl::StrCat(suite(), ".", name_in_suite()); }

std::vector<Case> CasesOf(const System& system, const std::vector<Scenario>& scenarios, const Catalogue& catalogue) {
  std::vector<Case> cases;
  for (const Record& record : catalogue.records) {
    for (const Scenario& scenario : scenarios) {
      if (scenario.id != record.id) continue;
      const std::vector<std::string> faults = system.faulty ? record.faults : std::vector<std::string>{""};
      for (const std::string& method : record.methods) {
        for (const std::string& fault : faults) cases.push_back({scenario, system, method, fault});
      }
    }
  }
  return cases;
}

absl::string_view StandingName(Standing standing) {
  switch (standing) {
    case Standing::kPassed:
      return "passed";
    case Standing::kKnownFailure:
      return "known";
    case Standing::kCaught:
      return "caught";
    case Standing::kAbsent:
      return "absent";
    case Standing::kSurprise:
      return "surprise";
  }
  return "surprise";
}

CaseResult Weigh(const Case& one, Verdict verdict, const std::vector<KnownFailure>& known) {
  CaseResult result{.verdict = std::move(verdict), .standing = Standing::kSurprise, .why = ""};
  if (result.verdict.outcome == Outcome::kAbsent) {
    result.standing = Standing::kAbsent;
    result.why = result.verdict.Explanation();
    return result;
  }
  if (!one.fault.empty()) {
    if (result.verdict.outcome == Outcome::kFailed) {
      result.standing = Standing::kCaught;
    } else {
      result.why = absl::StrCat("the scenario doesn't notice the fault ", one.fault);
    }
    return result;
  }
  const KnownFailure* failure = Find(known, one.system.name, one.method, one.scenario.id);
  if (std::optional<std::string> surprise = Surprise(result.verdict, failure)) {
    result.why = *std::move(surprise);
  } else if (failure != nullptr) {
    result.standing = Standing::kKnownFailure;
    result.why = failure->quirk;
  } else {
    result.standing = Standing::kPassed;
  }
  return result;
}

CaseResult RunCase(const Case& one, const std::vector<KnownFailure>& known) {
  const absl::StatusOr<TesteeRun> run = RunTestee({.command = one.system.command,
                                                   .scenario = one.scenario.id,
                                                   .method = one.method,
                                                   .fault = one.fault,
                                                   .watchdog = one.fault.empty() ? kPatience : kPatienceWithFaults});
  return Weigh(one, run.ok() ? Judge(one.scenario.expectations, *run) : Absent(run.status().ToString()), known);
}

}  // namespace regatta::conformance
