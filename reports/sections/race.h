// Race: several systems doing the same thing in the same place, as a table and as a chart. What queues, pools, locks
// and process creation have in common.

#ifndef REGATTA_REPORTS_SECTIONS_RACE_H_
#define REGATTA_REPORTS_SECTIONS_RACE_H_

#include <functional>
#include <string>
#include <vector>

#include "reports/sections/analysis.h"
#include "reports/writers/document.h"

namespace regatta::reports {

// How a race is read and shown.
struct RaceForm {
  Reading reading;  // what is compared
  Unit unit = Unit::kNanoseconds;
  bool more_is_better = false;
  std::string figure_heading;  // "p50"
  bool charted = true;         // a chart shows the figures, so that the table needn't be open
  // More columns: a heading and a figure each, shown as medians.
  std::vector<std::pair<std::string, Reading>> extra;
  // What the others are compared with, each in a column of its own: a system, or a system and its first field as in its key
  // ("ring", "fork/method:vfork"); and how the column calls it.
  struct Baseline {
    std::string key_part;
    std::string name;
  };
  std::vector<Baseline> baselines;
  // Names a competitor; SystemName where empty.
  std::function<std::string(const ArmInfo&)> name;
};

struct Competitor {
  const ArmInfo* arm = nullptr;
  std::string name;
  Estimate figure;
  Text label;  // the name, and beside it how the system stood before the judge
  std::vector<Estimate> extra;
  std::vector<Estimate> ratios;  // to each baseline: how many times its figure; unmeasured for the baseline itself
  std::string why_missing;       // instead of all these
};

// One race in one machine state, the best competitor first, the missing last.
struct Race {
  std::string place;  // "on two cores, near state"
  std::vector<Competitor> competitors;
};

// The states in which any of `arms` was measured, that of most arms first. One state "" if nothing has a state, or nothing
// was measured at all (then there are only reasons).
std::vector<std::string> StatesOf(const Analysis& analysis, const std::vector<const ArmInfo*>& arms);

// Runs over the states in which any of `arms` was measured, the most measured first. Baselines are found among the
// arms.
std::vector<Race> FindRaces(const Analysis& analysis, const std::vector<const ArmInfo*>& arms,
                            const std::string& placement, const RaceForm& form);

Table RaceTable(const std::string& caption, const Race& race, const RaceForm& form);

// One chart of all races, a group for each; nothing is drawn for an absent system but the word.
BarChart RaceChart(const ChartText& text, const std::string& axis_label, const std::vector<Race>& races,
                   const RaceForm& form);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_SECTIONS_RACE_H_
