#include "conformance/systems/core/subject/fault.h"

#include <cstdio>
#include <cstdlib>

namespace regatta::subject {
namespace {

constexpr FaultEntry kFaults[] = {
    {Fault::kArrayIndexUnchecked, "array_index_unchecked", "an index past the end is no error"},
    {Fault::kArrayNotZeroed, "array_not_zeroed", "the first element of an array of a size is 1"},
    {Fault::kArraySetLost, "array_set_lost", "setting an element does nothing"},
    {Fault::kConnectionAlwaysDuplex, "connection_always_duplex", "each pipe is duplex"},
    {Fault::kConnectionEndless, "connection_endless", "end-of-file is an empty message"},
    {Fault::kConnectionPollLies, "connection_poll_lies", "Poll says the opposite"},
    {Fault::kConnectionSendUnchecked, "connection_send_unchecked", "Send is no error, ever"},
    {Fault::kConnectionTorn, "connection_torn", "messages lose their first byte"},
    {Fault::kCpuCountAll, "cpu_count_all", "the processors are counted without a look at which may be used"},
    {Fault::kEventClearIgnored, "event_clear_ignored", "Clear leaves the event set"},
    {Fault::kEventEarlyTimeout, "event_early_timeout", "Wait's timeout has passed at once"},
    {Fault::kEventIsSetLies, "event_is_set_lies", "no event is set, as IsSet says"},
    {Fault::kEventOpen, "event_open", "Wait returns at once, set or not"},
    {Fault::kEventReleasesOne, "event_releases_one", "a Set releases one that waits, and is undone by that"},
    {Fault::kEventSetLost, "event_set_lost", "Set does nothing"},
    {Fault::kLockOpen, "lock_open", "Acquire returns at once, whoever holds the lock"},
    {Fault::kLockReleaseLost, "lock_release_lost", "Release says that it did, and the lock stays held"},
    {Fault::kLockReleaseUnchecked, "lock_release_unchecked", "Release of a free lock is no error"},
    {Fault::kPoolAsyncWaits, "pool_async_waits", "ApplyAsync returns only when the result is there"},
    {Fault::kPoolCallbackDoubled, "pool_callback_doubled", "callbacks are called twice"},
    {Fault::kPoolCallbackDropped, "pool_callback_dropped",
     "the callback of each second task, and of maps, isn't called"},
    {Fault::kPoolCallbackInChild, "pool_callback_in_child", "callbacks run in processes of their own"},
    {Fault::kPoolCallbackOvertakes, "pool_callback_overtakes", "a callback doesn't wait for the one that is under way"},
    {Fault::kPoolCancelUntold, "pool_cancel_untold", "what Terminate dropped says that it isn't ready"},
    {Fault::kPoolCloseIgnored, "pool_close_ignored", "a closed pool goes on taking tasks"},
    {Fault::kPoolErrorBare, "pool_error_bare", "a task's error has neither type nor text"},
    {Fault::kPoolErrorPoisons, "pool_error_poisons", "after one error every result is that error"},
    {Fault::kPoolErrorSwallowed, "pool_error_swallowed", "a task that threw gives an empty result"},
    {Fault::kPoolJoinEarly, "pool_join_early", "Join returns before the last task begins"},
    {Fault::kPoolJoinUnchecked, "pool_join_unchecked", "Join of an open pool closes it"},
    {Fault::kPoolLambdaRefused, "pool_lambda_refused", "no lambda may be a task"},
    {Fault::kPoolMapReordered, "pool_map_reordered", "a map's results come in the opposite order"},
    {Fault::kPoolNothingRefused, "pool_nothing_refused", "what can't cross to a worker is compiled all the same"},
    {Fault::kPoolOnDemand, "pool_on_demand", "workers are made when the first task comes"},
    {Fault::kPoolOutlivesScope, "pool_outlives_scope", "leaving a pool's scope leaves its workers as they are"},
    {Fault::kPoolResultOfAnother, "pool_result_of_another", "each result is that of the task before"},
    {Fault::kPoolReversed, "pool_reversed", "tasks begin with the one submitted last"},
    {Fault::kPoolSerial, "pool_serial", "Apply is for one thread at a time, and the others wait"},
    {Fault::kPoolTaskDoubled, "pool_task_doubled", "each task is run twice"},
    {Fault::kPoolTaskDropped, "pool_task_dropped", "each second task isn't run, and gives an empty result or none"},
    {Fault::kPoolTaskTorn, "pool_task_torn", "arguments of tasks arrive mangled"},
    {Fault::kPoolTerminateCloses, "pool_terminate_closes", "Terminate only closes"},
    {Fault::kPoolTooLarge, "pool_too_large", "a pool has one worker more than it should"},
    {Fault::kPoolWorkerEachTask, "pool_worker_each_task", "a worker ends after a task, and another takes its place"},
    {Fault::kProcessAbandoned, "process_abandoned", "children are killed at their creator's end, daemonic or not"},
    {Fault::kProcessAliveLies, "process_alive_lies", "a process is alive, always"},
    {Fault::kProcessArgumentsTorn, "process_arguments_torn", "arguments arrive mangled"},
    {Fault::kProcessDaemonChangeable, "process_daemon_changeable",
     "changing the daemon flag after the start is no error"},
    {Fault::kProcessDaemonLost, "process_daemon_lost", "no process is daemonic"},
    {Fault::kProcessDaemonMayStart, "process_daemon_may_start", "a daemonic process starts others"},
    {Fault::kProcessEarlyTimeout, "process_early_timeout", "Join's timeout has passed at once"},
    {Fault::kProcessErrorSilent, "process_error_silent", "nothing that a process says on stderr arrives"},
    {Fault::kProcessGuardLost, "process_guard_lost", "a start before Init says that it did"},
    {Fault::kProcessJoinEarly, "process_join_early", "Join returns at once, with exit code 0"},
    {Fault::kProcessNameLost, "process_name_lost", "a given name is forgotten"},
    {Fault::kProcessNeverRuns, "process_never_runs", "the process ends without having called its function"},
    {Fault::kProcessNumbersStuck, "process_numbers_stuck", "each process without a given name is Process-1"},
    {Fault::kProcessPidEarly, "process_pid_early", "a process has a pid before its start"},
    {Fault::kProcessPidOfCreator, "process_pid_of_creator", "pid() is the creator's"},
    {Fault::kProcessRunsInline, "process_runs_inline", "Start calls the function in the parent, and returns after it"},
    {Fault::kProcessRunsTwice, "process_runs_twice", "the function is run by two processes"},
    {Fault::kProcessTerminateKills, "process_terminate_kills", "Terminate sends SIGKILL"},
    {Fault::kProcessTied, "process_tied", "what a child starts is daemonic"},
    {Fault::kProcessWrongStatus, "process_wrong_status", "the exit code is one more than it was"},
    {Fault::kQueueBoundIgnored, "queue_bound_ignored", "a bounded queue takes everything"},
    {Fault::kQueueBoundMadeUp, "queue_bound_made_up", "a queue without a bound has one of a thousand"},
    {Fault::kQueueCloseDrops, "queue_close_drops", "what is in a queue that is closed is lost"},
    {Fault::kQueueCloseIgnored, "queue_close_ignored", "a closed queue goes on as if it weren't"},
    {Fault::kQueueDoubled, "queue_doubled", "each second item that a process puts is put twice"},
    {Fault::kQueueDropped, "queue_dropped", "each second item that a process puts is lost"},
    {Fault::kQueueEarlyTimeout, "queue_early_timeout", "a timeout has passed at once"},
    {Fault::kQueueEmptyLies, "queue_empty_lies", "empty() says no, always"},
    {Fault::kQueueFullLies, "queue_full_lies", "full() says no, always"},
    {Fault::kQueueNoMemoryUntold, "queue_no_memory_untold", "a put for which there is no memory says that it did"},
    {Fault::kQueueNowaitWaits, "queue_nowait_waits", "a call that asks without waiting waits"},
    {Fault::kQueueReordered, "queue_reordered", "a getter that finds two items takes the second first"},
    {Fault::kQueueSpins, "queue_spins", "a getter looks again and again instead of sleeping"},
    {Fault::kQueueTorn, "queue_torn", "items arrive mangled"},
    {Fault::kQueueTryRefuses, "queue_try_refuses", "a call that asks without waiting fails without having tried"},
    {Fault::kQueueWakeForgotten, "queue_wake_forgotten", "a put doesn't wake the getter that sleeps"},
    {Fault::kQueueWrongError, "queue_wrong_error", "full, empty and closed are told as something else"},
    {Fault::kValueOpen, "value_open", "a value's lock is acquired at once, whoever holds it, and Update takes none"},
    {Fault::kValueSetLost, "value_set_lost", "setting a value does nothing"},
    {Fault::kValueTorn, "value_torn", "a value that is set becomes another one"},
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
