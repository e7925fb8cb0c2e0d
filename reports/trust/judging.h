// Judging: the verdicts on seeded differences, by the very screening and statistics that a report uses, and whether
// they are right.
//
// What is right
//   nothing seeded   neither faster nor slower
//   5 % slower       never equivalent, never faster
//   20 % slower      slower; inconclusive is a miss
//   In the disturbed half untrusted is right of all three; in the quiet one it leaves the question open.
//
// Each comparison is screened by itself, as a report of it alone would be. The verdicts on one kind of seeded
// difference are given together (Benjamini-Hochberg over the twenty): the twenty of A/A are then as free of chance
// findings as a report's are. What a report has besides, that it trusts nothing when its A/A arms differ, is left out:
// it would hide the very thing that is asked.

#ifndef REGATTA_REPORTS_TRUST_JUDGING_H_
#define REGATTA_REPORTS_TRUST_JUDGING_H_

#include <string>
#include <string_view>
#include <vector>

#include "reports/results/results.h"
#include "reports/results/trust.h"

namespace regatta::reports {

// The benchmark's key of one arm of a comparison: "plain" or a TrustSeed's system.
std::string TrustKey(std::string_view system, std::string_view work);

// The works that `arms` offer ready in all four arms, in their order.
std::vector<std::string> TrustWorks(const std::vector<ArmInfo>& arms);

// Estimates and screening of one comparison; no verdicts yet. `results` hold its invocations alone.
TrustComparison Compare(const std::string& work, const Results& results);

// Gives the verdicts and outcomes of a half.
void JudgeHalf(TrustHalf& half);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_TRUST_JUDGING_H_
