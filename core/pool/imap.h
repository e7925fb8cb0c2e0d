// ImapResults: the results of Pool::Imap and ImapUnordered, one after another, while the input is still being read.
//
//   absl::StatusOr<Item> item;
//   for (;;) {
//     absl::StatusOr<bool> more = results.Next(&item);
//     if (!more.ok() || !*more) break;
//     ...
//   }
//
// Input      Read as results are taken, never more than a few chunks ahead: it may be endless.
// Errors     An item's error is that item's alone: the next is got as ever. An item that can't be encoded is such an
//            item. If the input itself throws, that is the stream's error, after the results of the items before it.
// Threads    Thread-compatible: one thread at a time. The pool must be open while it reads on.
#ifndef REGATTA_CORE_POOL_IMAP_H_
#define REGATTA_CORE_POOL_IMAP_H_

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/pool/chunk.h"

namespace regatta {

template <class R>
class ImapResults {
 public:
  // True: *item is the next result, or its error. False: there are no more. DeadlineExceeded (Unavailable with
  // Deadline::Now()): none is there yet. Otherwise the pool took no more tasks, or the input threw (Unknown); items
  // that the pool did not take are offered to it again by the next call.
  absl::StatusOr<bool> Next(Outcome<R>* item, Deadline deadline = Deadline::Never()) {
    for (;;) {
      if (current_ != nullptr && at_ < current_->items.size()) {
        const absl::Status moved = call_internal::WithoutExceptions([&] {
          *item = std::move(current_->items[at_++]);
          return absl::OkStatus();
        });
        if (!moved.ok()) *item = moved;
        return true;
      }
      current_.reset();
      if (absl::Status read = ReadAhead(); !read.ok() && chunks_.empty()) return read;
      if (chunks_.empty()) return false;
      const auto done = [this] { return FindDone() != chunks_.end(); };
      if (absl::Status there = core_->Wait(*chunks_.front()->waiters, done, deadline); !there.ok()) {
        return there;
      }
      const auto found = FindDone();
      if (!(*found)->Settle(deadline)) return absl::DeadlineExceededError("the next result is not there yet");
      current_ = std::move(*found);
      chunks_.erase(found);
      at_ = 0;
    }
  }

 private:
  friend class Pool;
  using Chunk = std::shared_ptr<pool_internal::ChunkState<R>>;
  // Posts the next chunk of the input, and adds its state. False: the input has ended.
  using Reader = std::function<absl::StatusOr<bool>(std::deque<Chunk>& chunks)>;

  ImapResults(std::shared_ptr<PoolCore> core, bool ordered, Reader reader)
      : core_(std::move(core)), ordered_(ordered), reader_(std::move(reader)) {}

  absl::Status ReadAhead() {
    const size_t ahead = 4 * static_cast<size_t>(core_->workers());
    while (reader_ && chunks_.size() < ahead) {
      const absl::StatusOr<bool> more = reader_(chunks_);
      if (!more.ok()) return more.status();
      if (!*more) reader_ = nullptr;
    }
    return absl::OkStatus();
  }
  typename std::deque<Chunk>::iterator FindDone() {
    for (auto chunk = chunks_.begin(); chunk != chunks_.end(); ++chunk) {
      if ((*chunk)->done.load(std::memory_order_acquire)) return chunk;
      if (ordered_) break;
    }
    return chunks_.end();
  }

  std::shared_ptr<PoolCore> core_;
  bool ordered_;
  Reader reader_;
  std::deque<Chunk> chunks_;
  Chunk current_;
  size_t at_ = 0;
};

}  // namespace regatta

#endif  // REGATTA_CORE_POOL_IMAP_H_
