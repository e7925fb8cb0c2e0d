#include "core/shm/segment.h"

#include <pthread.h>

#include <unordered_map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "core/os/error.h"
#include "core/os/memfd.h"
#include "core/os/mutex.h"
#include "core/shm/family.h"

namespace regatta {
namespace {

// The Segments of this process. The key is the identity of their file.
struct Registry {
  explicit Registry(uint32_t generation) : fork_generation(generation) {}
  std::atomic<uint32_t> fork_generation;
  Mutex mutex;
  std::unordered_map<uint64_t, std::weak_ptr<Segment>> segments ABSL_GUARDED_BY(mutex);
};

std::atomic<Registry*> g_registry{nullptr};

// The number of copies that this process has made of itself.
std::atomic<uint64_t> g_forks{0};
std::atomic<uint64_t> g_nurseries{0};
std::atomic<bool> g_next_is_nursery{false};

void LockBeforeFork();
void UnlockInParent();
void UnlockInChild();

// A child of fork() keeps the registry, because handlers hold the mutex during the fork. After a fork that runs no
// handlers the mutex may be locked for ever. Then the child makes a new registry and does not touch the old one's
// objects.
Registry& ThisProcess() {
  static const int handlers = pthread_atfork(LockBeforeFork, UnlockInParent, UnlockInChild);
  static_cast<void>(handlers);  // If there was no memory for the handlers, every child makes a new registry.
  Registry* registry = g_registry.load(std::memory_order_acquire);
  const uint32_t generation = Family::fork_generation();
  while (registry == nullptr || registry->fork_generation != generation) {
    auto* fresh = new Registry(generation);
    if (g_registry.compare_exchange_strong(registry, fresh, std::memory_order_acq_rel)) return *fresh;
    delete fresh;
  }
  return *registry;
}

// The analysis can not follow a mutex from one handler to the next.
void LockBeforeFork() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  ThisProcess().mutex.Lock();
  (g_next_is_nursery ? g_nurseries : g_forks).fetch_add(1, std::memory_order_relaxed);
}
void UnlockInParent() ABSL_NO_THREAD_SAFETY_ANALYSIS { ThisProcess().mutex.Unlock(); }
void UnlockInChild() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  Registry& inherited = *g_registry.load(std::memory_order_relaxed);
  inherited.fork_generation = Family::fork_generation();
  g_next_is_nursery = false;
  inherited.mutex.Unlock();
}

absl::Status NoAddressSpace(uint64_t bytes) {
  return absl::ResourceExhaustedError(absl::StrCat("no ", bytes, " bytes of address space are left for shared memory: ",
                                                   "raise `ulimit -v`, or let some objects go"));
}

}  // namespace

absl::StatusOr<std::shared_ptr<Segment>> Segment::Create(absl::string_view name, uint64_t bytes) {
  return CreateSparse(name, bytes, bytes, 0);
}

absl::StatusOr<std::shared_ptr<Segment>> Segment::CreateSparse(absl::string_view name, uint64_t bytes, uint64_t begin,
                                                               uint64_t later) {
  absl::StatusOr<Fd> file = CreateMemfd(name);
  if (!file.ok()) return file.status();
  if (absl::Status grown = GrowMemfd(*file, 0, bytes); !grown.ok()) return grown;
  if (absl::Status longer = LengthenMemfd(*file, begin, later); !longer.ok()) return longer;
  const uint64_t forks_before = g_forks;
  absl::StatusOr<std::shared_ptr<Segment>> segment = Attach(*std::move(file));
  if (!segment.ok()) return segment.status();
  (*segment)->forks_before_ = forks_before;
  (*segment)->nurseries_before_ = g_nurseries;
  (*segment)->made_in_ = Family::fork_generation();
  (*segment)->passed_on_ = false;
  return segment;
}

bool Segment::IsOursAlone() const {
  return !passed_on_ && forks_before_ == g_forks && made_in_ == Family::fork_generation();
}
bool Segment::NurseryHasIt() const { return nurseries_before_ != g_nurseries; }

Segment::NurseryFork::NurseryFork() { g_next_is_nursery = true; }
Segment::NurseryFork::~NurseryFork() { g_next_is_nursery = false; }

absl::StatusOr<std::shared_ptr<Segment>> Segment::Attach(Fd file) {
  const uint64_t identity = MemfdIdentity(file);
  if (identity == 0) {
    return absl::DataLossError(absl::StrCat("descriptor ", file.get(), " is not a file of shared memory"));
  }
  const absl::StatusOr<uint64_t> size = MemfdSize(file);
  if (!size.ok()) return size.status();
  Registry& registry = ThisProcess();
  std::shared_ptr<Segment> segment;  // Declared before the lock, so that a Segment is destroyed without the lock.
  MutexLock lock(registry.mutex);
  std::weak_ptr<Segment>& entry = registry.segments[identity];
  segment = entry.lock();
  if (segment != nullptr) return segment;
  segment.reset(new Segment(std::move(file), identity, *size));
  if (absl::Status mapped = segment->MapWindow(0); !mapped.ok()) {
    registry.segments.erase(identity);
    return mapped;
  }
  entry = segment;
  return segment;
}

Segment::~Segment() {
  {
    Registry& registry = ThisProcess();
    MutexLock lock(registry.mutex);
    const auto entry = registry.segments.find(identity_);
    // Another thread may have attached the same file again since the last handle was destroyed.
    if (entry != registry.segments.end() && entry->second.expired()) registry.segments.erase(entry);
  }
  for (uint64_t window = 0; window < kWindows; ++window) {
    const uintptr_t base = windows_[window].load(std::memory_order_acquire);
    if (base == 0) continue;
    const uint64_t begin = WindowBegin(window);
    UnmapMemory(reinterpret_cast<std::byte*>(base + begin), WindowEnd(window) - begin);
  }
  // If code of this process has closed the descriptor, another file may have its number now.
  if (!CheckFile().ok()) static_cast<void>(file_.Release());
}

absl::Status Segment::CheckFile() const {
  if (MemfdIdentity(file_) == identity_) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "descriptor ", file_.get(),
      " of shared memory was closed by this process's own code: ", "close only descriptors that your code opened"));
}

absl::Status Segment::MapWindow(uint64_t window) const {
  const uint64_t begin = WindowBegin(window);
  const uint64_t bytes = WindowEnd(window) - begin;
  const absl::StatusOr<std::byte*> address = MapMemory(file_, begin, bytes);
  if (!address.ok()) return absl::IsResourceExhausted(address.status()) ? NoAddressSpace(bytes) : address.status();
  uintptr_t expected = 0;
  if (!windows_[window].compare_exchange_strong(expected, reinterpret_cast<uintptr_t>(*address) - begin,
                                                std::memory_order_acq_rel)) {
    UnmapMemory(*address, bytes);  // Another thread was faster.
  }
  return absl::OkStatus();
}

absl::Status Segment::Reserve(uint64_t offset) const {
  const uint64_t window = WindowOf(offset);
  if (window >= kWindows)
    return absl::InvalidArgumentError(absl::StrCat("offset ", offset, " is beyond the end of any segment"));
  if (windows_[window].load(std::memory_order_acquire) != 0) return absl::OkStatus();
  if (absl::Status same = CheckFile(); !same.ok()) return same;
  return MapWindow(window);
}

std::byte* Segment::AtSlow(uint64_t offset, uint64_t size) const {
  if (!Contains(offset, size) || !Reserve(offset).ok()) return nullptr;
  return reinterpret_cast<std::byte*>(windows_[WindowOf(offset)].load(std::memory_order_acquire) + offset);
}

bool Segment::Contains(uint64_t offset, uint64_t size) const {
  if (!InOneWindow(offset, size)) return false;
  if (offset + size <= known_size_.load(std::memory_order_relaxed)) return true;
  const absl::StatusOr<uint64_t> now = Size();
  return now.ok() && offset + size <= *now;
}

uint64_t Segment::OffsetOf(const void* address) const {
  const auto at = reinterpret_cast<uintptr_t>(address);
  for (uint64_t window = 0; window < kWindows; ++window) {
    const uintptr_t base = windows_[window].load(std::memory_order_relaxed);
    const uint64_t offset = at - base;
    if (base != 0 && offset >= WindowBegin(window) && offset < WindowEnd(window)) return offset;
  }
  return ~uint64_t{0};
}

absl::Status Segment::Grow(uint64_t offset, uint64_t length) const {
  if (absl::Status same = CheckFile(); !same.ok()) return same;
  return GrowMemfd(file_, offset, length);
}

absl::Status Segment::Punch(uint64_t offset, uint64_t length) const {
  if (absl::Status same = CheckFile(); !same.ok()) return same;
  return PunchMemfd(file_, offset, length);
}

absl::StatusOr<uint64_t> Segment::Size() const {
  if (absl::Status same = CheckFile(); !same.ok()) return same;
  absl::StatusOr<uint64_t> size = MemfdSize(file_);
  if (size.ok()) known_size_.store(*size, std::memory_order_relaxed);  // It can only grow, because the file is sealed.
  return size;
}

void Segment::AdoptInherited() {
  // The only thread of the parent made the clone, so the mutex is free.
  Registry* inherited = g_registry.load(std::memory_order_relaxed);
  if (inherited != nullptr) inherited->fork_generation = Family::fork_generation();
}

std::shared_ptr<void> Segment::FindOrMakeView(absl::FunctionRef<std::shared_ptr<void>()> make) {
  Registry& registry = ThisProcess();
  MutexLock lock(registry.mutex);
  std::shared_ptr<void> view = view_.lock();
  if (view == nullptr) {
    view = make();
    view_ = view;
  }
  return view;
}

}  // namespace regatta
