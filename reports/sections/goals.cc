#include "reports/sections/goals.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "absl/strings/str_cat.h"
#include "reports/sections/names.h"

namespace regatta::reports {
namespace {

constexpr double kLevel = 0.95;  // "level with": within 5 %

using Fields = std::map<std::string, std::string>;

class GoalFinder {
 public:
  GoalFinder(const Analysis& analysis, const PoolFindings& findings) : analysis_(analysis), findings_(findings) {}

  std::vector<Goal> Find() {
    RoundTrips();
    Throughput();
    LargeMessages();
    CopiedMessages();
    PoolTasks();
    Grain();
    Creation();
    Locks();
    return std::move(goals_);
  }

 private:
  std::vector<const ArmInfo*> Arms(const std::string& benchmark, const std::string& system, const Fields& fields = {}) {
    return analysis_.view().Select([&](const ArmInfo& arm) {
      return arm.benchmark == benchmark && arm.system == system &&
             std::all_of(fields.begin(), fields.end(),
                         [&](const auto& field) { return arm.Field(field.first) == field.second; });
    });
  }

  // The arm that differs from `arm` in its system only; null where there is none.
  const ArmInfo* Rival(const ArmInfo& arm, const std::string& system) {
    const auto rivals = Arms(arm.benchmark, system, Fields(arm.fields.begin(), arm.fields.end()));
    return rivals.empty() ? nullptr : rivals.front();
  }

  void Add(Goal goal, const Estimate& measured) {
    if (!measured.measured()) return;
    goal.measured = measured;
    goals_.push_back(std::move(goal));
  }

  // For each of `arms` and state: reading(arm) / reading(rival), or the other way round.
  void AddRatio(const std::vector<const ArmInfo*>& arms, const std::string& rival_system, const Reading& reading,
                bool ours_first, const Goal& goal) {
    for (const ArmInfo* arm : arms) {
      const ArmInfo* rival = Rival(*arm, rival_system);
      if (rival == nullptr) continue;
      for (const std::string& state : analysis_.view().States(arm->key)) {
        Goal found = goal;
        found.place = PlacementName(arm->Field("placement"), state);
        Add(found, ours_first ? analysis_.Ratio(arm->key, rival->key, reading, state)
                              : analysis_.Ratio(rival->key, arm->key, reading, state));
      }
    }
  }

  void AddValue(const std::vector<const ArmInfo*>& arms, const Reading& reading, const std::string& only_state,
                const Goal& goal) {
    for (const ArmInfo* arm : arms) {
      for (const std::string& state : analysis_.view().States(arm->key)) {
        if (!only_state.empty() && !state.empty() && state != only_state) continue;
        Goal found = goal;
        found.place = PlacementName(arm->Field("placement"), state);
        Add(found, analysis_.Value(arm->key, reading, state));
      }
    }
  }

  void RoundTrips() {
    const Fields apart = {{"bytes", "64"}, {"placement", "other_core"}};
    const Fields together = {{"bytes", "64"}, {"placement", "same_cpu"}};
    const Reading p50 = Counter("p50_ns");
    const auto queue = Arms("queue_round_trip", "core", apart);
    AddRatio(queue, "ring", p50, true,
             {.what = "64 B there and back between two cores, to the bare ring", .goal = "at most 2×", .limit = 2});
    AddRatio(queue, "pipe", p50, false,
             {.what = "64 B there and back between two cores, pipe to us",
              .goal = "over 50×",
              .limit = 50,
              .at_most = false});
    AddRatio(Arms("queue_round_trip", "core", together), "pipe", p50, true,
             {.what = "64 B there and back on one processor, to a pipe", .goal = "no slower", .limit = 1});
  }

  // Against the best peer of the same shape that isn't the bare ring.
  void Throughput() {
    const Reading rate = Counter("items_per_second");
    for (const ArmInfo* arm : Arms("queue_throughput", "core", {{"bytes", "64"}})) {
      for (const std::string& state : analysis_.view().States(arm->key)) {
        const ArmInfo* best = nullptr;
        double best_rate = 0;
        for (const ArmInfo& peer : analysis_.view().arms()) {
          if (peer.benchmark != arm->benchmark || peer.fields != arm->fields || IsOurs(peer) || peer.system == "ring")
            continue;
          const Estimate peer_rate = analysis_.Value(peer.key, rate, state);
          if (!peer_rate.measured() || peer_rate.value <= best_rate) continue;
          best = &peer;
          best_rate = peer_rate.value;
        }
        if (best == nullptr) continue;
        Add({.what = absl::StrCat("64 B one way, ", arm->Field("producers"), " to ", arm->Field("consumers"), ", to ",
                                  SystemName(*best), ", the best peer"),
             .goal = "at least 3×",
             .place = PlacementName(arm->Field("placement"), state),
             .limit = 3,
             .at_most = false},
            analysis_.Ratio(arm->key, best->key, rate, state));
      }
    }
  }

  void LargeMessages() {
    const Reading p50 = Counter("p50_ns");
    for (const ArmInfo* small : Arms("queue_round_trip", "core_by_reference")) {
      if (FieldNumber(*small, "bytes", 0) > 65536) continue;
      Fields fields(small->fields.begin(), small->fields.end());
      fields["bytes"] = "1048576";
      for (const ArmInfo* large : Arms("queue_round_trip", "core_by_reference", fields)) {
        for (const std::string& state : analysis_.view().States(large->key)) {
          Add({.what = absl::StrCat("1 MiB by reference, to ", BytesName(*small), " by reference"),
               .goal = "independent of size: within 10 %",
               .place = PlacementName(large->Field("placement"), state),
               .limit = 1.1},
              analysis_.Ratio(large->key, small->key, p50, state));
        }
      }
    }
  }

  // A round trip by copy makes four copies: twice their time is memory's speed, with what two caches have to exchange.
  void CopiedMessages() {
    for (const ArmInfo* large : Arms("queue_round_trip", "core", {{"bytes", "1048576"}})) {
      if (large->Field("placement") == "same_cpu") continue;
      for (const ArmInfo* copies : Arms("memory_copy", "memcpy", {{"bytes", "1048576"}})) {
        for (const std::string& state : analysis_.view().States(large->key)) {
          Add({.what = "1 MiB there and back by copy, to four memcpys of it",
               .goal = "at memory speed: at most 2×",
               .place = PlacementName(large->Field("placement"), state),
               .limit = 2},
              analysis_.Ratio(large->key, copies->key, TypicalTime(), state));
        }
      }
    }
  }

  void PoolTasks() {
    const Reading p50 = Counter("p50_ns");
    const auto apart = [](const ArmInfo* arm) { return arm->Field("placement") == "same_cpu"; };
    auto round_trips = Arms("pool_round_trip", "core", {{"workers", "1"}});
    if (round_trips.empty()) round_trips = Arms("pool_round_trip", "core");
    round_trips.erase(std::remove_if(round_trips.begin(), round_trips.end(), apart), round_trips.end());
    AddValue(round_trips, p50, "near",
             {.what = "Pool, one task there and back, hot",
              .goal = "at most 1 µs",
              .unit = Unit::kNanoseconds,
              .limit = 1000});
    AddRatio(round_trips, "cpython", p50, false,
             {.what = "Pool, one task there and back, Python's Pool to ours",
              .goal = "30× or more",
              .limit = 30,
              .at_most = false});
    const auto empty = Arms("pool_empty_tasks", "core", {{"workers", "2"}, {"chunk", "1"}});
    const Reading rate = Counter("items_per_second");
    AddValue(empty, rate, "",
             {.what = "Pool, empty tasks, chunk 1, two workers",
              .goal = "5 M/s or more",
              .unit = Unit::kPerSecond,
              .limit = 5e6,
              .at_most = false});
    AddRatio(empty, "threads", rate, true,
             {.what = "Pool, empty tasks, chunk 1, two workers, to oneTBB's threads",
              .goal = "level: 0.95× or more",
              .limit = kLevel,
              .at_most = false});
  }

  void Grain() {
    for (const auto& [chunk, limit] : {std::pair("1", 4000.0), std::pair("auto", 1000.0)}) {
      for (const SweepFinding& sweep : findings_.sweeps) {
        if (sweep.arm->system != "pool" || sweep.workers != 2 || sweep.chunk != chunk) continue;
        if (std::isnan(sweep.metg50.value)) continue;
        Estimate measured;
        measured.value = sweep.metg50.value;
        measured.interval = sweep.metg50.interval;
        measured.blocks = sweep.blocks;
        Add({.what = absl::StrCat("METG(50), two workers, ", sweep.chunk == "1" ? "chunk 1" : "automatic chunks"),
             .goal = absl::StrCat("under ", FormatPlain(limit, Unit::kNanoseconds)),
             .place = PlacementName("spread", sweep.state),
             .unit = Unit::kNanoseconds,
             .limit = limit},
            measured);
      }
    }
  }

  void Creation() {
    const Reading time = TimePerOperation();
    for (const ArmInfo* ours : Arms("process_create", "core", {{"method", "fork"}})) {
      for (const ArmInfo* bare :
           Arms("process_create", "fork", {{"method", "fork"}, {"parent_mib", ours->Field("parent_mib")}})) {
        Add({.what = absl::StrCat("Fork and join, ", Parent(*ours), ", to a bare fork"),
             .goal = "within 5 %",
             .limit = 1.05},
            analysis_.Ratio(ours->key, bare->key, time, ""));
      }
    }
    const auto servers = Arms("process_create", "core", {{"method", "forkserver"}});
    const auto by_size = [](const ArmInfo* a, const ArmInfo* b) {
      return FieldNumber(*a, "parent_mib", 0) < FieldNumber(*b, "parent_mib", 0);
    };
    if (servers.size() < 2) return;
    const ArmInfo* small = *std::min_element(servers.begin(), servers.end(), by_size);
    const ArmInfo* large = *std::max_element(servers.begin(), servers.end(), by_size);
    Add({.what = absl::StrCat("Forkserver, ", Parent(*large), ", to ", Parent(*small)),
         .goal = "independent of size: within 10 %",
         .limit = 1.1},
        analysis_.Ratio(large->key, small->key, time, ""));
  }

  static std::string Parent(const ArmInfo& arm) {
    const int mib = FieldNumber(arm, "parent_mib", 0);
    return mib == 0 ? "small parent" : absl::StrCat("parent of ", Format(mib * 1048576.0, Unit::kBytes));
  }

  void Locks() {
    AddRatio(Arms("lock_unlock", "core"), "pthread_robust", TimePerOperation(), true,
             {.what = "Lock and unlock alone, to a robust pthread mutex", .goal = "no slower", .limit = 1});
  }

  const Analysis& analysis_;
  const PoolFindings& findings_;
  std::vector<Goal> goals_;
};

// "reached, with 1.4× in hand"; of an indicative run only what it looks like.
Cell Outcome(const Goal& goal, bool indicative) {
  std::string text =
      indicative ? (goal.Reached() ? "looks reached" : "looks missed") : (goal.Reached() ? "reached" : "not reached");
  const double factor = goal.Factor();
  if (std::isfinite(factor) && factor >= 1.005) {
    absl::StrAppend(&text, goal.Reached() ? ", with " : ", by ", Format(factor, Unit::kTimes),
                    goal.Reached() ? " in hand" : "");
  }
  if (!goal.Certain()) return Cell(absl::StrCat(text, "; the interval leaves it open"), Tone::kMuted);
  return Cell(text, goal.Reached() ? Tone::kGood : Tone::kBad);
}

Text ShowMeasured(const Goal& goal) {
  const auto& [low, high] = goal.measured.interval;
  const auto show = [&](double value) {
    if (value == 0) return std::string("below what was measured");
    if (std::isinf(value)) return std::string("beyond what was measured");
    return Format(value, goal.unit);
  };
  const bool inside = low > 0 && std::isfinite(high);
  return Text(show(goal.measured.value))
      .Range(inside ? FormatRange(low, high, goal.unit) : absl::StrCat(show(low), " to ", show(high)));
}

}  // namespace

double Goal::Factor() const {
  const bool better = Reached();
  const double ratio = measured.value / limit;
  return at_most == better ? 1 / ratio : ratio;
}

std::vector<Goal> FindGoals(const Analysis& analysis, const PoolFindings& findings) {
  return GoalFinder(analysis, findings).Find();
}

Section GoalSection(const Analysis& analysis, const PoolFindings& findings) {
  Section section = {"goals", "Speed to reach", {}};
  const std::vector<Goal> goals = FindGoals(analysis, findings);
  if (goals.empty()) return section;
  const auto reached = std::count_if(goals.begin(), goals.end(), [](const Goal& goal) { return goal.Reached(); });
  section.Add(Paragraph{
      Text("Of the project's own goals this run measured ")
          .Say(Counted(static_cast<int>(goals.size()), "row", "rows"))
          .Say("; ")
          .Strong(absl::StrCat(reached, analysis.indicative() ? (reached == 1 ? " looks reached" : " look reached")
                                                              : (reached == 1 ? " is reached" : " are reached")))
          .Say(".")});
  Table table = {"", {{"What"}, {"Where"}, {"Goal"}, {"Measured", true}, {"Outcome"}}, {}};
  for (const Goal& goal : goals) {
    table.rows.push_back({goal.what, Cell(goal.place, Tone::kMuted), goal.goal, ShowMeasured(goal),
                          Outcome(goal, analysis.indicative())});
  }
  section.Add(std::move(table));
  return section;
}

}  // namespace regatta::reports
