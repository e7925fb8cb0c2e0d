// What Value and Array have in common: access to a T in shared memory that other processes read and write, too.
#ifndef REGATTA_CORE_IPC_SHARED_VALUES_H_
#define REGATTA_CORE_IPC_SHARED_VALUES_H_

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "core/codec/codec.h"
#include "core/os/deadline.h"
#include "core/os/fork_generation.h"
#include "core/os/thrown.h"
#include "core/sync/acquired.h"
#include "core/sync/locked_object.h"

namespace regatta {

// Whether one instruction reads or writes a T, so that none is ever seen torn.
template <class T>
inline constexpr bool kIsWhole = sizeof(T) == 1 || sizeof(T) == 2 || sizeof(T) == 4 || sizeof(T) == 8;

// Whether one process may add to a T while others do.
template <class T>
inline constexpr bool kIsAddable = kIsWhole<T>&& std::is_arithmetic_v<T> && !std::is_same_v<T, bool>;

// Whether equal values of a whole T have equal bytes, so that they can be compared in one instruction.
template <class T>
inline constexpr bool kIsComparable = kIsWhole<T> &&
                                      (std::has_unique_object_representations_v<T> || std::is_floating_point_v<T>);

// Equal for equal types: of the same name or encoding, size and alignment.
template <class T>
constexpr uint64_t MemoryFingerprint() {
  static_assert(std::is_trivially_copyable_v<T> && !std::is_const_v<T> && !std::is_volatile_v<T>,
                "only a trivially copyable type can lie in shared memory: put others into a Queue");
  using codec_internal::Problem;
  constexpr Problem kProblem = codec_internal::FindProblem<true, T>();
  static_assert(kProblem != Problem::kPointer && kProblem != Problem::kFunction && kProblem != Problem::kSmartPointer &&
                    kProblem != Problem::kView,
                "a pointer, reference, view or function means nothing in another process: keep an index or offset");
  if constexpr (Encodable<T>) {
    return FingerprintOf("memory", {TypeFingerprint<T>(), sizeof(T), alignof(T)});
  } else {
    return FingerprintOf(codec_internal::TypeName<T>(), {sizeof(T), alignof(T)});
  }
}

// H is Value<T> or Array<T>. Each T lies at a multiple of its size if it is whole, and of its alignment.
template <class H, class Ref, class T>
class SharedValues : public LockedObject<H, Ref> {
 public:
  static constexpr uint64_t ValuesFingerprint() { return MemoryFingerprint<T>(); }

 protected:
  // Of a whole T: one instruction each. What a process writes before Store is visible to one whose Load sees its value.
  static T Load(const T* at) { return FromBytes(__atomic_load_n(Bits(at), __ATOMIC_ACQUIRE)); }
  static void Store(T* at, const T& value) { __atomic_store_n(Bits(at), std::bit_cast<Word>(value), __ATOMIC_RELEASE); }
  static bool CompareExchange(T* at, T& expected, const T& desired) {
    auto seen = std::bit_cast<Word>(expected);
    const bool same = Exchange(at, seen, desired);
    if (!same) expected = FromBytes(seen);
    return same;
  }
  static T FetchAdd(T* at, T delta) { return std::atomic_ref<T>(*at).fetch_add(delta); }

  absl::StatusOr<T> GetAt(const T* at, Deadline deadline) {
    if constexpr (kIsWhole<T>) {
      return Load(at);
    } else {
      std::array<std::byte, sizeof(T)> bytes;
      const absl::StatusOr<Acquired> how = UnderLock([&](Acquired) { std::memcpy(&bytes, at, sizeof(T)); }, deadline);
      if (!how.ok()) return how.status();
      if (how->previous_owner_died.has_value()) {
        return absl::AbortedError(absl::StrCat("process ", *how->previous_owner_died,
                                               " died while it held the lock of the ", H::kType.noun,
                                               ", which may be half changed: call Get again for what is there now"));
      }
      return FromBytes(bytes);
    }
  }
  absl::StatusOr<Acquired> SetAt(T* at, const T& value, Deadline deadline) {
    if constexpr (kIsWhole<T>) {
      Store(at, value);
      return Acquired();
    } else {
      return UnderLock([&](Acquired) { std::memcpy(at, &value, sizeof(T)); }, deadline);
    }
  }
  template <class Change>
  absl::StatusOr<Acquired> UpdateAt(T* at, Change& change, Deadline deadline) {
    const auto call = [&](T& value, Acquired how) {
      if constexpr (std::is_invocable_v<Change&, T&, Acquired>) {
        change(value, how);
      } else {
        change(value);
      }
    };
    return UnderLock(
        [&](Acquired how) {
          if constexpr (kIsWhole<T>) {
            Word seen = __atomic_load_n(Bits(at), __ATOMIC_ACQUIRE);
            for (bool stored = false; !stored;) {
              T changed = FromBytes(seen);
              call(changed, how);
              stored = Exchange(at, seen, changed);
            }
          } else {
            std::array<std::byte, sizeof(T)> bytes;
            std::memcpy(&bytes, at, sizeof(T));
            T changed = FromBytes(bytes);
            call(changed, how);
            std::memcpy(at, &changed, sizeof(T));
          }
        },
        deadline);
  }

 private:
  using Word = std::conditional_t<
      sizeof(T) == 1, uint8_t,
      std::conditional_t<sizeof(T) == 2, uint16_t, std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>>;
  typedef Word __attribute__((may_alias)) AliasWord;
  static AliasWord* Bits(T* at) { return reinterpret_cast<AliasWord*>(at); }
  static const AliasWord* Bits(const T* at) { return reinterpret_cast<const AliasWord*>(at); }
  // False: the bytes are not `seen`, which they become.
  static bool Exchange(T* at, Word& seen, const T& desired) {
    return __atomic_compare_exchange_n(Bits(at), &seen, std::bit_cast<Word>(desired), /*weak=*/false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
  }
  template <class Bytes>
  static T FromBytes(const Bytes& bytes) {
    return std::bit_cast<T>(bytes);
  }

  // Calls `work` with the lock held, or without a lock if there is none.
  template <class Work>
  absl::StatusOr<Acquired> UnderLock(Work work, Deadline deadline) {
    absl::StatusOr<Acquired> how = this->has_lock() ? this->Acquire(deadline) : Acquired();
    if (!how.ok()) return how;
    // A child that `work` forks does not hold the lock. Release fails only if `work` has released the lock itself.
    const absl::Cleanup release = [this, generation = ForkGeneration()] {
      if (this->has_lock() && IsForkGeneration(generation)) this->Release().IgnoreError();
    };
    absl::Status done = WithoutExceptions([&] {
      work(*how);
      return absl::OkStatus();
    });
    if (!done.ok()) return done;
    return how;
  }
};

}  // namespace regatta

#endif  // REGATTA_CORE_IPC_SHARED_VALUES_H_
