// Bytes that another process may have written: each way to be wrong is DataLoss, and none takes memory that the bytes
// do not pay for.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
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

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "core/codec/codec.h"
#include "core/testing/arbitrary.h"
#include "core/testing/hostile_input.h"
#include "core/testing/largest_allocation.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

using codec_internal::Arbitrary;
using codec_internal::HostileTypes;
using codec_internal::LargestAllocation;
using codec_internal::Random;
using codec_internal::ResetLargestAllocation;
using codec_internal::TypeList;

template <class Number>
std::string Raw(Number number) {
  return std::string(reinterpret_cast<const char*>(&number), sizeof(number));
}
std::string Count(uint64_t count) { return Raw(count); }

template <class T>
absl::StatusCode Code(const std::string& bytes) {
  T value{};
  return DecodeInto(AsBytes(bytes), value).code();
}
template <class T>
void ExpectRefused(const std::string& bytes) {
  EXPECT_EQ(Code<T>(bytes), absl::StatusCode::kDataLoss) << codec_internal::TypeName<T>() << ", " << bytes.size();
}
template <class T>
void ExpectAccepted(const std::string& bytes) {
  EXPECT_EQ(Code<T>(bytes), absl::StatusCode::kOk) << codec_internal::TypeName<T>() << ", " << bytes.size();
}

struct Nothing {};
template <class T>
class Counted : public testing::Test {};
using CountedTypes =
    testing::Types<std::string, std::vector<char>, std::vector<uint64_t>, std::vector<bool>, std::vector<std::string>,
                   std::vector<Nothing>, std::vector<std::tuple<>>, std::vector<std::array<std::string, 0>>,
                   std::vector<std::vector<std::vector<int>>>, std::vector<std::pair<char, int>>,
                   std::vector<std::optional<std::array<char, 4096>>>, std::map<int, int>, std::map<char, std::string>,
                   std::set<std::string>, std::multimap<char, char>, std::unordered_map<int, std::string>,
                   std::unordered_set<char>>;
TYPED_TEST_SUITE(Counted, CountedTypes);

TYPED_TEST(Counted, BeyondTheBytesLeftIsRefusedWithoutTakingTheMemory) {
  using Two = std::vector<TypeParam>;
  for (const uint64_t count : {uint64_t{9}, uint64_t{1} << 32, uint64_t{1} << 60, (uint64_t{1} << 61) + 1,
                               (uint64_t{1} << 62) + 1, uint64_t{1} << 63, std::numeric_limits<uint64_t>::max()}) {
    ResetLargestAllocation();
    ExpectRefused<TypeParam>(Count(count) + std::string(8, '\0'));
    // As the second of two.
    ExpectRefused<Two>(Count(2) + Count(0) + Count(count) + std::string(8, '\0'));
    // The message alone takes some hundred bytes.
    EXPECT_LT(LargestAllocation(), 8192u) << count;
  }
}

TEST(SmallElements, ThatAreLargeInMemoryTakeItOnlyOnceTheyCame) {
  // A byte would be enough for each, were it absent, but the first one is no optional at all.
  using Block = std::array<char, 4096>;
  const std::string bytes = Count(100'000) + '\2' + std::string(99'999, '\0');
  ResetLargestAllocation();
  ExpectRefused<std::vector<std::optional<Block>>>(bytes);
  EXPECT_LT(LargestAllocation(), 4 * bytes.size());
}

TEST(Flags, AreZeroOrOne) {
  for (int byte = 2; byte < 256; ++byte) {
    const std::string flag(1, static_cast<char>(byte));
    ExpectRefused<bool>(flag);
    ExpectRefused<codec_internal::HostileFlag>(flag);
    ExpectRefused<std::vector<bool>>(Count(1) + flag);
    ExpectRefused<std::array<bool, 2>>('\0' + flag);
    ExpectRefused<std::vector<std::pair<bool, int>>>(Count(1) + flag + Raw(7));
    ExpectRefused<std::optional<char>>(flag + 'a');
    ExpectRefused<std::variant<int, char>>(flag + 'a');
    ExpectRefused<Nothing>(flag);
    ExpectRefused<std::monostate>(flag);
    ExpectRefused<std::tuple<>>(flag);
    ExpectRefused<std::array<int, 0>>(flag);
  }
}

TEST(Variants, HaveOnlyTheirAlternatives) {
  ExpectAccepted<std::variant<char>>(std::string("\0a", 2));
  for (int index = 1; index < 256; ++index) {
    ExpectRefused<std::variant<char>>(std::string(1, static_cast<char>(index)) + 'a');
  }
}

TEST(Keys, ComeOnceAndInOrder) {
  ExpectAccepted<std::map<char, char>>(Count(2) + "axby");
  ExpectRefused<std::map<char, char>>(Count(2) + "axay");
  ExpectRefused<std::map<char, char>>(Count(2) + "bxay");
  ExpectAccepted<std::set<char>>(Count(3) + "abc");
  ExpectRefused<std::set<char>>(Count(3) + "abb");
  ExpectRefused<std::set<char>>(Count(3) + "acb");
  ExpectAccepted<std::multiset<char>>(Count(3) + "abb");
  ExpectRefused<std::multiset<char>>(Count(3) + "bba");
  ExpectAccepted<std::unordered_set<char>>(Count(3) + "cab");
  ExpectRefused<std::unordered_set<char>>(Count(3) + "aba");
  ExpectRefused<std::unordered_map<char, char>>(Count(2) + "axay");
  ExpectAccepted<std::unordered_multimap<char, char>>(Count(2) + "axay");
}

TEST(Keys, ThatNothingOrdersAreRefused) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  ExpectRefused<std::set<double>>(Count(2) + Raw(nan) + Raw(nan));
  ExpectRefused<std::set<double>>(Count(3) + Raw(1.0) + Raw(nan) + Raw(2.0));
}

TEST(Durations, HaveOneEncoding) {
  const auto most = Raw(std::numeric_limits<int64_t>::max());
  ExpectAccepted<absl::Duration>(Raw(int64_t{5}) + Raw(uint32_t{3'999'999'999}));
  ExpectRefused<absl::Duration>(Raw(int64_t{5}) + Raw(uint32_t{4'000'000'000}));
  ExpectRefused<absl::Duration>(Raw(int64_t{5}) + Raw(std::numeric_limits<uint32_t>::max()));
  ExpectAccepted<absl::Duration>(most + Raw(std::numeric_limits<uint32_t>::max()));
  ExpectRefused<absl::Duration>(most + Raw(std::numeric_limits<uint32_t>::max() - 1));
}

TEST(Statuses, HaveFewPayloadsInOrder) {
  const std::string error = Raw(int32_t{5}) + Count(0);
  const auto payload = [](const std::string& url) { return Count(url.size()) + url + Count(0); };
  ExpectAccepted<absl::Status>(error + Count(2) + payload("a") + payload("b"));
  ExpectRefused<absl::Status>(error + Count(2) + payload("b") + payload("a"));
  ExpectRefused<absl::Status>(error + Count(2) + payload("a") + payload("a"));
  ExpectRefused<absl::Status>(Raw(int32_t{0}) + Count(0) + Count(0));
  std::string many;
  for (int i = 100; i < 201; ++i) many += payload(absl::StrCat(i));
  ExpectRefused<absl::Status>(error + Count(101) + many);
  ExpectAccepted<absl::Status>(error + Count(100) + many.substr(0, 100 * payload("100").size()));
}

TEST(Errors, SayWhatWasDecodedAndWhere) {
  const absl::Status status = Decode<std::vector<std::string>>(AsBytes(Count(1) + Count(99) + "abc")).status();
  for (const char* part : {"vector", "byte 16 of 19", "99", "3 bytes are left"}) {
    EXPECT_TRUE(absl::StrContains(status.message(), part)) << part << " is not in: " << status;
  }
}

template <class T>
std::string EncodedArbitrary(Random& random) {
  return *EncodeToString(Arbitrary<T>(random));
}

// An input for type `index` that is right.
template <class... Types>
std::string Seed(Random& random, size_t index, TypeList<Types...>) {
  using Make = std::string (*)(Random&);
  constexpr std::array<Make, sizeof...(Types)> kMake = {&EncodedArbitrary<Types>...};
  return static_cast<char>(index) + kMake[index](random);
}

std::string Mutated(Random& random, std::string input) {
  const auto place = [&] { return codec_internal::Below(random, input.size() - 1); };
  for (size_t i = codec_internal::Below(random, 3); i > 0; --i) {
    switch (codec_internal::Below(random, 4)) {
      case 0:
        input[place()] ^= static_cast<char>(1 << codec_internal::Below(random, 7));
        break;
      case 1:
        input.resize(1 + place());
        break;
      case 2:
        input.insert(place(), 1, static_cast<char>(random()));
        break;
      case 3: {
        const uint64_t extreme = Arbitrary<uint64_t>(random);
        const size_t at = place();
        std::memcpy(&input[at], &extreme, std::min(sizeof(extreme), input.size() - at));
        break;
      }
      default:
        // A part of it once more, somewhere else.
        input.insert(place(), input.substr(place(), codec_internal::Below(random, 9)));
    }
  }
  return input;
}

template <class... Types>
constexpr size_t NumberOf(TypeList<Types...>) {
  return sizeof...(Types);
}

TEST(Mutations, OfRightBytesGiveAValueOrDataLossAndTakeNoMoreThanTheyPayFor) {
  Random random(20260104);
  constexpr size_t kTypes = NumberOf(HostileTypes());
  std::array<int, kTypes> accepted{};
  std::array<int, kTypes> refused{};
  for (int i = 0; i < 40'000; ++i) {
    const size_t index = static_cast<size_t>(i) % kTypes;
    std::string input = Mutated(random, Seed(random, index, HostileTypes()));
    input[0] = static_cast<char>(index);
    ResetLargestAllocation();
    const bool ok = codec_internal::DecodeHostile(AsBytes(input), HostileTypes());
    ++(ok ? accepted : refused)[index];
    ASSERT_LT(LargestAllocation(), 8192 + 200 * input.size());
  }
  EXPECT_GT(*std::min_element(accepted.begin(), accepted.end()), 0);
  EXPECT_GT(*std::min_element(refused.begin(), refused.end()), 0);
}

}  // namespace
}  // namespace regatta
