#include "reports/results/trust.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "reports/charts/quantity.h"
#include "reports/results/read_file.h"
#include "tools/json/members.h"

namespace regatta::reports {
namespace {

constexpr std::string_view kSchema = "regatta.trust";
constexpr int kVersion = 1;

int Count(const TrustHalf& half, std::string_view system, std::string TrustFinding::*member, std::string_view value) {
  return static_cast<int>(
      std::count_if(half.comparisons.begin(), half.comparisons.end(), [&](const TrustComparison& comparison) {
        const auto finding = comparison.findings.find(std::string(system));
        return finding != comparison.findings.end() && finding->second.*member == value;
      }));
}

}  // namespace

int TrustHalf::Outcomes(std::string_view system, std::string_view outcome) const {
  return Count(*this, system, &TrustFinding::outcome, outcome);
}

int TrustHalf::Verdicts(std::string_view system, std::string_view verdict) const {
  return Count(*this, system, &TrustFinding::verdict, verdict);
}

int Trust::Outcomes(std::string_view outcome) const {
  int sum = 0;
  for (const TrustHalf& half : halves) {
    for (const TrustSeed& seed : kTrustSeeds) sum += half.Outcomes(seed.system, outcome);
  }
  return sum;
}

bool Trust::Proven() const {
  const bool measured = !halves.empty() && std::all_of(halves.begin(), halves.end(),
                                                       [](const TrustHalf& half) { return !half.comparisons.empty(); });
  return measured && missing.empty() && Outcomes("wrong") + Outcomes("missed") + Outcomes("open") == 0;
}

std::string Trust::Sentence() const {
  const int wrong = Outcomes("wrong");
  const int missed = Outcomes("missed");
  const int open = Outcomes("open");
  const int all = wrong + missed + open + Outcomes("right");
  if (wrong + missed > 0) {
    return absl::StrCat(wrong, " of ", Counted(all, "verdict", "verdicts"), " wrong, and ",
                        Counted(missed, "slow-down", "slow-downs"), " of 20 % missed.");
  }
  std::string sentence = absl::StrCat("None of ", Counted(all, "verdict", "verdicts"), " was wrong");
  if (open > 0) {
    absl::StrAppend(&sentence, ", but ", open,
                    " that should have shown something could not be trusted: run it again on a quieter machine");
  }
  if (!missing.empty()) absl::StrAppend(&sentence, open > 0 ? "; not all" : ", but not all", " was measured");
  if (Proven()) absl::StrAppend(&sentence, ", and every slow-down of 20 % was found or its run not trusted");
  return absl::StrCat(sentence, ".");
}

std::string RenderTrust(const Trust& trust) {
  Json object = {{"schema", kSchema}, {"version", kVersion}};
  object.update(ToJson(trust));
  object["halves"] = Json::array();
  for (const TrustHalf& half : trust.halves) {
    Json comparisons = Json::array();
    for (const TrustComparison& comparison : half.comparisons) {
      Json& written = comparisons.emplace_back(ToJson(comparison));
      written.update(ToJson(comparison.findings));
    }
    object["halves"].push_back({{"half", half.name}, {"comparisons", comparisons}});
  }
  return absl::StrCat(object.dump(1, ' ', false, Json::error_handler_t::replace), "\n");
}

absl::StatusOr<Trust> ReadTrust(std::string_view text, std::string_view name) {
  const Json object = ParseJson(text);
  const auto refuse = [&](std::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": ", what, " (what can be read: the file that //bench:trust wrote to --out)"));
  };
  if (!object.is_object() || MemberOr<std::string>(object, "schema", "") != kSchema)
    return refuse("holds no findings on trust");
  if (const int64_t version = MemberOr<int64_t>(object, "version", 0); version != kVersion) {
    return refuse(absl::StrCat("version ", version, ", where this program reads version ", kVersion, " only"));
  }
  Trust trust;
  FromJson(object, trust);
  const Json& halves = Member(object, "halves");
  if (!halves.is_array() || halves.empty()) return refuse("holds no half");
  for (const Json& half : halves) {
    TrustHalf& read = trust.halves.emplace_back(TrustHalf{MemberOr<std::string>(half, "half", ""), {}});
    for (const Json& comparison : Member(half, "comparisons")) {
      FromJson(comparison, read.comparisons.emplace_back());
      for (const TrustSeed& seed : kTrustSeeds) {
        const std::string system(seed.system);
        if (TrustFinding finding; FromJson(Member(comparison, system.c_str()), finding)) {
          read.comparisons.back().findings[system] = std::move(finding);
        }
      }
    }
  }
  trust.text = std::string(text);
  return trust;
}

absl::StatusOr<Trust> ReadTrustFile(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return text.status();
  return ReadTrust(*text, path);
}

}  // namespace regatta::reports
