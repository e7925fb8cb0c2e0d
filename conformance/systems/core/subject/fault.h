// The seeded faults: one broken rule each, switched on by $REGATTA_FAULT in all of a testee's processes.
//
// They live in the thin layer through which the scenarios see the core (queue.h, lock.h, event.h, value.h,
// connection.h, process.h, pool.h beside this), and not in the core. A scenario that passes under all of them would
// pass under anything.
#ifndef REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_FAULT_H_
#define REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_FAULT_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>

#include "absl/strings/string_view.h"

namespace regatta::subject {

enum class Fault {
  kArrayIndexUnchecked,
  kArrayNotZeroed,
  kArraySetLost,
  kConnectionAlwaysDuplex,
  kConnectionEndless,
  kConnectionPollLies,
  kConnectionSendUnchecked,
  kConnectionTorn,
  kCpuCountAll,
  kEventClearIgnored,
  kEventEarlyTimeout,
  kEventIsSetLies,
  kEventOpen,
  kEventReleasesOne,
  kEventSetLost,
  kLockOpen,
  kLockReleaseLost,
  kLockReleaseUnchecked,
  kPoolAsyncWaits,
  kPoolCallbackDoubled,
  kPoolCallbackDropped,
  kPoolCallbackInChild,
  kPoolCallbackOvertakes,
  kPoolCancelUntold,
  kPoolCloseIgnored,
  kPoolErrorBare,
  kPoolErrorPoisons,
  kPoolErrorSwallowed,
  kPoolJoinEarly,
  kPoolJoinUnchecked,
  kPoolLambdaRefused,
  kPoolMapReordered,
  kPoolNothingRefused,
  kPoolOnDemand,
  kPoolOutlivesScope,
  kPoolResultOfAnother,
  kPoolReversed,
  kPoolSerial,
  kPoolTaskDoubled,
  kPoolTaskDropped,
  kPoolTaskTorn,
  kPoolTerminateCloses,
  kPoolTooLarge,
  kPoolWorkerEachTask,
  kProcessAbandoned,
  kProcessAliveLies,
  kProcessArgumentsTorn,
  kProcessDaemonChangeable,
  kProcessDaemonLost,
  kProcessDaemonMayStart,
  kProcessEarlyTimeout,
  kProcessErrorSilent,
  kProcessGuardLost,
  kProcessJoinEarly,
  kProcessNameLost,
  kProcessNeverRuns,
  kProcessNumbersStuck,
  kProcessPidEarly,
  kProcessPidOfCreator,
  kProcessRunsInline,
  kProcessRunsTwice,
  kProcessTerminateKills,
  kProcessTied,
  kProcessWrongStatus,
  kQueueBoundIgnored,
  kQueueBoundMadeUp,
  kQueueCloseDrops,
  kQueueCloseIgnored,
  kQueueDoubled,
  kQueueDropped,
  kQueueEarlyTimeout,
  kQueueEmptyLies,
  kQueueFullLies,
  kQueueNoMemoryUntold,
  kQueueNowaitWaits,
  kQueueReordered,
  kQueueSpins,
  kQueueTorn,
  kQueueTryRefuses,
  kQueueWakeForgotten,
  kQueueWrongError,
  kValueOpen,
  kValueSetLost,
  kValueTorn,
};

struct FaultEntry {
  Fault fault;
  absl::string_view name;  // "queue_dropped".
  absl::string_view what;  // Which rule it breaks, and how.
};
// All of them.
std::span<const FaultEntry> Faults();
std::optional<Fault> FaultByName(absl::string_view name);

// Whether this testee runs under that one.
bool Injected(Fault fault);

// A value as a fault mangles it: a text loses its end, a number above zero grows, a truth turns. Others stay, so that a
// sentinel can be told from items.
template <class T>
T Torn(T value) {
  if constexpr (std::is_same_v<T, std::string>) {
    if (!value.empty()) value.pop_back();
  } else if constexpr (std::is_same_v<T, bool>) {
    value = !value;
  } else if constexpr (std::is_arithmetic_v<T>) {
    if (value > 0) value = static_cast<T>(value + 1);
  }
  return value;
}

}  // namespace regatta::subject

#endif  // REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_FAULT_H_
