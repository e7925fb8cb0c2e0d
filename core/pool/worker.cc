#include "core/pool/worker.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/codec/codec.h"
#include "core/os/cpu.h"
#include "core/os/error.h"
#include "core/os/fork_generation.h"
#include "core/os/local_socket.h"
#include "core/os/peer_wait.h"
#include "core/pool/board.h"
#include "core/pool/fault_points.h"
#include "core/process/call.h"
#include "core/process/function_id.h"
#include "core/process/this_process.h"
#include "core/shm/family.h"
#include "core/shm/segment.h"

namespace regatta {
namespace {

constexpr size_t kRemembered = 16;  // Objects (queues, locks) that a worker keeps for the next task that names them.
constexpr int kTidySteps = 64;
constexpr size_t kKeptForChunks = 1 << 20;                 // Bytes of memory kept for the next chunk's results.
constexpr absl::Duration kAnswerTime = absl::Seconds(30);  // For the owner to send a task's descriptors.
constexpr absl::Duration kLook = absl::Seconds(1);         // Between looks whether the pool has stopped meanwhile.

std::span<const std::byte> AsStd(absl::Span<const std::byte> bytes) { return {bytes.data(), bytes.size()}; }

// Its code and the beginning of its text, that need no memory beside a slot's.
absl::Status Shortened(const absl::Status& status) {
  constexpr size_t kGrowth = 8;  // Of the text's own length, encoded.
  const size_t room = kInlineResult - EncodedSize(absl::Status(status.code(), "")) - kGrowth;
  return absl::Status(status.code(), status.message().substr(0, room));
}

absl::Status TooLarge() {
  return absl::InvalidArgumentError("a task's result is over the largest, 1 GiB: return it in pieces");
}

// Collects one call's result in private memory.
class StringSink : public ResultSink {
 public:
  explicit StringSink(std::string* out) : out_(out) {}
  absl::StatusOr<std::byte*> Reserve(size_t bytes) override {
    if (bytes > kLargestResult) return TooLarge();
    const size_t at = out_->size();
    out_->resize(at + bytes);
    return reinterpret_cast<std::byte*>(out_->data() + at);
  }

 private:
  std::string* out_;
};

class Worker {
 public:
  Worker(WorkerStart start, std::unique_ptr<Board> board)
      : index_(static_cast<uint16_t>(start.index)),
        workers_(start.workers),
        socket_(std::move(start.socket)),
        board_(std::move(board)),
        extents_(&board_->arena(), start.index + 1, board_->self()) {}

  absl::Status Run();

 private:
  // Gives the result of one call its place: in the slot, or in an extent.
  class SlotSink : public ResultSink {
   public:
    SlotSink(Worker* worker, TaskSlot* slot) : worker_(worker), slot_(slot) {}
    absl::StatusOr<std::byte*> Reserve(size_t bytes) override { return worker_->PlaceResult(*slot_, bytes); }

   private:
    Worker* worker_;
    TaskSlot* slot_;
  };

  void RunTask(uint32_t index);
  // Ends the child of a task's fork, in which the task returns: the slot, and what comes after, are its parent's.
  void EndIfForked() const {
    if (!IsForkGeneration(fork_generation_)) [[unlikely]]
      EndForked();
  }
  [[noreturn]] static void EndForked();
  absl::Status Call(TaskSlot& slot);
  absl::Status CallChunk(TaskSlot& slot, std::span<const std::byte> arguments);
  absl::StatusOr<std::byte*> PlaceResult(TaskSlot& slot, size_t bytes);
  // Moves the results of `items` calls from results_ to an extent of their own.
  absl::Status PlacePart(absl::Span<const char> results, uint32_t items);
  absl::StatusOr<DescriptorSource> Descriptors(uint32_t slot, absl::Span<const std::byte> keys);
  absl::StatusOr<std::vector<Fd>> AskForDescriptors(uint32_t slot, size_t count);
  // The remembered segment of that key, or null. Forgets it if a task's function has closed its descriptor.
  const Segment* Known(uint64_t key);
  // Gives back what the last tasks left, once there are no others.
  void Tidy();

  const uint16_t index_;
  const uint32_t workers_;
  const uint32_t fork_generation_ = ForkGeneration();
  Fd socket_;
  std::unique_ptr<Board> board_;
  ExtentPool extents_;
  uint32_t position_ = 0;
  uint32_t processor_ = ~0U;
  uint32_t current_ = 0;
  FunctionId resolved_id_;  // Of the last task.
  ResolvedFunction resolved_;
  std::vector<std::shared_ptr<Segment>> known_;  // A task that is given one of these maps nothing.
  std::string results_;                          // Of the chunk under way.
  std::vector<ResultPart> parts_;                // Of its results, if they are too large for one piece.
};

absl::Status Worker::Run() {
  BoardHeader& header = board_->header();
  if (absl::Status locked = board_->arena().Lock(board_->self(), Board::Patience()); !locked.ok()) return locked;
  // A predecessor's results were all taken before this process was started.
  extents_.Load();
  extents_.FreePublished();
  board_->arena().Unlock();
  WorkerLine& line = board_->worker(index_);
  line.member.store(board_->self(), std::memory_order_relaxed);
  FaultPointHere(fault::kPoolWorkerAttached);
  line.ready.store(1, std::memory_order_release);
  FaultPointHere(fault::kPoolWorkerReady);
  const auto partner_here = [&] {
    return header.owner_processor.load(std::memory_order_relaxed) == CurrentProcessor();
  };
  for (;;) {
    std::optional<uint32_t> task = board_->Claim(index_, workers_);
    if (!task.has_value()) {
      bool idle = false;
      const auto ready = [&] {
        if (header.stop.load(std::memory_order_relaxed) != 0) return true;
        task = board_->Claim(index_, workers_);
        // The owner may have read a result only now, so that its memory can be given back.
        if (!task.has_value() && idle) Tidy();
        return task.has_value();
      };
      header.tasks.Await(ready, Deadline::Never(), partner_here, board_->self(), [&] {
        idle = true;
        Tidy();
      });
      if (header.stop.load(std::memory_order_relaxed) != 0 && !task.has_value()) return absl::OkStatus();
      // A wake-up for a second task may have been left to this worker.
      if (board_->AnyPosted()) header.tasks.Notify();
    }
    RunTask(*task);
  }
}

void Worker::RunTask(uint32_t index) {
  TaskSlot& slot = board_->slot(index);
  current_ = index;
  slot.result_at = 0;
  slot.result_size = 0;
  slot.result_parts = 0;
  parts_.clear();
  absl::Status status = call_internal::WithoutExceptions([&] { return Call(slot); });
  EndIfForked();
  if (!status.ok()) {
    for (const ResultPart& part : parts_) board_->FreeExtent(part.at);
    slot.result_parts = 0;
    board_->FreeExtent(std::exchange(slot.result_at, 0));
    // The status itself may be too large for memory; then its code, and as much of its text as the slot holds, must do.
    for (absl::Status shown = status;; shown = Shortened(status)) {
      const absl::StatusOr<std::byte*> room = PlaceResult(slot, EncodedSize(shown));
      if (!room.ok()) continue;
      if (Encode(shown, absl::MakeSpan(*room, slot.result_size)).ok()) break;
    }
  }
  slot.outcome = static_cast<uint32_t>(status.code());
  board_->Finish(index, index_, position_++);
  BoardHeader& header = board_->header();
  if (const uint32_t here = CurrentProcessor(); here != processor_) [[unlikely]] {
    processor_ = here;
    header.worker_processor.store(here, std::memory_order_relaxed);
  }
  header.results.Notify();
}

void Worker::Tidy() {
  known_.clear();
  // It gives back a bounded piece at a time; a task may come meanwhile.
  for (int i = 0; i < kTidySteps && !board_->AnyPosted() && extents_.GiveBackUnused(); ++i) {
  }
}

absl::Status Worker::Call(TaskSlot& slot) {
  if (const FunctionId id = slot.function; resolved_.trampoline == nullptr || id != resolved_id_) {
    const absl::StatusOr<ResolvedFunction> function = Resolve(id);
    if (!function.ok()) return function.status();
    resolved_ = *function;
    resolved_id_ = id;
  }
  const uint32_t size = slot.arguments_size;
  const uint64_t keys = uint64_t{slot.descriptors} * sizeof(uint64_t);
  const auto bytes =
      board_->Bytes(slot.arguments_at, static_cast<uint32_t>(size + keys), slot.arguments, kInlineArguments);
  if (!bytes.has_value() || size + keys > bytes->size()) {
    return absl::DataLossError("a task's arguments were overwritten in shared memory");
  }
  if (slot.items > 0) return CallChunk(slot, AsStd(bytes->first(size)));
  SlotSink sink(this, &slot);
  Invocation call{.target = resolved_.target, .arguments = AsStd(bytes->first(size)), .result = &sink};
  if (keys == 0) return resolved_.trampoline(call);
  absl::StatusOr<DescriptorSource> descriptors = Descriptors(current_, bytes->subspan(size));
  if (!descriptors.ok()) return descriptors.status();
  call.descriptors = &*descriptors;
  return resolved_.trampoline(call);
}

absl::Status Worker::CallChunk(TaskSlot& slot, std::span<const std::byte> arguments) {
  constexpr size_t kHead = 2 * sizeof(uint32_t);
  if (results_.capacity() > kKeptForChunks) results_ = {};
  results_.clear();
  uint32_t in_parts = 0;  // Calls whose results are in parts_.
  const uint32_t items = slot.items;
  for (uint32_t i = 0; i < items; ++i) {
    uint32_t size = 0;
    if (arguments.size() < sizeof(size)) return absl::DataLossError("a chunk ends in the middle of an item");
    std::memcpy(&size, arguments.data(), sizeof(size));
    arguments = arguments.subspan(sizeof(size));
    if (arguments.size() < size) return absl::DataLossError("a chunk ends in the middle of an item");
    const size_t start = results_.size();
    results_.resize(start + kHead);
    StringSink sink(&results_);
    const absl::Status status =
        resolved_.trampoline({.target = resolved_.target, .arguments = arguments.first(size), .result = &sink});
    arguments = arguments.subspan(size);
    if (!status.ok()) {
      results_.resize(start + kHead);
      if (absl::StatusOr<std::string> text = EncodeToString(status); text.ok()) results_ += *text;
    }
    const uint32_t head[2] = {static_cast<uint32_t>(status.code()),
                              static_cast<uint32_t>(results_.size() - start - kHead)};
    std::memcpy(results_.data() + start, head, sizeof(head));
    if (results_.size() <= kChunkPiece || start == 0) continue;
    if (absl::Status placed = PlacePart(absl::MakeConstSpan(results_).first(start), i - in_parts); !placed.ok()) {
      return placed;
    }
    in_parts = i;
    results_.erase(0, start);
  }
  const bool in_one_piece = parts_.empty() && results_.size() <= kLargestResult;
  if (!in_one_piece) {
    if (absl::Status placed = PlacePart(results_, items - in_parts); !placed.ok()) return placed;
  }
  const size_t bytes = in_one_piece ? results_.size() : parts_.size() * sizeof(ResultPart);
  const absl::StatusOr<std::byte*> room = PlaceResult(slot, bytes);
  if (!room.ok()) return room.status();
  std::memcpy(*room, in_one_piece ? static_cast<const void*>(results_.data()) : parts_.data(), bytes);
  slot.result_parts = static_cast<uint32_t>(parts_.size());
  return absl::OkStatus();
}

absl::Status Worker::PlacePart(absl::Span<const char> results, uint32_t items) {
  EndIfForked();
  const absl::StatusOr<Extent*> extent = Board::TakeExtent(extents_, results.size(), current_);
  if (!extent.ok()) return extent.status();
  std::memcpy((*extent)->payload(), results.data(), results.size());
  parts_.push_back({board_->OffsetOf(*extent), static_cast<uint32_t>(results.size()), items});
  return absl::OkStatus();
}

void Worker::EndForked() {
  std::fputs("A task's fork() returned in the child. It ends here: let it call _exit itself.\n", stderr);
  std::fflush(stderr);
  _exit(1);
}

absl::StatusOr<std::byte*> Worker::PlaceResult(TaskSlot& slot, size_t bytes) {
  EndIfForked();
  if (bytes <= kInlineResult) {
    slot.result_at = 0;
    slot.result_size = static_cast<uint32_t>(bytes);
    return slot.result;
  }
  if (bytes > kLargestResult) return TooLarge();
  const absl::StatusOr<Extent*> extent = Board::TakeExtent(extents_, bytes, current_);
  if (!extent.ok()) return extent.status();
  FaultPointHere(fault::kPoolResultReserved);
  slot.result_at = board_->OffsetOf(*extent);
  slot.result_size = static_cast<uint32_t>(bytes);
  return (*extent)->payload();
}

const Segment* Worker::Known(uint64_t key) {
  const auto entry =
      std::find_if(known_.begin(), known_.end(), [key](const auto& segment) { return segment->identity() == key; });
  if (entry == known_.end()) return nullptr;
  if ((*entry)->CheckFile().ok()) return entry->get();
  known_.erase(entry);
  return nullptr;
}

absl::StatusOr<DescriptorSource> Worker::Descriptors(uint32_t index, absl::Span<const std::byte> keys) {
  std::vector<uint64_t> wanted(keys.size() / sizeof(uint64_t));
  std::memcpy(wanted.data(), keys.data(), keys.size());
  std::vector<Fd> found;
  for (const uint64_t key : wanted) {
    const Segment* const known = Known(key);
    if (known == nullptr) break;
    absl::StatusOr<Fd> copy = known->file().Duplicate();
    if (!copy.ok()) return copy.status();
    found.push_back(*std::move(copy));
  }
  if (found.size() == wanted.size()) return DescriptorSource(std::move(found));
  absl::StatusOr<std::vector<Fd>> sent = AskForDescriptors(index, wanted.size());
  if (!sent.ok()) return sent.status();
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == 0 || Known(wanted[i]) != nullptr) continue;
    // What can't be kept is asked for again by the next task.
    absl::StatusOr<Fd> copy = (*sent)[i].Duplicate();
    if (!copy.ok()) continue;
    absl::StatusOr<std::shared_ptr<Segment>> segment = Segment::Attach(*std::move(copy));
    if (!segment.ok()) continue;
    if (known_.size() == kRemembered) known_.erase(known_.begin());
    known_.push_back(*std::move(segment));
  }
  return DescriptorSource(*std::move(sent));
}

absl::StatusOr<std::vector<Fd>> Worker::AskForDescriptors(uint32_t index, size_t count) {
  if (!IsLocalSocket(socket_)) {
    return absl::FailedPreconditionError(
        "a task of this worker has closed the descriptors that the pool needs to pass objects: it may close only its "
        "own");
  }
  const DescriptorsRequest request{index, TaskWord::Unpack(board_->slot(index).state.load()).serial};
  const Peer owner{.parent_pid = this_process::creator_pid(), .deadline = Deadline::After(kAnswerTime)};
  if (Transfer sent = SendAll(socket_, std::as_bytes(std::span(&request, 1)), {}, owner); !sent.ok()) {
    return sent.status;
  }
  for (;;) {
    Peer for_a_while = owner;
    for_a_while.deadline = Deadline::Earlier(owner.deadline, Deadline::After(kLook));
    const absl::StatusOr<PeerEvent> event = AwaitPeer(socket_, PeerReady::kToRead, for_a_while);
    if (!event.ok()) return event.status();
    if (*event == PeerEvent::kLate) {
      if (board_->header().stop.load(std::memory_order_relaxed) != 0) {
        return absl::CancelledError("the pool has stopped, and passes no objects any more");
      }
      if (!owner.deadline.passed()) continue;
      return absl::DeadlineExceededError(
          "the pool's owner didn't send the objects that the task was given: is it stopped?");
    }
    DescriptorsAnswer answer;
    std::vector<Fd> found;
    if (Transfer got = ReceiveAll(socket_, std::as_writable_bytes(std::span(&answer, 1)), &found, owner); !got.ok()) {
      return got.status;
    }
    if (answer.serial != request.serial) continue;  // To a question that an earlier task gave up.
    if (answer.code != 0) {
      return absl::Status(static_cast<absl::StatusCode>(answer.code),
                          "the pool's owner could not copy the objects that the task was given");
    }
    if (answer.count != count || found.size() != count) {
      return absl::AbortedError("the pool's owner no longer has the objects that the task was given");
    }
    return found;
  }
}

}  // namespace

absl::Status RunWorker(WorkerStart start) {
  if (start.index >= start.workers || start.workers > kMostWorkers) {
    return absl::DataLossError("a worker with an impossible number");
  }
  absl::StatusOr<std::unique_ptr<Board>> board = Board::Attach(std::move(start.board));
  if (!board.ok()) return board.status();
  return Worker(std::move(start), *std::move(board)).Run();
}

}  // namespace regatta
