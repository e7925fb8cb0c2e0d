#include "reports/sections/race.h"

#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "reports/charts/quantity.h"
#include "reports/sections/conformance_section.h"
#include "reports/sections/names.h"

namespace regatta::reports {
namespace {

// The arm whose key has `part` between its slashes, or at its end.
const ArmInfo* FindBaseline(const std::vector<const ArmInfo*>& arms, const std::string& part) {
  for (const ArmInfo* arm : arms) {
    if (absl::StrContains(absl::StrCat(arm->key, "/"), absl::StrCat("/", part, "/"))) return arm;
  }
  return nullptr;
}

Competitor FindCompetitor(const Analysis& analysis, const ArmInfo& arm, const std::vector<const ArmInfo*>& arms,
                          const std::string& state, const RaceForm& form) {
  Competitor competitor;
  competitor.arm = &arm;
  competitor.name = form.name ? form.name(arm) : SystemName(arm);
  competitor.label = WithConformance(IsOurs(arm) ? Text().Strong(competitor.name) : Text(competitor.name), arm,
                                     analysis.view().results().conformance);
  competitor.figure = analysis.Value(arm.key, form.reading, state);
  for (const auto& [heading, reading] : form.extra) competitor.extra.push_back(analysis.Value(arm.key, reading, state));
  for (const RaceForm::Baseline& baseline : form.baselines) {
    const ArmInfo* other = FindBaseline(arms, baseline.key_part);
    competitor.ratios.push_back(
        other == nullptr || other == &arm ? Estimate() : analysis.Ratio(arm.key, other->key, form.reading, state));
  }
  if (!competitor.figure.measured()) {
    const std::string why = analysis.view().WhyMissing(arm.key);
    const std::vector<std::string> states = analysis.view().States(arm.key);
    const bool measured = std::find(states.begin(), states.end(), state) != states.end();
    competitor.why_missing = !why.empty() ? why : measured ? "too few samples" : "not measured in this state";
  }
  return competitor;
}

}  // namespace

std::vector<std::string> StatesOf(const Analysis& analysis, const std::vector<const ArmInfo*>& arms) {
  std::map<std::string, int> counts;
  for (const ArmInfo* arm : arms) {
    for (const std::string& state : analysis.view().States(arm->key)) ++counts[state];
  }
  if (counts.size() > 1) counts.erase("");  // work without a state is shown in each
  if (counts.empty()) counts[""] = 0;
  std::vector<std::string> states;
  for (const auto& [state, count] : counts) states.push_back(state);
  std::stable_sort(states.begin(), states.end(),
                   [&](const std::string& a, const std::string& b) { return counts[a] > counts[b]; });
  return states;
}

std::vector<Race> FindRaces(const Analysis& analysis, const std::vector<const ArmInfo*>& arms,
                            const std::string& placement, const RaceForm& form) {
  std::vector<Race> races;
  if (arms.empty()) return races;
  for (const std::string& state : StatesOf(analysis, arms)) {
    Race race = {PlacementName(placement, state), {}};
    for (const ArmInfo* arm : arms) race.competitors.push_back(FindCompetitor(analysis, *arm, arms, state, form));
    std::stable_sort(race.competitors.begin(), race.competitors.end(), [&](const Competitor& a, const Competitor& b) {
      if (a.figure.measured() != b.figure.measured()) return a.figure.measured();
      return form.more_is_better ? a.figure.value > b.figure.value : a.figure.value < b.figure.value;
    });
    races.push_back(std::move(race));
  }
  return races;
}

Table RaceTable(const std::string& caption, const Race& race, const RaceForm& form) {
  Table table = {caption, {{"System"}, {form.figure_heading, true}}, {}};
  for (const auto& [heading, reading] : form.extra) table.columns.push_back({heading, true});
  // A baseline that nothing could be compared with gets no column.
  std::vector<size_t> compared;
  for (size_t i = 0; i < form.baselines.size(); ++i) {
    const bool any = std::any_of(race.competitors.begin(), race.competitors.end(),
                                 [&](const Competitor& competitor) { return competitor.ratios[i].measured(); });
    if (!any) continue;
    compared.push_back(i);
    table.columns.push_back({absl::StrCat("× ", form.baselines[i].name), true});
  }
  table.columns.push_back({"Blocks", true});
  for (const Competitor& competitor : race.competitors) {
    std::vector<Cell> row;
    row.emplace_back(competitor.label);
    if (!competitor.figure.measured()) {
      row.emplace_back(competitor.why_missing, Tone::kMuted).rest_of_row = true;
    } else {
      row.emplace_back(Show(competitor.figure, form.unit));
      for (const Estimate& extra : competitor.extra) {
        row.emplace_back(extra.measured() ? Format(extra.value, form.unit) : "–");
      }
      for (const size_t i : compared) row.emplace_back(Show(competitor.ratios[i], Unit::kTimes));
      row.emplace_back(absl::StrCat(competitor.figure.blocks));
    }
    table.rows.push_back(std::move(row));
  }
  table.folded = form.charted;
  return table;
}

BarChart RaceChart(const ChartText& text, const std::string& axis_label, const std::vector<Race>& races,
                   const RaceForm& form) {
  BarChart chart;
  chart.text = text;
  chart.axis = {.label = axis_label, .unit = form.unit, .logarithmic = true};
  for (const Race& race : races) {
    BarGroup group = {race.place, {}};
    for (const Competitor& competitor : race.competitors) {
      Bar bar = {competitor.name, std::nullopt, "", IsOurs(*competitor.arm)};
      if (competitor.figure.measured()) {
        const Estimate& figure = competitor.figure;
        bar.value = ChartPoint{0, figure.value, figure.interval.low, figure.interval.high};
      } else {
        bar.note = competitor.arm->state == "ready" ? "not measured" : competitor.arm->state;
      }
      group.bars.push_back(std::move(bar));
    }
    chart.groups.push_back(std::move(group));
  }
  return chart;
}

}  // namespace regatta::reports
