#include "core/os/memfd.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fstream>
#include <initializer_list>
#include <limits>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/os/deadline.h"
#include "core/os/error.h"
#include "core/os/signal_mask.h"

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

// The sum of the lines "name number" of `text` whose name is one of `names`.
uint64_t SumOf(absl::string_view text, std::initializer_list<absl::string_view> names) {
  uint64_t sum = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    uint64_t number = 0;
    if (words.size() >= 2 && std::find(names.begin(), names.end(), words[0]) != names.end() &&
        absl::SimpleAtoi(words[1], &number)) {
      sum += number;
    }
  }
  return sum;
}

// The room that is left in `folder` of the memory cgroup and in each folder above it. Pages of files count as room,
// because the kernel reclaims them before it refuses memory. (Pages of shared memory are not among them.)
uint64_t CgroupRoom(const std::string& base, std::string folder, absl::string_view limit, absl::string_view usage) {
  uint64_t room = std::numeric_limits<uint64_t>::max();
  for (;;) {
    const auto max = ReadNumber(absl::StrCat(base, folder, "/", limit));
    const auto used = ReadNumber(absl::StrCat(base, folder, "/", usage));
    if (max.has_value() && used.has_value()) {
      const std::string stat = ReadFile(absl::StrCat(base, folder, "/memory.stat")).value_or("");
      // In version 1 the lines without "total_" leave out the folders below.
      uint64_t files = SumOf(stat, {"total_inactive_file", "total_active_file"});
      if (files == 0) files = SumOf(stat, {"inactive_file", "active_file"});
      const uint64_t kept = *used - std::min(*used, files);
      room = std::min(room, *max - std::min(*max, kept));
    }
    if (folder.empty() || folder == "/") return room;
    const size_t slash = folder.rfind('/');
    if (slash == std::string::npos) return room;
    folder.resize(slash);
  }
}

// Reading /proc costs tens of microseconds. So an answer is used until a sixteenth of it is spent or 100 ms have
// passed.
class RoomCache {
 public:
  absl::Status Take(uint64_t bytes) {
    const int64_t now = MonotonicNanos();
    const uint64_t left = left_.load(std::memory_order_relaxed);
    if (bytes <= left && now < fresh_until_.load(std::memory_order_relaxed)) {
      left_.store(left - bytes, std::memory_order_relaxed);  // After a lost update /proc is only read a little later.
      return absl::OkStatus();
    }
    const absl::StatusOr<uint64_t> room = AvailableMemory();
    // If /proc can't be read (a chroot, no descriptor left), the last answer still refuses a request that is far too
    // large. Otherwise the kernel decides.
    if (room.ok()) known_.store(*room, std::memory_order_relaxed);
    const uint64_t known = known_.load(std::memory_order_relaxed);
    const uint64_t usable = known - known / 64;
    if (bytes > usable) {
      return absl::ResourceExhaustedError(
          absl::StrCat("no room for ", bytes, " more bytes of shared memory: ", usable,
                       " are left on this machine or in its memory cgroup; free some, or set a smaller limit"));
    }
    if (!room.ok()) return absl::OkStatus();
    left_.store((usable - bytes) / 16, std::memory_order_relaxed);
    fresh_until_.store(now + 100'000'000, std::memory_order_relaxed);
    return absl::OkStatus();
  }

 private:
  std::atomic<uint64_t> known_{std::numeric_limits<uint64_t>::max()};  // The last answer of /proc.
  std::atomic<uint64_t> left_{0};
  std::atomic<int64_t> fresh_until_{0};
};

constinit RoomCache g_room;

// Calls fallocate with signals blocked: a signal that arrives again and again would make the kernel start over each
// time.
int AllocateUninterrupted(const Fd& file, int mode, uint64_t offset, uint64_t length) {
  const auto allocate = [&] {
    return fallocate(file.get(), mode, static_cast<off_t>(offset), static_cast<off_t>(length));
  };
  const int outcome = allocate();
  if (outcome == 0 || errno != EINTR) return outcome;
  const AllSignalsBlocked until_done;
  int again;
  do {
    again = allocate();
  } while (again != 0 && errno == EINTR);
  return again;
}

// Returns OK if `file` may be as long as `end`. Beyond the limit the kernel would send SIGXFSZ, which ends the process.
absl::Status CheckFileLimit(const Fd& file, uint64_t end) {
  rlimit limit{};
  if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || end <= limit.rlim_cur) return absl::OkStatus();
  const absl::StatusOr<uint64_t> size = MemfdSize(file);
  if (!size.ok()) return size.status();
  if (end <= *size) return absl::OkStatus();
  return ErrnoError(absl::StrCat("shared memory of ", end, " bytes, with a limit of ", limit.rlim_cur), EFBIG);
}

// Whether [offset, offset + length) of `file` may get memory.
absl::Status CheckRoom(const Fd& file, uint64_t offset, uint64_t length) {
  constexpr uint64_t kLongest = std::numeric_limits<off_t>::max();
  if (length > kLongest || offset > kLongest - length) return ErrnoError("fallocate", EFBIG);
  if (absl::Status allowed = CheckFileLimit(file, offset + length); !allowed.ok()) return allowed;
  return g_room.Take(length);
}

}  // namespace

absl::StatusOr<Fd> CreateMemfd(absl::string_view name) {
  const std::string text(name);
  Fd file = MakeDescriptor([&] {
    const int fd = memfd_create(text.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (fd >= 0 || errno != EINVAL) return fd;
    return memfd_create(text.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING);  // Linux before 6.3.
  });
  if (!file.valid()) return RefusedCallError("memfd_create", errno, "shared memory", "3.17");
  if (fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK) != 0) return ErrnoError("fcntl(F_ADD_SEALS)");
  return file;
}

absl::Status GrowMemfd(const Fd& file, uint64_t offset, uint64_t length) {
  if (length == 0) return absl::OkStatus();
  if (absl::Status room = CheckRoom(file, offset, length); !room.ok()) return room;
  return AllocateUninterrupted(file, 0, offset, length) == 0 ? absl::OkStatus() : ErrnoError("fallocate");
}

absl::Status LengthenMemfd(const Fd& file, uint64_t offset, uint64_t length) {
  if (length == 0) return absl::OkStatus();
  if (absl::Status room = CheckRoom(file, offset, length); !room.ok()) return room;
  return AllocateUninterrupted(file, 0, offset + length - 1, 1) == 0 ? absl::OkStatus() : ErrnoError("fallocate");
}

absl::Status PunchMemfd(const Fd& file, uint64_t offset, uint64_t length) {
  return AllocateUninterrupted(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length) == 0
             ? absl::OkStatus()
             : ErrnoError("fallocate(PUNCH_HOLE)");
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
  if (!absl::StrContains(*meminfo, "MemAvailable:")) return absl::UnavailableError("/proc/meminfo has no MemAvailable");
  uint64_t room = SumOf(*meminfo, {"MemAvailable:"}) * 1024;
  // With strict accounting the commit limit bounds it, too.
  if (ReadNumber(root + "/proc/sys/vm/overcommit_memory") == 2) {
    const uint64_t limit = SumOf(*meminfo, {"CommitLimit:"}) * 1024;
    room = std::min(room, limit - std::min(limit, SumOf(*meminfo, {"Committed_AS:"}) * 1024));
  }
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
  if (at == MAP_FAILED && errno == EAGAIN) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "mmap of ", length,
        " bytes: this process locks all of its memory (mlockall(MCL_FUTURE)) and may not lock as much; raise ",
        "`ulimit -l`, or leave MCL_FUTURE out"));
  }
  if (at == MAP_FAILED) return ErrnoError(absl::StrCat("mmap of ", length, " bytes"));
  // This fails only if the kernel was built without core dumps.
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
