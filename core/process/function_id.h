// FunctionId: the identity under which a function crosses to another process of the same program, and how it is called
// there.
//
// What crosses is (module's build-id, offset), never an address. An id leads to a *trampoline*: the code, made by the
// compiler for one captureless lambda or for one signature of function pointers, that decodes arguments, calls and
// encodes the result (call.h makes trampolines and ids; the pool and Process share them).
//
// Trust    Resolve refuses what is not permitted: a trampoline must stand in the table that its module carries
//          (.note.regatta, written by call.h), a function pointer must be the first instruction of a function of its
//          module (by the module's unwind table). Whoever may send ids may call any function of a signature used for
//          pointers.
// Threads  All calls are thread-safe; nothing is locked in the ways that were gone before.
// Cost     First time per function: some microseconds. Afterwards a look into a table: nanoseconds.
// Modules  The executable and shared libraries, each linked with a build-id; a library that gave ids must stay loaded.
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

// The wire form: 24 bytes, no padding. Both halves are (first 8 bytes of the module's build-id, offset from its load
// base).
struct FunctionId {
  uint64_t trampoline_module = 0;
  uint64_t target_module = 0;  // 0 for a lambda: its trampoline knows it.
  uint32_t trampoline_offset = 0;
  uint32_t target_offset = 0;

  friend bool operator==(const FunctionId&, const FunctionId&) = default;
};
static_assert(sizeof(FunctionId) == 24);

// Where a call's result goes. The caller of a trampoline provides it.
class ResultSink {
 public:
  virtual ~ResultSink() = default;
  // Room for exactly `bytes` bytes of encoded result; called at most once a call. An error (say, no space left) becomes
  // the call's status.
  virtual absl::StatusOr<std::byte*> Reserve(size_t bytes) = 0;
  // Takes the descriptors in the result. Null: results that hold descriptors are refused.
  virtual DescriptorSink* descriptors() { return nullptr; }
};

// One call of a function.
struct Invocation {
  const void* target = nullptr;  // From ResolvedFunction.
  std::span<const std::byte> arguments = {};
  DescriptorSource* descriptors = nullptr;  // What travelled beside `arguments`; null: nothing did.
  ResultSink* result = nullptr;             // Null: the result is dropped unencoded.
  int* exit_code = nullptr;                 // Not null: receives the result of a function that returns int.
};

// Decodes the arguments, calls, encodes the result. Lets no exception out.
//   OK            the function returned, and its result is in the sink (nothing, for void and absl::Status; T, for
//                 StatusOr<T>)
//   any           the function returned this absl::Status, or a StatusOr with it: passed through unchanged
//   Unknown       it threw; type and text as payload (ThrownType)
//   DataLoss      `arguments` are not what the function takes; it was not called
//   others        of the sink, or of the codec for a result that can't be encoded
using Trampoline = absl::Status (*)(const Invocation& call);

struct ResolvedFunction {
  Trampoline trampoline = nullptr;
  const void* target = nullptr;
};

// DataLoss: the id is of no function that may be called here: another program or build, or made up.
absl::StatusOr<ResolvedFunction> Resolve(const FunctionId& id);

// For messages: "module 1f0c..+0x1240".
std::string ToString(const FunctionId& id);

namespace function_id_internal {
// What a trampoline's table entry says about it.
enum EntryKind : uint32_t { kLambdaEntry = 1, kPointerEntry = 2 };

// FailedPrecondition: the module has no build-id (link with -Wl,--build-id), or `target` is no function that may cross.
absl::StatusOr<FunctionId> MakeFunctionId(Trampoline trampoline, const void* target);
}  // namespace function_id_internal

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_FUNCTION_ID_H_
