#include "reports/run/plan.h"

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "reports/results/rows.h"

namespace regatta::reports {
namespace {

constexpr int kFullRounds = 5;
constexpr int kFullArmMs = 50;
constexpr int kManyArms = 48;

// About how long an arm takes in a block: a first guess for the progress line, which then goes by the clock.
double ExpectedMs(const ArmInfo& arm, const bench::Benchmark& row, int arm_ms) {
  double ms = arm_ms + 90 + row.setup_ms;  // with a process of its own, its partners, and the checks
  if (arm.system.starts_with("cpython")) ms += 250;
  if (arm.Field("bytes") == "16777216") ms += 300;
  if (arm.Field("parent_mib") != "" && arm.Field("parent_mib") != "0") ms += 800;
  return ms;
}

}  // namespace

Plan MakePlan(const std::vector<ArmInfo>& arms, bool quick, int processors, uint64_t seed) {
  Plan plan;
  std::set<std::string> taken;
  // In the order of the table. What a reader wants to know first is measured first, so that an interrupted run has it.
  for (const bench::Benchmark& row : bench::kBenchmarks) {
    for (const bench::Comparison& wanted : row.comparisons) {
      if (*wanted.name == '\0') continue;
      auto known = std::find_if(plan.comparisons.begin(), plan.comparisons.end(),
                                [&](const Comparison& comparison) { return comparison.name == wanted.name; });
      if (known == plan.comparisons.end()) {
        // Rows that share a comparison have the first one's blocks.
        known = plan.comparisons.insert(known, Comparison());
        known->name = wanted.name;
        known->blocks = quick ? wanted.quick_blocks : wanted.full_blocks;
        known->arm_ms = quick ? wanted.quick_ms : kFullArmMs;
      }
      const char* chosen = quick && wanted.quick_arms != nullptr ? wanted.quick_arms : wanted.arms;
      for (const ArmInfo& arm : arms) {
        // The first comparison of its row that an arm matches has it.
        if (RowOf(arm) != &row || !Matches(arm, chosen, processors) || !taken.insert(arm.key).second) continue;
        known->keys.push_back(arm.key);
        if (arm.state != "ready") continue;
        ++known->ready;
        known->block_ms += ExpectedMs(arm, row, known->arm_ms);
      }
    }
  }
  std::erase_if(plan.comparisons, [](const Comparison& comparison) { return comparison.keys.empty(); });
  for (Comparison& comparison : plan.comparisons) {
    // More processors have more pairs, and each of them less need of blocks.
    if (comparison.ready > kManyArms) {
      comparison.blocks = std::max(1, comparison.blocks * kManyArms / comparison.ready);
    }
  }
  plan.rounds = quick ? 1 : kFullRounds;
  std::mt19937_64 random(seed);  // Fixed by the standard: a recorded seed gives the same run on every machine.
  for (int round = 0; round < plan.rounds; ++round) {
    for (const Comparison& comparison : plan.comparisons) {
      // Seeds stay below 2^63, which every reader of JSON can hold.
      plan.steps.push_back({&comparison, round, random() >> 1});
    }
  }
  return plan;
}

std::string FilterFor(const std::vector<std::string>& keys) {
  const std::string alternatives = absl::StrJoin(keys, "|", [](std::string* out, const std::string& key) {
    for (const char c : key) {
      if (std::string_view(".[]{}()\\*+?^$|").find(c) != std::string_view::npos) *out += '\\';
      *out += c;
    }
  });
  return absl::StrCat("^(", alternatives, ")$");
}

}  // namespace regatta::reports
