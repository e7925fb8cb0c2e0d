// The functions that the pools' workers run, and that the serial arms call themselves.
#ifndef REGATTA_BENCH_TASKS_H_
#define REGATTA_BENCH_TASKS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace regatta::bench {

// A task of any size: `steps` dependent multiplications, beginning with `value`. With 0 steps it returns `value`.
struct Grain {
  uint64_t value = 0;
  int64_t steps = 0;
};
uint64_t RunGrain(Grain grain);

// The documents' loop: counts from 0 to `counts` - 1, one after the other, and returns the sum.
uint64_t RunCountLoop(int64_t counts);
// What it must return.
constexpr uint64_t CountLoopSum(int64_t counts) {
  return counts % 2 == 0 ? static_cast<uint64_t>(counts / 2) * static_cast<uint64_t>(counts - 1)
                         : static_cast<uint64_t>(counts) * static_cast<uint64_t>((counts - 1) / 2);
}

// Waits for so long, as a task does that waits for a disk or for another machine: without the processor.
// Returns how long it was, never less.
int64_t RunWait(int64_t nanos);

// Copies one file, byte by byte and with its mode, over whatever is at `target`. Returns its size.
// An errno's code: reading or writing failed; the message names the file.
struct FileCopy {
  std::string source;
  std::string target;
  uint32_t mode = 0;
};
absl::StatusOr<int64_t> RunFileCopy(const FileCopy& copy);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_TASKS_H_
