#include "conformance/systems/core/subject/pool.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "core/topology/usable_cpus.h"

namespace regatta::subject {

void InAChild(const std::function<void()>& call) {
  const pid_t child = fork();
  if (child == 0) {
    call();
    _exit(0);
  }
  waitpid(child, nullptr, 0);
}

absl::Status Told(const absl::Status& status) {
  static absl::Status& poison = *new absl::Status();
  if (Injected(Fault::kPoolCancelUntold) && absl::IsCancelled(status)) return absl::DeadlineExceededError("not yet");
  if (Injected(Fault::kPoolErrorPoisons)) {
    if (poison.ok()) poison = status;
    return poison;
  }
  if (!absl::IsUnknown(status)) return status;
  if (Injected(Fault::kPoolErrorBare)) return absl::UnknownError("");
  return Injected(Fault::kPoolErrorSwallowed) ? absl::OkStatus() : status;
}

absl::StatusOr<Pool> Pool::Create(PoolOptions options) {
  if (Injected(Fault::kPoolTooLarge)) options.workers = options.workers.value_or(UsableCpus()) + 1;
  Pool pool(options);
  if (Injected(Fault::kPoolOnDemand)) return pool;
  absl::StatusOr<regatta::Pool> made = regatta::Pool::Create(options);
  if (!made.ok()) return made.status();
  pool.pool_ = std::make_unique<regatta::Pool>(*std::move(made));
  return pool;
}

Pool::~Pool() {
  if (pool_ == nullptr) return;
  if (Injected(Fault::kPoolJoinEarly)) {
    SubmitKept();
    pool_->Close().IgnoreError();  // It has no outcome here.
    pool_->Join().IgnoreError();
  }
  if (Injected(Fault::kPoolOutlivesScope)) static_cast<void>(pool_.release());
}

absl::Status Pool::Close() {
  if (Injected(Fault::kPoolReversed)) SubmitKept();
  if (Injected(Fault::kPoolCloseIgnored) || Injected(Fault::kPoolJoinEarly)) return absl::OkStatus();
  return real().Close();
}

absl::Status Pool::Terminate() { return Injected(Fault::kPoolTerminateCloses) ? real().Close() : real().Terminate(); }

absl::Status Pool::Join(Deadline deadline) {
  if (Injected(Fault::kPoolJoinEarly)) return absl::OkStatus();
  if (Injected(Fault::kPoolCloseIgnored) || Injected(Fault::kPoolJoinUnchecked)) {
    real().Close().IgnoreError();  // Or nothing would ever end.
  }
  return real().Join(deadline);
}

std::vector<int32_t> Pool::pids() const { return pool_ == nullptr ? std::vector<int32_t>() : pool_->statistics().pids; }

void Pool::SubmitKept() {
  for (; !kept_.empty(); kept_.pop_back()) kept_.back()();
}

void Pool::EndAWorker() {
  real().ApplyAsync([] { _exit(0); }).IgnoreError();  // The fault itself.
}

regatta::Pool& Pool::real() {
  if (pool_ != nullptr) return *pool_;
  absl::StatusOr<regatta::Pool> made = regatta::Pool::Create(options_);
  if (!made.ok()) {
    fprintf(stderr, "testee: no pool on demand: %s\n", made.status().ToString().c_str());
    _exit(1);
  }
  pool_ = std::make_unique<regatta::Pool>(*std::move(made));
  return *pool_;
}

}  // namespace regatta::subject
