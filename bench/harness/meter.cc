#include "bench/harness/meter.h"

#include <utility>

#include "absl/status/statusor.h"
#include "bench/harness/cpu_time.h"
#include "core/os/deadline.h"

namespace regatta::bench {

namespace {

void AddDifference(const Usage& end, const Usage& begin, Usage& sum) {
  for (double Usage::*member : {&Usage::voluntary_switches, &Usage::involuntary_switches, &Usage::minor_faults,
                                &Usage::major_faults, &Usage::migrations}) {
    sum.*member += end.*member - begin.*member;
  }
}

}  // namespace

void Meter::Begin() {
  measured_ns_ = -1;
  if (count_cpu_) {
    // The CPU time is read nearest to the work: reading the rest takes some.
    const absl::StatusOr<Usage> usage = FamilyUsage();
    usage_known_ = usage_known_ && usage.ok();
    usage_began_ = usage.value_or(Usage());
    const absl::StatusOr<int64_t> cpu = FamilyCpuNanos();
    cpu_known_ = cpu_known_ && cpu.ok();
    cpu_began_ns_ = cpu.value_or(0);
  }
  began_ns_ = MonotonicNanos();
  if (result_.started_ns == 0) result_.started_ns = began_ns_;
}

void Meter::End(int64_t operations) {
  const int64_t ended = MonotonicNanos();
  result_.samples_ns.push_back(measured_ns_ >= 0 ? measured_ns_ : ended - began_ns_);
  result_.operations += operations;
  elapsed_ns_ += ended - began_ns_;
  if (count_cpu_) {
    const absl::StatusOr<int64_t> cpu = FamilyCpuNanos();
    cpu_known_ = cpu_known_ && cpu.ok();
    cpu_ns_ += cpu.value_or(0) - cpu_began_ns_;
    const absl::StatusOr<Usage> usage = FamilyUsage();
    usage_known_ = usage_known_ && usage.ok();
    AddDifference(usage.value_or(usage_began_), usage_began_, usage_);
  }
}

void Meter::SetCounter(absl::string_view name, double value) {
  for (auto& [known, old] : result_.counters) {
    if (known == name) {
      old = value;
      return;
    }
  }
  result_.counters.emplace_back(name, value);
}

RunResult Meter::Take() {
  if (count_cpu_ && cpu_known_) result_.cpu_ns = cpu_ns_;
  if (count_cpu_ && usage_known_) result_.usage = usage_;
  result_.latencies = latencies_.counts();
  return std::exchange(result_, {});
}

}  // namespace regatta::bench
