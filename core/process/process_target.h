// The function of a Process: called in a copy of this process, or encoded for another process.
#ifndef REGATTA_CORE_PROCESS_PROCESS_TARGET_H_
#define REGATTA_CORE_PROCESS_PROCESS_TARGET_H_

#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/codec/codec.h"
#include "core/codec/descriptors.h"
#include "core/process/call.h"
#include "core/process/function_id.h"

namespace regatta::process_internal {

class Target {
 public:
  virtual ~Target() = default;
  // Makes the call in this process. Only once.
  virtual int Run() = 0;
  // FailedPrecondition, InvalidArgument: as call.h and the codec.
  virtual absl::StatusOr<FunctionId> Id() const = 0;
  virtual absl::StatusOr<std::string> Encode(DescriptorSink* descriptors) const = 0;
};

// Returns `exit_code` if `status` is OK. Otherwise prints the status to stderr and returns 1.
int ExitCodeOf(const absl::Status& status, int exit_code);

// Calls any callable in the way of a child.
template <class C>
int RunForExitCode(C&& callable) {
  int exit_code = 0;
  const Invocation nobody_wants_the_result{.exit_code = &exit_code};
  using R = std::invoke_result_t<C&>;
  const absl::Status status = call_internal::WithoutExceptions(
      [&] { return call_internal::RunAndGiveResult<R>([&]() -> R { return callable(); }, nobody_wants_the_result); });
  return ExitCodeOf(status, exit_code);
}

template <class F, class C>
class CallTarget : public Target {
 public:
  template <class... Args>
  explicit CallTarget(F function, Args&&... arguments)
      : function_(function), arguments_(C::Pack(std::forward<Args>(arguments)...)) {}

  int Run() override {
    return RunForExitCode([this] { return C::CallPacked(function_, arguments_); });
  }
  absl::StatusOr<FunctionId> Id() const override { return C::Id(function_); }
  absl::StatusOr<std::string> Encode(DescriptorSink* descriptors) const override {
    return EncodeToString(arguments_, descriptors);
  }

 private:
  F function_;
  typename C::Arguments arguments_;
};

template <class F, class... Args>
std::unique_ptr<Target> MakeTarget(F&& function, Args&&... arguments) {
  using Function = std::decay_t<F>;
  return std::make_unique<CallTarget<Function, Call<Function, Args...>>>(function, std::forward<Args>(arguments)...);
}

}  // namespace regatta::process_internal

#endif  // REGATTA_CORE_PROCESS_PROCESS_TARGET_H_
