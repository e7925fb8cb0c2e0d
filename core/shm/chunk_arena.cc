#include "core/shm/chunk_arena.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/shm/fault_points.h"

namespace regatta {

ChunkArena::ChunkArena(const Segment* segment, ChunkArenaState* state, uint64_t table_offset, uint64_t chunks_offset,
                       uint32_t chunks, uint32_t limit)
    : segment_(segment),
      state_(state),
      table_offset_(table_offset),
      chunks_offset_(chunks_offset),
      chunks_(chunks),
      limit_(std::min(chunks, limit)) {}

ChunkRun ChunkArena::Read(uint32_t chunk) const {
  const std::atomic<uint64_t>* const at = Word(chunk);
  if (at == nullptr) return {};  // The table has not grown so far.
  const uint64_t word = at->load(std::memory_order_acquire);
  return {static_cast<uint8_t>(word & 0xff), static_cast<uint32_t>(word >> 8 & 0xffffff),
          static_cast<uint32_t>(word >> 32)};
}

void ChunkArena::Write(uint32_t chunk, ChunkRun run, std::memory_order order) {
  if (std::atomic<uint64_t>* const at = Word(chunk))
    at->store(uint64_t{run.kind} | uint64_t{run.owner} << 8 | uint64_t{run.count} << 32, order);
}

absl::StatusOr<uint32_t> ChunkArena::Take(uint32_t count, uint32_t owner, uint8_t kind) {
  const uint64_t taken = state_->taken.load(std::memory_order_relaxed);
  if (count > limit_ || taken > limit_ - count) {
    return absl::ResourceExhaustedError(absl::StrCat("the memory limit of ", limit_ * kChunkBytes,
                                                     " bytes leaves no room for ", count * kChunkBytes,
                                                     " more: take items out, or create it with a larger memory_limit"));
  }
  const uint32_t end = End();
  const uint32_t first_free = std::min(state_->first_free.load(std::memory_order_relaxed), end);
  uint32_t first = first_free;
  for (uint32_t run = 0; run < count && first < chunks_;) {
    // A run lies in one window, as it is used by its address.
    if (run == 0 && !Segment::InOneWindow(OffsetOf(first), count * kChunkBytes)) {
      first = ChunkOf(Segment::EndOfWindowAt(OffsetOf(first)));
      continue;
    }
    if (first + run >= end) break;
    if (Read(first + run).kind == ChunkRun::kFree) {
      ++run;
    } else {
      first += run + 1;
      run = 0;
    }
  }
  if (uint64_t{first} + count > chunks_) {
    return absl::ResourceExhaustedError(absl::StrCat("no ", count * kChunkBytes, " bytes in one piece are left of ",
                                                     chunks_ * kChunkBytes, " reserved: take items out"));
  }
  if (!segment_->Reserve(OffsetOf(first))) {
    return absl::ResourceExhaustedError(absl::StrCat("no address space is left for ", count * kChunkBytes,
                                                     " more bytes of shared memory: raise `ulimit -v`"));
  }
  // Memory behind it first: a free run with memory is merely a cheaper one to take next time.
  const uint64_t words = table_offset_ + first * sizeof(uint64_t);
  if (absl::Status grown = segment_->Grow(words, count * sizeof(uint64_t)); !grown.ok()) return grown;
  if (first < end) {
    // A death between a run's freeing and its punching left old bytes behind it.
    if (absl::Status punched = segment_->Punch(OffsetOf(first), count * kChunkBytes); !punched.ok()) return punched;
  }
  if (absl::Status grown = segment_->Grow(OffsetOf(first), count * kChunkBytes); !grown.ok()) return grown;
  FaultPointHere(fault::kArenaGrown);
  for (uint32_t i = 1; i < count; ++i) {
    Write(first + i, {ChunkRun::kTail, owner, 0}, std::memory_order_relaxed);
    if (i == 1) FaultPointHere(fault::kArenaTailMarked);
  }
  Write(first, {kind, owner, count}, std::memory_order_release);
  FaultPointHere(fault::kArenaHeadMarked);
  state_->end.store(std::max(end, first + count), std::memory_order_relaxed);
  if (first == first_free) state_->first_free.store(first + count, std::memory_order_relaxed);
  state_->taken.store(taken + count, std::memory_order_relaxed);
  return first;
}

void ChunkArena::Free(uint32_t first, uint32_t count) {
  // The head goes first: a death then leaves tails without a head, which are found again.
  for (uint32_t i = 0; i < count; ++i) {
    Write(first + i, {}, std::memory_order_release);
    FaultPointHere(fault::kArenaFreed);
  }
  // A refusal only leaves the memory with the file, for the next Take of this run.
  segment_->Punch(OffsetOf(first), count * kChunkBytes).IgnoreError();
  state_->first_free.store(std::min(first, state_->first_free.load(std::memory_order_relaxed)),
                           std::memory_order_relaxed);
  const uint64_t taken = state_->taken.load(std::memory_order_relaxed);
  state_->taken.store(taken > count ? taken - count : 0, std::memory_order_relaxed);
}

void ChunkArena::GiveBack(uint32_t first) {
  ChunkRun run;
  if (IsRun(first, &run)) Free(first, run.count);
}

void ChunkArena::ForEachRun(uint32_t owner, absl::FunctionRef<void(uint32_t, const ChunkRun&)> visit) const {
  const uint32_t end = End();
  for (uint32_t chunk = 0; chunk < end;) {
    ChunkRun run;
    if (!IsRun(chunk, &run)) {
      ++chunk;
      continue;
    }
    if (run.owner == owner) visit(chunk, run);
    chunk += run.count;
  }
}

void ChunkArena::GiveBackOrphans(uint32_t owner) {
  const uint32_t end = End();
  for (uint32_t chunk = 0; chunk < end;) {
    ChunkRun run;
    if (IsRun(chunk, &run)) {
      chunk += run.count;
      continue;
    }
    const ChunkRun here = Read(chunk);
    if (here.kind != ChunkRun::kFree && here.owner == owner) Free(chunk, 1);
    ++chunk;
  }
}

void ChunkArena::Recount() {
  // Killed inside Take or Free, the holder may have left these hints behind the table. Tails are marked before their head, so
  // a run that was never finished can lie anywhere up to the file's end, beyond free chunks.
  const uint64_t size = segment_->Size().value_or(0);
  const uint64_t in_file = size > chunks_offset_ ? std::min(chunks_, (size - chunks_offset_) / kChunkBytes) : 0;
  uint32_t end = End();
  uint32_t first_free = end;
  uint64_t taken = 0;
  uint32_t gap = 0;  // Free chunks from the one looked at on; the dead may have left memory behind them.
  const auto punch = [&](uint64_t after) {
    if (gap > 0) segment_->Punch(OffsetOf(static_cast<uint32_t>(after)), gap * kChunkBytes).IgnoreError();
    gap = 0;
  };
  for (uint64_t chunk = in_file; chunk-- > 0;) {
    if (Read(static_cast<uint32_t>(chunk)).kind != ChunkRun::kFree) {
      end = std::max(end, static_cast<uint32_t>(chunk + 1));
      ++taken;
      punch(chunk + 1);
    } else {
      first_free = static_cast<uint32_t>(chunk);
      ++gap;
    }
  }
  punch(0);
  state_->end.store(end, std::memory_order_relaxed);
  state_->first_free.store(std::min(first_free, end), std::memory_order_relaxed);
  state_->taken.store(taken, std::memory_order_relaxed);
}

bool ChunkArena::IsRun(uint32_t first, ChunkRun* run) const {
  if (first >= End()) return false;
  *run = Read(first);
  return run->kind >= ChunkRun::kFirstKind && run->count > 0 && run->count <= chunks_ - first &&
         segment_->Contains(OffsetOf(first), run->count * kChunkBytes);
}

}  // namespace regatta
