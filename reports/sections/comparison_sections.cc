#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "reports/charts/quantity.h"
#include "reports/results/rows.h"
#include "reports/sections/conformance_section.h"
#include "reports/sections/names.h"
#include "reports/sections/sections.h"

namespace regatta::reports {
namespace {

using bench::Benchmark;
using Arms = std::vector<const ArmInfo*>;

constexpr const char* kAboutP99 =
    "p99 is the median over blocks of each block's own 99th percentile. It is – where no block had the 1,000 samples "
    "that it "
    "needs.";

// One system in one place and machine state.
struct Entry {
  const ArmInfo* arm = nullptr;
  std::string name;
  Estimate figure;
  std::vector<Estimate> extra;
  std::vector<Estimate> ratios;  // to each peer: how many times its figure; unmeasured for the peer itself
  std::string why_missing;       // instead of all these
};

// The systems in one place and machine state, the best first, those without a figure last.
struct Group {
  std::string place;  // "on two cores, near state"
  std::vector<Entry> entries;
};

// A column of figures beside the one that is compared.
struct Extra {
  const char* heading;
  Metric metric;
};

std::vector<Extra> ExtrasOf(const Benchmark& row) {
  if (row.unit == bench::Unit::kPerSecond) return {};
  if (row.median) return {{"p99", Counter("p99_ns")}};
  return {{"p50", Counter("p50_ns")}, {"p99", Counter("p99_ns")}};
}

const char* HeadingOf(const Benchmark& row) {
  if (row.unit == bench::Unit::kPerSecond) return "per second";
  return row.median ? "p50" : "mean time";
}

// Arms that agree in all of `fields`, by first appearance.
std::vector<Arms> Split(const Arms& arms, const std::vector<std::string>& fields) {
  std::vector<Arms> parts;
  for (const ArmInfo* arm : arms) {
    const auto agrees = [&](const Arms& part) {
      return std::all_of(fields.begin(), fields.end(),
                         [&](const std::string& field) { return part.front()->Field(field) == arm->Field(field); });
    };
    const auto part = std::find_if(parts.begin(), parts.end(), agrees);
    (part == parts.end() ? parts.emplace_back() : *part).push_back(arm);
  }
  return parts;
}

// The system, and the fields in which arms beside each other differ.
std::string EntryName(const ArmInfo& arm, const std::vector<std::string>& title_fields) {
  std::string name = SystemName(arm);
  for (const auto& [field, value] : arm.fields) {
    if (field == "placement" || std::find(title_fields.begin(), title_fields.end(), field) != title_fields.end())
      continue;
    absl::StrAppend(&name, ", ", FieldWords(field, value));
  }
  return name;
}

const ArmInfo* FindPeer(const Arms& arms, const bench::Peer& peer) {
  if (*peer.arms == '\0') return nullptr;
  const auto found =
      std::find_if(arms.begin(), arms.end(), [&](const ArmInfo* arm) { return Matches(*arm, peer.arms); });
  return found == arms.end() ? nullptr : *found;
}

class RowWriter {
 public:
  RowWriter(const Analysis& analysis, const Benchmark& row, Section& section)
      : analysis_(analysis), row_(row), section_(section), title_fields_(FieldsIn(row.title)), extras_(ExtrasOf(row)) {}

  // Returns whether anything was added.
  bool Write() {
    bool any = false;
    for (const Arms& arms : Split(ArmsOf(analysis_.view(), row_, row_.shown), title_fields_)) {
      std::vector<Group> groups;
      for (const Arms& in_place : Split(arms, {"placement"})) {
        for (const std::string& state : StatesOf(analysis_, in_place)) groups.push_back(MakeGroup(in_place, state));
      }
      AddChart(*arms.front(), groups);
      for (const Group& group : groups) AddTable(*arms.front(), group);
      any = true;
    }
    return any;
  }

 private:
  Group MakeGroup(const Arms& arms, const std::string& state) const {
    Group group = {PlacementName(arms.front()->Field("placement"), state), {}};
    for (const ArmInfo* arm : arms) group.entries.push_back(MakeEntry(*arm, arms, state));
    std::stable_sort(group.entries.begin(), group.entries.end(), [&](const Entry& a, const Entry& b) {
      if (a.figure.measured() != b.figure.measured()) return a.figure.measured();
      return row_.better == bench::Better::kHigher ? a.figure.value > b.figure.value : a.figure.value < b.figure.value;
    });
    return group;
  }

  Entry MakeEntry(const ArmInfo& arm, const Arms& arms, const std::string& state) const {
    Entry entry;
    entry.arm = &arm;
    entry.name = EntryName(arm, title_fields_);
    entry.figure = analysis_.Value(arm.key, FigureOf(row_), state);
    for (const Extra& extra : extras_) entry.extra.push_back(analysis_.Value(arm.key, extra.metric, state));
    for (const bench::Peer& peer : row_.peers) {
      const ArmInfo* other = FindPeer(arms, peer);
      entry.ratios.push_back(
          other == nullptr || other == &arm ? Estimate() : analysis_.Ratio(arm.key, other->key, FigureOf(row_), state));
    }
    if (entry.figure.measured()) return entry;
    entry.why_missing = analysis_.view().WhyMissing(arm.key);
    const std::vector<std::string> states = analysis_.view().States(arm.key);
    const bool measured = std::find(states.begin(), states.end(), state) != states.end();
    if (entry.why_missing.empty()) entry.why_missing = measured ? "too few samples" : "not measured in this state";
    return entry;
  }

  void AddChart(const ArmInfo& arm, const std::vector<Group>& groups) const {
    const std::string title = FillIn(row_.title, arm);
    const std::string what = row_.unit == bench::Unit::kPerSecond ? absl::StrCat(row_.operation, "s per second")
                             : row_.median ? absl::StrCat("time of one ", row_.operation, ", p50")
                                           : absl::StrCat("mean time of one ", row_.operation, " in a block");
    BarChart chart;
    chart.text = {title, arm.Field("placement").empty() ? "" : "by placement of the processes",
                  absl::StrCat(title, ": ", what, ", by system. The tables below the chart have the figures.")};
    chart.axis = {
        .label = absl::StrCat(what, ", log scale; marks are medians over blocks, lines ", analysis_.RangeName()),
        .unit = UnitOf(row_),
        .logarithmic = true};
    for (const Group& group : groups) {
      BarGroup bars = {group.place, {}};
      for (const Entry& entry : group.entries) {
        Bar bar = {entry.name, std::nullopt, "", IsOurs(*entry.arm)};
        if (entry.figure.measured()) {
          const Estimate& figure = entry.figure;
          bar.value = ChartPoint{0, figure.value, figure.interval.low, figure.interval.high};
        } else {
          bar.note = entry.arm->state == "ready" ? "not measured" : entry.arm->state;
        }
        bars.bars.push_back(std::move(bar));
      }
      chart.groups.push_back(std::move(bars));
    }
    if (!HasValues(chart)) return;
    std::string name = absl::StrReplaceAll(row_.key, {{"_", "-"}});
    for (const std::string& field : title_fields_) absl::StrAppend(&name, "-", arm.Field(field));
    section_.Add(Figure{std::move(name), std::move(chart), Text(row_.note)});
  }

  void AddTable(const ArmInfo& arm, const Group& group) const {
    const auto any = [&](const auto& of_entry) {
      return std::any_of(group.entries.begin(), group.entries.end(),
                         [&](const Entry& entry) { return of_entry(entry).measured(); });
    };
    Table table = {absl::StrCat(FillIn(row_.title, arm), group.place.empty() ? "" : ", ", group.place),
                   {{"System"}, {HeadingOf(row_), true}},
                   {}};
    // A column that would be empty is left out.
    std::vector<size_t> extras, peers;
    for (size_t i = 0; i < extras_.size(); ++i) {
      if (!any([&](const Entry& entry) { return entry.extra[i]; })) continue;
      extras.push_back(i);
      table.columns.push_back({extras_[i].heading, true});
    }
    for (size_t i = 0; i < std::size(row_.peers); ++i) {
      if (!any([&](const Entry& entry) { return entry.ratios[i]; })) continue;
      peers.push_back(i);
      table.columns.push_back({absl::StrCat("× ", row_.peers[i].name), true});
    }
    table.columns.push_back({"Blocks", true});
    for (const Entry& entry : group.entries) {
      std::vector<Cell> cells = {WithConformance(IsOurs(*entry.arm) ? Text().Strong(entry.name) : Text(entry.name),
                                                 *entry.arm, analysis_.view().results().conformance)};
      if (!entry.figure.measured()) {
        cells.emplace_back(entry.why_missing, Tone::kMuted).rest_of_row = true;
      } else {
        cells.emplace_back(Show(entry.figure, UnitOf(row_)));
        for (const size_t i : extras) {
          cells.emplace_back(entry.extra[i].measured() ? Format(entry.extra[i].value, UnitOf(row_)) : "–");
        }
        for (const size_t i : peers) cells.emplace_back(Show(entry.ratios[i], Unit::kTimes));
        cells.emplace_back(absl::StrCat(entry.figure.blocks));
      }
      table.rows.push_back(std::move(cells));
    }
    table.folded = true;  // The chart shows the same.
    section_.Add(std::move(table));
  }

  const Analysis& analysis_;
  const Benchmark& row_;
  Section& section_;
  const std::vector<std::string> title_fields_;
  const std::vector<Extra> extras_;
};

// What an operation costs all processes together. It explains the times of pools.
void AddUsage(const Analysis& analysis, const std::vector<const Benchmark*>& rows, Section& section) {
  Table table = {"What one operation costs all processes together",
                 {{"Benchmark"},
                  {"CPU time", true},
                  {"Switches, voluntary", true},
                  {"involuntary", true},
                  {"Page faults", true},
                  {"Migrations", true}},
                 {}};
  const Metric faults = [](const Record& record) -> std::optional<double> {
    const auto minor = UsagePerOperation(&bench::Usage::minor_faults)(record);
    const auto major = UsagePerOperation(&bench::Usage::major_faults)(record);
    return minor && major ? std::optional(*minor + *major) : std::nullopt;
  };
  bool counted = false;
  for (const Benchmark* row : rows) {
    for (const ArmInfo* arm : ArmsOf(analysis.view(), *row, row->shown)) {
      for (const std::string& state : analysis.view().States(arm->key)) {
        const auto shown = [&](const Metric& metric, Unit unit) -> Cell {
          const Estimate figure = analysis.Value(arm->key, metric, state);
          return figure.measured() ? Cell(Format(figure.value, unit, 2)) : Cell("–", Tone::kMuted);
        };
        const auto count = [&](double bench::Usage::*member) {
          return shown(UsagePerOperation(member), Unit::kNumber);
        };
        counted |= analysis.Value(arm->key, faults, state).measured();
        table.rows.push_back({KeyInState(arm->key, state), shown(CpuPerOperation(), Unit::kNanoseconds),
                              count(&bench::Usage::voluntary_switches), count(&bench::Usage::involuntary_switches),
                              shown(faults, Unit::kNumber), count(&bench::Usage::migrations)});
      }
    }
  }
  if (counted) section.Add(std::move(table));
}

}  // namespace

std::vector<Section> ComparisonSections(const Analysis& analysis) {
  std::vector<std::pair<Section, std::vector<const Benchmark*>>> sections;
  for (const Benchmark& row : bench::kBenchmarks) {
    if (row.view != bench::View::kBars) continue;
    auto known = std::find_if(sections.begin(), sections.end(),
                              [&](const auto& section) { return section.first.id == row.section.id; });
    if (known == sections.end()) known = sections.insert(known, {{row.section.id, row.section.title, {}}, {}});
    known->second.push_back(&row);
  }
  std::vector<Section> written;
  for (auto& [section, rows] : sections) {
    bool medians = false;
    for (const Benchmark* row : rows) {
      if (RowWriter(analysis, *row, section).Write()) medians |= row->median && row->unit == bench::Unit::kNanoseconds;
    }
    if (medians) section.Add(Paragraph{kAboutP99});
    const bool of_pools = std::any_of(rows.begin(), rows.end(), [](const Benchmark* row) {
      return row->subject.ours == std::string_view(bench::kOurPool.ours);
    });
    if (of_pools) AddUsage(analysis, rows, section);
    if (!section.blocks.empty()) written.push_back(std::move(section));
  }
  return written;
}

}  // namespace regatta::reports
