#include "bench/arms.h"

#include <utility>

#include "bench/count_loop.h"
#include "bench/folder_copy.h"
#include "bench/grain_sweep.h"
#include "bench/lock_unlock.h"
#include "bench/memory_copy.h"
#include "bench/open_loop.h"
#include "bench/peers/boost_message_queue.h"
#include "bench/peers/cpython.h"
#include "bench/peers/threads.h"
#include "bench/peers/zeromq.h"
#include "bench/pool_empty_tasks.h"
#include "bench/pool_round_trip.h"
#include "bench/process_create.h"
#include "bench/queue_round_trip.h"
#include "bench/queue_throughput.h"
#include "bench/trust_arms.h"
#include "bench/waiting.h"

namespace regatta::bench {

absl::StatusOr<Configuration> LoadConfiguration(Options options, bool isolated) {
  absl::StatusOr<Topology> topology = Topology::Load();
  if (!topology.ok()) return topology.status();
  std::vector<Availability> peers = {BoostMessageQueueAvailability(), ZeroMqAvailability(), ThreadsAvailability()};
  if (!isolated) peers.push_back(CPythonAvailability());
  return Configuration(*std::move(topology), std::move(options), std::move(peers));
}

std::vector<Arm> AllArms(const Configuration& configuration) {
  std::vector<Arm> arms;
  AddQueueRoundTrip(configuration, arms);
  AddMemoryCopy(configuration, arms);
  AddQueueThroughput(configuration, arms);
  AddOpenLoops(configuration, arms);
  AddPoolRoundTrip(configuration, arms);
  AddPoolEmptyTasks(configuration, arms);
  AddProcessCreate(configuration, arms);
  AddLockUnlock(configuration, arms);
  AddCountLoop(configuration, arms);
  AddGrainSweep(configuration, arms);
  AddFolderCopy(configuration, arms);
  AddWaiting(configuration, arms);
  AddTrust(arms);
  return arms;
}

}  // namespace regatta::bench
