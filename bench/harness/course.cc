#include "bench/harness/course.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
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

std::vector<int> ToPair(const std::vector<int>& processors) {
  if (processors.size() <= kMostPaired) return processors;
  std::vector<int> chosen;
  constexpr size_t kTwos = kMostPaired / 2;
  for (size_t i = 0; i < kTwos; ++i) {
    const size_t first = i * (processors.size() - 2) / (kTwos - 1);
    chosen.insert(chosen.end(), {processors[first], processors[first + 1]});
  }
  return chosen;
}

Course::Course(Topology topology, Wishes wishes, std::vector<Presence> peers)
    : topology_(std::move(topology)), wishes_(std::move(wishes)), peers_(std::move(peers)) {
  worker_counts_ = wishes_.workers;
  if (worker_counts_.empty()) worker_counts_ = WorkerCounts(UsableCpus());
  std::sort(worker_counts_.begin(), worker_counts_.end());
  worker_counts_.erase(std::unique(worker_counts_.begin(), worker_counts_.end()), worker_counts_.end());
}

void Course::MarkAbsent(Arm& arm, absl::string_view peer) const {
  for (const Presence& presence : peers_) {
    if (presence.system == peer && !presence.present) arm.absent = presence.reason;
  }
}

std::vector<Placement> Course::Offered() const {
  std::vector<Placement> offered = topology_.placements();
  // These two are always spoken of: a machine that hasn't got one says so.
  for (Placement always : {Placement::kSameCpu, Placement::kOtherCore}) {
    if (std::find(offered.begin(), offered.end(), always) == offered.end()) offered.push_back(always);
  }
  std::sort(offered.begin(), offered.end());
  return offered;
}

std::vector<Spot> Course::Pairs() const {
  if (!wishes_.pin) return {Unpinned(1)};
  std::vector<Spot> spots;
  for (Placement placement : Offered()) {
    Spot spot{.placement = std::string(PlacementName(placement)), .cpus = {}, .unavailable = ""};
    if (const auto cpus = topology_.CpusFor(placement); cpus.ok()) {
      spot.cpus = {cpus->first, cpus->second};
      spot.processors_used = Distinct(spot.cpus);
    } else {
      spot.unavailable = NotHere(cpus.status());
    }
    spots.push_back(std::move(spot));
  }
  return spots;
}

std::vector<Spot> Course::EveryPair() const {
  std::vector<Spot> spots;
  if (!wishes_.pin) return spots;
  // In the order of the hardware, neighbours side by side.
  std::vector<int> allowed;
  for (const Topology::Processor& processor : topology_.processors()) {
    if (processor.allowed) allowed.push_back(processor.cpu);
  }
  const std::vector<int> cpus = ToPair(allowed);
  const std::vector<Placement> offered = Offered();
  for (const int here : cpus) {
    for (const int there : cpus) {
      // Where the machine can't tell other cores apart, other_core says all.
      Placement placement = topology_.Between(here, there).value_or(Placement::kOtherCore);
      if (std::find(offered.begin(), offered.end(), placement) == offered.end()) placement = Placement::kOtherCore;
      spots.push_back({.placement = std::string(PlacementName(placement)),
                       .cpus = {here, there},
                       .unavailable = "",
                       .processors_used = here == there ? 1 : 2});
    }
  }
  return spots;
}

std::vector<Spot> Course::PoolPairs(int workers) const {
  if (!wishes_.pin) return {Unpinned(workers)};
  std::vector<Spot> spots;
  for (Placement placement : Offered()) {
    Spot spot{.placement = std::string(PlacementName(placement)), .cpus = {}, .unavailable = ""};
    const auto pair = topology_.CpusFor(placement);
    const auto cpus = pair.ok() ? topology_.CpusFor(placement, workers, pair->first)
                                : absl::StatusOr<std::vector<int>>(pair.status());
    if (cpus.ok()) {
      spot.cpus = {pair->first};
      spot.cpus.insert(spot.cpus.end(), cpus->begin(), cpus->end());
      spot.processors_used = Distinct(spot.cpus);
    } else {
      spot.unavailable = NotHere(cpus.status());
    }
    spots.push_back(std::move(spot));
  }
  return spots;
}

Spot Course::Spread(int workers) const {
  if (!wishes_.pin) return Unpinned(workers);
  Spot spot{.placement = "spread", .cpus = {}, .unavailable = ""};
  const int submitter = topology_.allowed()[0];
  const auto cpus = topology_.CpusFor(PinPolicy::kOnePerCore, workers, submitter);
  if (cpus.ok()) {
    spot.cpus = {submitter};
    spot.cpus.insert(spot.cpus.end(), cpus->begin(), cpus->end());
    spot.processors_used = Distinct(spot.cpus);
  } else {
    spot.unavailable = NotHere(cpus.status());
  }
  return spot;
}

Spot Course::Unpinned(int workers) const {
  return {.placement = "unpinned",
          .cpus = {},
          .unavailable = "",
          .processors_used = std::min(workers + 1, static_cast<int>(topology_.allowed().size()))};
}

Spot Course::Alone() const {
  Spot spot{.placement = "same_cpu", .cpus = {}, .unavailable = ""};
  if (wishes_.pin) spot.cpus = {topology_.allowed()[0]};
  return spot;
}

}  // namespace regatta::bench
