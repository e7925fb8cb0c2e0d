// Shared memory without a name: memfd files that grow, never shrink, and can return drained pages to the kernel.
//
// Lifetime   The kernel frees the memory with its last descriptor and mapping.
// No room    Grow returns an error before the kernel runs out of memory: no SIGBUS, and no OOM killer.
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

// Makes an empty file that can't shrink. People who look into /proc see `name`.
// ResourceExhausted: no descriptors or memory. FailedPrecondition: the kernel or a sandbox refuses memfd_create.
absl::StatusOr<Fd> CreateMemfd(absl::string_view name);

// Allocates memory for [offset, offset + length) and lengthens the file as needed. Existing content stays.
// ResourceExhausted: the cgroup or the machine has not that much memory available, or the file size limit (`ulimit -f`)
// is lower. Nothing has changed then. If /proc can't be read, the kernel decides.
absl::Status GrowMemfd(const Fd& file, uint64_t offset, uint64_t length);

// Lengthens the file to offset + length, and allocates memory for its last page only. The kernel allocates the other
// pages when they are touched, and kills a process that touches one when no memory is left. Errors: as GrowMemfd.
absl::Status LengthenMemfd(const Fd& file, uint64_t offset, uint64_t length);

// Returns the pages of [offset, offset + length) to the kernel. They read as zero from now on.
absl::Status PunchMemfd(const Fd& file, uint64_t offset, uint64_t length);

absl::StatusOr<uint64_t> MemfdSize(const Fd& file);
// The memory in bytes that the file occupies, without its holes.
absl::StatusOr<uint64_t> MemfdMemory(const Fd& file);

// A number that no other memory file has as long as this one exists. 0 if `file` is not a memory file.
uint64_t MemfdIdentity(const Fd& file);

// The number of bytes that this process can still allocate before the machine or its memory cgroup runs out. `root` is
// a prefix of /proc and /sys, for tests. Unavailable: /proc can't be read.
absl::StatusOr<uint64_t> AvailableMemory(const std::string& root = "");

// Maps the bytes [offset, offset + length) of `file`: readable, writable, shared with all processes that map them, and
// left out of core dumps, as a dump that reads the holes of a sparse file takes minutes. A mapping beyond the end of
// the file becomes usable as the file grows. The caller unmaps it. ResourceExhausted: no address space.
absl::StatusOr<std::byte*> MapMemory(const Fd& file, uint64_t offset, size_t length);
void UnmapMemory(std::byte* address, size_t length);

// A mapping of a whole file, made by MapMemory.
class Mapping {
 public:
  Mapping() = default;
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping();

  // Maps `length` bytes of `file` from its start. A mapping beyond the end of the file becomes usable as the file
  // grows. ResourceExhausted: no address space.
  static absl::StatusOr<Mapping> Map(const Fd& file, size_t length);

  std::byte* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace regatta

#endif  // REGATTA_CORE_OS_MEMFD_H_
