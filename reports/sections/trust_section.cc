#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "reports/charts/quantity.h"
#include "reports/sections/analysis.h"
#include "reports/sections/sections.h"

namespace regatta::reports {
namespace {

std::string HalfName(const TrustHalf& half) {
  return half.name == "disturbed" ? "while another process disturbs" : "the machine as it is";
}

Table Proof(const Trust& trust) {
  Table table = {"The proof",
                 {{"Measured"},
                  {"Seeded"},
                  {"Comparisons", true},
                  {"Slower", true},
                  {"Faster", true},
                  {"Equivalent", true},
                  {"Inconclusive", true},
                  {"Untrusted", true},
                  {"Wrong or missed", true}},
                 {}};
  for (const TrustHalf& half : trust.halves) {
    for (const TrustSeed& seed : kTrustSeeds) {
      const int bad = half.Outcomes(seed.system, "wrong") + half.Outcomes(seed.system, "missed");
      std::vector<Cell> row = {HalfName(half), std::string(seed.words), absl::StrCat(half.comparisons.size())};
      for (const Verdict verdict :
           {Verdict::kSlower, Verdict::kFaster, Verdict::kEquivalent, Verdict::kInconclusive, Verdict::kUntrusted}) {
        row.emplace_back(absl::StrCat(half.Verdicts(seed.system, VerdictName(verdict))));
      }
      row.emplace_back(absl::StrCat(bad), bad > 0 ? Tone::kBad : Tone::kGood);
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

Table Details(const TrustHalf& half) {
  Table table = {absl::StrCat("Each comparison, ", HalfName(half)), {{"Work"}, {"Disturbed", true}}, {}};
  for (const TrustSeed& seed : kTrustSeeds) table.columns.push_back({std::string(seed.words)});
  for (const TrustComparison& comparison : half.comparisons) {
    std::vector<Cell> row = {
        Text().Code(comparison.work).Say(comparison.state.empty() ? "" : absl::StrCat(", ", comparison.state)),
        absl::StrCat(comparison.disturbed, " of ", comparison.measured)};
    for (const TrustSeed& seed : kTrustSeeds) {
      const auto found = comparison.findings.find(std::string(seed.system));
      if (found == comparison.findings.end()) {
        row.emplace_back("–");
        continue;
      }
      const TrustFinding& finding = found->second;
      Text text = Text(absl::StrCat(finding.verdict, ": ")).Append(Show(finding.speed, Unit::kTimes));
      row.emplace_back(std::move(text), finding.outcome == "right"  ? Tone::kPlain
                                        : finding.outcome == "open" ? Tone::kMuted
                                                                    : Tone::kBad);
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace

Section TrustSection(const Trust& trust) {
  Section section = {"trust", "Test of the verdicts", {}};
  if (trust.empty()) return section;
  section.Add(Paragraph{Text()
                            .Strong(trust.Sentence())
                            .Say(" Comparisons with a known answer were judged as this report judges: with the same "
                                 "blocks, invocations, screening and statistics. Identical work must be neither faster "
                                 "nor slower. Work that does 20 % more must be slower, and work that does 5 % more "
                                 "must not be equivalent. The comparisons were repeated while another process ran at "
                                 "times on one of the processors. There, \"untrusted\" is a right answer as well.")});
  section.Add(Paragraph{
      Text(absl::StrCat("Measured on ", trust.cpu_model, ", ", Counted(trust.processors, "processor", "processors"),
                        ", ", trust.created_utc, ", seed ", trust.seed,
                        trust.quick ? ", with fewer comparisons than a whole proof has" : "", "."))});
  for (const std::string& sentence : trust.missing) section.Add(Callout{Tone::kBad, Text(sentence)});
  section.Add(Proof(trust));
  for (const TrustHalf& half : trust.halves) {
    if (!half.comparisons.empty()) section.Add(Details(half));
  }
  return section;
}

}  // namespace regatta::reports
