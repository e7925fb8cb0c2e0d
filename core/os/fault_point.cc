#include "core/os/fault_point.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstddef>

namespace regatta {
namespace {

constexpr std::array<absl::string_view, static_cast<size_t>(FaultPoint::kCount)> kFaultPointNames = {
    "none",
    "family_place_claimed",
    "family_life_held",
};

std::atomic<uint32_t> g_skip{0};

}  // namespace

absl::string_view FaultPointName(FaultPoint point) {
  const auto index = static_cast<size_t>(point);
  return index < kFaultPointNames.size() ? kFaultPointNames[index] : "no such fault point";
}

std::optional<FaultPoint> FaultPointByName(absl::string_view name) {
  for (size_t i = 0; i < kFaultPointNames.size(); ++i) {
    if (kFaultPointNames[i] == name) return static_cast<FaultPoint>(i);
  }
  return std::nullopt;
}

void ArmFaultPoint(FaultPoint point, uint32_t skip) {
  g_skip.store(skip, std::memory_order_relaxed);
  fault_point_internal::g_armed.store(static_cast<uint32_t>(point), std::memory_order_relaxed);
}

namespace fault_point_internal {

void Passed(FaultPoint) {
  if (g_skip.load(std::memory_order_relaxed) > 0) {
    g_skip.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  kill(getpid(), SIGKILL);
  // The signal is pending for this very thread: the next return from the kernel never comes back here.
  for (;;) pause();
}

}  // namespace fault_point_internal
}  // namespace regatta
