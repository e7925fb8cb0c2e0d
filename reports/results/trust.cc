#include "reports/results/trust.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "reports/charts/quantity.h"
#include "reports/results/members.h"
#include "reports/results/read_file.h"

namespace regatta::reports {
namespace {

using json = nlohmann::ordered_json;

constexpr std::string_view kSchema = "regatta.trust";
constexpr int kVersion = 1;

json Finite(double value) { return std::isfinite(value) ? json(value) : json(nullptr); }

json Json(const TrustFinding& finding) {
  return {{"value", Finite(finding.speed.value)},
          {"low", Finite(finding.speed.interval.low)},
          {"high", Finite(finding.speed.interval.high)},
          {"blocks", finding.speed.blocks},
          {"invocations", finding.speed.invocations},
          {"verdict", finding.verdict},
          {"outcome", finding.outcome}};
}

TrustFinding ReadFinding(const json& object) {
  TrustFinding finding;
  finding.speed.value = NumberMember(object, "value").value_or(NAN);
  finding.speed.interval = {NumberMember(object, "low").value_or(NAN), NumberMember(object, "high").value_or(NAN)};
  finding.speed.blocks = static_cast<int>(WholeMember(object, "blocks", 0));
  finding.speed.invocations = static_cast<int>(WholeMember(object, "invocations", 0));
  finding.verdict = StringMember(object, "verdict");
  finding.outcome = StringMember(object, "outcome");
  return finding;
}

json Json(const TrustComparison& comparison) {
  json object = {{"work", comparison.work},           {"state", comparison.state}, {"measured", comparison.measured},
                 {"disturbed", comparison.disturbed}, {"causes", json::object()},  {"distrust", comparison.distrust}};
  for (const auto& [cause, count] : comparison.causes) object["causes"][cause] = count;
  for (const auto& [system, finding] : comparison.findings) object[system] = Json(finding);
  return object;
}

TrustComparison ReadComparison(const json& object) {
  TrustComparison comparison;
  comparison.work = StringMember(object, "work");
  comparison.state = StringMember(object, "state");
  comparison.measured = static_cast<int>(WholeMember(object, "measured", 0));
  comparison.disturbed = static_cast<int>(WholeMember(object, "disturbed", 0));
  comparison.distrust = StringsMember(object, "distrust");
  const json& causes = Member(object, "causes");
  if (causes.is_object()) {
    for (const auto& [cause, count] : causes.items()) {
      if (count.is_number_integer()) comparison.causes[cause] = count.get<int>();
    }
  }
  for (const TrustSeed& seed : kTrustSeeds) {
    const json& finding = Member(object, std::string(seed.system).c_str());
    if (finding.is_object()) comparison.findings[std::string(seed.system)] = ReadFinding(finding);
  }
  return comparison;
}

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
  json object = {{"schema", kSchema},
                 {"version", kVersion},
                 {"created_utc", trust.created_utc},
                 {"quick", trust.quick},
                 {"seed", trust.seed},
                 {"cpu_model", trust.cpu_model},
                 {"processors", trust.processors},
                 {"missing", trust.missing},
                 {"halves", json::array()}};
  for (const TrustHalf& half : trust.halves) {
    json comparisons = json::array();
    for (const TrustComparison& comparison : half.comparisons) comparisons.push_back(Json(comparison));
    object["halves"].push_back({{"half", half.name}, {"comparisons", comparisons}});
  }
  return absl::StrCat(object.dump(1, ' ', false, json::error_handler_t::replace), "\n");
}

absl::StatusOr<Trust> ReadTrust(std::string_view text, std::string_view name) {
  const json object = json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  const auto refuse = [&](std::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": ", what, " (what can be read: the file that //bench:trust wrote to --out)"));
  };
  if (!object.is_object() || StringMember(object, "schema") != kSchema) return refuse("holds no findings on trust");
  if (const int64_t version = WholeMember(object, "version", 0); version != kVersion) {
    return refuse(absl::StrCat("version ", version, ", where this program reads version ", kVersion, " only"));
  }
  Trust trust;
  trust.created_utc = StringMember(object, "created_utc");
  trust.quick = BoolMember(object, "quick", false);
  if (const json& seed = Member(object, "seed"); seed.is_number_unsigned()) trust.seed = seed.get<uint64_t>();
  trust.cpu_model = StringMember(object, "cpu_model");
  trust.processors = static_cast<int>(WholeMember(object, "processors", 0));
  trust.missing = StringsMember(object, "missing");
  const json& halves = Member(object, "halves");
  if (!halves.is_array() || halves.empty()) return refuse("holds no half");
  for (const json& half : halves) {
    TrustHalf read = {StringMember(half, "half"), {}};
    const json& comparisons = Member(half, "comparisons");
    if (comparisons.is_array()) {
      for (const json& comparison : comparisons) read.comparisons.push_back(ReadComparison(comparison));
    }
    trust.halves.push_back(std::move(read));
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
