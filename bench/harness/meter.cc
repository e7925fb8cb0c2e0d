#include "bench/harness/meter.h"

#include <utility>

#include "absl/status/statusor.h"
#include "bench/harness/cpu_time.h"
#include "core/os/deadline.h"

namespace regatta::bench {

void Meter::Begin() {
  measured_ns_ = -1;
  if (count_cpu_) {
    const absl::StatusOr<int64_t> cpu = FamilyCpuNanos();
    cpu_known_ = cpu_known_ && cpu.ok();
    cpu_began_ns_ = cpu.value_or(0);
  }
  began_ns_ = MonotonicNanos();
  if (batch_.started_ns == 0) batch_.started_ns = began_ns_;
}

void Meter::End(int64_t operations) {
  const int64_t ended = MonotonicNanos();
  batch_.samples_ns.push_back(measured_ns_ >= 0 ? measured_ns_ : ended - began_ns_);
  batch_.operations += operations;
  if (count_cpu_) {
    const absl::StatusOr<int64_t> cpu = FamilyCpuNanos();
    cpu_known_ = cpu_known_ && cpu.ok();
    cpu_ns_ += cpu.value_or(0) - cpu_began_ns_;
  }
}

void Meter::SetCounter(absl::string_view name, double value) {
  for (auto& [known, old] : batch_.counters) {
    if (known == name) {
      old = value;
      return;
    }
  }
  batch_.counters.emplace_back(name, value);
}

Batch Meter::Take() {
  if (count_cpu_ && cpu_known_) batch_.cpu_ns = cpu_ns_;
  batch_.latencies = latencies_.counts();
  return std::exchange(batch_, {});
}

}  // namespace regatta::bench
