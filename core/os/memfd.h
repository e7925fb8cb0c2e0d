// Shared memory without a name: memfd files that grow, never shrink, and give drained pages back.
//
// Lifetime   The kernel's: gone when the last descriptor and mapping are.
// No room    Grow says so before the kernel has to: no SIGBUS, no surprise from the OOM killer.
#ifndef REGATTA_CORE_OS_MEMFD_H_
#define REGATTA_CORE_OS_MEMFD_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/os/fd.h"

namespace regatta {

// An empty file, sealed against shrinking. `name` is for people who look into /proc.
// ResourceExhausted: no descriptors or memory. FailedPrecondition: the kernel or a sandbox refuses memfd_create.
absl::StatusOr<Fd> CreateMemfd(absl::string_view name);

// Puts memory behind [offset, offset + length), lengthening the file as needed; what is there already stays as it is.
// ResourceExhausted: not that much memory is available (cgroup limit or machine), or the limit of files (`ulimit -f`)
// is lower; nothing changed. Where /proc can't be read, the kernel decides.
absl::Status GrowMemfd(const Fd& file, uint64_t offset, uint64_t length);

// Lengthens the file to offset + length with memory behind its last page only. The kernel puts memory behind the others
// as they are touched, and kills a process that touches one when none is left. Errors: GrowMemfd's.
absl::Status LengthenMemfd(const Fd& file, uint64_t offset, uint64_t length);

// Gives the pages of [offset, offset + length) back; they read as zero from now on.
absl::Status PunchMemfd(const Fd& file, uint64_t offset, uint64_t length);

absl::StatusOr<uint64_t> MemfdSize(const Fd& file);
// Bytes of memory behind it; holes don't count.
absl::StatusOr<uint64_t> MemfdMemory(const Fd& file);

// A number that no other memory file has while this one exists; 0 if `file` is none.
uint64_t MemfdIdentity(const Fd& file);

// Bytes that this process may still take before the machine or its memory cgroup runs out. `root` stands before /proc
// and /sys, for tests. Unavailable: /proc can't be read.
absl::StatusOr<uint64_t> AvailableMemory(const std::string& root = "");

// Maps the bytes [offset, offset + length) of `file`, readable and writable, shared with all who map it, and left out
// of core dumps: a dump that walks the holes of a sparse file takes minutes. More than the file has is a reservation,
// usable as the file grows. The caller unmaps them. ResourceExhausted: no address space.
absl::StatusOr<std::byte*> MapMemory(const Fd& file, uint64_t offset, size_t length);
void UnmapMemory(std::byte* address, size_t length);

// A mapping of a whole file by MapMemory.
class Mapping {
 public:
  Mapping() = default;
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping();

  // Maps `length` bytes of `file` from its start; more than the file has is a reservation, usable as the file grows.
  // ResourceExhausted: no address space.
  static absl::StatusOr<Mapping> Map(const Fd& file, size_t length);

  std::byte* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace regatta

#endif  // REGATTA_CORE_OS_MEMFD_H_
