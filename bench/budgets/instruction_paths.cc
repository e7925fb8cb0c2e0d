// Paths of one thread, for callgrind to count the instructions of: each is a function of its own name that does its
// operation kTimes. Everything is done twice; the second time counts, with all memory there and all functions found.
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/codec/codec.h"
#include "core/ipc/queue.h"
#include "core/pool/board.h"
#include "core/sync/lock.h"
#include "core/topology/affinity.h"

namespace regatta::bench {
namespace {

constexpr int kTimes = 1000;

[[gnu::cold, gnu::noinline]] void Fail(const absl::Status& why) {
  std::fprintf(stderr, "instruction paths: %s\n", why.ToString().c_str());
  std::exit(1);
}
inline void Require(bool holds, const absl::Status& why) {
  if (!holds) [[unlikely]]
    Fail(why);
}

struct Block {
  std::array<uint64_t, 8> words{};
};
struct Record {
  uint64_t number = 0;
  std::string name;
  std::vector<uint32_t> values;
  std::optional<double> weight;
};

struct Setting {
  Block block;
  Record record{.number = 7, .name = "regatta", .values = {1, 2, 3, 4}, .weight = 0.5};
  std::string block_bytes;
  std::string record_bytes;
  Queue<Block> queue;
  Lock lock;
  std::unique_ptr<Board> board;
  uint32_t tasks = 0;
};

}  // namespace

extern "C" {

[[gnu::noinline]] void budget_encode_block(Setting& setting) {
  for (int i = 0; i < kTimes; ++i) {
    const absl::Status encoded =
        Encode(setting.block, {reinterpret_cast<std::byte*>(setting.block_bytes.data()), setting.block_bytes.size()});
    Require(encoded.ok(), encoded);
  }
}

[[gnu::noinline]] void budget_decode_block(Setting& setting) {
  for (int i = 0; i < kTimes; ++i) {
    const absl::StatusOr<Block> block = Decode<Block>(AsBytes(setting.block_bytes));
    Require(block.ok(), block.status());
  }
}

[[gnu::noinline]] void budget_encode_record(Setting& setting) {
  for (int i = 0; i < kTimes; ++i) {
    const absl::Status encoded = Encode(
        setting.record, {reinterpret_cast<std::byte*>(setting.record_bytes.data()), EncodedSize(setting.record)});
    Require(encoded.ok(), encoded);
  }
}

[[gnu::noinline]] void budget_decode_record(Setting& setting) {
  for (int i = 0; i < kTimes; ++i) {
    const absl::StatusOr<Record> record = Decode<Record>(AsBytes(setting.record_bytes));
    Require(record.ok(), record.status());
  }
}

[[gnu::noinline]] void budget_queue_put_get(Setting& setting) {
  for (int i = 0; i < kTimes; ++i) {
    const absl::Status put = setting.queue.Put(setting.block);
    Require(put.ok(), put);
    const absl::StatusOr<Block> got = setting.queue.Get();
    Require(got.ok(), got.status());
  }
}

[[gnu::noinline]] void budget_lock_unlock(Setting& setting) {
  for (int i = 0; i < kTimes; ++i) {
    const absl::StatusOr<Acquired> acquired = setting.lock.Acquire();
    Require(acquired.ok(), acquired.status());
    const absl::Status released = setting.lock.Release();
    Require(released.ok(), released);
  }
}

// What a task costs on the board, all sides of it: posted, claimed, finished, seen to be done.
[[gnu::noinline]] void budget_board_task(Setting& setting) {
  Board& board = *setting.board;
  for (int i = 0; i < kTimes; ++i, ++setting.tasks) {
    board.slot(0).state.store(TaskWord{TaskPhase::kQueued, 0, 0, setting.tasks}.Pack(), std::memory_order_release);
    const bool posted = board.Post(0);
    const std::optional<uint32_t> claimed = board.Claim(0, 1);
    if (!posted || claimed != 0u) Fail(absl::InternalError("the task is not on the board"));
    board.Finish(*claimed, 0, setting.tasks);
    if (board.DoneAt(0, setting.tasks) != 0u) Fail(absl::InternalError("the task is not done"));
  }
}

}  // extern "C"

namespace {

int Main() {
  const absl::StatusOr<std::vector<int>> usable = CurrentAffinity();
  Require(usable.ok(), usable.status());
  const absl::Status pinned =
      PinThisThread({usable->front()});  // Who is moved says so in the queue, which costs instructions.
  Require(pinned.ok(), pinned);
  Setting setting;
  setting.block_bytes = *EncodeToString(setting.block);
  setting.record_bytes = *EncodeToString(setting.record);
  absl::StatusOr<Queue<Block>> queue = Queue<Block>::Create();
  Require(queue.ok(), queue.status());
  setting.queue = *std::move(queue);
  absl::StatusOr<Lock> lock = Lock::Create();
  Require(lock.ok(), lock.status());
  setting.lock = *std::move(lock);
  absl::StatusOr<std::unique_ptr<Board>> board = Board::Create();
  Require(board.ok(), board.status());
  setting.board = *std::move(board);
  const absl::Status backed = setting.board->Back(1, 1);
  Require(backed.ok(), backed);
  for (int turn = 0; turn < 2; ++turn) {
    budget_encode_block(setting);
    budget_decode_block(setting);
    budget_encode_record(setting);
    budget_decode_record(setting);
    budget_queue_put_get(setting);
    budget_lock_unlock(setting);
    budget_board_task(setting);
  }
#if defined(__clang__) || !defined(__OPTIMIZE__)
  std::printf("compiler\tother\n");
#else
  std::printf("compiler\tgcc %d\n", __GNUC__);
#endif
  return 0;
}

}  // namespace
}  // namespace regatta::bench

int main() { return regatta::bench::Main(); }
