#include "bench/harness/configuration.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_split.h"
#include "core/topology/usable_cpus.h"

namespace regatta::bench {
namespace {

int Distinct(const std::vector<int>& cpus) { return static_cast<int>(std::set<int>(cpus.begin(), cpus.end()).size()); }

std::string NotHere(const absl::Status& status) { return std::string(status.message()); }

}  // namespace

std::vector<int> WorkerCounts(int processors) {
  // The documents' pools have three workers: so many are tried even on one processor.
  std::set<int> counts = {1, 2, 3, processors, processors * 3 / 2, processors * 2};
  for (int count = 4; count <= processors * 2; count *= 2) counts.insert(count);
  return {counts.upper_bound(0), counts.end()};
}

std::vector<int> ProcessorsToPair(const std::vector<int>& processors) {
  if (processors.size() <= kMaxPaired) return processors;
  std::vector<int> chosen;
  constexpr size_t kTwos = kMaxPaired / 2;
  for (size_t i = 0; i < kTwos; ++i) {
    const size_t first = i * (processors.size() - 2) / (kTwos - 1);
    chosen.insert(chosen.end(), {processors[first], processors[first + 1]});
  }
  return chosen;
}

Configuration::Configuration(Topology topology, Options options, std::vector<Availability> peers)
    : topology_(std::move(topology)), options_(std::move(options)), peers_(std::move(peers)) {
  worker_counts_ = options_.workers;
  if (worker_counts_.empty()) worker_counts_ = WorkerCounts(UsableCpus());
  std::sort(worker_counts_.begin(), worker_counts_.end());
  worker_counts_.erase(std::unique(worker_counts_.begin(), worker_counts_.end()), worker_counts_.end());
}

Arm Configuration::NewArm(const Benchmark& row, absl::string_view system,
                          std::vector<std::pair<std::string, std::string>> fields,
                          const ArmPlacement& placement) const {
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(row.key, absl::MaxSplits('/', 1));
  Arm arm;
  arm.key = {.benchmark = std::string(parts.first),
             .workload = std::string(parts.second),
             .system = std::string(system),
             .fields = std::move(fields)};
  arm.unavailable = placement.unavailable;
  arm.cpus = placement.cpus;
  arm.processors_used = placement.processors_used;
  arm.rate = row.unit == Unit::kPerSecond;
  MarkAbsent(arm, system);
  return arm;
}

void Configuration::MarkAbsent(Arm& arm, absl::string_view peer) const {
  for (const Availability& availability : peers_) {
    if (availability.system == peer && !availability.present) arm.absent = availability.reason;
  }
}

std::vector<Placement> Configuration::Offered() const {
  std::vector<Placement> offered = topology_.placements();
  // These two are always spoken of: a machine that hasn't got one says so.
  for (Placement always : {Placement::kSameCpu, Placement::kOtherCore}) {
    if (std::find(offered.begin(), offered.end(), always) == offered.end()) offered.push_back(always);
  }
  std::sort(offered.begin(), offered.end());
  return offered;
}

std::vector<ArmPlacement> Configuration::Pairs() const {
  if (!options_.pin) return {Unpinned(1)};
  std::vector<ArmPlacement> placements;
  for (Placement offered : Offered()) {
    ArmPlacement placement{.name = std::string(PlacementName(offered)), .cpus = {}, .unavailable = ""};
    if (const auto cpus = topology_.CpusFor(offered); cpus.ok()) {
      placement.cpus = {cpus->first, cpus->second};
      placement.processors_used = Distinct(placement.cpus);
    } else {
      placement.unavailable = NotHere(cpus.status());
    }
    placements.push_back(std::move(placement));
  }
  return placements;
}

std::vector<ArmPlacement> Configuration::AllPairs() const {
  std::vector<ArmPlacement> placements;
  if (!options_.pin) return placements;
  // In the order of the hardware, neighbours side by side.
  std::vector<int> allowed;
  for (const Topology::Processor& processor : topology_.processors()) {
    if (processor.allowed) allowed.push_back(processor.cpu);
  }
  const std::vector<int> cpus = ProcessorsToPair(allowed);
  const std::vector<Placement> offered = Offered();
  for (const int here : cpus) {
    for (const int there : cpus) {
      // Where the machine can't tell other cores apart, other_core says all.
      Placement placement = topology_.Between(here, there).value_or(Placement::kOtherCore);
      if (std::find(offered.begin(), offered.end(), placement) == offered.end()) placement = Placement::kOtherCore;
      placements.push_back({.name = std::string(PlacementName(placement)),
                            .cpus = {here, there},
                            .unavailable = "",
                            .processors_used = here == there ? 1 : 2});
    }
  }
  return placements;
}

std::vector<ArmPlacement> Configuration::PoolPairs(int workers) const {
  if (!options_.pin) return {Unpinned(workers)};
  std::vector<ArmPlacement> placements;
  for (Placement offered : Offered()) {
    ArmPlacement placement{.name = std::string(PlacementName(offered)), .cpus = {}, .unavailable = ""};
    const auto pair = topology_.CpusFor(offered);
    const auto cpus =
        pair.ok() ? topology_.CpusFor(offered, workers, pair->first) : absl::StatusOr<std::vector<int>>(pair.status());
    if (cpus.ok()) {
      placement.cpus = {pair->first};
      placement.cpus.insert(placement.cpus.end(), cpus->begin(), cpus->end());
      placement.processors_used = Distinct(placement.cpus);
    } else {
      placement.unavailable = NotHere(cpus.status());
    }
    placements.push_back(std::move(placement));
  }
  return placements;
}

ArmPlacement Configuration::Spread(int workers) const {
  if (!options_.pin) return Unpinned(workers);
  ArmPlacement placement{.name = "spread", .cpus = {}, .unavailable = ""};
  const int submitter = topology_.allowed()[0];
  const auto cpus = topology_.CpusFor(PinPolicy::kOnePerCore, workers, submitter);
  if (cpus.ok()) {
    placement.cpus = {submitter};
    placement.cpus.insert(placement.cpus.end(), cpus->begin(), cpus->end());
    placement.processors_used = Distinct(placement.cpus);
  } else {
    placement.unavailable = NotHere(cpus.status());
  }
  return placement;
}

ArmPlacement Configuration::Unpinned(int workers) const {
  return {.name = "unpinned",
          .cpus = {},
          .unavailable = "",
          .processors_used = std::min(workers + 1, static_cast<int>(topology_.allowed().size()))};
}

ArmPlacement Configuration::Alone() const {
  ArmPlacement placement{.name = "same_cpu", .cpus = {}, .unavailable = ""};
  if (options_.pin) placement.cpus = {topology_.allowed()[0]};
  return placement;
}

}  // namespace regatta::bench
