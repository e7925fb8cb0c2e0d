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
#include "core/os/event_fd.h"
#include "core/os/local_socket.h"
#include "core/pool/board.h"
#include "core/pool/fault_points.h"
#include "core/process/function_id.h"
#include "core/process/this_process.h"
#include "core/shm/family.h"

namespace regatta {
namespace {

constexpr size_t kRemembered = 16;  // Objects (queues, locks) that a worker keeps for the next task that names them.

std::span<const std::byte> AsStd(absl::Span<const std::byte> bytes) { return {bytes.data(), bytes.size()}; }

// Its code and the beginning of its text, that need no memory beside a slot's.
absl::Status Shortened(const absl::Status& status) {
  constexpr size_t kGrowth = 8;  // Of the text's own length, encoded.
  const size_t room = kInlineResult - EncodedSize(absl::Status(status.code(), "")) - kGrowth;
  return absl::Status(status.code(), status.message().substr(0, room));
}

// Collects one call's result in private memory.
class StringSink : public ResultSink {
 public:
  explicit StringSink(std::string* out) : out_(out) {}
  absl::StatusOr<std::byte*> Reserve(size_t bytes) override {
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
        event_(std::move(start.event)),
        socket_(std::move(start.socket)),
        board_(std::move(board)),
        extents_(&board_->arena(), start.index + 1, board_.get()) {}

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
  void EndIfForked() const;
  absl::Status Call(TaskSlot& slot);
  absl::Status CallChunk(TaskSlot& slot, const ResolvedFunction& function, std::span<const std::byte> arguments);
  absl::StatusOr<std::byte*> PlaceResult(TaskSlot& slot, size_t bytes);
  absl::StatusOr<DescriptorSource> Descriptors(uint32_t slot, absl::Span<const std::byte> keys);

  const uint16_t index_;
  const uint32_t workers_;
  const uint32_t fork_generation_ = Family::fork_generation();
  Fd event_;
  Fd socket_;
  std::unique_ptr<Board> board_;
  ExtentPool extents_;
  uint32_t position_ = 0;
  uint32_t processor_ = ~0U;
  uint32_t current_ = 0;
  std::vector<std::pair<uint64_t, Fd>> known_;  // By MemfdIdentity.
};

absl::Status Worker::Run() {
  BoardHeader& header = board_->header();
  if (absl::Status locked = board_->LockArena(Deadline::Never()); !locked.ok()) return locked;
  // A predecessor's results were all taken before this process was started.
  extents_.Load();
  extents_.FreePublished();
  board_->UnlockArena();
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
      const auto ready = [&] {
        if (header.stop.load(std::memory_order_relaxed) != 0) return true;
        task = board_->Claim(index_, workers_);
        return task.has_value();
      };
      header.tasks.Await(ready, Deadline::Never(), partner_here, board_->self(), [&] { known_.clear(); });
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
  absl::Status status = Call(slot);
  EndIfForked();
  if (!status.ok()) {
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
  if (header.armed.load(std::memory_order_relaxed) != 0 && header.armed.exchange(0) != 0) SignalEventFd(event_);
}

absl::Status Worker::Call(TaskSlot& slot) {
  const absl::StatusOr<ResolvedFunction> function = Resolve(slot.function);
  if (!function.ok()) return function.status();
  const uint32_t size = slot.arguments_size;
  const uint64_t keys = uint64_t{slot.descriptors} * sizeof(uint64_t);
  const auto bytes =
      board_->Bytes(slot.arguments_at, static_cast<uint32_t>(size + keys), slot.arguments, kInlineArguments);
  if (!bytes.has_value() || size + keys > bytes->size()) {
    return absl::DataLossError("a task's arguments were overwritten in shared memory");
  }
  if (slot.items > 0) return CallChunk(slot, *function, AsStd(bytes->first(size)));
  SlotSink sink(this, &slot);
  Invocation call{.target = function->target, .arguments = AsStd(bytes->first(size)), .result = &sink};
  if (keys == 0) return function->trampoline(call);
  absl::StatusOr<DescriptorSource> descriptors = Descriptors(current_, bytes->subspan(size));
  if (!descriptors.ok()) return descriptors.status();
  call.descriptors = &*descriptors;
  return function->trampoline(call);
}

absl::Status Worker::CallChunk(TaskSlot& slot, const ResolvedFunction& function, std::span<const std::byte> arguments) {
  std::string results;
  for (uint32_t i = 0; i < slot.items; ++i) {
    uint32_t size = 0;
    if (arguments.size() < sizeof(size)) return absl::DataLossError("a chunk ends in the middle of an item");
    std::memcpy(&size, arguments.data(), sizeof(size));
    arguments = arguments.subspan(sizeof(size));
    if (arguments.size() < size) return absl::DataLossError("a chunk ends in the middle of an item");
    const size_t start = results.size();
    results.resize(start + 2 * sizeof(uint32_t));
    StringSink sink(&results);
    const absl::Status status =
        function.trampoline({.target = function.target, .arguments = arguments.first(size), .result = &sink});
    arguments = arguments.subspan(size);
    if (!status.ok()) {
      results.resize(start + 2 * sizeof(uint32_t));
      if (absl::StatusOr<std::string> text = EncodeToString(status); text.ok()) results += *text;
    }
    const uint32_t head[2] = {static_cast<uint32_t>(status.code()),
                              static_cast<uint32_t>(results.size() - start - 2 * sizeof(uint32_t))};
    std::memcpy(results.data() + start, head, sizeof(head));
  }
  const absl::StatusOr<std::byte*> room = PlaceResult(slot, results.size());
  if (!room.ok()) return room.status();
  std::memcpy(*room, results.data(), results.size());
  return absl::OkStatus();
}

// The child of a task's fork, as the task returns in it: the slot, and what comes after, are its parent's.
void Worker::EndIfForked() const {
  if (Family::fork_generation() == fork_generation_) [[likely]]
    return;
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
  if (bytes > kLargestResult) {
    return absl::InvalidArgumentError("a task's result is over the largest, 1 GiB: return it in pieces");
  }
  const absl::StatusOr<Extent*> extent = extents_.Take(bytes);
  if (!extent.ok()) return extent.status();
  (*extent)->state.store(Extent::kQueued | slot.arguments_size, std::memory_order_release);
  FaultPointHere(fault::kPoolResultReserved);
  slot.result_at = board_->OffsetOf(*extent);
  slot.result_size = static_cast<uint32_t>(bytes);
  return (*extent)->payload();
}

absl::StatusOr<DescriptorSource> Worker::Descriptors(uint32_t index, absl::Span<const std::byte> keys) {
  std::vector<uint64_t> wanted(keys.size() / sizeof(uint64_t));
  std::memcpy(wanted.data(), keys.data(), keys.size());
  const auto known = [&](uint64_t key) {
    return std::find_if(known_.begin(), known_.end(), [key](const auto& entry) { return entry.first == key; });
  };
  std::vector<Fd> found;
  const bool all_known =
      std::all_of(wanted.begin(), wanted.end(), [&](uint64_t key) { return key != 0 && known(key) != known_.end(); });
  if (all_known) {
    for (const uint64_t key : wanted) {
      absl::StatusOr<Fd> copy = known(key)->second.Duplicate();
      if (!copy.ok()) return copy.status();
      found.push_back(*std::move(copy));
    }
    return DescriptorSource(std::move(found));
  }
  const DescriptorsRequest request{index, TaskWord::Unpack(board_->slot(index).state.load()).serial};
  const Peer owner{.parent_pid = this_process::creator_pid()};
  if (Transfer sent = SendAll(socket_, std::as_bytes(std::span(&request, 1)), {}, owner); !sent.ok())
    return sent.status;
  DescriptorsAnswer answer;
  if (Transfer got = ReceiveAll(socket_, std::as_writable_bytes(std::span(&answer, 1)), &found, owner); !got.ok()) {
    return got.status;
  }
  if (answer.count != wanted.size() || found.size() != wanted.size()) {
    return absl::AbortedError("the pool's owner no longer has the objects that the task was given");
  }
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == 0 || known(wanted[i]) != known_.end()) continue;
    absl::StatusOr<Fd> copy = found[i].Duplicate();
    if (!copy.ok()) continue;  // It is asked for again, then.
    if (known_.size() == kRemembered) known_.erase(known_.begin());
    known_.emplace_back(wanted[i], *std::move(copy));
  }
  return DescriptorSource(std::move(found));
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
