// The C library's mutexes between processes: plain, and robust.
#ifndef REGATTA_BENCH_PEERS_PTHREAD_MUTEX_H_
#define REGATTA_BENCH_PEERS_PTHREAD_MUTEX_H_

#include <pthread.h>

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/os/memfd.h"

namespace regatta::bench {

class PthreadMutex {
 public:
  // In shared memory.
  static absl::StatusOr<std::unique_ptr<PthreadMutex>> Create(bool robust);
  ~PthreadMutex();
  // The C library's error.
  absl::Status Acquire();
  absl::Status Release();

 private:
  PthreadMutex() = default;
  Mapping mapping_;
  pthread_mutex_t* mutex_ = nullptr;
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_PEERS_PTHREAD_MUTEX_H_
