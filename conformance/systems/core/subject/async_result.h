// The core's AsyncResult, as the scenarios see it: the same calls, and the place of the seeded faults.
#ifndef REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_ASYNC_RESULT_H_
#define REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_ASYNC_RESULT_H_

#include <memory>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "conformance/systems/core/subject/fault.h"
#include "core/os/deadline.h"
#include "core/pool/pool.h"

namespace regatta::subject {

// A task's error, or its success, as the seeded faults tell it.
absl::Status Told(const absl::Status& status);

template <class T>
absl::StatusOr<T> Told(absl::StatusOr<T> outcome) {
  absl::Status told = Told(outcome.status());
  if (told == outcome.status()) return outcome;
  if (told.ok()) return T{};
  return told;
}

template <class R>
class AsyncResult {
 public:
  using UnderTest = regatta::AsyncResult<R>;
  explicit AsyncResult(UnderTest result) : AsyncResult(std::make_shared<const UnderTest>(std::move(result))) {}
  // Of a task that a fault keeps back: what `result` points to is assigned later.
  explicit AsyncResult(std::shared_ptr<const UnderTest> result) : result_(std::move(result)) {}

  Outcome<R> Get(Deadline deadline = Deadline::Never()) const { return Told(Outcome<R>(result_->Get(deadline))); }
  bool Wait(Deadline deadline = Deadline::Never()) const { return result_->Wait(deadline); }
  bool Ready() const { return result_->Ready(); }
  absl::StatusOr<bool> Successful() const { return result_->Successful(); }

 private:
  std::shared_ptr<const UnderTest> result_;
};

}  // namespace regatta::subject

#endif  // REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_ASYNC_RESULT_H_
