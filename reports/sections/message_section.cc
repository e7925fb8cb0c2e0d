#include "reports/sections/message_section.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "reports/charts/quantity.h"
#include "reports/sections/names.h"
#include "reports/sections/race.h"

namespace regatta::reports {
namespace {

constexpr const char* kAboutP99 =
    "p99 is the median over blocks of each block's own 99th percentile; where it is – no block had the 1,000 samples "
    "that it "
    "takes.";

// The values of a field over the arms of a benchmark, in the order of the arms.
std::vector<std::string> FieldValues(const Analysis& analysis, const std::string& benchmark, const std::string& field) {
  std::vector<std::string> values;
  for (const ArmInfo& arm : analysis.view().arms()) {
    if (arm.benchmark != benchmark) continue;
    const std::string value = arm.Field(field);
    if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
  }
  return values;
}

// Arms of a benchmark that agree in all of `fields`.
std::vector<const ArmInfo*> ArmsWith(const Analysis& analysis, const std::string& benchmark,
                                     const std::map<std::string, std::string>& fields) {
  return analysis.view().Select([&](const ArmInfo& arm) {
    return arm.benchmark == benchmark && std::all_of(fields.begin(), fields.end(), [&](const auto& field) {
             return arm.Field(field.first) == field.second;
           });
  });
}

// A race in each placement of a benchmark, for arms that agree in `fields`.
std::vector<Race> RacesInEachPlace(const Analysis& analysis, const std::string& benchmark,
                                   std::map<std::string, std::string> fields, const RaceForm& form) {
  std::vector<Race> races;
  for (const std::string& placement : FieldValues(analysis, benchmark, "placement")) {
    fields["placement"] = placement;
    for (Race& race : FindRaces(analysis, ArmsWith(analysis, benchmark, fields), placement, form)) {
      races.push_back(std::move(race));
    }
  }
  return races;
}

// A chart of all races and a table for each; nothing where no race has a figure.
void AddRaces(const std::string& name, const ChartText& text, const std::string& axis_label, const std::string& caption,
              const std::vector<Race>& races, const RaceForm& form, const Text& remark, Section& section) {
  if (races.empty()) return;
  BarChart chart = RaceChart(text, axis_label, races, form);
  if (HasValues(chart)) section.Add(Figure{name, std::move(chart), remark});
  for (const Race& race : races) {
    section.Add(RaceTable(absl::StrCat(caption, ", ", race.place), race, form));
  }
}

std::string AxisLabel(const char* what, const Analysis& analysis) {
  return absl::StrCat(what, ", log scale; marks are medians over blocks, lines ", analysis.RangeName());
}

RaceForm Latency(std::vector<RaceForm::Baseline> baselines) {
  RaceForm form;
  form.reading = Counter("p50_ns");
  form.figure_heading = "p50";
  form.extra = {{"p99", Counter("p99_ns")}};
  form.baselines = std::move(baselines);
  return form;
}

RaceForm Rate(std::vector<RaceForm::Baseline> baselines) {
  RaceForm form;
  form.reading = Counter("items_per_second");
  form.unit = Unit::kPerSecond;
  form.more_is_better = true;
  form.figure_heading = "per second";
  form.baselines = std::move(baselines);
  return form;
}

void AddRoundTrips(const Analysis& analysis, const std::string& benchmark, bool slept, Section& section) {
  const RaceForm form = Latency({{"ring", "bare ring"}, {"pipe", "pipe"}});
  for (const std::string& bytes : FieldValues(analysis, benchmark, "bytes")) {
    // Other sizes than the usual one are a sweep of their own.
    if (!slept && bytes != "64") continue;
    // The ring's smallest message is measured alone, to hold it against the cache line.
    const auto rivals = ArmsWith(analysis, benchmark, {{"bytes", bytes}});
    if (std::all_of(rivals.begin(), rivals.end(), [](const ArmInfo* arm) { return arm->system == "ring"; })) continue;
    ArmInfo sized;
    sized.fields["bytes"] = bytes;
    const std::string size = BytesName(sized);
    const std::string after = slept ? ", the receiver asleep for 1 ms first" : "";
    AddRaces(
        absl::StrCat(slept ? "round-trip-slept-" : "round-trip-", bytes),
        {absl::StrCat(size, " there and back", after), "two processes; placement as each group says",
         absl::StrCat("Median time of a round trip of ", size,
                      " by system and placement; the figures are in the tables below the chart.")},
        AxisLabel("time of one round trip, p50", analysis), absl::StrCat(size, " there and back", after),
        RacesInEachPlace(analysis, benchmark, {{"bytes", bytes}}, form), form,
        Text("The bare ring is the limit: two processes spinning on shared memory, with nothing of what makes a queue "
             "safe. A figure is worth nothing without its placement."),
        section);
  }
}

void AddThroughputs(const Analysis& analysis, Section& section) {
  const std::string benchmark = "queue_throughput";
  const RaceForm form = Rate({{"ring", "bare ring"}, {"pipe", "pipe"}});
  std::set<std::vector<std::string>> seen;
  for (const ArmInfo& arm : analysis.view().arms()) {
    if (arm.benchmark != benchmark) continue;
    const std::vector<std::string> shape = {arm.Field("bytes"), arm.Field("producers"), arm.Field("consumers")};
    if (!seen.insert(shape).second) continue;
    const std::string flow = absl::StrCat(BytesName(arm), " one way, ", shape[1], " to ", shape[2]);
    AddRaces(
        absl::StrCat("throughput-", shape[0], "-", shape[1], "-", shape[2]),
        {flow, "producers and consumers are processes; placement as each group says",
         absl::StrCat("Messages per second, ", flow, ", by system; the figures are in the tables below the chart.")},
        AxisLabel("messages per second", analysis), flow,
        RacesInEachPlace(analysis, benchmark, {{"bytes", shape[0]}, {"producers", shape[1]}, {"consumers", shape[2]}},
                         form),
        form, Text(), section);
  }
}

// The medians of what a task costs all processes together; no section's answer, but what explains it.
void AddUsage(const Analysis& analysis, Section& section) {
  Table table = {"What one task costs all processes together",
                 {{"Benchmark"},
                  {"CPU time", true},
                  {"Switches, voluntary", true},
                  {"involuntary", true},
                  {"Page faults", true},
                  {"Migrations", true}},
                 {}};
  bool counted = false;
  for (const ArmInfo& arm : analysis.view().arms()) {
    if (!arm.benchmark.starts_with("pool_")) continue;
    for (const std::string& state : analysis.view().States(arm.key)) {
      const auto shown = [&](const Reading& reading, Unit unit) -> Cell {
        const Estimate figure = analysis.Value(arm.key, reading, state);
        return figure.measured() ? Cell(Format(figure.value, unit, 2)) : Cell("–", Tone::kMuted);
      };
      const auto count = [&](std::optional<double> Usage::*member) {
        return shown(UsagePerOperation(member), Unit::kNumber);
      };
      const Reading faults = [](const Record& record) -> std::optional<double> {
        const auto minor = UsagePerOperation(&Usage::minor_faults)(record);
        const auto major = UsagePerOperation(&Usage::major_faults)(record);
        return minor && major ? std::optional(*minor + *major) : std::nullopt;
      };
      counted |= analysis.Value(arm.key, faults, state).measured();
      Text name;
      name.Code(arm.key);
      if (!state.empty()) name.Say(absl::StrCat(", ", state, " state"));
      table.rows.push_back({std::move(name), shown(CpuPerOperation(), Unit::kNanoseconds),
                            count(&Usage::voluntary_switches), count(&Usage::involuntary_switches),
                            shown(faults, Unit::kNumber), count(&Usage::migrations)});
    }
  }
  if (counted) section.Add(std::move(table));
}

}  // namespace

Section MessageSection(const Analysis& analysis) {
  Section section = {"messages", "Messages between processes", {}};
  AddRoundTrips(analysis, "queue_round_trip", false, section);
  AddRoundTrips(analysis, "queue_round_trip_slept", true, section);
  if (!section.blocks.empty()) section.Add(Paragraph{kAboutP99});
  AddThroughputs(analysis, section);

  RaceForm lock;
  lock.reading = TimePerOperation();
  lock.figure_heading = "lock and unlock";
  lock.charted = false;
  lock.baselines = {{"pthread_robust", "robust mutex"}};
  const auto locks = FindRaces(analysis, ArmsWith(analysis, "lock_unlock", {}), "", lock);
  for (const Race& race : locks) {
    section.Add(RaceTable("A lock taken and released, alone, on one processor", race, lock));
  }
  return section;
}

Section TaskCostSection(const Analysis& analysis) {
  Section section = {"task-cost", "What a pool costs per task", {}};
  for (const bool slept : {false, true}) {
    const std::string benchmark = slept ? "pool_round_trip_slept" : "pool_round_trip";
    const std::string after = slept ? ", the worker asleep for 1 ms first" : "";
    const RaceForm form = Latency({{"threads", "oneTBB"}, {"cpython", "Python"}});
    for (const std::string& workers : FieldValues(analysis, benchmark, "workers")) {
      const std::string pool = absl::StrCat(workers, workers == "1" ? " worker" : " workers");
      AddRaces(absl::StrCat(slept ? "task-slept-" : "task-", workers),
               {absl::StrCat("One task there and back, ", pool, after), "an empty task; placement as each group says",
                absl::StrCat("Median time from handing in an empty task to its result, ", pool,
                             "; the figures are in the tables below the chart.")},
               AxisLabel("time of one task, p50", analysis), absl::StrCat("One task there and back, ", pool, after),
               RacesInEachPlace(analysis, benchmark, {{"workers", workers}}, form), form, Text(), section);
    }
  }
  if (!section.blocks.empty()) section.Add(Paragraph{kAboutP99});
  const RaceForm form = Rate({{"threads", "oneTBB"}, {"cpython", "Python"}});
  std::set<std::vector<std::string>> seen;
  for (const ArmInfo& arm : analysis.view().arms()) {
    if (arm.benchmark != "pool_empty_tasks") continue;
    const std::vector<std::string> shape = {arm.Field("workers"), arm.Field("chunk")};
    if (!seen.insert(shape).second) continue;
    const std::string pool = absl::StrCat("Empty tasks, ", shape[0], shape[0] == "1" ? " worker, " : " workers, ",
                                          shape[1] == "auto" ? "automatic chunks" : absl::StrCat("chunk ", shape[1]));
    AddRaces(absl::StrCat("empty-tasks-", shape[0], "-", shape[1]),
             {pool, "placement as each group says",
              "Empty tasks per second by system; the figures are in the tables below."},
             AxisLabel("tasks per second", analysis), pool,
             RacesInEachPlace(analysis, "pool_empty_tasks", {{"workers", shape[0]}, {"chunk", shape[1]}}, form), form,
             Text(), section);
  }
  AddUsage(analysis, section);
  return section;
}

}  // namespace regatta::reports
