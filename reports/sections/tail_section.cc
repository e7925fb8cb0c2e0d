#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "reports/charts/quantity.h"
#include "reports/sections/names.h"
#include "reports/sections/sections.h"

namespace regatta::reports {
namespace {

// The points of a curve, as one in so many.
constexpr std::array kOneIn = {2.0, 4.0, 10.0, 20.0, 100.0, 200.0, 1e3, 2e3, 1e4, 1e5};
constexpr std::array kColumns = {2.0, 10.0, 100.0, 1e3, 1e4};
// Below this share of what came in, the system didn't keep up.
constexpr double kKeptUp = 0.98;

std::string ArmName(const ArmInfo& arm) { return absl::StrCat(SystemName(arm), " at ", arm.Field("load"), " %"); }

std::optional<double> AtOneIn(const bench::LatencyHistogram& latencies, double one_in) {
  return latencies.Quantile(1 - 1 / one_in);
}

// Ours first, then by system in the order listed, each by rising load.
std::vector<const ArmInfo*> ByLoad(const Analysis& analysis, const bench::Benchmark& row,
                                   const std::string& placement) {
  auto arms = analysis.view().Select(
      [&](const ArmInfo& arm) { return RowOf(arm) == &row && arm.Field("placement") == placement; });
  std::stable_sort(arms.begin(), arms.end(),
                   [](const ArmInfo* a, const ArmInfo* b) { return IsOurs(*a) && !IsOurs(*b); });
  return arms;
}

void AddFigure(const Analysis& analysis, const bench::Benchmark& row, const std::vector<const ArmInfo*>& arms,
               const std::string& state, const std::string& where, const std::string& name, Section& section) {
  LineChart chart;
  for (const ArmInfo* arm : arms) {
    Series series = {ArmName(*arm), {}};
    const bench::LatencyHistogram latencies = analysis.view().Latencies(arm->key, state);
    for (const double one_in : kOneIn) {
      if (const auto value = AtOneIn(latencies, one_in)) series.points.push_back({one_in, *value, *value, *value});
    }
    // The palette has room for so many; the table has all.
    if (!series.points.empty() && chart.series.size() < kSeriesColours) chart.series.push_back(std::move(series));
  }
  if (chart.series.empty()) return;
  chart.text = {absl::StrCat("Latency under load: ", row.title), where,
                absl::StrCat("Curves of how long a ", row.operation,
                             " took from when it was due, by quantile, for each system and load; the figures are in "
                             "the table below the chart.")};
  chart.x = {.label = "quantile: the share that was faster", .unit = Unit::kQuantile, .logarithmic = true};
  chart.y = {.label = absl::StrCat("time from when the ", row.operation, " was due, log scale"),
             .unit = Unit::kNanoseconds,
             .logarithmic = true};
  section.Add(Figure{name, std::move(chart),
                     Text("A load is a share of the system's capacity, which was measured just before.")});
}

void AddTable(const Analysis& analysis, const bench::Benchmark& row, const std::vector<const ArmInfo*>& arms,
              const std::string& state, const std::string& where, Section& section) {
  Table table = {absl::StrCat("Latency under load: ", row.title, ", ", where),
                 {{"System"}, {"Capacity", true}, {"Offered", true}, {"Kept up", true}},
                 {}};
  for (const double one_in : kColumns) table.columns.push_back({Format(one_in, Unit::kQuantile), true});
  table.columns.push_back({"Samples", true});
  for (const ArmInfo* arm : arms) {
    const std::string name = ArmName(*arm);
    std::vector<Cell> cells = {IsOurs(*arm) ? Text().Strong(name) : Text(name)};
    const bench::LatencyHistogram latencies = analysis.view().Latencies(arm->key, state);
    if (latencies.count() == 0) {
      const std::string why = analysis.view().WhyMissing(arm->key);
      cells.emplace_back(why.empty() ? "not measured in this state" : why, Tone::kMuted).rest_of_row = true;
      table.rows.push_back(std::move(cells));
      continue;
    }
    const Estimate offered = analysis.Value(arm->key, Counter("offered_per_second"), state);
    const Estimate done = analysis.Value(arm->key, Counter("items_per_second"), state);
    cells.emplace_back(Show(analysis.Value(arm->key, Counter("capacity_per_second"), state), Unit::kPerSecond));
    cells.emplace_back(Format(offered.value, Unit::kPerSecond));
    const double kept_up = offered.value > 0 ? done.value / offered.value : 0;
    cells.emplace_back(kept_up >= kKeptUp ? "yes" : absl::StrCat("no, ", Format(kept_up, Unit::kShare, 2)),
                       kept_up >= kKeptUp ? Tone::kPlain : Tone::kBad);
    for (const double one_in : kColumns) {
      const auto value = AtOneIn(latencies, one_in);
      cells.emplace_back(value ? Format(*value, Unit::kNanoseconds) : "–");
    }
    cells.emplace_back(absl::StrCat(latencies.count()));
    table.rows.push_back(std::move(cells));
  }
  section.Add(std::move(table));
}

}  // namespace

Section TailSection(const Analysis& analysis) {
  Section section = {bench::kTails.id, bench::kTails.title, {}};
  for (const bench::Benchmark& row : bench::kBenchmarks) {
    if (row.view != bench::View::kTail) continue;
    for (const std::string& placement : PlacementsOf(ArmsOf(analysis.view(), row))) {
      const std::vector<const ArmInfo*> arms = ByLoad(analysis, row, placement);
      for (const std::string& state : StatesOf(analysis, arms)) {
        const std::string where = PlacementName(placement, state);
        const std::string name = absl::StrCat("tail-", row.operation, "s-", placement, state.empty() ? "" : "-", state);
        AddFigure(analysis, row, arms, state, where, name, section);
        AddTable(analysis, row, arms, state, where, section);
      }
    }
  }
  if (section.blocks.empty()) return section;
  section.Add(Paragraph{
      Text("In an open loop, messages and tasks arrive as from many users who don't wait for each other: at random "
           "times from the run's seed (a Poisson process), whether or not earlier work is done. Each latency counts "
           "from the moment at which the work was due, so a stall shows in all work that was due meanwhile. Quantiles "
           "are of the samples of all blocks together. A quantile is – if fewer than ten samples lie beyond it.")});
  return section;
}

}  // namespace regatta::reports
