// FunctionId: identifies a function in another process of the same program, so that the function can be called there.
//
// An id consists of (module's build-id, offset) pairs, never of an address. It leads to a *trampoline*: code that the
// compiler makes for one captureless lambda, or for one signature of function pointers, and that decodes the arguments,
// makes the call and encodes the result. call.h makes trampolines and ids. The pool and Process share them.
//
// Trust    Resolve refuses all but permitted functions. A trampoline must be in the table of its module (.note.regatta,
//          written by call.h). A function pointer must be the first instruction of a function, according to the
//          module's unwind table. A process that may send ids can call any function whose signature is used for
//          pointers.
// Threads  All calls are thread-safe. Repeated look-ups take no lock.
// Cost     Some microseconds for the first use of a function. Nanoseconds for a later one, which is a table look-up.
// Modules  The executable and shared libraries, each linked with a build-id. A library whose functions have ids must
//          stay loaded.
#ifndef REGATTA_CORE_PROCESS_FUNCTION_ID_H_
#define REGATTA_CORE_PROCESS_FUNCTION_ID_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace regatta {

class DescriptorSink;
class DescriptorSource;

// The wire form: 24 bytes without padding. Each half is (the first 8 bytes of the module's build-id, the offset from
// its load base).
struct FunctionId {
  uint64_t trampoline_module = 0;
  uint64_t target_module = 0;  // 0 for a lambda, which its trampoline knows.
  uint32_t trampoline_offset = 0;
  uint32_t target_offset = 0;

  friend bool operator==(const FunctionId&, const FunctionId&) = default;
};
static_assert(sizeof(FunctionId) == 24);

// Receives the result of a call. The caller of a trampoline provides it.
class ResultSink {
 public:
  virtual ~ResultSink() = default;
  // Returns memory for exactly `bytes` bytes of encoded result. Called at most once a call. An error, such as no memory
  // left, becomes the status of the call.
  virtual absl::StatusOr<std::byte*> Reserve(size_t bytes) = 0;
  // Receives the descriptors of the result. If it is null, results that hold descriptors are refused.
  virtual DescriptorSink* descriptors() { return nullptr; }
};

// One call of a function.
struct Invocation {
  const void* target = nullptr;  // From ResolvedFunction.
  std::span<const std::byte> arguments = {};
  DescriptorSource* descriptors = nullptr;  // The descriptors that came beside `arguments`, or null.
  ResultSink* result = nullptr;             // If null, the result is not encoded.
  int* exit_code = nullptr;                 // If not null, receives the result of a function that returns int.
};

// Decodes the arguments, makes the call and encodes the result. Throws nothing.
//   OK            The function returned, and its result is in the sink. (For StatusOr<T> that is a T. For void and
//                 absl::Status it is nothing.)
//   any           The function returned this absl::Status, or a StatusOr with it. It is passed through unchanged.
//   Unknown       The function threw. The payload has type and text (ThrownType).
//   DataLoss      `arguments` do not fit the function, and it was not called.
//   others        The sink failed, or the codec could not encode the result.
using Trampoline = absl::Status (*)(const Invocation& call);

struct ResolvedFunction {
  Trampoline trampoline = nullptr;
  const void* target = nullptr;
};

// DataLoss: no function that may be called here has this id. It is of another program or build, or was made up.
absl::StatusOr<ResolvedFunction> Resolve(const FunctionId& id);

// A text for messages: "module 1f0c..+0x1240".
std::string ToString(const FunctionId& id);

namespace function_id_internal {
// The kinds of a trampoline's entry in its module's table.
enum EntryKind : uint32_t { kLambdaEntry = 1, kPointerEntry = 2 };

// FailedPrecondition: the module has no build-id (link it with -Wl,--build-id), or `target` may not cross.
absl::StatusOr<FunctionId> MakeFunctionId(Trampoline trampoline, const void* target);
}  // namespace function_id_internal

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_FUNCTION_ID_H_
