#include "reports/sections/conformance_section.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "reports/charts/quantity.h"

namespace regatta::reports {
namespace {

constexpr std::string_view kBroken = "broken";

std::string DisplayName(const std::string& system) {
  if (system == "core") return "Regatta";
  return system == "cpython" ? "CPython" : system;
}

// How cases stand, by standing.
struct Tally {
  int cases = 0;
  std::map<std::string, int> standings;

  void Count(const ConformanceCase& one) {
    ++cases;
    ++standings[one.standing];
  }
  int Of(const std::string& standing) const {
    const auto found = standings.find(standing);
    return found == standings.end() ? 0 : found->second;
  }
};

// "80 of 80 cases passed", "72 of 80 cases passed, 8 known to fail", "absent".
std::string Words(const Tally& tally) {
  if (tally.Of("absent") == tally.cases) return "absent";
  std::string words = absl::StrCat(tally.Of("passed"), " of ", Counted(tally.cases, "case", "cases"), " passed");
  for (const auto& [standing, name] : {std::pair("known", "known to fail"), std::pair("absent", "not run"),
                                       std::pair("surprise", "failed or passed unexpectedly")}) {
    if (const int count = tally.Of(standing); count > 0) absl::StrAppend(&words, ", ", count, " ", name);
  }
  return words;
}

// The systems that play, the core first; without those that are only there to be caught.
std::vector<std::string> SystemsOf(const Conformance& conformance) {
  std::vector<std::string> systems;
  for (const ConformanceCase& one : conformance.cases) {
    if (one.system != kBroken && std::find(systems.begin(), systems.end(), one.system) == systems.end()) {
      systems.push_back(one.system);
    }
  }
  std::stable_partition(systems.begin(), systems.end(), [](const std::string& system) { return system == "core"; });
  return systems;
}

Tally TallyOf(const Conformance& conformance, const std::string& system, const std::string& scenario = "") {
  Tally tally;
  for (const ConformanceCase& one : conformance.cases) {
    if (one.system == system && (scenario.empty() || one.scenario == scenario)) tally.Count(one);
  }
  return tally;
}

// What one system made of one scenario: "passed", or which start methods did otherwise, and why.
Cell StandingCell(const Conformance& conformance, const std::string& system, const std::string& scenario) {
  const Tally tally = TallyOf(conformance, system, scenario);
  if (tally.cases == 0) return Cell("–", Tone::kMuted);
  if (tally.Of("passed") == tally.cases) return Cell("passed", Tone::kGood);
  struct Reason {
    std::string standing;
    std::string words;
    std::vector<std::string> methods;
  };
  std::vector<Reason> reasons;
  for (const ConformanceCase& one : conformance.cases) {
    if (one.system != system || one.scenario != scenario || one.standing == "passed") continue;
    const std::string& words = one.why.empty() ? one.message : one.why;
    const std::string standing = one.standing == "surprise" ? "unexpected" : one.standing;
    auto known = std::find_if(reasons.begin(), reasons.end(), [&](const Reason& reason) {
      return reason.standing == standing && reason.words == words;
    });
    if (known == reasons.end()) known = reasons.insert(known, {standing, words, {}});
    known->methods.push_back(one.method);
  }
  std::vector<std::string> parts;
  parts.reserve(reasons.size());
  for (const Reason& reason : reasons) {
    parts.push_back(absl::StrCat(reason.standing, " with ", absl::StrJoin(reason.methods, ", "), ": ", reason.words));
  }
  return Cell(absl::StrJoin(parts, "; "), tally.Of("surprise") > 0 ? Tone::kBad : Tone::kMuted);
}

}  // namespace

std::string ConformanceOf(const Conformance& conformance, const std::string& system) {
  if (conformance.empty()) return "";
  const Tally tally = TallyOf(conformance, system);
  return tally.cases == 0 ? "not tested" : Words(tally);
}

Text WithConformance(Text name, const ArmInfo& arm, const Conformance& conformance) {
  if (conformance.empty()) return name;
  const std::string system = arm.system.starts_with("cpython")                        ? "cpython"
                             : arm.system == "pool" || arm.system.starts_with("core") ? "core"
                                                                                      : arm.system;
  const Tally tally = TallyOf(conformance, system);
  if (tally.cases == 0) return name.Range("not tested");
  return name.Range(absl::StrCat("passed ", tally.Of("passed"), " of ", Counted(tally.cases, "case", "cases")));
}

Section ConformanceSection(const Conformance& conformance) {
  Section section = {"conformance", "Conformance", {}};
  if (conformance.empty()) return section;
  const std::vector<std::string> systems = SystemsOf(conformance);
  std::vector<std::string> sentences;
  for (const std::string& system : systems) {
    sentences.push_back(absl::StrCat(DisplayName(system), ": ", Words(TallyOf(conformance, system))));
  }
  const Tally broken = TallyOf(conformance, std::string(kBroken));
  Text text("Each of ");
  text.Say(absl::StrCat(Counted(static_cast<long long>(conformance.scenarios.size()), "scenario", "scenarios"),
                        " ran with every start method that applies to it: "))
      .Strong(absl::StrJoin(sentences, "; "))
      .Say(".");
  if (broken.cases > 0) {
    text.Say(
        absl::StrCat(" The judge itself was tested with faults that were put into Regatta, one at a time. It noticed ",
                     broken.Of("caught"), " of ", broken.cases, "."));
  }
  section.Add(Paragraph{std::move(text)});

  Table table = {"", {{"Scenario"}, {"What it checks"}}, {}};
  for (const std::string& system : systems) table.columns.push_back({DisplayName(system)});
  if (broken.cases > 0) table.columns.push_back({"Faults noticed", true});
  for (const ConformanceScenario& scenario : conformance.scenarios) {
    std::vector<Cell> row = {Text().Code(scenario.id), Cell(scenario.shows, Tone::kMuted)};
    for (const std::string& system : systems) row.push_back(StandingCell(conformance, system, scenario.id));
    if (broken.cases > 0) {
      const Tally faults = TallyOf(conformance, std::string(kBroken), scenario.id);
      row.emplace_back(faults.cases == 0 ? "–" : absl::StrCat(faults.Of("caught"), " of ", faults.cases),
                       faults.Of("caught") == faults.cases ? Tone::kPlain : Tone::kBad);
    }
    table.rows.push_back(std::move(row));
  }
  section.Add(std::move(table));
  return section;
}

}  // namespace regatta::reports
