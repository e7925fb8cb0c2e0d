#include "core/os/fault_point.h"

#include <signal.h>
#include <unistd.h>

namespace regatta {
namespace {

std::atomic<uint32_t> g_skip{0};
std::atomic<std::atomic<uint32_t>*> g_shared_skip{nullptr};

}  // namespace

std::optional<FaultPoint> FindFaultPoint(absl::Span<const FaultPoint> points, absl::string_view name) {
  for (const FaultPoint point : points) {
    if (point.name() == name) return point;
  }
  return std::nullopt;
}

void ArmFaultPoint(FaultPoint point, uint32_t skip) {
  g_skip.store(skip, std::memory_order_relaxed);
  g_shared_skip.store(nullptr, std::memory_order_relaxed);
  fault_point_internal::g_armed.store(point.id(), std::memory_order_relaxed);
}

void ArmFaultPointOnce(FaultPoint point, std::atomic<uint32_t>& skip) {
  g_skip.store(0, std::memory_order_relaxed);
  g_shared_skip.store(&skip, std::memory_order_relaxed);
  fault_point_internal::g_armed.store(point.id(), std::memory_order_relaxed);
}

void DisarmFaultPoint() { fault_point_internal::g_armed.store(0, std::memory_order_relaxed); }

namespace fault_point_internal {

void Passed() {
  std::atomic<uint32_t>* const shared = g_shared_skip.load(std::memory_order_relaxed);
  // After the deadly passage the number is far from 0.
  if (shared != nullptr && shared->fetch_sub(1, std::memory_order_relaxed) != 0) return;
  uint32_t skip = g_skip.load(std::memory_order_relaxed);
  while (skip > 0) {
    if (g_skip.compare_exchange_weak(skip, skip - 1, std::memory_order_relaxed)) return;
  }
  kill(getpid(), SIGKILL);
  // The signal is pending for this thread, so no return from the kernel reaches this line again.
  for (;;) pause();
}

}  // namespace fault_point_internal
}  // namespace regatta
