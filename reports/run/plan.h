// Plan: which arms are compared with each other, how often, and in what order.
//
// A comparison is a set of arms that share blocks: short, so that what the machine does to one it does to all of them.
// Each runs in a fresh invocation of the benchmark program; a full run repeats every comparison in several, in rounds,
// so that a slow drift of the machine meets all of them alike.

#ifndef REGATTA_REPORTS_RUN_PLAN_H_
#define REGATTA_REPORTS_RUN_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "reports/results/results.h"

namespace regatta::reports {

struct Comparison {
  std::string name;               // "64 B there and back"
  std::vector<std::string> keys;  // all of it, absent arms too: a run's header then says why they are absent
  int ready = 0;                  // how many of them will be measured
  int blocks = 0;
  int arm_ms = 0;
  double block_ms = 0;  // about how long a block takes
};

// One invocation of the benchmark program.
struct Step {
  const Comparison* comparison = nullptr;
  int round = 0;
  uint64_t seed = 0;
};

struct Plan {
  std::vector<Comparison> comparisons;
  int rounds = 0;
  std::vector<Step> steps;  // point into `comparisons`
  size_t first_step = 0;    // where its first step stands among those that the progress line knows

  Plan() = default;
  Plan(Plan&&) = default;  // moving a vector leaves its elements where they are
  Plan& operator=(Plan&&) = default;
};

// Groups `arms` (as the benchmark program lists them); no arm is in two comparisons, and some are in none: the program
// measures more sizes and places than a report has room for, and a quick run leaves out still more. Comparisons without
// a ready arm are run too: their headers say why there is nothing. `seed` decides the orders of all invocations.
// `processors`: how many this run may use; pools of as many workers are of most interest.
Plan MakePlan(const std::vector<ArmInfo>& arms, bool quick, int processors, uint64_t seed);

// A regular expression (extended POSIX) that matches exactly these keys.
std::string FilterFor(const std::vector<std::string>& keys);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_RUN_PLAN_H_
