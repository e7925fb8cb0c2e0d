// What crosses and what doesn't is decided when compiling; so are these tests. The text of each refusal is in check.h,
// one static_assert a Problem.
#include <array>
#include <atomic>
#include <bitset>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "core/codec/codec.h"
#include "core/os/fd.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

using codec_internal::FindProblem;
using codec_internal::Problem;

template <class T>
constexpr Problem kDecodingProblem = FindProblem<true, T>();
template <class T>
constexpr Problem kEncodingProblem = FindProblem<false, T>();

enum class Scoped { kA };
enum Fixed : uint8_t { kFixedA };
enum Plain { kPlainA };
struct Empty {};
struct Inner {
  int number;
  std::string text;
};
struct Outer {
  Inner inner;
  std::vector<Inner> more;
  char letters[12];
  Empty empty;
};
struct TwentyFields {
  int a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s;
  Outer t;
};

// Every type of the list in codec.h crosses.
static_assert(Codable<int> && Codable<char> && Codable<bool> && Codable<double> && Codable<long double>);
static_assert(Codable<char32_t> && Codable<std::byte> && Codable<int64_t>);
static_assert(Codable<Scoped> && Codable<Fixed>);
static_assert(Codable<std::string> && Codable<std::vector<int>> && Codable<std::vector<bool>>);
static_assert(Codable<std::array<std::string, 3>> && Codable<int[4]> && Codable<int[2][3]>);
static_assert(Codable<std::pair<int, std::string>> && Codable<std::tuple<>> && Codable<std::tuple<int, Fd>>);
static_assert(Codable<std::optional<Inner>> && Codable<std::variant<std::monostate, int, Inner>>);
static_assert(Codable<std::map<std::string, std::vector<int>>> && Codable<std::set<Scoped>>);
static_assert(Codable<std::multimap<int, int>> && Codable<std::multiset<int>>);
static_assert(Codable<std::unordered_map<int, Inner>> && Codable<std::unordered_set<std::string>>);
static_assert(Codable<absl::Status> && Codable<absl::StatusOr<Inner>>);
static_assert(Codable<absl::Duration> && Codable<std::chrono::milliseconds> && Codable<std::chrono::duration<double>>);
static_assert(Codable<Fd> && Codable<std::vector<Fd>>);
static_assert(Codable<Empty> && Codable<Inner> && Codable<Outer> && Codable<TwentyFields>);

// Addresses.
static_assert(kDecodingProblem<int*> == Problem::kPointer);
static_assert(kDecodingProblem<const char*> == Problem::kPointer);
static_assert(kDecodingProblem<void*> == Problem::kPointer);
static_assert(kDecodingProblem<std::nullptr_t> == Problem::kPointer);
static_assert(kDecodingProblem<std::reference_wrapper<int>> == Problem::kPointer);
static_assert(kDecodingProblem<int&> == Problem::kPointer);
static_assert(kDecodingProblem<std::tuple<int, std::string&>> == Problem::kPointer);
static_assert(kEncodingProblem<std::tuple<int, std::string&>> == Problem::kPointer);
static_assert(kDecodingProblem<std::map<int, std::vector<int*>>> == Problem::kPointer);
struct HoldsPointer {
  int number;
  const char* text;
};
static_assert(kDecodingProblem<HoldsPointer> == Problem::kPointer);
static_assert(kDecodingProblem<std::vector<std::optional<HoldsPointer>>> == Problem::kPointer);
static_assert(kDecodingProblem<std::unique_ptr<int>> == Problem::kSmartPointer);
static_assert(kDecodingProblem<std::vector<std::shared_ptr<int>>> == Problem::kSmartPointer);

// Functions.
using Captureless = decltype([](int x) { return x; });
using Capturing = decltype([y = 1](int x) { return x + y; });
static_assert(kDecodingProblem<Captureless> == Problem::kFunction);
static_assert(kDecodingProblem<Capturing> == Problem::kFunction);
static_assert(kDecodingProblem<void (*)(int)> == Problem::kFunction);
static_assert(kDecodingProblem<int Inner::*> == Problem::kFunction);
static_assert(kDecodingProblem<std::function<void()>> == Problem::kFunction);

// What lives in one process.
static_assert(kDecodingProblem<std::thread> == Problem::kNoCodec);
static_assert(kDecodingProblem<std::mutex> == Problem::kNoCodec);
static_assert(kDecodingProblem<std::atomic<int>> == Problem::kNoCodec);
static_assert(kDecodingProblem<std::pair<int, std::mutex>> == Problem::kNoCodec);

// Views can be encoded, with the fingerprint of what is decoded, but not decoded.
static_assert(kEncodingProblem<std::string_view> == Problem::kNone);
static_assert(kEncodingProblem<absl::Span<const int>> == Problem::kNone);
static_assert(kEncodingProblem<std::span<const std::string>> == Problem::kNone);
static_assert(kDecodingProblem<std::string_view> == Problem::kView);
static_assert(kDecodingProblem<absl::Span<const int>> == Problem::kView);
static_assert(kDecodingProblem<std::vector<std::string_view>> == Problem::kView);
static_assert(TypeFingerprint<std::string_view>() == TypeFingerprint<std::string>());
static_assert(TypeFingerprint<absl::Span<const int>>() == TypeFingerprint<std::vector<int>>());

// Structs whose fields can't be had, or whose values can't be made.
struct Derived : Inner {
  int more;
};
static_assert(kDecodingProblem<Derived> == Problem::kBase);
struct HoldsReference {
  int& number;
};
static_assert(kDecodingProblem<HoldsReference> == Problem::kFields);
struct HoldsConst {
  const int number;
};
static_assert(kDecodingProblem<HoldsConst> == Problem::kQualified);
struct TwentyOneFields {
  int a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u;
};
static_assert(kDecodingProblem<TwentyOneFields> == Problem::kTooManyFields);
#if !defined(__clang__)  // It says so in its own words.
struct OneBitField {
  int number : 31;
};
struct BitFieldBesideOthers {
  std::string text;
  unsigned flag : 1;
  double weight;
};
static_assert(kDecodingProblem<OneBitField> == Problem::kBitField);
static_assert(kEncodingProblem<OneBitField> == Problem::kBitField);
static_assert(kDecodingProblem<BitFieldBesideOthers> == Problem::kBitField);
static_assert(kDecodingProblem<std::vector<OneBitField>> == Problem::kBitField);
#endif
union Either {
  int a;
  float b;
};
static_assert(kDecodingProblem<Either> == Problem::kUnion);
static_assert(kDecodingProblem<Plain> == Problem::kPlainEnum);
class Hides {
 public:
  explicit Hides(int number) : number_(number) {}
  int number() const { return number_; }

 private:
  int number_;
};
static_assert(kDecodingProblem<Hides> == Problem::kNoCodec);

// Types that contain themselves.
struct Tree {
  int number;
  std::vector<Tree> children;
};
static_assert(kDecodingProblem<Tree> == Problem::kRecursive);
static_assert(kDecodingProblem<std::optional<Tree>> == Problem::kRecursive);
struct Twice {
  Inner a;
  Inner b;  // The same part twice is no recursion.
};
static_assert(Codable<Twice>);

// Blocks: what any bytes are a value of, without padding.
struct Block64 {
  uint64_t id;
  double weight;
  std::array<int32_t, 4> place;
  char text[32];
};
struct Padded {
  char letter;
  int number;
};
struct WithBool {
  int number;
  bool flag;
  char rest[3];
};
static_assert(kIsBlock<int> && kIsBlock<double> && kIsBlock<Scoped> && kIsBlock<std::byte> && kIsBlock<Block64>);
static_assert(kIsBlock<std::array<Block64, 3>> && kIsBlock<Block64[3]> && kIsBlock<std::chrono::nanoseconds>);
static_assert(!kIsBlock<bool> && !kIsBlock<WithBool> && !kIsBlock<Padded> && !kIsBlock<Empty> && !kIsBlock<Inner>);
static_assert(!kIsBlock<long double> && !kIsBlock<std::string> && !kIsBlock<Fd> && !kIsBlock<std::array<int, 0>>);
static_assert(kFixedSize<Block64> == 64 && kFixedSize<Padded> == 5 && kFixedSize<WithBool> == 8);
static_assert(kFixedSize<std::pair<char, int>> == 5 && kFixedSize<absl::Duration> == 12);
static_assert(kFixedSize<Empty> == 1 && kFixedSize<std::tuple<>> == 1 && kFixedSize<std::array<std::string, 0>> == 1);
static_assert(kFixedSize<std::string> == kVariable && kFixedSize<std::optional<int>> == kVariable);
static_assert(kCarriesDescriptors<Fd> && kCarriesDescriptors<std::map<int, std::optional<Fd>>>);
static_assert(!kCarriesDescriptors<Outer> && !kCarriesDescriptors<std::string>);

// A structure has one fingerprint; another structure another.
static_assert(TypeFingerprint<int>() == TypeFingerprint<int32_t>());
static_assert(TypeFingerprint<long>() == TypeFingerprint<long long>());
static_assert(TypeFingerprint<std::pair<int, double>>() == TypeFingerprint<std::tuple<int, double>>());

TEST(Fingerprint, DiffersBetweenTypesThatEncodeDifferently) {
  const std::vector<uint64_t> all = {
      TypeFingerprint<int>(),
      TypeFingerprint<unsigned>(),
      TypeFingerprint<float>(),
      TypeFingerprint<double>(),
      TypeFingerprint<int64_t>(),
      TypeFingerprint<char>(),
      TypeFingerprint<int8_t>(),
      TypeFingerprint<bool>(),
      TypeFingerprint<Scoped>(),
      TypeFingerprint<Fixed>(),
      TypeFingerprint<std::string>(),
      TypeFingerprint<std::vector<char>>(),
      TypeFingerprint<std::vector<std::vector<char>>>(),
      TypeFingerprint<std::array<char, 3>>(),
      TypeFingerprint<std::array<char, 4>>(),
      TypeFingerprint<std::tuple<>>(),
      TypeFingerprint<std::tuple<int>>(),
      TypeFingerprint<std::tuple<int, int>>(),
      TypeFingerprint<std::tuple<std::tuple<int>, int>>(),
      TypeFingerprint<std::optional<int>>(),
      TypeFingerprint<std::variant<int>>(),
      TypeFingerprint<std::variant<int, double>>(),
      TypeFingerprint<std::variant<double, int>>(),
      TypeFingerprint<std::map<int, double>>(),
      TypeFingerprint<std::multimap<int, double>>(),
      TypeFingerprint<std::unordered_map<int, double>>(),
      TypeFingerprint<std::unordered_multimap<int, double>>(),
      TypeFingerprint<std::set<int>>(),
      TypeFingerprint<absl::Status>(),
      TypeFingerprint<absl::StatusOr<int>>(),
      TypeFingerprint<absl::Duration>(),
      TypeFingerprint<std::chrono::seconds>(),
      TypeFingerprint<std::chrono::minutes>(),
      TypeFingerprint<Fd>(),
      TypeFingerprint<Inner>(),
      TypeFingerprint<Outer>(),
  };
  EXPECT_EQ(std::set<uint64_t>(all.begin(), all.end()).size(), all.size());
}

}  // namespace
}  // namespace regatta
