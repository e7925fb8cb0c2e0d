// Throttling: how often the processors were slowed down for their heat, and this process's control groups for their
// quota.
#ifndef REGATTA_BENCH_HARNESS_THROTTLING_H_
#define REGATTA_BENCH_HARNESS_THROTTLING_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace regatta::bench {

// The kernel's counts so far, of `cpus` and of the control groups on every level, added up: only what they rise by
// means something. None where the kernel tells neither, as in most virtual machines without a quota. `root`: where
// /proc and /sys are.
std::optional<int64_t> ThrottleCount(const std::vector<int>& cpus, const std::string& root = "");

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_HARNESS_THROTTLING_H_
