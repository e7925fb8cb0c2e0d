#include "bench/peers/pthread_mutex.h"

#include <new>

#include "core/os/error.h"
#include "core/os/fd.h"

namespace regatta::bench {

absl::StatusOr<std::unique_ptr<PthreadMutex>> PthreadMutex::Create(bool robust) {
  absl::StatusOr<Fd> file = CreateMemfd("regatta-pthread-mutex");
  if (!file.ok()) return file.status();
  if (absl::Status grown = GrowMemfd(*file, 0, sizeof(pthread_mutex_t)); !grown.ok()) return grown;
  absl::StatusOr<Mapping> mapping = Mapping::Map(*file, sizeof(pthread_mutex_t));
  if (!mapping.ok()) return mapping.status();
  std::unique_ptr<PthreadMutex> peer(new PthreadMutex);
  peer->mapping_ = *std::move(mapping);
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  if (robust) pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  auto* mutex = new (peer->mapping_.data()) pthread_mutex_t;
  const int error = pthread_mutex_init(mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
  if (error != 0) return ErrnoError("pthread_mutex_init", error);
  peer->mutex_ = mutex;
  return peer;
}

PthreadMutex::~PthreadMutex() {
  if (mutex_ != nullptr) pthread_mutex_destroy(mutex_);
}

absl::Status PthreadMutex::Acquire() {
  const int error = pthread_mutex_lock(mutex_);
  return error == 0 ? absl::OkStatus() : ErrnoError("pthread_mutex_lock", error);
}

absl::Status PthreadMutex::Release() {
  const int error = pthread_mutex_unlock(mutex_);
  return error == 0 ? absl::OkStatus() : ErrnoError("pthread_mutex_unlock", error);
}

}  // namespace regatta::bench
