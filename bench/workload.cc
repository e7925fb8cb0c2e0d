#include "bench/workload.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"

namespace regatta::bench {
namespace {

constexpr Runner kRunners[] = {Runner::kSerial,  Runner::kSerialAgain,   Runner::kPool,
                               Runner::kThreads, Runner::kCPythonSerial, Runner::kCPythonPool};

bool IsSerial(Runner runner) {
  return runner == Runner::kSerial || runner == Runner::kSerialAgain || runner == Runner::kCPythonSerial;
}

}  // namespace

absl::string_view RunnerName(Runner runner) {
  switch (runner) {
    case Runner::kSerial:
      return "serial";
    case Runner::kSerialAgain:
      return "serial_again";
    case Runner::kPool:
      return "pool";
    case Runner::kThreads:
      return "threads";
    case Runner::kCPythonSerial:
      return "cpython_serial";
    case Runner::kCPythonPool:
      return "cpython_pool";
  }
  return "";
}

bool IsCPython(Runner runner) { return runner == Runner::kCPythonSerial || runner == Runner::kCPythonPool; }

std::vector<Entry> WorkloadEntries(const Configuration& configuration, const Benchmark& row,
                                   const std::vector<std::pair<std::string, std::string>>& more_fields) {
  std::vector<Entry> entries;
  for (const Runner runner : kRunners) {
    for (const int workers : IsSerial(runner) ? std::vector<int>{1} : configuration.worker_counts()) {
      const ArmPlacement placement = IsSerial(runner) ? configuration.Alone() : configuration.Spread(workers);
      std::vector<std::pair<std::string, std::string>> fields = {{"workers", absl::StrCat(workers)}};
      fields.insert(fields.end(), more_fields.begin(), more_fields.end());
      Entry entry{.runner = runner,
                  .shape = {.workers = workers, .cpus = placement.cpus},
                  .arm = configuration.NewArm(row, RunnerName(runner), std::move(fields), placement)};
      Arm& arm = entry.arm;
      if (IsCPython(runner)) configuration.MarkAbsent(arm, "cpython");
      if (runner == Runner::kThreads) {
        // The submitter is one of the threads: the last worker's processor isn't needed.
        if (!arm.cpus.empty()) arm.cpus.pop_back();
        arm.processors_used = arm.cpus.empty()
                                  ? std::min(workers, static_cast<int>(configuration.topology().allowed().size()))
                                  : static_cast<int>(std::set<int>(arm.cpus.begin(), arm.cpus.end()).size());
      }
      if (runner == Runner::kCPythonSerial) entry.shape.workers = 0;
      entries.push_back(std::move(entry));
    }
  }
  return entries;
}

}  // namespace regatta::bench
