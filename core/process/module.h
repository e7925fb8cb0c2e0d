// The executable and shared libraries of this process, as far as function identity needs to know them.
//
// Threads  Thread-safe. Each call walks the loaded modules: microseconds.
// Trust    A module's own headers are trusted as the loader trusts them; offsets that come from elsewhere are not.
#ifndef REGATTA_CORE_PROCESS_MODULE_H_
#define REGATTA_CORE_PROCESS_MODULE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"

namespace regatta::function_id_internal {

class Module {
 public:
  // Calls `visit` for each loaded module until it returns true. The view is valid during the call only.
  static void ForEach(absl::FunctionRef<bool(const Module&)> visit);

  // The path it was loaded from; the executable's is "the program".
  const std::string& name() const { return name_; }
  // The first 8 bytes of the build-id, or all of a shorter one; 0 if it has none.
  uint64_t build_id() const { return build_id_; }
  uintptr_t base() const { return base_; }
  // Whether `address` lies in one of its loaded segments.
  bool Contains(uintptr_t address) const;
  // The kind under which the module's table permits the trampoline at `address`; none if it doesn't.
  std::optional<uint32_t> EntryKindAt(uintptr_t address) const;
  // Whether a function begins exactly at `address`, by the module's unwind table.
  bool HasFunctionAt(uintptr_t address) const;

 private:
  Module() = default;
  void ReadBuildId();

  std::string name_;
  uintptr_t base_ = 0;
  const void* headers_ = nullptr;
  int header_count_ = 0;
  uint64_t build_id_ = 0;
};

}  // namespace regatta::function_id_internal

#endif  // REGATTA_CORE_PROCESS_MODULE_H_
