#include "conformance/systems/core/subject/fault.h"

#include <cstdio>
#include <cstdlib>

namespace regatta::subject {
namespace {

constexpr FaultEntry kFaults[] = {
    {Fault::kLockOpen, "lock_open", "Acquire returns at once, whoever holds the lock"},
    {Fault::kLockReleaseLost, "lock_release_lost", "Release says that it did, and the lock stays held"},
    {Fault::kLockReleaseUnchecked, "lock_release_unchecked", "Release of a free lock is no error"},
    {Fault::kPoolCloseIgnored, "pool_close_ignored", "a closed pool goes on taking tasks"},
    {Fault::kPoolTaskDoubled, "pool_task_doubled", "each task is run twice"},
    {Fault::kPoolTaskDropped, "pool_task_dropped", "each second task isn't run, and gives an empty result"},
    {Fault::kPoolTaskTorn, "pool_task_torn", "arguments of tasks arrive mangled"},
    {Fault::kProcessArgumentsTorn, "process_arguments_torn", "arguments arrive mangled"},
    {Fault::kProcessJoinEarly, "process_join_early", "Join returns at once, with exit code 0"},
    {Fault::kProcessNeverRuns, "process_never_runs", "the process ends without having called its function"},
    {Fault::kProcessRunsInline, "process_runs_inline", "Start calls the function in the parent, and returns after it"},
    {Fault::kProcessRunsTwice, "process_runs_twice", "the function is run by two processes"},
    {Fault::kProcessTerminateKills, "process_terminate_kills", "Terminate sends SIGKILL"},
    {Fault::kProcessWrongStatus, "process_wrong_status", "the exit code is one more than it was"},
    {Fault::kQueueBoundIgnored, "queue_bound_ignored", "a bounded queue takes everything"},
    {Fault::kQueueDoubled, "queue_doubled", "each second item that a process puts is put twice"},
    {Fault::kQueueDropped, "queue_dropped", "each second item that a process puts is lost"},
    {Fault::kQueueEarlyTimeout, "queue_early_timeout", "a timeout has passed at once"},
    {Fault::kQueueFullLies, "queue_full_lies", "full() says no, always"},
    {Fault::kQueueReordered, "queue_reordered", "a getter that finds two items takes the second first"},
    {Fault::kQueueTorn, "queue_torn", "items arrive mangled"},
    {Fault::kQueueWrongError, "queue_wrong_error", "full and empty are told as something else"},
};

std::optional<Fault> FromEnvironment() {
  const char* name = getenv("REGATTA_FAULT");
  if (name == nullptr || *name == '\0') return std::nullopt;
  const std::optional<Fault> fault = FaultByName(name);
  if (!fault.has_value()) {
    fprintf(stderr, "testee: REGATTA_FAULT=%s is no fault of this testee\n", name);
    exit(64);
  }
  return fault;
}

}  // namespace

std::span<const FaultEntry> Faults() { return kFaults; }

std::optional<Fault> FaultByName(absl::string_view name) {
  for (const FaultEntry& entry : kFaults) {
    if (entry.name == name) return entry.fault;
  }
  return std::nullopt;
}

bool Injected(Fault fault) {
  static const std::optional<Fault> injected = FromEnvironment();
  return injected == fault;
}

}  // namespace regatta::subject
