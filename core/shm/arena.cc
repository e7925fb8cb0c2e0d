#include "core/shm/arena.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace regatta {

absl::Status Arena::Lock(Member self, Deadline deadline) {
  constexpr absl::Duration kPatience = absl::Milliseconds(20);
  constexpr absl::Duration kMostPatience = absl::Seconds(1);
  const Deadline last = Deadline::After(kMostPatience);
  for (;;) {
    const uint32_t turns = state_->turns.load(std::memory_order_relaxed);
    const Deadline patience = Deadline::After(kPatience);
    const bool late = deadline.monotonic_nanos() < patience.monotonic_nanos();
    if (Enter(state_->lock.Acquire(self, late ? patience : deadline))) return absl::OkStatus();
    if (state_->turns.load(std::memory_order_relaxed) == turns || last.passed()) break;
  }
  return absl::UnavailableError(absl::StrCat("process ", Family::PidOf(state_->lock.holder()), " holds up the ", noun_,
                                             " without running: continue it if it is stopped, or end it"));
}

ChunkRun Arena::Read(uint32_t chunk) const {
  const std::atomic<uint64_t>* const at = Word(chunk);
  if (at == nullptr) return {};  // The table has not grown to this chunk.
  const uint64_t word = at->load(std::memory_order_acquire);
  return {static_cast<uint8_t>(word & 0xff), static_cast<uint32_t>(word >> 8 & 0xffffff),
          static_cast<uint32_t>(word >> 32)};
}

void Arena::Write(uint32_t chunk, ChunkRun run, std::memory_order order) {
  if (std::atomic<uint64_t>* const at = Word(chunk))
    at->store(uint64_t{run.kind} | uint64_t{run.owner} << 8 | uint64_t{run.count} << 32, order);
}

uint32_t Arena::CheckedEnd(uint32_t end) const {
  const uint64_t size = segment_->Size().value_or(0);
  const uint64_t words = size > place_.table ? (size - place_.table) / sizeof(uint64_t) : 0;
  end = static_cast<uint32_t>(std::min({uint64_t{end}, uint64_t{place_.chunks}, words}));
  std::atomic_ref(known_end_).store(end, std::memory_order_relaxed);
  return end;
}

uint32_t Arena::FindFree(uint32_t first, uint32_t count, uint64_t looks) const {
  const uint32_t end = End();
  for (uint32_t run = 0; run < count;) {
    if (first >= place_.chunks) return kNone;
    // A run must lie in one window, because it is used by its address.
    if (run == 0 && !Segment::InOneWindow(OffsetOf(first), count * kChunkBytes)) {
      first = ChunkOf(Segment::EndOfWindowAt(OffsetOf(first)));
      continue;
    }
    if (first + run >= end) break;  // No chunk beyond it was ever taken.
    if (looks-- == 0) return kNone;
    if (Read(first + run).kind == ChunkRun::kFree) {
      ++run;
    } else {
      first += run + 1;
      run = 0;
    }
  }
  return uint64_t{first} + count <= place_.chunks ? first : kNone;
}

absl::StatusOr<uint32_t> Arena::Take(uint32_t count, uint32_t owner) {
  const uint64_t taken = state_->taken.load(std::memory_order_relaxed);
  if (count > limit_ || taken > limit_ - count) {
    return absl::ResourceExhaustedError(absl::StrCat("the memory limit of ", limit_ * kChunkBytes,
                                                     " bytes leaves no room for ", count * kChunkBytes,
                                                     " more: take items out, or create it with a larger memory_limit"));
  }
  const uint32_t end = End();
  uint32_t first_free = std::min(state_->first_free.load(std::memory_order_relaxed), end);
  uint32_t first = FindFree(first_free, count, kTakeLooks);
  if (first == kNone) {
    // If one chunk was asked for, none of the words examined is free. The next search begins behind them.
    if (count == 1) first_free = std::min(first_free + static_cast<uint32_t>(kTakeLooks), end);
    first = FindFree(end, count, 0);
  }
  if (first == kNone) first = FindFree(0, count, place_.chunks);
  if (first == kNone) {
    return absl::ResourceExhaustedError(absl::StrCat("no ", count * kChunkBytes, " bytes in one piece are left of ",
                                                     place_.chunks * kChunkBytes, " reserved: take items out"));
  }
  if (first + count > end) {
    const uint64_t words = place_.table + end * sizeof(uint64_t);
    const uint64_t bytes = (first + count - end) * sizeof(uint64_t);
    if (absl::Status grown = segment_->Grow(words, bytes); !grown.ok()) return grown;
    state_->end.store(first + count, std::memory_order_relaxed);
  }
  for (uint32_t i = 0; i < count; ++i) {
    Write(first + i, {ChunkRun::kTail, owner, 0}, std::memory_order_relaxed);
    if (i == 0) FaultPointHere(fault::kArenaTailMarked);
  }
  state_->first_free.store(first == first_free ? first + count : first_free, std::memory_order_relaxed);
  state_->taken.store(taken + count, std::memory_order_relaxed);
  return first;
}

absl::Status Arena::Prepare(uint32_t first, uint32_t count, bool all) const {
  constexpr uint64_t kLastPage = 4096;
  const uint64_t offset = OffsetOf(first);
  const uint64_t bytes = count * kChunkBytes;
  if (absl::Status reserved = segment_->Reserve(offset); !reserved.ok()) return reserved;
  // If the kernel refused an earlier Punch, the old bytes are still there.
  if (absl::Status punched = segment_->Punch(offset, bytes); !punched.ok()) return punched;
  const uint64_t from = all ? 0 : bytes - kLastPage;
  if (absl::Status grown = segment_->Grow(offset + from, bytes - from); !grown.ok()) return grown;
  FaultPointHere(fault::kArenaGrown);
  return absl::OkStatus();
}

void Arena::Publish(uint32_t first, const ChunkRun& run) {
  Write(first, run, std::memory_order_release);
  FaultPointHere(fault::kArenaHeadMarked);
}

void Arena::Punch(uint32_t first, uint32_t count) const {
  // If the kernel refuses this, the next Prepare clears the bytes.
  segment_->Punch(OffsetOf(first), count * kChunkBytes).IgnoreError();
}

void Arena::GiveBack(uint32_t first, uint32_t count) {
  // Free the head first: a death then leaves tails without a head, which ForEachRun and Sweep find.
  for (uint32_t i = 0; i < count; ++i) {
    Write(first + i, {}, std::memory_order_release);
    FaultPointHere(fault::kArenaFreed);
  }
  state_->first_free.store(std::min(first, state_->first_free.load(std::memory_order_relaxed)),
                           std::memory_order_relaxed);
  const uint64_t taken = state_->taken.load(std::memory_order_relaxed);
  state_->taken.store(taken > count ? taken - count : 0, std::memory_order_relaxed);
}

void Arena::ForEachRun(uint32_t owner, absl::FunctionRef<void(uint32_t, const ChunkRun&)> visit) const {
  const uint32_t end = End();
  for (uint32_t chunk = 0; chunk < end;) {
    ChunkRun run;
    if (!IsRun(chunk, &run)) {
      run = {ChunkRun::kTail, owner, 0};
      for (ChunkRun tail; chunk + run.count < end; ++run.count) {
        tail = Read(chunk + run.count);
        if (tail.kind != ChunkRun::kTail || tail.owner != owner) break;
      }
    }
    if (run.owner == owner && run.count > 0) visit(chunk, run);
    chunk += std::max(run.count, uint32_t{1});
  }
}

uint32_t Arena::Sweep(uint32_t from, absl::FunctionRef<bool(uint32_t, const ChunkRun&)> unused) {
  const uint32_t end = End();
  uint32_t budget = kSweepChunks;
  for (uint32_t looks = 0; from < end && budget > 0 && looks < kSweepLooks; ++looks) {
    ChunkRun run;
    if (!IsRun(from, &run)) {
      run = Read(from);
      run.count = 1;
      if (run.kind != ChunkRun::kTail) {
        ++from;
        continue;
      }
    }
    if (!unused(from, run)) {
      from += run.count;
      continue;
    }
    const uint32_t part = std::min(run.count, budget);
    const uint32_t kept = run.count - part;
    Punch(from + kept, part);
    if (kept > 0) Write(from, {run.kind, run.owner, kept}, std::memory_order_release);
    GiveBack(from + kept, part);
    budget -= part;
    if (kept == 0) from += part;
  }
  return from;
}

void Arena::Recount() {
  // A holder that was killed inside Take or GiveBack may not have updated these hints.
  const uint32_t end = End();
  uint32_t first_free = end;
  uint64_t taken = 0;
  for (uint32_t chunk = end; chunk-- > 0;) {
    if (Read(chunk).kind != ChunkRun::kFree) {
      ++taken;
    } else {
      first_free = chunk;
    }
  }
  state_->first_free.store(first_free, std::memory_order_relaxed);
  state_->taken.store(taken, std::memory_order_relaxed);
}

bool Arena::IsRun(uint32_t first, ChunkRun* run) const {
  if (first >= std::atomic_ref(known_end_).load(std::memory_order_relaxed) && first >= End()) return false;
  *run = Read(first);
  return run->kind >= ChunkRun::kFirstKind && run->count > 0 && run->count <= place_.chunks - first &&
         segment_->Contains(OffsetOf(first), run->count * kChunkBytes);
}

}  // namespace regatta
