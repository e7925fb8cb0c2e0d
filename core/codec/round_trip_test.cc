// Values of every type come back equal, and take exactly the bytes that they said.
#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "core/codec/codec.h"
#include "core/testing/arbitrary.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

using codec_internal::Arbitrary;
using codec_internal::Random;

enum class Colour : int16_t { kRed = -1, kGreen = 300 };
enum class Flag : bool { kOff, kOn };
struct Empty {
  bool operator==(const Empty&) const = default;
};
struct Block {
  uint64_t id;
  double weight;
  std::array<int32_t, 4> place;
  char text[32];
  bool operator==(const Block&) const = default;
};
struct Padded {
  char letter;
  int64_t number;
  bool flag;
  Empty empty;
  bool operator==(const Padded&) const = default;
};
struct Leaf {
  std::string name;
  std::optional<double> weight;
  bool operator==(const Leaf&) const = default;
};
struct Record {
  Colour colour = Colour::kGreen;
  Flag flag{};
  std::vector<Leaf> leaves;
  std::map<std::string, std::vector<int>> table;
  std::variant<std::monostate, Block, std::string> choice;
  std::array<Leaf, 2> pair;
  std::string texts[2][2];
  absl::Duration time;
  std::vector<Padded> padded;
  bool operator==(const Record&) const = default;
};

struct Outcome {
  absl::Status status;
  bool operator==(const Outcome&) const = default;
};

// `bytes` at an address that is a multiple of 16 plus `offset`.
class Placed {
 public:
  Placed(const std::string& bytes, size_t offset) : storage_(bytes.size() + offset + 16) {
    const auto base = reinterpret_cast<uintptr_t>(storage_.data());
    std::byte* const at = storage_.data() + (16 - base % 16) + offset;
    std::memcpy(at, bytes.data(), bytes.size());
    bytes_ = absl::MakeConstSpan(at, bytes.size());
  }
  absl::Span<const std::byte> bytes() const { return bytes_; }

 private:
  std::vector<std::byte> storage_;
  absl::Span<const std::byte> bytes_;
};

template <class T>
class RoundTrip : public testing::Test {};
using Types = testing::Types<
    bool, char, int8_t, uint8_t, int16_t, uint16_t, int32_t, uint32_t, int64_t, uint64_t, float, double, long double,
    char32_t, wchar_t, std::byte, Colour, Flag, std::string, std::vector<char>, std::vector<uint64_t>,
    std::vector<bool>, std::vector<std::string>, std::vector<std::vector<int16_t>>, std::vector<Empty>,
    std::vector<std::tuple<>>, std::array<int, 3>, std::array<std::string, 2>, std::array<std::string, 0>,
    std::vector<std::array<Padded, 2>>, std::pair<char, int>, std::pair<std::string, bool>, std::tuple<>,
    std::tuple<int>, std::tuple<Leaf, int, std::string>, std::optional<int>, std::optional<std::optional<std::string>>,
    std::variant<int>, std::variant<int, int, std::string, std::vector<Leaf>>, std::map<int, std::string>,
    std::multimap<int8_t, int>, std::set<std::string>, std::multiset<int>,
    std::unordered_map<std::string, std::vector<int>>, std::unordered_set<Colour>, std::unordered_multimap<int, int>,
    absl::flat_hash_map<int, std::string>, absl::btree_map<std::string, int>, absl::Status, absl::StatusOr<std::string>,
    absl::StatusOr<int>, absl::Duration, std::chrono::nanoseconds, std::chrono::duration<double, std::ratio<1, 3>>,
    Empty, Block, Padded, Leaf, Record, std::map<std::string, std::map<int, Record>>>;
TYPED_TEST_SUITE(RoundTrip, Types);

TYPED_TEST(RoundTrip, GivesBackTheSameValueFromExactlyItsSizeAtAnyAlignment) {
  Random random(20260101);
  TypeParam reused{};
  for (int i = 0; i < 500; ++i) {
    const TypeParam value = Arbitrary<TypeParam>(random);
    const absl::StatusOr<std::string> bytes = EncodeToString(value);
    ASSERT_THAT(bytes, IsOk());
    ASSERT_EQ(bytes->size(), EncodedSize(value));
    ASSERT_GE(bytes->size(), codec_internal::kMinSize<TypeParam>);
    const Placed placed(*bytes, static_cast<size_t>(i) % 16);
    if constexpr (!std::is_convertible_v<absl::Status, TypeParam>) {
      const absl::StatusOr<TypeParam> back = Decode<TypeParam>(placed.bytes());
      ASSERT_THAT(back, IsOk());
      ASSERT_TRUE(*back == value);
    }
    // Into a value that held another before.
    const absl::Status status = DecodeInto(placed.bytes(), reused);
    ASSERT_THAT(status, IsOk());
    ASSERT_TRUE(reused == value);
  }
}

TYPED_TEST(RoundTrip, OfEveryPrefixIsRefused) {
  Random random(20260102);
  TypeParam value{};
  for (int i = 0; i < 20; ++i) {
    const std::string bytes = *EncodeToString(Arbitrary<TypeParam>(random));
    for (size_t size = 0; size < bytes.size(); ++size) {
      // Of its own size, so that a sanitizer sees a read beyond.
      const std::vector<char> prefix(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size));
      const absl::Status status = DecodeInto(AsBytes({prefix.data(), prefix.size()}), value);
      ASSERT_THAT(status, StatusIs(absl::StatusCode::kDataLoss)) << size << " of " << bytes.size();
    }
    ASSERT_THAT(DecodeInto(AsBytes(bytes + '\0'), value), StatusIs(absl::StatusCode::kDataLoss));
  }
}

// Equal bytes for equal values, so that a buffer may be compared or hashed; not promised of hashed containers.
TYPED_TEST(RoundTrip, WritesTheSameBytesWhateverTheBufferHeld) {
  Random random(20260103);
  for (int i = 0; i < 50; ++i) {
    const TypeParam value = Arbitrary<TypeParam>(random);
    std::vector<std::byte> zeros(EncodedSize(value), std::byte{0});
    std::vector<std::byte> ones(zeros.size(), std::byte{0xff});
    ASSERT_THAT(Encode(value, absl::MakeSpan(zeros)), IsOk());
    ASSERT_THAT(Encode(value, absl::MakeSpan(ones)), IsOk());
    ASSERT_EQ(zeros, ones);
  }
}

TEST(Floats, KeepTheirBitsEvenAsNaN) {
  for (const double value : {std::numeric_limits<double>::quiet_NaN(), -0.0, std::numeric_limits<double>::denorm_min(),
                             -std::numeric_limits<double>::infinity()}) {
    const double back = *Decode<double>(AsBytes(*EncodeToString(value)));
    EXPECT_EQ(std::bit_cast<uint64_t>(back), std::bit_cast<uint64_t>(value));
  }
  EXPECT_TRUE(std::isnan(*Decode<long double>(AsBytes(*EncodeToString(std::nanl(""))))));
}

TEST(Durations, KeepTheirExtremes) {
  const absl::Duration quarter = absl::Nanoseconds(1) / 4;
  const absl::Duration most = absl::Seconds(std::numeric_limits<int64_t>::max());
  const absl::Duration least = absl::Seconds(std::numeric_limits<int64_t>::min());
  for (const absl::Duration value : {absl::InfiniteDuration(), -absl::InfiniteDuration(), absl::ZeroDuration(), quarter,
                                     -quarter, most, most + absl::Seconds(1) - quarter, least, least + quarter,
                                     absl::Seconds(-1), absl::Seconds(1) - quarter, absl::Seconds(-1) - quarter}) {
    EXPECT_EQ(*Decode<absl::Duration>(AsBytes(*EncodeToString(value))), value) << value;
  }
}

TEST(Views, AreDecodedAsTheirOwners) {
  EXPECT_EQ(*Decode<std::string>(AsBytes(*EncodeToString(std::string_view("abc")))), "abc");
  const std::vector<std::string> words = {"a", "bc", ""};
  EXPECT_EQ(*Decode<std::vector<std::string>>(AsBytes(*EncodeToString(absl::MakeConstSpan(words)))), words);
  std::array<int, 2> numbers = {5, 6};
  EXPECT_EQ(*Decode<std::vector<int>>(AsBytes(*EncodeToString(absl::MakeSpan(numbers)))), (std::vector<int>{5, 6}));
  EXPECT_EQ(*Decode<std::vector<int>>(AsBytes(*EncodeToString(std::span<const int>(numbers)))),
            (std::vector<int>{5, 6}));
  EXPECT_EQ((*Decode<std::array<char, 4>>(AsBytes(*EncodeToString("abc")))), (std::array<char, 4>{'a', 'b', 'c', 0}));
}

TEST(Statuses, KeepCodesThatNobodyKnowsYet) {
  const absl::Status status(static_cast<absl::StatusCode>(77), "from the future");
  absl::Status back;
  ASSERT_THAT(DecodeInto(AsBytes(*EncodeToString(status)), back), IsOk());
  EXPECT_EQ(back.raw_code(), 77);
  EXPECT_EQ(back.message(), "from the future");
}

TEST(Failures, OfAStructThatIsMadeFromAStatusAreErrorsNotValues) {
  EXPECT_THAT(Decode<Outcome>(AsBytes("x")), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(FixedSizes, AreWrittenInPlace) {
  std::array<std::byte, 12> out{};
  std::byte* const end = EncodeFixed(Padded{'x', -2, true, {}}, out.data() + 1);
  EXPECT_EQ(end, out.data() + 12);
  EXPECT_EQ(*Decode<Padded>(absl::MakeConstSpan(out.data() + 1, 11)), (Padded{'x', -2, true, {}}));
}

}  // namespace
}  // namespace regatta
