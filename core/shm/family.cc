#include "core/shm/family.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <optional>
#include <random>

#include "core/os/cpu.h"
#include "core/os/error.h"
#include "core/os/fork_generation.h"
#include "core/os/life.h"
#include "core/os/liveness.h"
#include "core/os/memfd.h"
#include "core/os/mutex.h"
#include "core/shm/family_format.h"
#include "core/shm/fault_points.h"

namespace regatta {
namespace {

constexpr uint32_t kPlaceBits = 14;
constexpr uint32_t kPlaceMask = (1U << kPlaceBits) - 1;
// The least time between two questions to the kernel, which cost far more than a load.
constexpr int64_t kLookAgain = 10'000'000;
// The least time between two questions about a member whose Life is held.
constexpr int64_t kRecheck = 1'000'000'000;
constexpr uint16_t kLastGeneration = 0xffff;

struct Claim {
  PlaceState state;
  uint16_t generation;
  int32_t pid;
};

uint64_t Pack(Claim claim) {
  return uint64_t{static_cast<uint8_t>(claim.state)} | uint64_t{claim.generation} << 8 |
         uint64_t{static_cast<uint32_t>(claim.pid)} << 32;
}

Claim Unpack(uint64_t word) {
  return {static_cast<PlaceState>(word & 0xff), static_cast<uint16_t>(word >> 8), static_cast<int32_t>(word >> 32)};
}

Member MakeMember(uint32_t place, uint16_t generation) { return place | uint32_t{generation} << kPlaceBits; }

// This process's table. Never destroyed, because exit handlers and other threads may still use it.
struct Table {
  Fd file;
  Mapping mapping;
  FamilyTable& shared() const { return *reinterpret_cast<FamilyTable*>(mapping.data()); }
};
// The table is published as a whole, so that a child made at any moment has all of it or none.
constinit std::atomic<Table*> g_table{nullptr};
// Guards the making and joining of a table, and the taking of a place.
constinit PerProcess<Mutex> g_mutex;

uint64_t EndOfPlaces(uint32_t count) { return offsetof(FamilyTable, places) + uint64_t{count} * sizeof(FamilyPlace); }

// The caller holds g_mutex, and there is no table.
void Adopt(Fd file, Mapping mapping) {
  EnableAsymmetricFence(reinterpret_cast<FamilyTable*>(mapping.data())->full_fences);
  g_table.store(new Table{std::move(file), std::move(mapping)}, std::memory_order_release);
}

absl::StatusOr<Table*> TheTable() {
  if (Table* table = g_table.load(std::memory_order_acquire)) return table;
  const MutexLock lock(g_mutex.Get());
  if (Table* table = g_table.load(std::memory_order_acquire)) return table;
  absl::StatusOr<Fd> file = CreateMemfd("regatta family");
  if (!file.ok()) return file.status();
  // Allocates memory for the header and the first step of places. The rest of the table gets memory when it is needed.
  if (absl::Status grown = GrowMemfd(*file, 0, EndOfPlaces(kFamilyStep)); !grown.ok()) return grown;
  absl::StatusOr<Mapping> header = Mapping::Map(*file, sizeof(FamilyTable));
  if (!header.ok()) return header.status();
  auto* fresh = reinterpret_cast<FamilyTable*>(header->data());
  std::random_device random;
  fresh->id = uint64_t{random()} << 32 | random();
  fresh->backed.store(kFamilyStep, std::memory_order_relaxed);
  fresh->magic = kFamilyMagic;
  Adopt(*std::move(file), *std::move(header));
  return g_table.load(std::memory_order_acquire);
}

// Whether the member's place has memory. The number comes from shared memory, so check it before you use the place.
bool IsPlace(const FamilyTable& shared, Member member) {
  const uint32_t index = member & kPlaceMask;
  return index != 0 && index < shared.backed.load(std::memory_order_acquire);
}

FamilyTable* ExistingTable() {
  Table* table = g_table.load(std::memory_order_acquire);
  return table == nullptr ? nullptr : &table->shared();
}

// Releases the place's Life when the thread that holds it ends and the process goes on.
struct LifeKeeper {
  FamilyPlace* place = nullptr;
  uint32_t fork_generation = 0;
  ~LifeKeeper() {
    if (place == nullptr || fork_generation != ForkGeneration()) return;
    Claim claim = Unpack(place->claim.load(std::memory_order_relaxed));
    claim.state = PlaceState::kByProcess;
    place->claim.store(Pack(claim), std::memory_order_release);
    place->life.Release();
  }
};
thread_local LifeKeeper t_life_keeper;

// Asks the kernel, at most once in `interval`. Only a certain death is stored for others.
bool IsCertainlyDead(FamilyPlace& place, uint64_t seen, int64_t interval) {
  const int64_t now = MonotonicNanos();
  if (now < place.seen_running.load(std::memory_order_relaxed) + interval) return false;
  if (LivenessOf({place.pid, place.clock, place.start_time}) != Liveness::kDead) {
    place.seen_running.store(now, std::memory_order_relaxed);
    return false;
  }
  const Claim claim = Unpack(seen);
  uint64_t expected = seen;
  if (place.claim.compare_exchange_strong(expected, Pack({PlaceState::kDead, claim.generation, claim.pid}))) {
    place.life.WakeOthers();
  }
  return true;
}

// Whether the place's process has ended, as far as this is cheap to find out.
bool IsDead(FamilyPlace& place, uint64_t seen) {
  const Claim claim = Unpack(seen);
  switch (claim.state) {
    case PlaceState::kFree:
    case PlaceState::kDead:
      return true;
    case PlaceState::kClaimed:
      return LivenessOf({claim.pid}) == Liveness::kDead;
    case PlaceState::kLive:
      // The mark belongs to one thread. Other threads of the process may still run for an instant, or only that thread
      // has ended.
      return !place.life.held() && IsCertainlyDead(place, seen, 0);
    case PlaceState::kByProcess:
      return IsCertainlyDead(place, seen, kLookAgain);
  }
  return false;
}

// How far a search for a free place goes.
enum class Search { kFree, kMarkedDead, kAskedFor };

std::optional<Member> TryTake(FamilyTable& shared, uint32_t index, Search search, const ProcessStamp& stamp) {
  FamilyPlace& place = shared.places[index];
  uint64_t seen = place.claim.load(std::memory_order_acquire);
  const Claim old = Unpack(seen);
  // No member number is ever used twice. A place that has used all of its numbers stays empty.
  if (old.generation == kLastGeneration) return std::nullopt;
  if (old.state != PlaceState::kFree && search == Search::kFree) return std::nullopt;
  if (old.state != PlaceState::kFree && !IsDead(place, seen) &&
      !(search == Search::kAskedFor && old.state == PlaceState::kLive && IsCertainlyDead(place, seen, 0))) {
    return std::nullopt;
  }
  seen = place.claim.load(std::memory_order_acquire);
  if (Unpack(seen).generation != old.generation) return std::nullopt;
  const auto generation = static_cast<uint16_t>(old.generation + 1);
  if (!place.claim.compare_exchange_strong(seen, Pack({PlaceState::kClaimed, generation, stamp.pid}))) {
    return std::nullopt;
  }
  FaultPointHere(fault::kFamilyPlaceClaimed);
  place.pid = stamp.pid;
  place.clock = stamp.clock;
  place.start_time = stamp.start_time;
  place.seen_running.store(MonotonicNanos(), std::memory_order_relaxed);
  const bool held = place.life.Hold().ok();  // If not, the kernel is asked about this process, which is slower.
  FaultPointHere(fault::kFamilyLifeHeld);
  place.claim.store(Pack({held ? PlaceState::kLive : PlaceState::kByProcess, generation, stamp.pid}),
                    std::memory_order_release);
  if (held) {
    t_life_keeper.place = &place;
    t_life_keeper.fork_generation = ForkGeneration();
  }
  return MakeMember(index, generation);
}

}  // namespace

absl::StatusOr<Member> Family::Self() {
  if (const Member self = SelfIfAny(); self != kNobody) return self;
  absl::StatusOr<Table*> table = TheTable();
  if (!table.ok()) return table.status();
  FamilyTable& shared = (*table)->shared();
  const MutexLock lock(g_mutex.Get());
  if (const Member self = SelfIfAny(); self != kNobody) return self;
  // Do this before a place is taken. If a fork could not be noticed, a child would take the place for its own.
  if (!SetOwnWord(kNobody)) {
    return absl::ResourceExhaustedError("no memory is left for the page by which a forked child is noticed: free some");
  }
  EnableAsymmetricFence(shared.full_fences);
  KeepSpareDescriptor();
  const ProcessStamp stamp = ThisProcessStamp();
  for (;;) {
    const uint32_t backed = shared.backed.load(std::memory_order_acquire);
    const uint32_t start = shared.next.load(std::memory_order_relaxed);
    for (const Search search : {Search::kFree, Search::kMarkedDead, Search::kAskedFor}) {
      if (search == Search::kAskedFor && backed < kFamilyPlaces) break;  // To grow the table costs less.
      for (uint32_t i = 0; i < backed - 1; ++i) {
        const uint32_t index = 1 + (start + i) % (backed - 1);  // Place 0 stays empty, as Member 0 is no process.
        if (const auto member = TryTake(shared, index, search, stamp)) {
          shared.next.store(start + i + 1, std::memory_order_relaxed);
          SetOwnWord(*member);
          return *member;
        }
      }
    }
    if (backed == kFamilyPlaces) break;
    // Several processes may do this at once. To grow memory that exists changes nothing.
    if (absl::Status grown = GrowMemfd((*table)->file, EndOfPlaces(backed), kFamilyStep * sizeof(FamilyPlace));
        !grown.ok()) {
      return grown;
    }
    uint32_t expected = backed;
    shared.backed.compare_exchange_strong(expected, backed + kFamilyStep, std::memory_order_acq_rel);
  }
  return absl::ResourceExhaustedError("more than 16383 processes of one family share objects: end some first");
}

absl::StatusOr<const Fd*> Family::Descriptor() {
  absl::StatusOr<Table*> table = TheTable();
  if (!table.ok()) return table.status();
  return &(*table)->file;
}

absl::Status Family::Join(Fd descriptor) {
  const MutexLock lock(g_mutex.Get());
  if (g_table.load() != nullptr) {
    return absl::FailedPreconditionError("this process belongs to a family already: join before any other use");
  }
  const absl::StatusOr<uint64_t> size = MemfdSize(descriptor);
  if (!size.ok()) return size.status();
  if (*size < EndOfPlaces(kFamilyStep)) return absl::DataLossError("the family's file is too short");
  absl::StatusOr<Mapping> header = Mapping::Map(descriptor, sizeof(FamilyTable));
  if (!header.ok()) return header.status();
  const auto& shared = *reinterpret_cast<const FamilyTable*>(header->data());
  if (shared.magic != kFamilyMagic) {
    return absl::DataLossError("the family's file is not a family's table of this version");
  }
  const uint32_t backed = shared.backed.load(std::memory_order_acquire);
  if (backed < kFamilyStep || backed > kFamilyPlaces || *size < EndOfPlaces(backed)) {
    return absl::DataLossError("the family's file claims more places than it has");
  }
  Adopt(std::move(descriptor), *std::move(header));
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> Family::Id() {
  absl::StatusOr<Table*> table = TheTable();
  if (!table.ok()) return table.status();
  return (*table)->shared().id;
}

bool Family::IsAlive(Member member) {
  FamilyTable* shared = ExistingTable();
  if (shared == nullptr || !IsPlace(*shared, member)) return false;
  FamilyPlace& place = shared->places[member & kPlaceMask];
  const uint64_t seen = place.claim.load(std::memory_order_acquire);
  const Claim claim = Unpack(seen);
  if (claim.generation != member >> kPlaceBits) return false;
  if (claim.state == PlaceState::kLive && place.life.held()) [[likely]]
    return true;
  // Another process may have got the place between the two loads. Then the claim has changed, and the member is dead.
  return !IsDead(place, seen) && Unpack(place.claim.load(std::memory_order_acquire)).generation == claim.generation;
}

bool Family::Recheck(Member member) {
  if (!IsAlive(member)) return false;
  FamilyPlace& place = ExistingTable()->places[member & kPlaceMask];
  const uint64_t seen = place.claim.load(std::memory_order_acquire);
  const Claim claim = Unpack(seen);
  if (claim.generation != member >> kPlaceBits) return false;
  return claim.state != PlaceState::kLive || !IsCertainlyDead(place, seen, kRecheck);
}

int32_t Family::PidOf(Member member) {
  FamilyTable* shared = ExistingTable();
  if (shared == nullptr || !IsPlace(*shared, member)) return 0;
  const Claim claim = Unpack(shared->places[member & kPlaceMask].claim.load(std::memory_order_acquire));
  return claim.generation == member >> kPlaceBits ? claim.pid : 0;
}

void Family::WaitBeside(Member member, const std::atomic<uint32_t>& word, uint32_t expected, Deadline deadline) {
  FamilyTable* shared = ExistingTable();
  if (shared == nullptr || !IsAlive(member)) return;
  shared->places[member & kPlaceMask].life.WaitBeside(word, expected, deadline);
}

void Family::WakeOthers(Member member) {
  FamilyTable* shared = ExistingTable();
  if (shared != nullptr && IsPlace(*shared, member)) shared->places[member & kPlaceMask].life.WakeOthers();
}

}  // namespace regatta
