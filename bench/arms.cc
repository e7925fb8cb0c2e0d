#include "bench/arms.h"

#include <utility>

#include "bench/peers/boost_message_queue.h"
#include "bench/peers/zeromq.h"
#include "bench/queue_round_trip.h"
#include "bench/queue_throughput.h"

namespace regatta::bench {

absl::StatusOr<Course> LoadCourse(Wishes wishes, bool stage) {
  (void)stage;
  absl::StatusOr<Topology> topology = Topology::Load();
  if (!topology.ok()) return topology.status();
  return Course(*std::move(topology), std::move(wishes), {BoostMessageQueuePresence(), ZeroMqPresence()});
}

std::vector<Arm> AllArms(const Course& course) {
  std::vector<Arm> arms;
  AddQueueRoundTrip(course, arms);
  AddQueueThroughput(course, arms);
  return arms;
}

}  // namespace regatta::bench
