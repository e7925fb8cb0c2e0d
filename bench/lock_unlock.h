// lock_unlock: takes and releases a lock that nobody else wants.
#ifndef REGATTA_BENCH_LOCK_UNLOCK_H_
#define REGATTA_BENCH_LOCK_UNLOCK_H_

#include <vector>

#include "bench/harness/arm.h"
#include "bench/harness/configuration.h"

namespace regatta::bench {

void AddLockUnlock(const Configuration& configuration, std::vector<Arm>& arms);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_LOCK_UNLOCK_H_
