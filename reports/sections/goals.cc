#include "reports/sections/goals.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "reports/sections/names.h"

namespace regatta::reports {
namespace {

class GoalFinder {
 public:
  GoalFinder(const Analysis& analysis, const PoolFindings& findings) : analysis_(analysis), findings_(findings) {}

  std::vector<Goal> Find() {
    for (const bench::Benchmark& row : bench::kBenchmarks) {
      for (const bench::Goal& goal : row.goals) {
        if (*goal.what == '\0') continue;
        if (row.view == bench::View::kSweep) {
          FindGrains(row, goal);
        } else {
          FindFigures(row, goal);
        }
      }
    }
    return std::move(goals_);
  }

 private:
  void FindFigures(const bench::Benchmark& row, const bench::Goal& wanted) {
    const Metric metric = row.unit == bench::Unit::kNanoseconds && row.median ? TypicalTime() : FigureOf(row);
    for (const ArmInfo* arm : ArmsOf(analysis_.view(), row, wanted.arms)) {
      for (const std::string& state : analysis_.view().States(arm->key)) {
        if (*wanted.state != '\0' && !state.empty() && state != wanted.state) continue;
        if (*wanted.to == '\0') {
          Add(row, wanted, *arm, state, analysis_.Value(arm->key, metric, state));
        } else if (const ArmInfo* other = Other(*arm, wanted.to, metric, state)) {
          Add(row, wanted, *arm, state,
              wanted.inverse ? analysis_.Ratio(other->key, arm->key, metric, state)
                             : analysis_.Ratio(arm->key, other->key, metric, state));
        }
      }
    }
  }

  // A sweep's figure is the smallest grain at which half of the processors' time goes into tasks.
  void FindGrains(const bench::Benchmark& row, const bench::Goal& wanted) {
    for (const SweepFinding& sweep : findings_.sweeps) {
      if (RowOf(*sweep.arm) != &row || !Matches(*sweep.arm, wanted.arms) || std::isnan(sweep.metg50.value)) continue;
      Estimate measured;
      measured.value = sweep.metg50.value;
      measured.interval = sweep.metg50.interval;
      measured.blocks = sweep.blocks;
      Add(row, wanted, *sweep.arm, sweep.state, measured);
    }
  }

  // The arm that a goal compares `arm` with; null where there is none.
  const ArmInfo* Other(const ArmInfo& arm, const std::string& to, const Metric& metric, const std::string& state) {
    if (to == "*") return BestPeer(arm, metric, state);
    std::string system;
    std::map<std::string, std::string> fields = arm.fields;
    const std::vector<std::string> parts = absl::StrSplit(to, '/');
    for (const std::string& part : parts) {
      const size_t colon = part.find(':');
      if (colon != std::string::npos) {
        fields[part.substr(0, colon)] = part.substr(colon + 1);
      } else if (system.empty()) {
        system = part;
      } else {
        return analysis_.view().Find(to);  // A benchmark and a system: the key of another benchmark's arm.
      }
    }
    const auto others = analysis_.view().Select([&](const ArmInfo& other) {
      return RowOf(other) == RowOf(arm) && other.system == system && other.fields == fields;
    });
    return others.empty() ? nullptr : others.front();
  }

  // The best peer of the same shape that isn't the bare ring, which promises less.
  const ArmInfo* BestPeer(const ArmInfo& arm, const Metric& metric, const std::string& state) {
    const bool higher = RowOf(arm)->better == bench::Better::kHigher;
    const ArmInfo* best = nullptr;
    double best_figure = 0;
    for (const ArmInfo& peer : analysis_.view().arms()) {
      if (RowOf(peer) != RowOf(arm) || peer.fields != arm.fields || IsOurs(peer) || peer.system == "ring") continue;
      const Estimate figure = analysis_.Value(peer.key, metric, state);
      if (!figure.measured()) continue;
      if (best != nullptr && (higher ? figure.value <= best_figure : figure.value >= best_figure)) continue;
      best = &peer;
      best_figure = figure.value;
    }
    return best;
  }

  void Add(const bench::Benchmark& row, const bench::Goal& wanted, const ArmInfo& arm, const std::string& state,
           const Estimate& measured) {
    if (!measured.measured()) return;
    goals_.push_back({.what = FillIn(wanted.what, arm),
                      .goal = wanted.goal,
                      .place = PlacementName(arm.Field("placement"), state),
                      .unit = *wanted.to != '\0' ? Unit::kTimes : UnitOf(row),
                      .limit = wanted.limit,
                      .at_most = wanted.better == bench::Better::kLower,
                      .measured = measured});
  }

  const Analysis& analysis_;
  const PoolFindings& findings_;
  std::vector<Goal> goals_;
};

// "reached, with 1.4× in hand"; of an indicative run only what it looks like.
Cell GoalCell(const Goal& goal, bool indicative) {
  std::string text =
      indicative ? (goal.Reached() ? "looks reached" : "looks missed") : (goal.Reached() ? "reached" : "not reached");
  const double factor = goal.Factor();
  if (std::isfinite(factor) && factor >= 1.005) {
    absl::StrAppend(&text, goal.Reached() ? ", with " : ", by ", Format(factor, Unit::kTimes),
                    goal.Reached() ? " in hand" : "");
  }
  if (!goal.Certain()) return Cell(absl::StrCat(text, "; the interval includes the limit"), Tone::kMuted);
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
  Section section = {"goals", "Goals", {}};
  const std::vector<Goal> goals = FindGoals(analysis, findings);
  if (goals.empty()) return section;
  const auto reached = std::count_if(goals.begin(), goals.end(), [](const Goal& goal) { return goal.Reached(); });
  section.Add(Paragraph{
      Text("This run measured ")
          .Say(Counted(static_cast<int>(goals.size()), "goal", "goals"))
          .Say(" of the project; ")
          .Strong(absl::StrCat(reached, analysis.indicative() ? (reached == 1 ? " looks reached" : " look reached")
                                                              : (reached == 1 ? " is reached" : " are reached")))
          .Say(".")});
  Table table = {"", {{"What"}, {"Where"}, {"Goal"}, {"Measured", true}, {"Outcome"}}, {}};
  for (const Goal& goal : goals) {
    table.rows.push_back({goal.what, Cell(goal.place, Tone::kMuted), goal.goal, ShowMeasured(goal),
                          GoalCell(goal, analysis.indicative())});
  }
  section.Add(std::move(table));
  return section;
}

}  // namespace regatta::reports
