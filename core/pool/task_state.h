// TaskState: what is to become of a task, or of several that belong together. Shared by their handle and the pool.
//
// Internal to the pool. The life of one: Take for each of its tasks; the last Take makes it done; Settle decodes; after
// that its result is read, and its callback runs if it has one.
//
// Threads    Take runs no user code and may be called under the pool's locks. Settle and RunCallback run user code
//            (codecs, callbacks) and are called under no lock at all; whatever that code throws becomes a status.
#ifndef REGATTA_CORE_POOL_TASK_STATE_H_
#define REGATTA_CORE_POOL_TASK_STATE_H_

#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "core/os/deadline.h"
#include "core/pool/raw_result.h"
#include "core/pool/result_waiters.h"

namespace regatta {

class TaskState {
 public:
  virtual ~TaskState() = default;

  // Keeps the outcome of `items` of its items, of which `first` is the first, until they are decoded. Returns true if
  // nothing is outstanding any more. Several threads may call it at once, for different items.
  virtual bool Take(uint64_t first, uint32_t items, RawResult&& result) = 0;

  // Decodes what has not been decoded yet, once it is done. If another thread is decoding, waits for it until
  // `deadline`. Returns true once the result can be read; false: the deadline passed.
  bool Settle(Deadline deadline);
  bool is_settled() const { return phase_.load(std::memory_order_acquire) == kSettled; }
  // Whether much of it can be decoded while the rest is under way, for a thread that waits anyway.
  bool WantsSettling() const {
    return undecoded_.load(std::memory_order_relaxed) >= kSettleAt && phase_.load(std::memory_order_relaxed) == kRaw;
  }
  // Decodes what has been taken so far, unless another thread does.
  void SettleSome();

  // For the callback thread, once, if `wants_callback`: settles and calls. Returns what the callbacks threw, or OK.
  virtual absl::Status RunCallback() { return absl::OkStatus(); }

  // Set after the last Take. What Take kept is visible to a thread that sees it.
  std::atomic<bool> done{false};
  bool wants_callback = false;
  // Itself, from its first accepted task until its last has ended. The pool's tasks share this one reference, as
  // counting one for each task costs two locked instructions. Belongs to the TaskTable.
  std::shared_ptr<TaskState> kept_by_pool;
  // Where threads sleep that wait for it. May be shared: `waiters` then points to the shared one.
  ResultWaiters::List own_waiters;
  ResultWaiters::List* waiters = &own_waiters;

 protected:
  // Decodes what has been taken. Returns true if the result is complete. Called by one thread at a time; throws
  // nothing.
  virtual bool Decode() = 0;

  // Nothing is left to decode.
  void SetSettled() { phase_.store(kSettled, std::memory_order_release); }

  // Takes that have not been decoded, of a state that can decode them before all have come.
  std::atomic<uint32_t> undecoded_{0};

 private:
  static constexpr uint32_t kSettleAt = 64;
  enum : uint32_t {
    kRaw,
    kDecoding,
    kAwaited,
    kSettled
  };  // kAwaited: is being decoded, and another thread waits for that.
  void DecodeClaimed();

  std::atomic<uint32_t> phase_{kRaw};
};

}  // namespace regatta

#endif  // REGATTA_CORE_POOL_TASK_STATE_H_
