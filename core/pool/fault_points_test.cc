// Of the points of all layers together, which one program has.
#include "core/ipc/fault_points.h"

#include <map>
#include <string>

#include "absl/types/span.h"
#include "core/pool/fault_points.h"
#include "core/process/fault_points.h"
#include "core/shm/fault_points.h"
#include "core/sync/fault_points.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

TEST(FaultPoints, OfAllLayersHaveDifferentIds) {
  std::map<uint32_t, std::string> names;
  for (const absl::Span<const FaultPoint> layer :
       {absl::MakeConstSpan(kShmFaultPoints), absl::MakeConstSpan(kSyncFaultPoints),
        absl::MakeConstSpan(kEventFaultPoints), absl::MakeConstSpan(kIpcFaultPoints),
        absl::MakeConstSpan(kConnectionFaultPoints), absl::MakeConstSpan(kProcessFaultPoints),
        absl::MakeConstSpan(kPoolFaultPoints)}) {
    for (const FaultPoint point : layer) {
      const auto [other, added] = names.emplace(point.id(), point.name());
      EXPECT_TRUE(added) << point.name() << " has the id of " << other->second;
    }
  }
}

}  // namespace
}  // namespace regatta
