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

absl::StatusOr<Course> LoadCourse(Wishes wishes, bool stage) {
  absl::StatusOr<Topology> topology = Topology::Load();
  if (!topology.ok()) return topology.status();
  std::vector<Presence> peers = {BoostMessageQueuePresence(), ZeroMqPresence(), ThreadsPresence()};
  if (!stage) peers.push_back(CPythonPresence());
  return Course(*std::move(topology), std::move(wishes), std::move(peers));
}

std::vector<Arm> AllArms(const Course& course) {
  std::vector<Arm> arms;
  AddQueueRoundTrip(course, arms);
  AddMemoryCopy(course, arms);
  AddQueueThroughput(course, arms);
  AddOpenLoops(course, arms);
  AddPoolRoundTrip(course, arms);
  AddPoolEmptyTasks(course, arms);
  AddProcessCreate(course, arms);
  AddLockUnlock(course, arms);
  AddCountLoop(course, arms);
  AddGrainSweep(course, arms);
  AddFolderCopy(course, arms);
  AddWaiting(course, arms);
  AddTrust(arms);
  return arms;
}

}  // namespace regatta::bench
