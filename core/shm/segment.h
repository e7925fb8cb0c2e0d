// Segment: a file of shared memory, as this process sees it.
//
// Identity   A process has one Segment per file: Attach returns the one that exists, whichever descriptor arrives. So
//            all handles to one object share one mapping, one descriptor and, in a queue, one lane per thread.
// Addresses  The file is mapped in windows: the first 2 MiB at once, then [2, 4), [4, 8), ... MiB, each when an address
//            in it is first asked for. A window never moves. An object therefore takes address space by need, up to 128
//            GiB.
// Dumps      The memory is left out of core dumps.
// Trust      Another process may have written anything into the memory. Pass each offset and size that is read from it
//            to At, which compares them with the size of the file.
// Threads    Thread-safe.
// Fork       A child may use the Segments of its parent. The memory is shared, not copied.
// Lifetime   The memory is freed when no process has the file mapped or open any more.
#ifndef REGATTA_CORE_SHM_SEGMENT_H_
#define REGATTA_CORE_SHM_SEGMENT_H_

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/os/fd.h"

namespace regatta {

class Segment {
 public:
  static constexpr uint32_t kFirstWindowLog2 = 21;
  static constexpr uint32_t kWindows = 17;

  // Makes a new file with memory for its first `bytes`, all zero. /proc/PID/maps shows `name`.
  // ResourceExhausted: no memory, descriptors or address space left.
  static absl::StatusOr<std::shared_ptr<Segment>> Create(absl::string_view name, uint64_t bytes);
  // The same with `later` bytes from offset `begin` on, behind which the kernel puts memory as they are touched.
  // ResourceExhausted also: fewer are available now.
  static absl::StatusOr<std::shared_ptr<Segment>> CreateSparse(absl::string_view name, uint64_t bytes, uint64_t begin,
                                                               uint64_t later);
  // The file behind `file`. If this process has a Segment of it, returns that one and closes `file`.
  // DataLoss: `file` is not a file of shared memory. ResourceExhausted: no address space.
  static absl::StatusOr<std::shared_ptr<Segment>> Attach(Fd file);
  ~Segment();
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  // The address of the bytes [offset, offset + size). Null: they are not all in the file and in one window (Contains),
  // or the window can't be mapped (Reserve says why).
  std::byte* At(uint64_t offset, uint64_t size) const {
    const uint64_t window = WindowOf(offset);
    if (window < kWindows && size <= WindowEnd(window) - offset &&
        offset + size <= known_size_.load(std::memory_order_relaxed)) [[likely]] {
      const uintptr_t base = windows_[window].load(std::memory_order_acquire);
      if (base != 0) [[likely]]
        return reinterpret_cast<std::byte*>(base + offset);
    }
    return AtSlow(offset, size);
  }
  // The same for an object of type T.
  template <class T>
  T* Get(uint64_t offset) const {
    return offset % alignof(T) == 0 ? reinterpret_cast<T*>(At(offset, sizeof(T))) : nullptr;
  }
  // Maps the window of `offset`, even if the file does not reach it. ResourceExhausted: no address space left.
  // FailedPrecondition: as CheckFile.
  absl::Status Reserve(uint64_t offset) const;
  // Whether the bytes are in the file and in one window, mapped or not.
  bool Contains(uint64_t offset, uint64_t size) const;
  static constexpr bool InOneWindow(uint64_t offset, uint64_t size) {
    const uint64_t window = WindowOf(offset);
    return window < kWindows && size <= WindowEnd(window) - offset;
  }
  // The end of the window in which `offset` lies. Contiguous memory must not cross it.
  static constexpr uint64_t EndOfWindowAt(uint64_t offset) { return WindowEnd(WindowOf(offset)); }
  // The offset of an address that At returned.
  uint64_t OffsetOf(const void* address) const;

  // Allocates memory for [offset, offset + length). ResourceExhausted: there is no room; nothing has changed.
  // FailedPrecondition: as CheckFile.
  absl::Status Grow(uint64_t offset, uint64_t length) const;
  // Returns the whole pages in [offset, offset + length) to the kernel. They read as zero from then on.
  absl::Status Punch(uint64_t offset, uint64_t length) const;
  // The size of the file in bytes, including its holes.
  absl::StatusOr<uint64_t> Size() const;

  // To be passed to another process. The Segment keeps owning it.
  const Fd& file() const {
    passed_on_.store(true, std::memory_order_relaxed);
    return file_;
  }
  // True if this process made the file, has not passed it on, and has since made no copies of itself except nurseries.
  // Then no process but the workers of a nursery can come to use the file. False in a child of fork.
  bool IsOursAlone() const;
  // Whether a nursery was made since then. It keeps the memory as long as it lives.
  bool NurseryHasIt() const;
  // Held around the fork of a nursery. One thread at a time.
  class NurseryFork {
   public:
    NurseryFork();
    ~NurseryFork();
    NurseryFork(const NurseryFork&) = delete;
    NurseryFork& operator=(const NurseryFork&) = delete;
  };
  // FailedPrecondition: the descriptor is not this file any more. The process's own code has closed it, and another
  // file may have its number now. Checked before the file is grown, cut or passed on.
  absl::Status CheckFile() const;
  // A number that no other file of shared memory has while this one exists.
  uint64_t identity() const { return identity_; }

  // In a child that a process of one thread made by a raw clone, which runs no handlers: keeps the parent's Segments.
  static void AdoptInherited();

  // The one object by which this process uses the segment. Calls `make`, which may return null, if there is none. All
  // callers for one segment use the same type V.
  template <class V>
  std::shared_ptr<V> ViewOr(absl::FunctionRef<std::shared_ptr<V>()> make) {
    return std::static_pointer_cast<V>(FindOrMakeView([make]() -> std::shared_ptr<void> { return make(); }));
  }

 private:
  Segment(Fd file, uint64_t identity, uint64_t size) : file_(std::move(file)), identity_(identity), known_size_(size) {}

  static constexpr uint64_t WindowOf(uint64_t offset) {
    return static_cast<uint64_t>(std::bit_width(offset >> kFirstWindowLog2));
  }
  static constexpr uint64_t WindowBegin(uint64_t window) {
    return window == 0 ? 0 : uint64_t{1} << (kFirstWindowLog2 + window - 1);
  }
  static constexpr uint64_t WindowEnd(uint64_t window) { return uint64_t{1} << (kFirstWindowLog2 + window); }

  std::byte* AtSlow(uint64_t offset, uint64_t size) const;
  absl::Status MapWindow(uint64_t window) const;
  std::shared_ptr<void> FindOrMakeView(absl::FunctionRef<std::shared_ptr<void>()> make);

  Fd file_;
  const uint64_t identity_;
  mutable std::atomic<uint64_t> known_size_;  // The file may be larger by now.
  // For each window, its address minus the offset of its begin. 0 while it is not mapped.
  mutable std::atomic<uintptr_t> windows_[kWindows] = {};
  std::weak_ptr<void> view_;                   // Guarded by the registry of segments.
  mutable std::atomic<bool> passed_on_{true};  // Create sets it to false.
  uint64_t forks_before_ = 0;
  uint64_t nurseries_before_ = 0;
  uint32_t made_in_ = 0;  // Fork generation.
};

}  // namespace regatta

#endif  // REGATTA_CORE_SHM_SEGMENT_H_
