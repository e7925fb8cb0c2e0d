#include "reports/run/plan.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace regatta::reports {
namespace {

constexpr int kFullRounds = 5;
constexpr int kFullBlocks = 10;
constexpr int kFullArmMs = 50;

struct Rule {
  const char* name;
  bool (*matches)(const ArmInfo&);
  // A quick run leaves out what this refuses.
  bool (*in_quick)(const ArmInfo&);
  int quick_blocks;
  int quick_arm_ms;
};

bool Always(const ArmInfo&) { return true; }

// A quick run keeps the two sizes that the goals speak of.
bool UsualSize(const ArmInfo& arm) { return arm.Field("bytes") == "64" || arm.Field("bytes") == "1048576"; }

// The first rule that matches takes the arm. What a reader wants to know first is measured first, so that an interrupted run
// has it.
constexpr std::array kRules = {
    Rule{"tasks of rising size", [](const ArmInfo& arm) { return arm.workload == "grain_sweep"; }, Always, 5, 50},
    Rule{"the count loop", [](const ArmInfo& arm) { return arm.workload == "count_loop"; }, Always, 5, 30},
    Rule{"a tenth of the count loop", [](const ArmInfo& arm) { return arm.workload == "count_loop_tenth"; }, Always, 5,
         30},
    Rule{"copying a folder", [](const ArmInfo& arm) { return arm.workload == "folder_copy"; }, Always, 3, 1},
    Rule{"other workloads", [](const ArmInfo& arm) { return arm.benchmark == "workload"; }, Always, 5, 30},
    Rule{"64 B there and back",
         [](const ArmInfo& arm) { return arm.benchmark == "queue_round_trip" && arm.Field("bytes") == "64"; }, Always,
         5, 30},
    Rule{"larger messages there and back", [](const ArmInfo& arm) { return arm.benchmark == "queue_round_trip"; },
         UsualSize, 3, 30},
    Rule{"there and back after a sleep", [](const ArmInfo& arm) { return arm.benchmark == "queue_round_trip_slept"; },
         UsualSize, 3, 30},
    Rule{"one way", [](const ArmInfo& arm) { return arm.benchmark == "queue_throughput"; }, Always, 3, 30},
    Rule{"one task there and back",
         [](const ArmInfo& arm) {
           return arm.benchmark == "pool_round_trip" || arm.benchmark == "pool_round_trip_slept";
         },
         Always, 3, 30},
    Rule{"empty tasks", [](const ArmInfo& arm) { return arm.benchmark == "pool_empty_tasks"; }, Always, 5, 30},
    Rule{"creating processes", [](const ArmInfo& arm) { return arm.benchmark == "process_create"; }, Always, 3, 30},
    Rule{"locks", [](const ArmInfo& arm) { return arm.benchmark == "lock_unlock"; }, Always, 5, 20},
    Rule{"everything else", Always, Always, 3, 30},
};

// splitmix64, as fixed on every machine: a recorded seed must give the same run.
uint64_t NextRandom(uint64_t& state) {
  uint64_t z = (state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

Plan MakePlan(const std::vector<ArmInfo>& arms, bool quick, uint64_t seed) {
  std::array<Comparison, kRules.size()> groups;
  for (const ArmInfo& arm : arms) {
    const auto rule = std::find_if(kRules.begin(), kRules.end(), [&](const Rule& r) { return r.matches(arm); });
    if (quick && !rule->in_quick(arm)) continue;
    Comparison& group = groups[static_cast<size_t>(rule - kRules.begin())];
    group.name = rule->name;
    group.blocks = quick ? rule->quick_blocks : kFullBlocks;
    group.arm_ms = quick ? rule->quick_arm_ms : kFullArmMs;
    group.keys.push_back(arm.key);
    group.ready += arm.state == "ready";
  }
  Plan plan;
  for (Comparison& group : groups) {
    if (!group.keys.empty()) plan.comparisons.push_back(std::move(group));
  }
  plan.rounds = quick ? 1 : kFullRounds;
  for (int round = 0; round < plan.rounds; ++round) {
    for (const Comparison& comparison : plan.comparisons) {
      // Seeds stay below 2^63, which every reader of JSON can hold.
      plan.steps.push_back({&comparison, round, NextRandom(seed) >> 1});
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
