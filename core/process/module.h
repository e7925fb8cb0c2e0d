// The executable and shared libraries of this process, as far as function ids need them.
//
// Threads  Thread-safe. Each call walks through the loaded modules, which takes microseconds.
// Trust    A module's own headers are trusted, as the loader trusts them. Offsets from elsewhere are not.
#ifndef REGATTA_CORE_PROCESS_MODULE_H_
#define REGATTA_CORE_PROCESS_MODULE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"

namespace regatta::function_id_internal {

class Module {
 public:
  // Calls `visit` for each loaded module until it returns true. The Module is valid only during the call.
  static void ForEach(absl::FunctionRef<bool(const Module&)> visit);

  // The path from which it was loaded; "the program" for the executable.
  const std::string& name() const { return name_; }
  // The first 8 bytes of the build-id, or all of a shorter one. 0 if there is none.
  uint64_t build_id() const { return build_id_; }
  uintptr_t base() const { return base_; }
  // Whether `address` lies in a loaded segment of this module.
  bool Contains(uintptr_t address) const;
  // The kind under which the module's table permits the trampoline at `address`. Absent if it does not.
  std::optional<uint32_t> EntryKindAt(uintptr_t address) const;
  // Whether a function begins exactly at `address`, according to the module's unwind table.
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
