// Trust: what `//bench:trust` found: whether comparisons whose answer is known beforehand get the right verdict, on the
// machine as it was and with a second process that disturbs it. The file's format is reports/TRUST.md.

#ifndef REGATTA_REPORTS_RESULTS_TRUST_H_
#define REGATTA_REPORTS_RESULTS_TRUST_H_

#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "reports/statistics/ratio.h"

namespace regatta::reports {

// What was seeded: the system of the benchmark's key, and in words.
struct TrustSeed {
  std::string_view system;
  std::string_view words;
};
inline constexpr TrustSeed kTrustSeeds[] = {
    {"again", "nothing (A/A)"}, {"slower_5", "5 % slower"}, {"slower_20", "20 % slower"}};

// One seeded difference of one comparison, and what was said of it.
struct TrustFinding {
  Estimate speed = {.value = NAN, .interval = {NAN, NAN}};  // of the seeded arm, plain = 1
  std::string verdict;                                      // as VerdictName has them
  std::string outcome;                                      // "right", "wrong", "missed", "open" (nothing was shown)

  template <class Self, class Visit>
  static void Members(Self& self, Visit visit) {
    visit("value", self.speed.value, "low", self.speed.interval.low, "high", self.speed.interval.high, "blocks",
          self.speed.blocks, "invocations", self.speed.invocations, "verdict", self.verdict, "outcome", self.outcome);
  }
};

struct TrustComparison {
  std::string work;   // the fields of its keys
  std::string state;  // of the machine
  int measured = 0;
  int disturbed = 0;
  std::map<std::string, int> causes;
  std::vector<std::string> distrust;
  std::map<std::string, TrustFinding> findings;  // by TrustSeed::system

  // All but the findings.
  template <class Self, class Visit>
  static void Members(Self& self, Visit visit) {
    visit("work", self.work, "state", self.state, "measured", self.measured, "disturbed", self.disturbed, "causes",
          self.causes, "distrust", self.distrust);
  }
};

struct TrustHalf {
  std::string name;  // "quiet", "disturbed"
  std::vector<TrustComparison> comparisons;

  // How many of its findings on `system` have this outcome, or this verdict.
  int Outcomes(std::string_view system, std::string_view outcome) const;
  int Verdicts(std::string_view system, std::string_view verdict) const;
};

struct Trust {
  std::string created_utc;
  bool quick = false;
  uint64_t seed = 0;
  std::string cpu_model;
  int processors = 0;
  std::vector<std::string> missing;  // what was to be measured and wasn't, a sentence each
  std::vector<TrustHalf> halves;
  std::string text;  // the file, verbatim

  // All but the halves.
  template <class Self, class Visit>
  static void Members(Self& self, Visit visit) {
    visit("created_utc", self.created_utc, "quick", self.quick, "seed", self.seed, "cpu_model", self.cpu_model,
          "processors", self.processors, "missing", self.missing);
  }

  bool empty() const { return halves.empty(); }
  int Outcomes(std::string_view outcome) const;
  // Every verdict was right, and none is missing.
  bool Proven() const;
  // That, or what stands against it, in a sentence.
  std::string Sentence() const;
};

// The file's text. Leaves `trust.text` alone.
std::string RenderTrust(const Trust& trust);

// InvalidArgument, with `name`: it is no such text, or of another version.
absl::StatusOr<Trust> ReadTrust(std::string_view text, std::string_view name);
absl::StatusOr<Trust> ReadTrustFile(const std::string& path);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_RESULTS_TRUST_H_
