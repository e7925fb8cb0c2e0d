#include "reports/trust/judging.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "reports/results/screening.h"
#include "reports/results/view.h"

namespace regatta::reports {
namespace {

constexpr std::string_view kPlain = "plain";

std::string Outcome(std::string_view system, Verdict verdict, bool disturbed) {
  switch (verdict) {
    case Verdict::kUntrusted:
      return disturbed ? "right" : "open";
    case Verdict::kIndicative:
      return "open";
    case Verdict::kFaster:
      return "wrong";
    case Verdict::kSlower:
      return system == "again" ? "wrong" : "right";
    case Verdict::kEquivalent:
      return system == "again" ? "right" : "wrong";
    case Verdict::kInconclusive:
      return system == "slower_20" ? "missed" : "right";
  }
  return "open";
}

}  // namespace

std::string TrustKey(std::string_view system, std::string_view work) {
  return absl::StrCat("trust/", system, "/work:", work);
}

std::vector<std::string> TrustWorks(const std::vector<ArmInfo>& arms) {
  std::set<std::string> ready;
  for (const ArmInfo& arm : arms) {
    if (arm.state == "ready") ready.insert(arm.key);
  }
  std::vector<std::string> works;
  for (const ArmInfo& arm : arms) {
    absl::string_view work = arm.key;
    if (!absl::ConsumePrefix(&work, TrustKey(kPlain, "")) || ready.count(arm.key) == 0) continue;
    const bool all = std::all_of(std::begin(kTrustSeeds), std::end(kTrustSeeds),
                                 [&](const TrustSeed& seed) { return ready.count(TrustKey(seed.system, work)) > 0; });
    if (all) works.emplace_back(work);
  }
  return works;
}

TrustComparison Compare(const std::string& work, const Results& results) {
  TrustComparison comparison;
  comparison.work = work;
  const View view(results);
  const Screening& screening = view.screening();
  comparison.measured = screening.measured();
  comparison.disturbed = screening.disturbed();
  comparison.causes = screening.causes();
  comparison.distrust = screening.distrust();
  const std::vector<std::string> states = view.States(TrustKey(kPlain, work));
  if (!states.empty()) comparison.state = states.front();
  const Sample plain = view.Figures(TrustKey(kPlain, work), TimePerOperation(), comparison.state);
  for (const TrustSeed& seed : kTrustSeeds) {
    const Sample seeded = view.Figures(TrustKey(seed.system, work), TimePerOperation(), comparison.state);
    comparison.findings[std::string(seed.system)].speed =
        EstimateRatio(LogRatios(plain, seeded), {.seed = results.seed});
  }
  return comparison;
}

void JudgeHalf(TrustHalf& half) {
  const bool disturbed = half.name == "disturbed";
  for (const TrustSeed& seed : kTrustSeeds) {
    const std::string system(seed.system);
    std::vector<Estimate> speeds;
    std::vector<bool> trusted;
    for (const TrustComparison& comparison : half.comparisons) {
      speeds.push_back(comparison.findings.at(system).speed);
      trusted.push_back(comparison.distrust.empty());
    }
    const std::vector<Verdict> verdicts = Judge(speeds, trusted);
    for (size_t i = 0; i < verdicts.size(); ++i) {
      TrustFinding& finding = half.comparisons[i].findings.at(system);
      finding.verdict = VerdictName(verdicts[i]);
      finding.outcome = Outcome(seed.system, verdicts[i], disturbed);
    }
  }
}

}  // namespace regatta::reports
