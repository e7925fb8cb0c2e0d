#include "core/process/function_id.h"

#include <dlfcn.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <functional>
#include <limits>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/process/module.h"

namespace regatta {
namespace function_id_internal {
namespace {

// A hash table that only grows. Look-ups take no lock, and nodes are never freed. Once it is full, what it lacks is
// computed each time.
template <typename Key, typename Value, size_t kSlots>
class GrowingTable {
 public:
  const Value* Find(const Key& key, size_t hash) const {
    for (size_t i = 0; i < kProbes; ++i) {
      const Node* node = slots_[(hash + i) % kSlots].load(std::memory_order_acquire);
      if (node == nullptr) return nullptr;
      if (node->key == key) return &node->value;
    }
    return nullptr;
  }

  void Add(const Key& key, size_t hash, const Value& value) {
    const Node* node = new Node{key, value};
    for (size_t i = 0; i < kProbes; ++i) {
      const Node* expected = nullptr;
      std::atomic<const Node*>& slot = slots_[(hash + i) % kSlots];
      if (slot.compare_exchange_strong(expected, node, std::memory_order_acq_rel)) return;
      if (expected->key == key) break;
    }
    delete node;
  }

 private:
  static constexpr size_t kProbes = 16;
  struct Node {
    Key key;
    Value value;
  };
  std::array<std::atomic<const Node*>, kSlots> slots_{};
};

size_t Mix(uint64_t bits) { return static_cast<size_t>((bits * 0x9e3779b97f4a7c15) >> 32); }

size_t HashOf(const FunctionId& id) {
  return Mix(id.trampoline_module ^ id.target_module * 31 ^ uint64_t{id.target_offset} << 32 ^ id.trampoline_offset);
}

struct Code {
  Trampoline trampoline;
  const void* target;
  friend bool operator==(const Code&, const Code&) = default;
};

size_t HashOf(const Code& code) {
  return Mix(reinterpret_cast<uintptr_t>(code.trampoline) ^ reinterpret_cast<uintptr_t>(code.target) * 31);
}

constexpr size_t kSlots = 1024;
constinit GrowingTable<FunctionId, ResolvedFunction, kSlots> g_resolved;
constinit GrowingTable<Code, FunctionId, kSlots> g_made;

struct Place {
  uint64_t module = 0;
  uint32_t offset = 0;
};

absl::Status TwoCopies(absl::string_view one, absl::string_view other) {
  return absl::FailedPreconditionError(absl::StrCat(
      one, " and ", other,
      " are two copies of one library in this process: they have the same build-id, by which its functions are "
      "known in another process. Load it once, or link the copies with different build-ids"));
}

absl::Status InNoModule(uintptr_t address) {
  Dl_info info;
  if (dladdr(reinterpret_cast<const void*>(address), &info) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(info.dli_fname,
                     " is loaded in another namespace (dlmopen): its functions can't cross to another process. "
                     "Load it with dlopen"));
  }
  return absl::FailedPreconditionError(absl::StrFormat(
      "address %#x is in no loaded module: a function made at run time can't cross to another process", address));
}

absl::StatusOr<Place> PlaceOf(uintptr_t address, uint32_t kind) {
  std::string name;
  absl::StatusOr<Place> place = Place{};
  Module::ForEach([&](const Module& module) {
    if (!module.Contains(address)) return false;
    if (module.build_id() == 0) {
      place = absl::FailedPreconditionError(
          absl::StrCat(module.name(),
                       " has no build-id, by which its functions are known in another process: link it with "
                       "-Wl,--build-id"));
    } else if (address - module.base() > std::numeric_limits<uint32_t>::max()) {
      place = absl::FailedPreconditionError(
          absl::StrCat(module.name(), " is larger than 4 GiB: its functions can't cross to another process"));
    } else if (kind == 0 ? !module.HasFunctionAt(address) : module.EntryKindAt(address) != kind) {
      place =
          absl::FailedPreconditionError(absl::StrFormat("%s+%#x is not where a function begins, by the program's "
                                                        "unwind table: give a captureless lambda that calls it",
                                                        module.name(), address - module.base()));
    } else {
      place = Place{module.build_id(), static_cast<uint32_t>(address - module.base())};
    }
    name = module.name();
    return true;
  });
  if (name.empty()) return InNoModule(address);
  if (!place.ok()) return place;
  Module::ForEach([&](const Module& module) {
    if (module.build_id() != place->module || module.Contains(address)) return false;
    place = TwoCopies(name, module.name());
    return true;
  });
  return place;
}

// The address of `place` if its module permits it: the begin of a function, or a trampoline, whose kind is stored in
// `kind`. DataLoss: the module isn't loaded. FailedPrecondition: it is loaded twice.
absl::StatusOr<std::optional<uintptr_t>> AddressOf(const Place& place, bool is_trampoline, uint32_t* kind) {
  std::optional<uintptr_t> found;
  std::string name;
  absl::Status usable;
  Module::ForEach([&](const Module& module) {
    if (place.module == 0 || module.build_id() != place.module) return false;
    if (!name.empty()) {
      usable = TwoCopies(name, module.name());
      return true;
    }
    name = module.name();
    const uintptr_t address = module.base() + place.offset;
    if (is_trampoline) {
      const std::optional<uint32_t> entry = module.EntryKindAt(address);
      if (entry.has_value()) *kind = *entry;
      if (entry.has_value()) found = address;
    } else if (module.HasFunctionAt(address)) {
      found = address;
    }
    return false;
  });
  if (!usable.ok()) return usable;
  if (name.empty()) {
    return absl::DataLossError(
        absl::StrFormat("the library or program with build-id %016x... is not loaded in process %d. If its sender is "
                        "not another program or build: load the library before the pool or the process by fork is "
                        "made; for spawn and forkserver link the program with it, or load it before Init",
                        __builtin_bswap64(place.module), getpid()));
  }
  return found;
}

absl::Status NotCallable(const FunctionId& id, const absl::Status& why) {
  return absl::Status(why.code(), absl::StrCat("function ", ToString(id), " can't be called: ", why.message()));
}

}  // namespace

absl::StatusOr<FunctionId> MakeFunctionId(Trampoline trampoline, const void* target) {
  const Code code{trampoline, target};
  const size_t hash = HashOf(code);
  if (const FunctionId* known = g_made.Find(code, hash)) return *known;
  const absl::StatusOr<Place> entry =
      PlaceOf(reinterpret_cast<uintptr_t>(trampoline), target == nullptr ? kLambdaEntry : kPointerEntry);
  if (!entry.ok()) return entry.status();
  FunctionId id{.trampoline_module = entry->module, .trampoline_offset = entry->offset};
  if (target != nullptr) {
    const absl::StatusOr<Place> function = PlaceOf(reinterpret_cast<uintptr_t>(target), 0);
    if (!function.ok()) return function.status();
    id.target_module = function->module;
    id.target_offset = function->offset;
  }
  g_made.Add(code, hash, id);
  return id;
}

}  // namespace function_id_internal

absl::StatusOr<ResolvedFunction> Resolve(const FunctionId& id) {
  using namespace function_id_internal;  // NOLINT(google-build-using-namespace): this file's own
  const size_t hash = HashOf(id);
  if (const ResolvedFunction* known = g_resolved.Find(id, hash)) return *known;
  uint32_t kind = 0;
  const absl::StatusOr<std::optional<uintptr_t>> entry =
      AddressOf({id.trampoline_module, id.trampoline_offset}, true, &kind);
  if (!entry.ok()) return NotCallable(id, entry.status());
  const bool has_target = id.target_module != 0 || id.target_offset != 0;
  if (!entry->has_value() || has_target != (kind == kPointerEntry)) {
    return absl::DataLossError(absl::StrCat("function ", ToString(id),
                                            " is not one that may be called in this program: it was sent by another "
                                            "program or build, or damaged on its way"));
  }
  ResolvedFunction function{.trampoline = reinterpret_cast<Trampoline>(**entry)};
  if (has_target) {
    const absl::StatusOr<std::optional<uintptr_t>> target =
        AddressOf({id.target_module, id.target_offset}, false, &kind);
    if (!target.ok()) return NotCallable(id, target.status());
    if (!target->has_value()) {
      return absl::DataLossError(absl::StrCat("function ", ToString(id), " doesn't begin where its sender says"));
    }
    function.target = reinterpret_cast<const void*>(**target);
  }
  g_resolved.Add(id, hash, function);
  return function;
}

std::string ToString(const FunctionId& id) {
  std::string text = absl::StrFormat("%016x+%#x", id.trampoline_module, id.trampoline_offset);
  if (id.target_module != 0) absl::StrAppendFormat(&text, " for %016x+%#x", id.target_module, id.target_offset);
  return text;
}

}  // namespace regatta
