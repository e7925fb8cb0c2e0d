#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "reports/charts/quantity.h"
#include "reports/sections/names.h"
#include "reports/sections/sections.h"

namespace regatta::reports {
namespace {

// The processors in the order in which they are listed, which is that of the hardware.
std::vector<int> Processors(const std::vector<const ArmInfo*>& arms) {
  std::vector<int> processors;
  for (const ArmInfo* arm : arms) {
    const int here = FieldNumber(*arm, "here", -1);
    if (std::find(processors.begin(), processors.end(), here) == processors.end()) processors.push_back(here);
  }
  return processors;
}

void AddMap(const Analysis& analysis, const std::vector<const ArmInfo*>& arms, const std::string& state,
            Section& section) {
  const std::vector<int> processors = Processors(arms);
  const auto index = [&](int processor) {
    return static_cast<size_t>(std::find(processors.begin(), processors.end(), processor) - processors.begin());
  };
  HeatMap map;
  map.unit = Unit::kNanoseconds;
  map.row_label = "the process that measures";
  map.column_label = "its partner";
  map.cells.assign(processors.size(), std::vector<HeatCell>(processors.size()));
  for (const int processor : processors) map.names.push_back(absl::StrCat("processor ", processor));
  for (const ArmInfo* arm : arms) {
    const size_t row = index(FieldNumber(*arm, "here", -1));
    const size_t column = index(FieldNumber(*arm, "there", -1));
    if (row == processors.size() || column == processors.size()) continue;
    HeatCell& cell = map.cells[row][column];
    cell.note = PlacementName(arm->Field("placement"), "");
    const Estimate trip = analysis.Value(arm->key, Counter("p50_ns"), state);
    if (trip.measured()) cell.value = ChartPoint{0, trip.value, trip.interval.low, trip.interval.high};
  }
  map.text = {RowOf(*arms.front())->title,
              absl::StrCat(SystemName(*arms.front()), state.empty() ? "" : absl::StrCat(", ", state, " state"),
                           "; medians of a round trip's time"),
              absl::StrCat("A square of times, by processor. ", HeatMapValues(map), ".")};
  if (!HasValues(map)) return;
  section.Add(Figure{absl::StrCat("placement", state.empty() ? "" : "-", state), std::move(map), Text()});
}

void AddClasses(const Analysis& analysis, const std::vector<const ArmInfo*>& arms, const std::string& state,
                Section& section) {
  std::map<std::string, std::vector<double>> by_class;
  std::vector<std::string> order;
  for (const ArmInfo* arm : arms) {
    const Estimate trip = analysis.Value(arm->key, Counter("p50_ns"), state);
    if (!trip.measured()) continue;
    const std::string placement = arm->Field("placement");
    if (by_class.count(placement) == 0) order.push_back(placement);
    by_class[placement].push_back(trip.value);
  }
  if (by_class.empty()) return;
  Table table = {absl::StrCat("By placement", state.empty() ? "" : absl::StrCat(", ", state, " state")),
                 {{"Placement"}, {"Pairs", true}, {"Fastest", true}, {"Median", true}, {"Slowest", true}},
                 {}};
  for (const std::string& placement : order) {
    const std::vector<double>& trips = by_class[placement];
    table.rows.push_back({PlacementName(placement, ""), absl::StrCat(trips.size()),
                          Format(*std::min_element(trips.begin(), trips.end()), Unit::kNanoseconds),
                          Format(Median(trips), Unit::kNanoseconds),
                          Format(*std::max_element(trips.begin(), trips.end()), Unit::kNanoseconds)});
  }
  section.Add(std::move(table));
}

}  // namespace

Section PlacementSection(const Analysis& analysis) {
  Section section = {bench::kPlacement.id, bench::kPlacement.title, {}};
  const auto arms = analysis.view().Select([](const ArmInfo& arm) { return HasView(arm, bench::View::kPairs); });
  if (arms.empty()) return section;
  for (const std::string& state : StatesOf(analysis, arms)) {
    AddMap(analysis, arms, state, section);
    AddClasses(analysis, arms, state, section);
  }
  if (section.blocks.empty()) return section;
  const size_t paired = Processors(arms).size();
  const size_t allowed = analysis.view().results().invocations.front().context.allowed_cpus.size();
  Text text;
  if (paired < allowed) {
    text.Say(absl::StrCat("The map has ", paired, " of the ", allowed, " processors, evenly spread. "));
  }
  if (allowed == 2) {
    text.Say("Two processors have two placements only: both processes on one, or each on its own. ");
  }
  text.Say(
      "On one processor a round trip costs two context switches. Between two processors it costs the transfer of a few "
      "cache lines.");
  section.Add(Paragraph{std::move(text)});
  return section;
}

}  // namespace regatta::reports
