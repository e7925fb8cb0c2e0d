// Holds the bytes of values and arrays to what FORMAT.md says of them.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/strings/string_view.h"
#include "core/ipc/array.h"
#include "core/ipc/value.h"
#include "core/os/memfd.h"
#include "core/shm/family.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

// The bytes of an object, as another process finds them.
class Bytes {
 public:
  template <class H>
  explicit Bytes(const H& handle)
      : mapping_(*Mapping::Map(handle.descriptor(), *MemfdSize(handle.descriptor()))),
        object_(mapping_.data() + handle.offset()) {}

  template <class Number>
  Number At(size_t at) const {
    Number value;
    std::memcpy(&value, object_ + at, sizeof(value));
    return value;
  }
  void ExpectHeader(absl::string_view magic, uint64_t fingerprint) const {
    EXPECT_EQ(std::memcmp(object_, magic.data(), 8), 0);
    EXPECT_EQ(At<uint64_t>(8), *Family::Id());
    EXPECT_EQ(At<uint64_t>(16), fingerprint);
  }

 private:
  Mapping mapping_;
  std::byte* object_;
};

// FNV-1a over "memory", a zero byte, and the three numbers.
uint64_t Fingerprint(uint64_t encoded, uint64_t size, uint64_t alignment) {
  return FingerprintOf("memory", {encoded, size, alignment});
}

TEST(ValueFormat, IsWhatAValueLooksLike) {
  Value<int64_t> value = *Value<int64_t>::Create(7);
  const Bytes bytes(value);
  bytes.ExpectHeader("REGVALU1", Fingerprint(FingerprintOf("int", {8}), 8, 8));
  EXPECT_EQ(bytes.At<uint64_t>(24), 0u) << "has a lock of its own";
  EXPECT_EQ(bytes.At<int64_t>(32), 7);
  EXPECT_EQ(bytes.At<uint32_t>(128 + 64), 0u);
  ASSERT_THAT(value.Acquire(), IsOk());
  EXPECT_EQ(bytes.At<uint32_t>(128 + 64), *Family::Self()) << "its own lock";
  EXPECT_EQ(Bytes(*Value<int>::Create(1, *Lock::Create())).At<uint64_t>(24), 1u);
  EXPECT_EQ(Bytes(*Value<int>::Create(1, NoLock())).At<uint64_t>(24), 2u);
  struct alignas(64) Aligned {
    uint32_t number;
  };
  EXPECT_EQ(Bytes(*Value<Aligned>::Create({9})).At<uint32_t>(64), 9u) << "at a multiple of its alignment";
}

TEST(ArrayFormat, IsWhatAnArrayLooksLike) {
  Array<int16_t> array = *Array<int16_t>::CreateFrom({1, -2, 3});
  const Bytes bytes(array);
  bytes.ExpectHeader("REGARRY1", Fingerprint(FingerprintOf("int", {2}), 2, 2));
  EXPECT_EQ(bytes.At<uint64_t>(24), 0u) << "has a lock of its own";
  EXPECT_EQ(bytes.At<uint64_t>(32), 6u) << "bytes";
  EXPECT_EQ(bytes.At<uint64_t>(40), 256u) << "where the elements are";
  EXPECT_EQ(bytes.At<int16_t>(256), 1);
  EXPECT_EQ(bytes.At<int16_t>(258), -2);
  ASSERT_THAT(array.Acquire(), IsOk());
  EXPECT_EQ(bytes.At<uint32_t>(128 + 64), *Family::Self()) << "its own lock";
}

TEST(ArrayFormat, ALargeOneLiesInAWindowOfItsOwn) {
  Array<int32_t> array = *Array<int32_t>::Create(1 << 20);
  ASSERT_THAT(array.Set(1, 5), IsOk());
  EXPECT_EQ(array.offset(), 0u);
  const Bytes bytes(array);
  EXPECT_EQ(bytes.At<uint64_t>(32), 4u << 20);
  EXPECT_EQ(bytes.At<uint64_t>(40), 4u << 20);
  EXPECT_EQ(bytes.At<int32_t>((4 << 20) + 4), 5);
}

}  // namespace
}  // namespace regatta
