// What a Process is to call: in a copy of this process, or encoded for another.
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
  // Calls it here. Once.
  virtual int Run() = 0;
  // FailedPrecondition, InvalidArgument: call.h and the codec say when.
  virtual absl::StatusOr<FunctionId> Id() const = 0;
  virtual absl::StatusOr<std::string> Encode(DescriptorSink* descriptors) const = 0;
};

// 1, after having said on stderr what is wrong with `status`; `exit_code` if nothing is.
int ExitCodeOf(const absl::Status& status, int exit_code);

// Calls any callable as a child does.
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
