#include "core/os/memfd.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/os/deadline.h"
#include "core/os/error.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

namespace regatta {
namespace {

std::optional<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path);
  if (!in) return std::nullopt;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::optional<uint64_t> ReadNumber(const std::string& path) {
  const auto text = ReadFile(path);
  uint64_t number = 0;
  if (!text.has_value() || !absl::SimpleAtoi(*text, &number)) return std::nullopt;  // "max" has no number.
  return number;
}

// The room left in `folder` of the memory cgroup and in each folder above it.
uint64_t CgroupRoom(const std::string& base, std::string folder, absl::string_view limit, absl::string_view usage) {
  uint64_t room = std::numeric_limits<uint64_t>::max();
  for (;;) {
    const auto max = ReadNumber(absl::StrCat(base, folder, "/", limit));
    const auto used = ReadNumber(absl::StrCat(base, folder, "/", usage));
    if (max.has_value() && used.has_value()) room = std::min(room, *max > *used ? *max - *used : 0);
    if (folder.empty() || folder == "/") return room;
    const size_t slash = folder.rfind('/');
    if (slash == std::string::npos) return room;
    folder.resize(slash);
  }
}

// Reading /proc costs tens of microseconds: an answer serves until a sixteenth of it is spent or 100 ms have gone by.
class RoomCache {
 public:
  absl::Status Take(uint64_t bytes) {
    const int64_t now = MonotonicNanos();
    const uint64_t left = left_.load(std::memory_order_relaxed);
    if (bytes <= left && now < fresh_until_.load(std::memory_order_relaxed)) {
      left_.store(left - bytes, std::memory_order_relaxed);  // A lost update only reads /proc a little later.
      return absl::OkStatus();
    }
    const absl::StatusOr<uint64_t> room = AvailableMemory();
    if (!room.ok()) return room.status();
    const uint64_t usable = *room - *room / 64;
    if (bytes > usable) {
      return absl::ResourceExhaustedError(
          absl::StrCat("no room for ", bytes, " more bytes of shared memory: ", usable,
                       " are left on this machine or in its memory cgroup; free some, or set a smaller limit"));
    }
    left_.store((usable - bytes) / 16, std::memory_order_relaxed);
    fresh_until_.store(now + 100'000'000, std::memory_order_relaxed);
    return absl::OkStatus();
  }

 private:
  std::atomic<uint64_t> left_{0};
  std::atomic<int64_t> fresh_until_{0};
};

constinit RoomCache g_room;

}  // namespace

absl::StatusOr<Fd> CreateMemfd(absl::string_view name) {
  const std::string text(name);
  int fd = memfd_create(text.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
  if (fd < 0 && errno == EINVAL) fd = memfd_create(text.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING);  // Before 6.3.
  if (fd < 0) return ErrnoError("memfd_create");
  Fd file(fd);
  if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) != 0) return ErrnoError("fcntl(F_ADD_SEALS)");
  return file;
}

absl::Status GrowMemfd(const Fd& file, uint64_t offset, uint64_t length) {
  if (length == 0) return absl::OkStatus();
  if (absl::Status room = g_room.Take(length); !room.ok()) return room;
  int outcome;
  do {
    outcome = fallocate(file.get(), 0, static_cast<off_t>(offset), static_cast<off_t>(length));
  } while (outcome != 0 && errno == EINTR);
  return outcome == 0 ? absl::OkStatus() : ErrnoError("fallocate");
}

absl::Status PunchMemfd(const Fd& file, uint64_t offset, uint64_t length) {
  int outcome;
  do {
    outcome = fallocate(file.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                        static_cast<off_t>(length));
  } while (outcome != 0 && errno == EINTR);
  return outcome == 0 ? absl::OkStatus() : ErrnoError("fallocate(PUNCH_HOLE)");
}

absl::StatusOr<uint64_t> MemfdSize(const Fd& file) {
  struct stat about;
  if (fstat(file.get(), &about) != 0) return ErrnoError("fstat");
  return static_cast<uint64_t>(about.st_size);
}

absl::StatusOr<uint64_t> MemfdMemory(const Fd& file) {
  struct stat about;
  if (fstat(file.get(), &about) != 0) return ErrnoError("fstat");
  return static_cast<uint64_t>(about.st_blocks) * 512;
}

uint64_t MemfdIdentity(const Fd& file) {
  struct stat about;
  if (fcntl(file.get(), F_GET_SEALS) < 0 || fstat(file.get(), &about) != 0) return 0;
  return about.st_ino;
}

absl::StatusOr<uint64_t> AvailableMemory(const std::string& root) {
  const auto meminfo = ReadFile(root + "/proc/meminfo");
  if (!meminfo.has_value()) return absl::UnavailableError("cannot read /proc/meminfo: is /proc mounted?");
  std::optional<uint64_t> available;
  for (absl::string_view line : absl::StrSplit(*meminfo, '\n')) {
    uint64_t kib = 0;
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (words.size() >= 2 && words[0] == "MemAvailable:" && absl::SimpleAtoi(words[1], &kib)) available = kib * 1024;
  }
  if (!available.has_value()) return absl::UnavailableError("/proc/meminfo has no MemAvailable");
  uint64_t room = *available;
  for (absl::string_view line : absl::StrSplit(ReadFile(root + "/proc/self/cgroup").value_or(""), '\n')) {
    const std::vector<std::string> fields = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (fields.size() != 3) continue;
    if (fields[1].empty()) {
      room = std::min(room, CgroupRoom(root + "/sys/fs/cgroup", fields[2], "memory.max", "memory.current"));
    } else if (fields[1] == "memory") {
      room = std::min(room, CgroupRoom(root + "/sys/fs/cgroup/memory", fields[2], "memory.limit_in_bytes",
                                       "memory.usage_in_bytes"));
    }
  }
  return room;
}

absl::StatusOr<std::byte*> MapMemory(const Fd& file, uint64_t offset, size_t length) {
  void* at =
      mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file.get(), static_cast<off_t>(offset));
  if (at == MAP_FAILED) return ErrnoError(absl::StrCat("mmap of ", length, " bytes"));
  // Refused only where the kernel knows no core dumps.
  static_cast<void>(madvise(at, length, MADV_DONTDUMP));
  return static_cast<std::byte*>(at);
}

void UnmapMemory(std::byte* address, size_t length) { munmap(address, length); }

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Mapping::~Mapping() {
  if (data_ != nullptr) UnmapMemory(data_, size_);
}

absl::StatusOr<Mapping> Mapping::Map(const Fd& file, size_t length) {
  const absl::StatusOr<std::byte*> at = MapMemory(file, 0, length);
  if (!at.ok()) return at.status();
  Mapping mapping;
  mapping.data_ = *at;
  mapping.size_ = length;
  return mapping;
}

}  // namespace regatta
