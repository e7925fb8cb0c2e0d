#include "reports/results/view.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/str_cat.h"
#include "reports/charts/quantity.h"

namespace regatta::reports {
namespace {

// Invocations are repeats of each other when they were to measure the same arms.
std::set<std::string> ReadyKeys(const Invocation& invocation) {
  std::set<std::string> keys;
  for (const ArmInfo& arm : invocation.arms) {
    if (arm.state == "ready") keys.insert(arm.key);
  }
  return keys;
}

bool InState(const Record& record, const std::string& state) {
  return record.machine_state.empty() || record.machine_state == state;
}

}  // namespace

Metric Counter(std::string name) {
  return [name = std::move(name)](const Record& record) -> std::optional<double> {
    const auto counter = record.counters.find(name);
    if (counter == record.counters.end()) return std::nullopt;
    return counter->second;
  };
}

Metric TimePerOperation() {
  return [](const Record& record) -> std::optional<double> {
    if (!record.real_ns || record.operations.value_or(0) <= 0) return std::nullopt;
    return *record.real_ns / *record.operations;
  };
}

Metric CpuPerOperation() {
  return [](const Record& record) -> std::optional<double> {
    if (!record.cpu_ns || record.operations.value_or(0) <= 0) return std::nullopt;
    return *record.cpu_ns / *record.operations;
  };
}

Metric TypicalTime() {
  return [median = Counter("p50_ns"), mean = TimePerOperation()](const Record& record) {
    const std::optional<double> typical = median(record);
    return typical ? typical : mean(record);
  };
}

Metric UsagePerOperation(double bench::Usage::*count) {
  return [count](const Record& record) -> std::optional<double> {
    if (!record.usage || record.operations.value_or(0) <= 0) return std::nullopt;
    return (*record.usage).*count / *record.operations;
  };
}

View::View(const Results& results) : results_(results), screening_(results) {
  std::map<std::string, size_t> known;
  std::map<std::set<std::string>, std::pair<int, int>> comparisons;  // keys -> comparison, invocations so far
  for (const Invocation& invocation : results.invocations) {
    for (const ArmInfo& arm : invocation.arms) {
      const auto [at, fresh] = known.emplace(arm.key, arms_.size());
      if (fresh) {
        arms_.push_back(arm);
      } else if (arm.state == "ready") {
        arms_[at->second] = arm;
      }
    }
    const std::set<std::string> ready = ReadyKeys(invocation);
    if (ready.empty() && invocation.records.empty())
      continue;  // all of it absent or unavailable: no comparison, and no repeat of another such
    auto& [comparison, repeats] =
        comparisons.emplace(ready, std::pair(static_cast<int>(comparisons.size()), 0)).first->second;
    for (const Record& record : invocation.records) {
      if (screening_.Keeps(record)) kept_[record.key].push_back({{repeats, comparison, record.block}, &record});
    }
    repeats_ = std::max(repeats_, ++repeats);
  }
}

const ArmInfo* View::Find(const std::string& key) const {
  for (const ArmInfo& arm : arms_) {
    if (arm.key == key) return &arm;
  }
  return nullptr;
}

std::vector<const ArmInfo*> View::Select(const std::function<bool(const ArmInfo&)>& matches) const {
  std::vector<const ArmInfo*> selected;
  for (const ArmInfo& arm : arms_) {
    if (matches(arm)) selected.push_back(&arm);
  }
  return selected;
}

std::pair<int, int> View::FewestAndMostBlocks() const {
  std::pair<int, int> ends = {0, 0};
  for (const auto& [key, entries] : kept_) {
    const int blocks = static_cast<int>(entries.size());
    ends.first = ends.first == 0 ? blocks : std::min(ends.first, blocks);
    ends.second = std::max(ends.second, blocks);
  }
  return ends;
}

std::vector<std::string> View::States(const std::string& key) const {
  const auto entries = kept_.find(key);
  if (entries == kept_.end()) return {};
  std::map<std::string, int> counts;
  for (const Entry& entry : entries->second) ++counts[entry.record->machine_state];
  std::vector<std::string> states;
  states.reserve(counts.size());
  for (const auto& [state, count] : counts) states.push_back(state);
  std::stable_sort(states.begin(), states.end(),
                   [&](const std::string& a, const std::string& b) { return counts[a] > counts[b]; });
  return states;
}

Sample View::Figures(const std::string& key, const Metric& metric, const std::string& state) const {
  Sample sample;
  const auto entries = kept_.find(key);
  if (entries == kept_.end()) return sample;
  for (const Entry& entry : entries->second) {
    if (!InState(*entry.record, state)) continue;
    if (const auto value = metric(*entry.record)) sample[entry.id] = *value;
  }
  return sample;
}

std::map<double, MeasuredPoint> View::Sweep(const std::string& key, const std::string& state,
                                            const SweepSize& size) const {
  std::map<double, MeasuredPoint> curve;
  const auto entries = kept_.find(key);
  if (entries == kept_.end()) return curve;
  for (const Entry& entry : entries->second) {
    if (!InState(*entry.record, state)) continue;
    for (const SweepPoint& point : entry.record->sweep) {
      if (point.tasks <= 0 || point.serial_ns <= 0 || point.system_ns <= 0) continue;
      MeasuredPoint& measured = curve[point.target_ns];
      measured.size[entry.id] = size(point, *entry.record);
      measured.log_speed_up[entry.id] = std::log(point.serial_ns / point.system_ns);
    }
  }
  return curve;
}

bench::LatencyHistogram View::Latencies(const std::string& key, const std::string& state) const {
  bench::LatencyCounts all;
  const auto entries = kept_.find(key);
  if (entries == kept_.end()) return {};
  for (const Entry& entry : entries->second) {
    if (!InState(*entry.record, state)) continue;
    all.insert(all.end(), entry.record->histogram.begin(), entry.record->histogram.end());
  }
  return bench::LatencyHistogram(std::move(all));
}

std::string View::WhyMissing(const std::string& key) const {
  if (kept_.count(key) > 0) return "";
  const ArmInfo* arm = Find(key);
  if (arm == nullptr) return "not part of this run";
  if (arm->state != "ready") return arm->reason.empty() ? arm->state : absl::StrCat(arm->state, ": ", arm->reason);
  int records = 0;
  for (const Invocation& invocation : results_.invocations) {
    for (const Record& record : invocation.records) {
      if (record.key != key) continue;
      if (!record.ok()) return absl::StrCat("failed: ", record.error);
      if (!record.verified) return "failed: its results could not be verified";
      ++records;
    }
  }
  if (records == 0) return "not measured before the run ended";
  return absl::StrCat("nothing left: ", Counted(records, "measurement was", "measurements were"), " disturbed");
}

}  // namespace regatta::reports
