#include "core/process/module.h"

#include <elf.h>
#include <link.h>

#include <algorithm>
#include <cstring>
#include <span>

namespace regatta::function_id_internal {
namespace {

struct Note {
  uint32_t type;
  std::span<const char> name;
  const char* data;
  uint32_t size;
};

std::span<const ElfW(Phdr)> Headers(const void* headers, int count) {
  return {static_cast<const ElfW(Phdr)*>(headers), static_cast<size_t>(count)};
}

size_t RoundUp(size_t size, size_t alignment) { return (size + alignment - 1) & ~(alignment - 1); }

// Calls `visit` for each note of the module until it returns true.
void ForEachNote(uintptr_t base, std::span<const ElfW(Phdr)> headers, absl::FunctionRef<bool(const Note&)> visit) {
  for (const ElfW(Phdr) & header : headers) {
    if (header.p_type != PT_NOTE) continue;
    const char* at = reinterpret_cast<const char*>(base + header.p_vaddr);
    size_t left = header.p_memsz;
    const size_t alignment = header.p_align == 8 ? 8 : 4;
    while (left >= sizeof(ElfW(Nhdr))) {
      ElfW(Nhdr) note;
      memcpy(&note, at, sizeof(note));
      const size_t data = RoundUp(sizeof(note) + note.n_namesz, alignment);
      const size_t size = RoundUp(data + note.n_descsz, alignment);
      if (data + note.n_descsz > left) break;
      if (visit({note.n_type, {at + sizeof(note), note.n_namesz}, at + data, note.n_descsz})) return;
      if (size >= left) break;
      at += size;
      left -= size;
    }
  }
}

bool HasName(const Note& note, const char (&name)[4]) {
  return note.name.size() == sizeof(name) && memcmp(note.name.data(), name, sizeof(name)) == 0;
}

// The layout of .eh_frame_hdr in the only encoding that linkers write.
struct UnwindHeader {
  uint8_t version;
  uint8_t frame_encoding;
  uint8_t count_encoding;
  uint8_t table_encoding;
  int32_t frame;
  uint32_t count;
};
struct UnwindEntry {
  int32_t function;  // The offset from the header's start. The entries are sorted by it.
  int32_t description;
};
constexpr uint8_t kCountIsFourBytes = 0x03;            // DW_EH_PE_udata4
constexpr uint8_t kTableIsFourBytesFromHeader = 0x3b;  // DW_EH_PE_datarel | DW_EH_PE_sdata4
constexpr uint8_t kFrameIsFourBytes[] = {0x1b, 0x0b};  // pcrel or absolute, sdata4

}  // namespace

void Module::ForEach(absl::FunctionRef<bool(const Module&)> visit) {
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* argument) -> int {
        Module module;
        module.name_ = info->dlpi_name == nullptr || *info->dlpi_name == '\0' ? "the program" : info->dlpi_name;
        module.base_ = info->dlpi_addr;
        module.headers_ = info->dlpi_phdr;
        module.header_count_ = info->dlpi_phnum;
        module.ReadBuildId();
        return (*static_cast<absl::FunctionRef<bool(const Module&)>*>(argument))(module) ? 1 : 0;
      },
      &visit);
}

void Module::ReadBuildId() {
  ForEachNote(base_, Headers(headers_, header_count_), [this](const Note& note) {
    if (note.type != NT_GNU_BUILD_ID || !HasName(note, "GNU") || note.size == 0) return false;
    memcpy(&build_id_, note.data, std::min<size_t>(note.size, sizeof(build_id_)));
    return true;
  });
}

bool Module::Contains(uintptr_t address) const {
  for (const ElfW(Phdr) & header : Headers(headers_, header_count_)) {
    if (header.p_type == PT_LOAD && address - base_ - header.p_vaddr < header.p_memsz) return true;
  }
  return false;
}

std::optional<uint32_t> Module::EntryKindAt(uintptr_t address) const {
  std::optional<uint32_t> kind;
  ForEachNote(base_, Headers(headers_, header_count_), [&](const Note& note) {
    struct {
      int32_t distance;  // The distance from this field to the trampoline.
      uint32_t kind;
    } entry;
    if (!HasName(note, "RGT") || note.size != sizeof(entry)) return false;
    memcpy(&entry, note.data, sizeof(entry));
    if (reinterpret_cast<uintptr_t>(note.data) + entry.distance != address) return false;
    kind = entry.kind;
    return true;
  });
  return kind;
}

bool Module::HasFunctionAt(uintptr_t address) const {
  for (const ElfW(Phdr) & header : Headers(headers_, header_count_)) {
    if (header.p_type != PT_GNU_EH_FRAME) continue;
    const uintptr_t start = base_ + header.p_vaddr;
    UnwindHeader unwind;
    if (header.p_memsz < sizeof(unwind)) return false;
    memcpy(&unwind, reinterpret_cast<const void*>(start), sizeof(unwind));
    if (unwind.version != 1 || unwind.count_encoding != kCountIsFourBytes ||
        unwind.table_encoding != kTableIsFourBytesFromHeader ||
        (unwind.frame_encoding != kFrameIsFourBytes[0] && unwind.frame_encoding != kFrameIsFourBytes[1])) {
      return false;
    }
    if (unwind.count > (header.p_memsz - sizeof(unwind)) / sizeof(UnwindEntry)) return false;
    const auto wanted = static_cast<int64_t>(address - start);
    const char* table = reinterpret_cast<const char*>(start + sizeof(unwind));
    size_t low = 0;
    size_t high = unwind.count;
    while (low < high) {
      const size_t middle = low + (high - low) / 2;
      UnwindEntry entry;
      memcpy(&entry, table + middle * sizeof(entry), sizeof(entry));
      if (entry.function == wanted) return true;
      if (entry.function < wanted) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
  }
  return false;
}

}  // namespace regatta::function_id_internal
