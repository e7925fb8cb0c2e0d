#include "bench/tasks.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <thread>

#include "absl/strings/str_cat.h"
#include "core/os/deadline.h"
#include "core/os/error.h"
#include "core/os/fd.h"

namespace regatta::bench {
namespace {

constexpr absl::string_view kElsewhere = " (--scratch chooses another place)";

}  // namespace

uint64_t RunGrain(Grain grain) {
  uint64_t value = grain.value;
  for (int64_t step = 0; step < grain.steps; ++step) {
    value = value * 6364136223846793005U + 1442695040888963407U;
    asm volatile("" : "+r"(value));  // Each step is really done.
  }
  return value;
}

uint64_t RunCountLoop(int64_t counts) {
  uint64_t sum = 0;
  for (int64_t i = 0; i < counts; ++i) {
    sum += static_cast<uint64_t>(i);
    asm volatile("" : "+r"(sum));  // Else the compiler knows the sum.
  }
  return sum;
}

int64_t RunWait(int64_t nanos) {
  const int64_t began = MonotonicNanos();
  std::this_thread::sleep_for(std::chrono::nanoseconds(nanos));  // The wait itself is the task.
  return MonotonicNanos() - began;
}

absl::StatusOr<int64_t> RunFileCopy(const FileCopy& copy) {
  const Fd source(open(copy.source.c_str(), O_RDONLY | O_CLOEXEC));
  if (!source.valid()) return ErrnoError(absl::StrCat("open ", copy.source));
  const Fd target(open(copy.target.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!target.valid()) return ErrnoError(absl::StrCat("open ", copy.target, kElsewhere));
  int64_t size = 0;
  std::array<char, 65536> piece;
  for (;;) {
    const ssize_t got = read(source.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoError(absl::StrCat("read ", copy.source));
    if (got == 0) break;
    for (ssize_t done = 0; done < got;) {
      const ssize_t put = write(target.get(), piece.data() + done, static_cast<size_t>(got - done));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return ErrnoError(absl::StrCat("write ", copy.target, kElsewhere));
      done += put;
    }
    size += got;
  }
  if (fchmod(target.get(), copy.mode) != 0) return ErrnoError(absl::StrCat("fchmod ", copy.target));
  return size;
}

}  // namespace regatta::bench
