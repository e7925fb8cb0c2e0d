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
    "arena_grown",
    "arena_tail_marked",
    "arena_head_marked",
    "arena_freed",
    "wait_token_taken",
    "wait_announced",
    "wait_woken",
    "notify_disarmed",
    "lock_released",
    "lock_taken_over",
    "lock_waiting",
    "queue_locked",
    "queue_lane_adopted",
    "queue_lane_made",
    "queue_lane_reset",
    "queue_put_begun",
    "queue_put_written",
    "queue_put_published",
    "queue_extent_written",
    "queue_extent_queued",
    "queue_ring_made",
    "queue_ring_marked",
    "queue_credit_lowered",
    "queue_credit_taken",
    "queue_get_copied",
    "queue_get_claimed",
    "queue_get_owned",
    "queue_get_helped",
    "queue_get_moved",
    "queue_closing",
    "process_forked",
    "process_spawned",
    "process_requested",
    "process_replied",
    "process_boot_begun",
    "process_booted",
    "process_end_seen",
    "process_reaped",
    "nursery_requested",
    "nursery_cloned",
    "nursery_replied",
    "child_begun",
    "child_booted",
    "child_ready",
    "child_returned",
    "child_flushed",
    "pool_task_posted",
    "pool_trying",
    "pool_taken",
    "pool_claimed",
    "pool_result_written",
    "pool_done",
    "pool_published",
    "pool_worker_attached",
    "pool_worker_ready",
    "pool_result_reserved",
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
  uint32_t skip = g_skip.load(std::memory_order_relaxed);
  while (skip > 0) {
    if (g_skip.compare_exchange_weak(skip, skip - 1, std::memory_order_relaxed)) return;
  }
  kill(getpid(), SIGKILL);
  // The signal is pending for this very thread: the next return from the kernel never comes back here.
  for (;;) pause();
}

}  // namespace fault_point_internal
}  // namespace regatta
