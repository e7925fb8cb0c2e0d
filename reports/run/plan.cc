#include "reports/run/plan.h"

#include <algorithm>
#include <array>
#include <optional>
#include <random>
#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace regatta::reports {
namespace {

constexpr int kFullRounds = 5;
constexpr int kFullArmMs = 50;
constexpr int kManyArms = 48;

// What a rule's choice may depend on.
struct Scope {
  bool quick;
  int processors;
};

int Workers(const ArmInfo& arm) {
  int workers = 0;
  return absl::SimpleAtoi(arm.Field("workers"), &workers) ? workers : 0;
}

// Two workers, which the goals speak of, or one for each processor.
bool UsualWorkers(const ArmInfo& arm, const Scope& scope) {
  return Workers(arm) == 2 || Workers(arm) == scope.processors;
}

bool OneProcessor(const ArmInfo& arm) { return arm.Field("placement") == "same_cpu"; }

bool Always(const ArmInfo&, const Scope&) { return true; }

// The serial loop against itself shows the noise. Python is slow to sweep, and chunks need one curve.
bool ChooseSweep(const ArmInfo& arm, const Scope& scope) {
  if (arm.system == "serial") return true;
  if (arm.system == "cpython_serial") return false;
  if (arm.system == "pool" && arm.Field("chunk") == "1" && Workers(arm) <= 3 && !scope.quick) return true;
  return UsualWorkers(arm, scope) && (arm.system == "pool" || arm.Field("chunk") == "1");
}

// All numbers of workers of the core's pool; the others' are beside the point.
bool ChooseWorkload(const ArmInfo& arm, const Scope& scope) {
  return arm.system.find("serial") != std::string::npos || arm.system == "pool" || UsualWorkers(arm, scope);
}

// The documents' pool of such tasks has three workers: so many of every system, and all numbers of the core's.
bool ChooseWaiting(const ArmInfo& arm, const Scope&) {
  return arm.system.find("serial") != std::string::npos || arm.system == "pool" || Workers(arm) == 3;
}

// Of the shorter loop what the documents have: one process and a pool.
bool ChooseShortLoop(const ArmInfo& arm, const Scope& scope) {
  return arm.system.find("serial") != std::string::npos || (arm.system != "threads" && UsualWorkers(arm, scope));
}

// The ring's smallest message fits one cache line with its number: it is held against the line's own round trip.
bool ChooseSmall(const ArmInfo& arm, const Scope&) {
  return arm.Field("bytes") == "64" || (arm.system == "ring" && arm.Field("bytes") == "8");
}

// By copy, by reference, the limit, what people use and what memory can do; of Python two sizes, for it is slow. A quick
// run looks at the core's own in a few sizes.
bool ChooseSize(const ArmInfo& arm, const Scope& scope) {
  const std::string bytes = arm.Field("bytes");
  if (scope.quick) {
    return (arm.system.starts_with("core") || arm.system == "memcpy" || arm.system == "pipe") &&
           (bytes == "1024" || bytes == "65536" || bytes == "1048576");
  }
  if (arm.system == "cpython") return bytes == "1024" || bytes == "1048576";
  return bytes != "64" && arm.system != "boost_message_queue";
}

// The queue, a pipe and the pools at all loads; a quick run looks at the core's own.
bool ChooseLoad(const ArmInfo& arm, const Scope& scope) {
  if (scope.quick) return arm.system == "core" && arm.Field("load") != "50";
  return arm.system == "core" || arm.system == "pipe" || arm.system == "threads" || arm.system == "cpython";
}

bool ChooseFlow(const ArmInfo& arm, const Scope& scope) {
  return !scope.quick || (arm.Field("producers") == arm.Field("consumers"));
}

bool ChooseEmptyTasks(const ArmInfo& arm, const Scope& scope) {
  const std::string placement = arm.Field("placement");
  return UsualWorkers(arm, scope) && (placement == "spread" || placement == "unpinned") && arm.Field("chunk") != "16";
}

// To fill a large parent takes a second: only what its size is to matter for, or not to.
bool ChooseCreation(const ArmInfo& arm, const Scope&) {
  return arm.Field("parent_mib") == "0" || (arm.system == "fork" && arm.Field("method") != "vfork") ||
         (arm.system == "core" && arm.Field("method") != "spawn");
}

struct Rule {
  const char* name;
  const char* benchmark;
  const char* workload;  // "": any
  const char* bytes;     // "": any
  // Work in different places is never compared, so it needn't share blocks.
  std::optional<bool> one_processor;
  bool (*chooses)(const ArmInfo&, const Scope&);
  int quick_blocks;
  int quick_arm_ms;
  int full_blocks;
};

// The first rule that matches and chooses the arm takes it; rules of one name make one comparison, in the place and with
// the blocks of the first. What a reader wants to know first is measured first, so that an interrupted run has it.
//
// Blocks are as many as a full run of about ten minutes on two processors has room for. The most go where systems are close
// to each other and to a goal; where they differ by factors fewer tell the same.
constexpr std::array kRules = {
    Rule{"tasks of rising size", "workload", "grain_sweep", "", {}, ChooseSweep, 4, 50, 3},
    Rule{"the count loops", "workload", "count_loop", "", {}, ChooseWorkload, 4, 30, 5},
    Rule{"the count loops", "workload", "count_loop_tenth", "", {}, ChooseShortLoop, 4, 30, 5},
    Rule{"tasks that wait", "workload", "waiting", "", {}, ChooseWaiting, 3, 1, 2},
    Rule{"copying a folder", "workload", "folder_copy", "", {}, ChooseWorkload, 4, 1, 4},
    Rule{"64 B there and back", "queue_round_trip", "", "", false, ChooseSmall, 5, 30, 10},
    Rule{"64 B there and back on one processor", "queue_round_trip", "", "64", true, Always, 5, 30, 4},
    Rule{"after a sleep", "queue_round_trip_slept", "", "64", false, Always, 3, 70, 2},
    Rule{"after a sleep", "pool_round_trip_slept", "", "", {}, Always, 3, 70, 2},
    Rule{"messages of all sizes", "queue_round_trip", "", "", false, ChooseSize, 2, 30, 2},
    Rule{"messages of all sizes", "memory_copy", "", "", {}, ChooseSize, 2, 30, 2},
    Rule{"64 B between every two processors", "queue_round_trip_pair", "", "", {}, Always, 3, 20, 3},
    Rule{"64 B one way", "queue_throughput", "", "64", false, ChooseFlow, 3, 30, 3},
    Rule{"one task there and back", "pool_round_trip", "", "", {}, Always, 3, 30, 3},
    Rule{"empty tasks", "pool_empty_tasks", "", "", {}, ChooseEmptyTasks, 4, 30, 3},
    Rule{"latency under load", "queue_open_loop", "", "", {}, ChooseLoad, 2, 50, 2},
    Rule{"latency under load", "pool_open_loop", "", "", {}, ChooseLoad, 2, 50, 2},
    // Parents of 2 GiB take a second each.
    Rule{"creating processes", "process_create", "", "", {}, ChooseCreation, 2, 30, 2},
    Rule{"locks", "lock_unlock", "", "", {}, Always, 5, 20, 4},
};

// About how long an arm takes in a block: a first guess for the progress line, which then goes by the clock.
double ExpectedMs(const ArmInfo& arm, int arm_ms) {
  double ms = arm_ms + 90;  // with a process of its own, its partners, and the checks
  if (arm.system.starts_with("cpython")) ms += 250;
  if (arm.benchmark.ends_with("_open_loop")) ms += 80;  // the capacity first
  if (arm.Field("bytes") == "16777216") ms += 300;
  if (arm.workload == "grain_sweep") ms += 350;
  if (arm.workload == "count_loop" && arm.system.starts_with("cpython")) ms += 500;
  if (arm.workload == "folder_copy") ms += 100;
  if (arm.Field("parent_mib") != "" && arm.Field("parent_mib") != "0") ms += 800;
  return ms;
}

bool Matches(const Rule& rule, const ArmInfo& arm) {
  const auto is = [](const char* wanted, const std::string& value) { return *wanted == '\0' || value == wanted; };
  return arm.benchmark == rule.benchmark && is(rule.workload, arm.workload) && is(rule.bytes, arm.Field("bytes")) &&
         rule.one_processor.value_or(OneProcessor(arm)) == OneProcessor(arm);
}

}  // namespace

Plan MakePlan(const std::vector<ArmInfo>& arms, bool quick, int processors, uint64_t seed) {
  const Scope scope = {quick, processors};
  std::array<Comparison, kRules.size()> groups;
  for (const ArmInfo& arm : arms) {
    const auto rule = std::find_if(kRules.begin(), kRules.end(),
                                   [&](const Rule& r) { return Matches(r, arm) && r.chooses(arm, scope); });
    if (rule == kRules.end()) continue;
    const auto first =
        std::find_if(kRules.begin(), rule, [&](const Rule& r) { return r.name == std::string_view(rule->name); });
    Comparison& group = groups[static_cast<size_t>(first - kRules.begin())];
    group.name = first->name;
    group.blocks = quick ? first->quick_blocks : first->full_blocks;
    group.arm_ms = quick ? first->quick_arm_ms : kFullArmMs;
    group.keys.push_back(arm.key);
    if (arm.state != "ready") continue;
    ++group.ready;
    group.block_ms += ExpectedMs(arm, group.arm_ms);
  }
  Plan plan;
  for (Comparison& group : groups) {
    // More processors have more pairs, and each of them less need of blocks.
    if (group.ready > kManyArms) group.blocks = std::max(1, group.blocks * kManyArms / group.ready);
    if (!group.keys.empty()) plan.comparisons.push_back(std::move(group));
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
