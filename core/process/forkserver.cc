#include "core/process/forkserver.h"

#include <pthread.h>
#include <unistd.h>

#include <mutex>
#include <optional>
#include <utility>

#include "core/process/nursery.h"
#include "core/process/this_process.h"

namespace regatta {
namespace {

class Forkserver {
 public:
  static Forkserver& Get() {
    static Forkserver& server = *new Forkserver;  // Never destroyed: exit handlers use it.
    return server;
  }

  absl::StatusOr<std::shared_ptr<Nursery>> Take() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (owner_pid_ != getpid()) {
      // The inherited nursery belongs to the creator and makes children only for it.
      nursery_.reset();
      at_end_.reset();
      owner_pid_ = getpid();
    }
    if (nursery_ != nullptr) return nursery_;
    absl::StatusOr<std::unique_ptr<Nursery>> made = Nursery::Create(Nursery::Origin::kExec);
    if (!made.ok()) return made.status();
    nursery_ = *std::move(made);
    if (!at_end_.has_value()) at_end_.emplace([this] { Stop(); });
    return nursery_;
  }

 private:
  Forkserver() {
    pthread_atfork([] { Get().mutex_.lock(); }, [] { Get().mutex_.unlock(); }, [] { Get().mutex_.unlock(); });
  }

  void Stop() {
    std::lock_guard<std::mutex> lock(mutex_);
    nursery_.reset();
  }

  std::mutex mutex_;
  int32_t owner_pid_ = 0;
  std::shared_ptr<Nursery> nursery_;
  std::optional<ExitCallback> at_end_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<Child>> StartFromForkserver(const ChildSpec& spec) {
  absl::StatusOr<std::shared_ptr<Nursery>> nursery = Forkserver::Get().Take();
  if (!nursery.ok()) return nursery.status();
  return (*nursery)->Start(spec);
}

}  // namespace regatta
