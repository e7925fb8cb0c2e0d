#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "reports/charts/quantity.h"
#include "reports/sections/names.h"
#include "reports/sections/sections.h"

namespace regatta::reports {
namespace {

// The sizes of one system, smallest first.
struct SizeSweep {
  std::string system;
  std::string name;
  bool ours = false;
  std::map<int, const ArmInfo*> arms;  // by bytes
};

std::vector<SizeSweep> Systems(const std::vector<const ArmInfo*>& arms) {
  std::vector<SizeSweep> systems;
  for (const ArmInfo* arm : arms) {
    auto found =
        std::find_if(systems.begin(), systems.end(), [&](const SizeSweep& s) { return s.system == arm->system; });
    if (found == systems.end()) {
      systems.push_back({arm->system, SystemName(*arm), IsOurs(*arm), {}});
      found = systems.end() - 1;
    }
    found->arms[FieldNumber(*arm, "bytes", 0)] = arm;
  }
  // What was measured at one size only is no sweep.
  std::erase_if(systems, [](const SizeSweep& system) { return system.arms.size() < 2; });
  std::stable_sort(systems.begin(), systems.end(),
                   [](const SizeSweep& a, const SizeSweep& b) { return a.ours && !b.ours; });
  return systems;
}

std::string SizeName(int bytes) { return Format(bytes, Unit::kBytes); }

void AddCharts(const Analysis& analysis, const std::vector<SizeSweep>& systems, const std::string& state,
               const std::string& where, const std::string& suffix, Section& section) {
  LineChart time, flow;
  for (const SizeSweep& system : systems) {
    Series times = {system.name, {}};
    Series flows = {system.name, {}};
    for (const auto& [bytes, arm] : system.arms) {
      const Estimate trip = analysis.Value(arm->key, TypicalTime(), state);
      if (!trip.measured() || trip.value <= 0 || trip.interval.low <= 0) continue;
      const double size = bytes;
      const auto rate = [&](double nanos) { return 2 * size / nanos * 1e9; };
      times.points.push_back({size, trip.value, trip.interval.low, trip.interval.high});
      flows.points.push_back({size, rate(trip.value), rate(trip.interval.high), rate(trip.interval.low)});
    }
    if (times.points.empty()) continue;
    if (time.series.size() < kSeriesColours) time.series.push_back(std::move(times));
    // By reference nothing is moved, so there is no bandwidth.
    if (system.system != "core_by_reference" && flow.series.size() < kSeriesColours) {
      flow.series.push_back(std::move(flows));
    }
  }
  if (time.series.empty()) return;
  const AxisSpec sizes = {.label = "size of the message", .unit = Unit::kBytes, .logarithmic = true};
  time.text = {"There and back, by size of the message", where,
               "Curves of the time of a round trip by size of the message, for each system; the figures are in the "
               "table below the charts."};
  time.x = flow.x = sizes;
  time.y = {.label = "time of one round trip, log scale", .unit = Unit::kNanoseconds, .logarithmic = true};
  flow.text = {
      "Bandwidth, by size of the message", where,
      "Curves of the bytes that go there and back in a second by size of the message, for each system that copies."};
  flow.y = {.label = "bytes a second, both ways together, log scale", .unit = Unit::kPerSecond, .logarithmic = true};
  section.Add(
      Figure{absl::StrCat("payload-time", suffix), std::move(time),
             Text("By reference, a message is written and read in place, so its size doesn't matter. By copy, it is "
                  "copied in and out on both ways. Four copies by one process are the least that this can cost.")});
  if (!flow.series.empty()) section.Add(Figure{absl::StrCat("payload-bandwidth", suffix), std::move(flow), Text()});
}

void AddTable(const Analysis& analysis, const std::vector<SizeSweep>& systems, const std::string& state,
              const std::string& where, Section& section) {
  std::set<int> sizes;
  for (const SizeSweep& system : systems) {
    for (const auto& [bytes, arm] : system.arms) sizes.insert(bytes);
  }
  Table table = {absl::StrCat("There and back, by size, ", where), {{"System"}}, {}};
  for (const int bytes : sizes) table.columns.push_back({SizeName(bytes), true});
  std::map<std::string, std::string> reasons;  // why -> of whom, at which size
  for (const SizeSweep& system : systems) {
    std::vector<Cell> row = {system.ours ? Text().Strong(system.name) : Text(system.name)};
    for (const int bytes : sizes) {
      const auto arm = system.arms.find(bytes);
      if (arm == system.arms.end()) {
        row.emplace_back("–");
        continue;
      }
      const Estimate trip = analysis.Value(arm->second->key, TypicalTime(), state);
      if (trip.measured()) {
        row.emplace_back(Show(trip, Unit::kNanoseconds));
        continue;
      }
      row.emplace_back(arm->second->state == "ready" ? "–" : arm->second->state, Tone::kMuted);
      const std::string why = analysis.view().WhyMissing(arm->second->key);
      if (why.empty()) continue;
      std::string& whom = reasons[why];
      absl::StrAppend(&whom, whom.empty() ? "" : "; ", system.name, ", ", SizeName(bytes));
    }
    table.rows.push_back(std::move(row));
  }
  section.Add(std::move(table));
  if (reasons.empty()) return;
  Bullets bullets;
  for (const auto& [why, whom] : reasons) bullets.items.emplace_back(absl::StrCat(whom, ": ", why));
  section.Add(std::move(bullets));
}

}  // namespace

Section PayloadSection(const Analysis& analysis) {
  Section section = {bench::kPayload.id, bench::kPayload.title, {}};
  // On one processor the context switches outweigh all that the size does.
  for (const std::string& placement :
       PlacementsOf(ArmsOf(analysis.view(), bench::Row("queue_round_trip"), "placement:!same_cpu"))) {
    const auto arms = analysis.view().Select([&](const ArmInfo& arm) {
      return HasView(arm, bench::View::kSizes) ||
             (RowOf(arm) == &bench::Row("queue_round_trip") && arm.Field("placement") == placement);
    });
    const std::vector<SizeSweep> systems = Systems(arms);
    // Without a queue of several sizes there is no sweep to show.
    if (std::all_of(systems.begin(), systems.end(),
                    [](const SizeSweep& system) { return system.system == "memcpy"; })) {
      continue;
    }
    for (const std::string& state : StatesOf(analysis, arms)) {
      const std::string where = PlacementName(placement, state);
      const std::string suffix = absl::StrCat("-", placement, state.empty() ? "" : "-", state);
      AddCharts(analysis, systems, state, where, suffix, section);
      AddTable(analysis, systems, state, where, section);
    }
  }
  if (!section.blocks.empty()) {
    section.Add(
        Paragraph{Text("Each time is the median over blocks, with its range. The time of a block is the median of its "
                       "round trips, or their mean if there were fewer than twenty.")});
  }
  return section;
}

}  // namespace regatta::reports
