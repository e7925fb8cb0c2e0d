// Chunks: several calls of one function that travel as one task, for Pool::Map and its kin.
//
// Internal to the pool. Format: of one item it is that of a single call. Of more, arguments are, per item, {size:32, encoded
// arguments}; results {code:32, size:32, encoded result, or encoded absl::Status}.
#ifndef REGATTA_CORE_POOL_CHUNK_H_
#define REGATTA_CORE_POOL_CHUNK_H_

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "core/codec/codec.h"
#include "core/pool/async_result.h"
#include "core/pool/pool_core.h"

namespace regatta::pool_internal {

// The results of a map: an element for each item, in order.
template <class R>
using MapOf = std::conditional_t<std::is_void_v<R>, void, std::vector<std::conditional_t<std::is_void_v<R>, int, R>>>;

// Gives `each` the outcomes of the `count` calls of a task, by number: of one call, or of a chunk.
template <class R, class Each>
void ForEachOutcome(size_t count, absl::Status outcome, absl::Span<const std::byte> bytes, Each each) {
  if (count == 1) return each(0, DecodeOutcome<R>(std::move(outcome), bytes));
  for (size_t i = 0; i < count; ++i) {
    uint32_t head[2] = {};
    if (outcome.ok() && bytes.size() >= sizeof(head)) std::memcpy(head, bytes.data(), sizeof(head));
    if (outcome.ok() && bytes.size() < sizeof(head) + head[1]) {
      outcome = absl::DataLossError("a chunk's results end in the middle");
    }
    if (!outcome.ok()) {  // What befell the whole chunk befell each of its items.
      each(i, Outcome<R>(outcome));
      continue;
    }
    const absl::Span<const std::byte> item = bytes.subspan(sizeof(head), head[1]);
    bytes.remove_prefix(sizeof(head) + head[1]);
    absl::Status error;
    if (head[0] != 0) {
      const absl::Status decoded = DecodeInto(item, error);
      if (!decoded.ok() || error.ok()) error = absl::DataLossError("an item's error can't be what it claims");
    }
    each(i, DecodeOutcome<R>(std::move(error), item));
  }
}

// A map that is under way. Its tasks are of `chunk` items each but the last, and known by their first.
template <class R>
class MapState : public ResultState<MapOf<R>> {
 public:
  MapState(size_t items, size_t chunk) : items_(items), chunk_(chunk), left_((items + chunk - 1) / chunk) {
    if constexpr (!std::is_void_v<R>) values_.resize(items);
    if (items == 0) {
      Conclude();
      this->done.store(true, std::memory_order_release);
    }
  }

  bool Resolve(uint64_t first, absl::Status outcome, absl::Span<const std::byte> bytes) override {
    const size_t count = std::min(chunk_, items_ - first);
    ForEachOutcome<R>(count, std::move(outcome), bytes, [&](size_t i, Outcome<R> item) {
      const absl::Status& status = StatusOf(item);
      if (!status.ok()) {
        if (first + i < error_at_) error_ = status;
        error_at_ = std::min<size_t>(error_at_, first + i);
      } else if constexpr (!std::is_void_v<R>) {
        values_[first + i] = *std::move(item);
      }
    });
    if (--left_ > 0) return false;
    Conclude();
    return true;
  }

 private:
  // vector<bool>'s elements are no objects.
  static constexpr bool kInPlace = std::is_default_constructible_v<R> && !std::is_same_v<R, bool>;
  using Value = std::conditional_t<std::is_void_v<R>, char, std::conditional_t<kInPlace, R, std::optional<R>>>;

  static const absl::Status& StatusOf(const absl::Status& status) { return status; }
  template <class T>
  static const absl::Status& StatusOf(const absl::StatusOr<T>& outcome) {
    return outcome.status();
  }

  void Conclude() {
    if constexpr (std::is_void_v<R>) {
      this->result.emplace(error_);
    } else if (!error_.ok()) {
      this->result.emplace(error_);
    } else if constexpr (kInPlace) {
      this->result.emplace(std::move(values_));
    } else {
      std::vector<R> all;
      all.reserve(items_);
      for (auto& value : values_) all.push_back(*std::move(value));
      this->result.emplace(std::move(all));
    }
    values_ = {};
  }

  const size_t items_;
  const size_t chunk_;
  size_t left_;
  std::vector<Value> values_;
  size_t error_at_ = SIZE_MAX;
  absl::Status error_;
};

// The outcomes of one task's items.
template <class R>
class ChunkState : public TaskState {
 public:
  explicit ChunkState(size_t count) : count_(count) {}

  bool Resolve(uint64_t, absl::Status outcome, absl::Span<const std::byte> bytes) override {
    items.reserve(count_);
    ForEachOutcome<R>(count_, std::move(outcome), bytes,
                      [this](size_t, Outcome<R> item) { items.push_back(std::move(item)); });
    return true;
  }

  std::vector<Outcome<R>> items;

 private:
  const size_t count_;
};

// Posts `arguments`, the packed arguments of each item, as one task.
template <class Arguments>
absl::Status SubmitChunk(PoolCore& core, TaskSpec spec, absl::Span<const Arguments> arguments,
                         const std::shared_ptr<TaskState>& state) {
  if (arguments.size() == 1) {
    const auto encode = [&](absl::Span<std::byte> out) { return Encode(arguments[0], out); };
    return core.Submit(spec, EncodedSize(arguments[0]), encode, state);
  }
  size_t bytes = 0;
  for (const Arguments& item : arguments) bytes += sizeof(uint32_t) + EncodedSize(item);
  const auto encode = [&](absl::Span<std::byte> out) {
    for (const Arguments& item : arguments) {
      const auto size = static_cast<uint32_t>(EncodedSize(item));
      std::memcpy(out.data(), &size, sizeof(size));
      if (absl::Status encoded = Encode(item, out.subspan(sizeof(size), size)); !encoded.ok()) return encoded;
      out.remove_prefix(sizeof(size) + size);
    }
    return absl::OkStatus();
  };
  spec.items = static_cast<uint32_t>(arguments.size());
  return core.Submit(spec, bytes, encode, state);
}

}  // namespace regatta::pool_internal

#endif  // REGATTA_CORE_POOL_CHUNK_H_
