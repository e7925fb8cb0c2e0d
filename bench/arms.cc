#include "bench/arms.h"

#include <iterator>
#include <utility>

#include "bench/benchmarks/add_arms.h"
#include "bench/peers/boost_message_queue.h"
#include "bench/peers/cpython.h"
#include "bench/peers/threads.h"
#include "bench/peers/zeromq.h"
#include "bench/table/benchmarks.h"

namespace regatta::bench {
namespace {

template <size_t... rows>
void AddAllArms(const Configuration& configuration, std::vector<Arm>& arms, std::index_sequence<rows...>) {
  (AddArms<rows>(kBenchmarks[rows], configuration, arms), ...);
}

}  // namespace

absl::StatusOr<Configuration> LoadConfiguration(Options options, bool isolated) {
  absl::StatusOr<Topology> topology = Topology::Load();
  if (!topology.ok()) return topology.status();
  std::vector<Availability> peers = {BoostMessageQueueAvailability(), ZeroMqAvailability(), ThreadsAvailability()};
  if (!isolated) peers.push_back(CPythonAvailability());
  return Configuration(*std::move(topology), std::move(options), std::move(peers));
}

std::vector<Arm> AllArms(const Configuration& configuration) {
  std::vector<Arm> arms;
  AddAllArms(configuration, arms, std::make_index_sequence<std::size(kBenchmarks)>());
  return arms;
}

}  // namespace regatta::bench
