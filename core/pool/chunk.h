// Chunks: several calls of one function that travel as one task, for Pool::Map and its kin.
//
// Internal to the pool. Format: arguments are, per item, {size:32, encoded arguments}; results {code:32, size:32, encoded
// result, or encoded absl::Status}.
#ifndef REGATTA_CORE_POOL_CHUNK_H_
#define REGATTA_CORE_POOL_CHUNK_H_

#include <cstring>
#include <memory>
#include <mutex>
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

// A map that is under way: counts its chunks, and is resolved with the last.
template <class R>
class MapState : public ResultState<MapOf<R>> {
 public:
  MapState(size_t items, size_t chunks) : items_(items), left_(chunks) {}

  // A chunk that begins at item `first` has been resolved; true for the last one.
  bool Take(size_t first, std::vector<Outcome<R>>& outcomes) {
    std::lock_guard<std::mutex> lock(mutex_);
    for (size_t i = 0; i < outcomes.size(); ++i) {
      const absl::Status& status = StatusOf(outcomes[i]);
      if (!status.ok()) {
        if (first + i < error_at_) error_ = status;
        error_at_ = std::min(error_at_, first + i);
      } else if constexpr (!std::is_void_v<R>) {
        if (values_.empty()) values_.resize(items_);
        values_[first + i] = *std::move(outcomes[i]);
      }
    }
    if (--left_ > 0) return false;
    Conclude();
    return true;
  }
  // Items from `first` on could not be posted: `chunks` chunks of them will never come.
  bool GiveUp(size_t first, size_t chunks, absl::Status why) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (first < error_at_) error_ = std::move(why);
    error_at_ = std::min(error_at_, first);
    left_ -= chunks;
    if (left_ > 0) return false;
    Conclude();
    return true;
  }

 private:
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
    } else {
      std::vector<R> all;
      all.reserve(items_);
      for (auto& value : values_) all.push_back(*std::move(value));
      this->result.emplace(std::move(all));
    }
    values_.clear();
    this->done.store(true, std::memory_order_release);
  }

  const size_t items_;
  std::mutex mutex_;
  size_t left_;
  std::vector<std::optional<std::conditional_t<std::is_void_v<R>, int, R>>> values_;
  size_t error_at_ = SIZE_MAX;
  absl::Status error_;
};

// The outcomes of a chunk's items.
template <class R>
class ChunkState : public TaskState {
 public:
  // A chunk of `count` items, the first of which is item `first` of `map`, if it belongs to one.
  explicit ChunkState(size_t count, std::shared_ptr<MapState<R>> map = nullptr, size_t first = 0)
      : count_(count), map_(std::move(map)), first_(first) {}

  void Resolve(absl::Status outcome, absl::Span<const std::byte> bytes) override {
    items.reserve(count_);
    while (outcome.ok() && items.size() < count_) outcome = TakeOne(&bytes);
    // What befell the whole chunk befell each of its items.
    while (items.size() < count_) items.emplace_back(outcome);
    if (map_ != nullptr) last_ = map_->Take(first_, items);
  }
  void RunCallback() override {
    if (last_) map_->RunCallback();
  }

  std::vector<Outcome<R>> items;

 private:
  absl::Status TakeOne(absl::Span<const std::byte>* bytes) {
    uint32_t head[2];
    if (bytes->size() < sizeof(head)) return absl::DataLossError("a chunk's results end in the middle");
    std::memcpy(head, bytes->data(), sizeof(head));
    bytes->remove_prefix(sizeof(head));
    if (bytes->size() < head[1]) return absl::DataLossError("a chunk's results end in the middle");
    const absl::Span<const std::byte> item = bytes->first(head[1]);
    bytes->remove_prefix(head[1]);
    if (head[0] == 0) {
      items.push_back(DecodeOutcome<R>(absl::OkStatus(), item));
      return absl::OkStatus();
    }
    absl::Status error;
    const absl::Status decoded = DecodeInto(item, error);
    if (!decoded.ok() || error.ok()) return absl::DataLossError("an item's error can't be what it claims");
    items.emplace_back(std::move(error));
    return absl::OkStatus();
  }

  const size_t count_;
  const std::shared_ptr<MapState<R>> map_;
  const size_t first_;
  bool last_ = false;  // Of its map, to be resolved.
};

// Posts `arguments`, the packed arguments of each item, as one task.
template <class Arguments, class R>
absl::Status SubmitChunk(PoolCore& core, const FunctionId& function, uint32_t retries,
                         absl::Span<const Arguments> arguments, std::shared_ptr<ChunkState<R>> state) {
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
  return core.Submit({function, static_cast<uint32_t>(arguments.size()), retries}, bytes, encode, std::move(state));
}

}  // namespace regatta::pool_internal

#endif  // REGATTA_CORE_POOL_CHUNK_H_
