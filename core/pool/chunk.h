// Chunks: several calls of one function that travel as one task, for Pool::Map and its kin.
//
// Internal to the pool.
//
// Format     One item has the format of a single call. Arguments of several are, per item, {size:32, encoded
//            arguments}; results are {code:32, size:32, encoded result, or encoded absl::Status}.
// Errors     An item that can't be encoded or decoded fails by itself: a chunk that can't be encoded is posted item by
//            item.
#ifndef REGATTA_CORE_POOL_CHUNK_H_
#define REGATTA_CORE_POOL_CHUNK_H_

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "core/codec/codec.h"
#include "core/os/mutex.h"
#include "core/pool/async_result.h"
#include "core/pool/pool_core.h"
#include "core/process/call.h"

namespace regatta::pool_internal {

// The results of a map: an element for each item, in order.
template <class R>
using MapOf = std::conditional_t<std::is_void_v<R>, void, std::vector<std::conditional_t<std::is_void_v<R>, int, R>>>;

// Gives `each` the outcomes of `count` calls, by number, as they are decoded. `each` may throw: then `failed` is told
// of it.
template <class R, class Each, class Failed>
void ForEachOutcome(size_t count, const RawResult& raw, Each each, Failed failed) {
  absl::Status outcome = raw.error();
  absl::Span<const std::byte> bytes = raw.bytes();
  for (size_t i = 0; i < count; ++i) {
    const absl::Status thrown = call_internal::WithoutExceptions([&]() -> absl::Status {
      if (outcome.ok() && !raw.chunked()) {
        if constexpr (std::is_void_v<R>) {
          each(i, absl::OkStatus());
        } else {
          each(i, Decode<R>(bytes));
        }
        return absl::OkStatus();
      }
      uint32_t head[2] = {};
      if (outcome.ok() && bytes.size() >= sizeof(head)) std::memcpy(head, bytes.data(), sizeof(head));
      if (outcome.ok() && (bytes.size() < sizeof(head) || bytes.size() - sizeof(head) < head[1])) {
        outcome = absl::DataLossError("a chunk's results end in the middle");
      }
      if (!outcome.ok()) {  // What befell the whole chunk befell each of its items.
        each(i, Outcome<R>(outcome));
        return absl::OkStatus();
      }
      const absl::Span<const std::byte> item = bytes.subspan(sizeof(head), head[1]);
      bytes.remove_prefix(sizeof(head) + head[1]);
      if (head[0] != 0) {
        absl::Status error;
        const absl::Status decoded = DecodeInto(item, error);
        if (!decoded.ok() || error.ok()) error = absl::DataLossError("an item's error can't be what it claims");
        each(i, Outcome<R>(std::move(error)));
      } else if constexpr (std::is_void_v<R>) {
        each(i, absl::OkStatus());
      } else {
        each(i, Decode<R>(item));
      }
      return absl::OkStatus();
    });
    if (!thrown.ok()) failed(i, thrown);
  }
}

// A map that is under way. Its tasks' results are decoded as they come by a thread that waits, else all at the end.
template <class R>
class MapState : public ResultState<MapOf<R>> {
 public:
  explicit MapState(size_t items) : items_(items), left_(items) {
    if constexpr (!std::is_void_v<R>) values_.resize(items);
    if (items == 0) this->done.store(true, std::memory_order_release);
  }

  bool Take(uint64_t first, uint32_t items, RawResult&& result) override {
    if constexpr (kIsPlain<R>) {
      Keep(first, items, result);
      // What the other takers kept is visible to the last.
      if (left_.fetch_sub(items, std::memory_order_acq_rel) > items) return false;
      Conclude();
      this->SetSettled();
      return true;
    } else {
      this->undecoded_.fetch_add(1, std::memory_order_relaxed);
      MutexLock lock(mutex_);
      taken_.push_back({first, items, std::move(result)});
      return left_.fetch_sub(items, std::memory_order_acq_rel) == items;
    }
  }

 protected:
  bool Decode() override {
    std::vector<Taken> taken;
    bool complete = false;
    {
      MutexLock lock(mutex_);
      taken.swap(taken_);
      complete = left_.load(std::memory_order_acquire) == 0;
    }
    this->undecoded_.fetch_sub(static_cast<uint32_t>(taken.size()), std::memory_order_relaxed);
    for (const Taken& task : taken) Keep(task.first, task.items, task.result);
    if (complete) Conclude();
    return complete;
  }

 private:
  // vector<bool>'s elements are no objects.
  static constexpr bool kInPlace = std::is_default_constructible_v<R> && !std::is_same_v<R, bool>;
  using Value = std::conditional_t<std::is_void_v<R>, char, std::conditional_t<kInPlace, R, std::optional<R>>>;
  struct Taken {
    uint64_t first;
    uint32_t items;
    RawResult result;
  };

  static const absl::Status& StatusOf(const absl::Status& status) { return status; }
  template <class T>
  static const absl::Status& StatusOf(const absl::StatusOr<T>& outcome) {
    return outcome.status();
  }

  // Decodes the results of a task. Several threads may, of different ones.
  void Keep(uint64_t first, uint32_t items, const RawResult& result) {
    const auto failed = [&](size_t i, const absl::Status& error) {
      MutexLock lock(mutex_);
      if (first + i < error_at_) error_ = error;
      error_at_ = std::min<size_t>(error_at_, first + i);
    };
    const auto each = [&](size_t i, Outcome<R> item) {
      if (const absl::Status& status = StatusOf(item); !status.ok()) {
        failed(i, status);
      } else if constexpr (!std::is_void_v<R>) {
        values_[first + i] = *std::move(item);
      }
    };
    ForEachOutcome<R>(items, result, each, failed);
  }

  // All of them have been kept.
  void Conclude() {
    MutexLock lock(mutex_);
    if constexpr (std::is_void_v<R>) {
      this->result_.emplace(error_);
    } else if (!error_.ok()) {
      this->result_.emplace(error_);
    } else if constexpr (kInPlace) {
      this->result_.emplace(std::move(values_));
    } else {
      this->result_.emplace(OutcomeOf<MapOf<R>>([&] {
        std::vector<R> all;
        all.reserve(items_);
        for (auto& value : values_) all.push_back(*std::move(value));
        return all;
      }));
    }
    values_ = {};
  }

  const size_t items_;
  std::atomic<size_t> left_;  // Items that have not been taken.
  Mutex mutex_;
  std::vector<Taken> taken_ ABSL_GUARDED_BY(mutex_);
  size_t error_at_ ABSL_GUARDED_BY(mutex_) = SIZE_MAX;
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
  std::vector<Value> values_;  // Each is written by the thread that decodes it.
};

// The outcomes of one task's items.
template <class R>
class ChunkState : public TaskState {
 public:
  // `shared`: where the thread that waits for it sleeps, if it waits for others as well.
  ChunkState(size_t count, std::shared_ptr<ResultWaiters::List> shared) : left_(count), shared_(std::move(shared)) {
    if (shared_ != nullptr) waiters = shared_.get();
  }

  // By one thread: the parts of one task.
  bool Take(uint64_t, uint32_t items, RawResult&& result) override {
    taken_.emplace_back(items, std::move(result));
    left_ -= items;
    return left_ == 0;
  }

  std::vector<Outcome<R>> items;

 protected:
  bool Decode() override {
    for (const auto& [count, result] : taken_) {
      ForEachOutcome<R>(
          count, result, [this](size_t, Outcome<R> item) { items.push_back(std::move(item)); },
          [this](size_t, const absl::Status& error) { items.push_back(error); });
    }
    taken_.clear();
    return true;
  }

 private:
  size_t left_;
  std::shared_ptr<ResultWaiters::List> shared_;
  std::vector<std::pair<uint32_t, RawResult>> taken_;
};

// How many of `arguments` fit into one chunk, by their bytes; at least one.
template <class Arguments>
size_t CountForChunk(absl::Span<const Arguments> arguments) {
  if constexpr (kFixedSize<Arguments> != kVariable) {
    return std::min<size_t>(arguments.size(),
                            std::max<size_t>(1, kChunkPiece / (sizeof(uint32_t) + kFixedSize<Arguments>)));
  } else {
    size_t count = 1;
    // What throws here throws again when it is encoded, and is told then.
    call_internal::WithoutExceptions([&] {
      for (size_t bytes = EncodedSize(arguments[0]); count < arguments.size(); ++count) {
        bytes += EncodedSize(arguments[count]);
        if (bytes > kChunkPiece) break;
      }
      return absl::OkStatus();
    }).IgnoreError();
    return count;
  }
}

// Posts `arguments`, the packed arguments of each item, as one task.
template <class Arguments>
Submitted SubmitChunk(PoolCore& core, TaskSpec spec, absl::Span<const Arguments> arguments,
                      const std::shared_ptr<TaskState>& state) {
  spec.items = static_cast<uint32_t>(arguments.size());
  const bool one = arguments.size() == 1;
  size_t bytes = 0;
  const absl::Status sized = call_internal::WithoutExceptions([&] {
    for (const Arguments& item : arguments) bytes += (one ? 0 : sizeof(uint32_t)) + EncodedSize(item);
    return absl::OkStatus();
  });
  if (!sized.ok()) return {Submitted::Kind::kNotEncoded, sized};
  const auto encode = [&](absl::Span<std::byte> out) {
    return call_internal::WithoutExceptions([&]() -> absl::Status {
      if (one) return Encode(arguments[0], out);
      for (const Arguments& item : arguments) {
        const size_t size = EncodedSize(item);
        if (out.size() < sizeof(uint32_t) + size) {
          return absl::FailedPreconditionError("a Codec's Size returned another number at its second call");
        }
        const auto head = static_cast<uint32_t>(size);
        std::memcpy(out.data(), &head, sizeof(head));
        if (absl::Status encoded = Encode(item, out.subspan(sizeof(head), size)); !encoded.ok()) return encoded;
        out.remove_prefix(sizeof(head) + size);
      }
      return absl::OkStatus();
    });
  };
  return core.Submit(spec, bytes, encode, state);
}

// Posts the first of `arguments`, each as a task of its own, and returns how many that were: at least one. Tasks that
// are posted together cost less.
template <class Arguments>
std::pair<size_t, Submitted> SubmitSome(PoolCore& core, const TaskSpec& spec, absl::Span<const Arguments> arguments,
                                        const std::shared_ptr<TaskState>& state) {
  constexpr bool kSmall = [] {
    // Of arguments that can't be encoded, SubmitChunk says why.
    if constexpr (Encodable<Arguments>)
      return kFixedSize<Arguments> != kVariable && kFixedSize<Arguments> <= kInlineArguments;
    return false;
  }();
  if constexpr (kSmall) {
    SmallArguments small[16];
    const size_t count = std::min(std::size(small), arguments.size());
    for (size_t i = 0; i < count; ++i) {
      small[i].size = kFixedSize<Arguments>;
      EncodeFixed(arguments[i], small[i].bytes);
    }
    return {count, core.SubmitSmall(spec, {small, count}, state)};
  } else {
    return {1, SubmitChunk(core, spec, arguments.first(1), state)};
  }
}

}  // namespace regatta::pool_internal

#endif  // REGATTA_CORE_POOL_CHUNK_H_
