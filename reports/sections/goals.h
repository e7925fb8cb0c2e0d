// Goals: the project's "Speed to reach", as far as the run measured it: goal, measured, reached or by how far not.

#ifndef REGATTA_REPORTS_SECTIONS_GOALS_H_
#define REGATTA_REPORTS_SECTIONS_GOALS_H_

#include <string>
#include <vector>

#include "reports/charts/quantity.h"
#include "reports/sections/analysis.h"
#include "reports/sections/pool_findings.h"
#include "reports/writers/document.h"

namespace regatta::reports {

struct Goal {
  std::string what = {};
  std::string goal = {};   // in words: "at most 2× the bare ring"
  std::string place = {};  // where it was measured
  Unit unit = Unit::kTimes;
  double limit = 0;
  bool at_most = true;  // or at least
  Estimate measured = {};

  bool Reached() const { return at_most ? measured.value <= limit : measured.value >= limit; }
  // The whole interval lies on the value's side of the limit.
  bool Certain() const {
    return Reached() == (at_most ? measured.interval.high <= limit : measured.interval.low >= limit) &&
           Reached() == (at_most ? measured.interval.low <= limit : measured.interval.high >= limit);
  }
  // How far from the limit, as a factor of at least 1 in the direction that Reached() says.
  double Factor() const;
};

// Every goal that has a figure in this run, once for each machine state.
std::vector<Goal> FindGoals(const Analysis& analysis, const PoolFindings& findings);

Section GoalSection(const Analysis& analysis, const PoolFindings& findings);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_SECTIONS_GOALS_H_
