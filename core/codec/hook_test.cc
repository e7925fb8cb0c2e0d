// Types with codecs of their own: what they can do, and that one which fails fails its own value only.
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/types/span.h"
#include "core/codec/codec.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

// Of fixed size; not every byte is one.
class Percent {
 public:
  Percent() = default;
  explicit Percent(int value) : value_(value) {}
  int value() const { return value_; }
  bool operator==(const Percent&) const = default;

 private:
  int value_ = 0;
};

// Copied as it is.
class Point {
 public:
  Point() = default;
  Point(int x, int y) : x_(x), y_(y) {}
  bool operator==(const Point&) const = default;

 private:
  int x_ = 0;
  int y_ = 0;
};

// Contains itself.
struct Tree {
  int number = 0;
  std::vector<Tree> children;
  bool operator==(const Tree&) const = default;
};

// Move-only, without a default constructor, as the handles of shared objects are.
class Handle {
 public:
  explicit Handle(int id) : id_(std::make_unique<int>(id)) {}
  int id() const { return *id_; }
  bool operator==(const Handle& other) const { return id() == other.id(); }

 private:
  std::unique_ptr<int> id_;
};
struct WithHandle {
  int number;
  Handle handle;
  std::string text;
};

// Fails where it is told to, and otherwise lies about its size where it is told to.
struct Faulty {
  Faulty() = default;
  explicit Faulty(int how) : how(how) {}
  int how = 0;
};
enum : int { kGood, kFailEncode, kFailDecode, kRefuseDecode, kSizeTooSmall, kSizeTooLarge, kWriteNothing };

// Can't be made from a number.
struct Bomb {
  Bomb() = default;
  explicit Bomb(int number) { throw number; }
  std::string text;
};

}  // namespace

template <>
struct Codec<Bomb> {
  static constexpr uint64_t kFingerprint = FingerprintOf("test.Bomb/1");
  static size_t Size(const Bomb& value) { return EncodedSize(value.text); }
  static void Encode(const Bomb& value, Encoder& out) { out.Write(value.text); }
  static bool Decode(Decoder& in, Bomb& value) { return in.Read(value.text); }
};

template <>
struct Codec<Percent> {
  static constexpr size_t kSize = 1;
  static constexpr uint64_t kFingerprint = FingerprintOf("test.Percent/1");
  static void Put(const Percent& value, std::byte* out) { *out = static_cast<std::byte>(value.value()); }
  static bool Get(const std::byte* in, Percent& value) {
    value = Percent(static_cast<int>(*in));
    return value.value() <= 100;
  }
};

template <>
struct Codec<Point> : AsBlock<Point> {
  static constexpr uint64_t kFingerprint = FingerprintOf("test.Point/1");
};

template <>
struct Codec<Tree> {
  static constexpr uint64_t kFingerprint = FingerprintOf("test.Tree/1");
  static size_t Size(const Tree& value) { return EncodedSize(value.number) + EncodedSize(value.children); }
  static void Encode(const Tree& value, Encoder& out) {
    out.Write(value.number);
    out.Write(value.children);
  }
  static bool Decode(Decoder& in, Tree& value) { return in.Read(value.number) && in.Read(value.children); }
};

template <>
struct Codec<Handle> {
  static constexpr uint64_t kFingerprint = FingerprintOf("test.Handle/1");
  static size_t Size(const Handle&) { return sizeof(int); }
  static void Encode(const Handle& value, Encoder& out) { out.Write(value.id()); }
  static std::optional<Handle> Decode(Decoder& in) {
    int id = 0;
    if (!in.Read(id)) return std::nullopt;
    return Handle(id);
  }
};

template <>
struct Codec<Faulty> {
  static constexpr uint64_t kFingerprint = FingerprintOf("test.Faulty/1");
  static size_t Size(const Faulty& value) {
    if (value.how == kSizeTooSmall) return 3;
    if (value.how == kSizeTooLarge) return 5;
    return value.how == kWriteNothing ? 0 : 4;
  }
  static void Encode(const Faulty& value, Encoder& out) {
    if (value.how == kFailEncode) out.Fail(absl::NotFoundError("the encoder's own words"));
    if (value.how != kWriteNothing) out.Write(value.how);
  }
  static bool Decode(Decoder& in, Faulty& value) {
    if (!in.Read(value.how)) return false;
    if (value.how == kFailDecode) return in.Fail(absl::NotFoundError("the decoder's own words"));
    return value.how != kRefuseDecode;
  }
};

namespace {

static_assert(kIsBlock<Point> && kFixedSize<std::array<Point, 2>> == 16 && !kIsBlock<Percent>);
static_assert(kFixedSize<std::pair<Percent, Point>> == 9);
static_assert(Codable<Tree> && Codable<std::map<int, Tree>>);
static_assert(Codable<Handle> && Codable<WithHandle> && Codable<std::tuple<Handle, int>>);
static_assert(codec_internal::FindProblem<true, std::array<Handle, 2>>() == codec_internal::Problem::kNotConstructible);

std::string Encoded(const auto& value) {
  absl::StatusOr<std::string> bytes = EncodeToString(value);
  EXPECT_THAT(bytes, IsOk());
  return std::move(bytes).value_or("");
}

TEST(Hooks, HaveTheFingerprintsThatTheyName) {
  EXPECT_EQ(TypeFingerprint<Percent>(), FingerprintOf("test.Percent/1"));
  EXPECT_EQ(TypeFingerprint<std::vector<Tree>>(), FingerprintOf("sequence", {FingerprintOf("test.Tree/1")}));
  EXPECT_EQ((TypeFingerprint<std::map<int, Handle>>()),
            FingerprintOf("ordered", {TypeFingerprint<int>(), FingerprintOf("test.Handle/1")}));
  EXPECT_EQ(TypeFingerprint<Point>(), FingerprintOf("test.Point/1"));
  EXPECT_NE(TypeFingerprint<Faulty>(), TypeFingerprint<Bomb>());
}

TEST(FixedHook, TravelsWithinOtherTypesAndRefusesWhatItDoesNotKnow) {
  using Value = std::vector<std::pair<Percent, Point>>;
  const Value value = {{Percent(7), {1, 2}}, {Percent(100), {3, 4}}};
  std::string bytes = Encoded(value);
  EXPECT_EQ(bytes.size(), 8u + 9u + 9u);
  EXPECT_EQ(*Decode<Value>(AsBytes(bytes)), value);
  bytes[8] = 101;
  EXPECT_THAT(Decode<Value>(AsBytes(bytes)), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(RecursiveHook, TravelsUpToTheNestingThatIsAllowed) {
  Tree tree;
  Tree* leaf = &tree;
  for (int depth = 1; depth < kMaxNesting; ++depth) leaf = &leaf->children.emplace_back(Tree{depth, {}});
  const std::string bytes = Encoded(tree);
  EXPECT_EQ(*Decode<Tree>(AsBytes(bytes)), tree);

  leaf->children.emplace_back();
  EXPECT_THAT(EncodeToString(tree), StatusIs(absl::StatusCode::kInvalidArgument));
  // The same tree as bytes: the former one's innermost count of children is its last eight bytes.
  std::string deeper = bytes.substr(0, bytes.size() - 8) + std::string("\1\0\0\0\0\0\0\0", 8) + std::string(12, '\0');
  EXPECT_THAT(Decode<Tree>(AsBytes(deeper)), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(RecursiveHook, NestsAgainAfterSiblings) {
  Tree tree;
  tree.children.resize(3 * kMaxNesting);
  EXPECT_EQ(*Decode<Tree>(AsBytes(Encoded(tree))), tree);
}

TEST(HandleHook, TravelsWhereverThereIsNoDefault) {
  EXPECT_EQ(Decode<Handle>(AsBytes(Encoded(Handle(5))))->id(), 5);

  const absl::StatusOr<WithHandle> whole = Decode<WithHandle>(AsBytes(Encoded(WithHandle{1, Handle(2), "three"})));
  ASSERT_THAT(whole, IsOk());
  EXPECT_EQ(whole->number, 1);
  EXPECT_EQ(whole->handle.id(), 2);
  EXPECT_EQ(whole->text, "three");

  std::tuple<int, Handle> pair(1, 2);
  EXPECT_EQ((*Decode<std::tuple<int, Handle>>(AsBytes(Encoded(pair)))), pair);
  std::vector<Handle> many;
  many.emplace_back(1);
  many.emplace_back(2);
  EXPECT_EQ(*Decode<std::vector<Handle>>(AsBytes(Encoded(many))), many);
  std::map<int, Handle> table;
  table.emplace(1, 2);
  EXPECT_EQ((*Decode<std::map<int, Handle>>(AsBytes(Encoded(table)))), table);
  std::optional<Handle> maybe(3);
  EXPECT_EQ(*Decode<std::optional<Handle>>(AsBytes(Encoded(maybe))), maybe);
  std::variant<Handle, int> either(std::in_place_index<0>, 4);
  EXPECT_EQ((*Decode<std::variant<Handle, int>>(AsBytes(Encoded(either)))), either);
  absl::StatusOr<Handle> outcome(absl::in_place, 6);
  absl::StatusOr<Handle> back;
  ASSERT_THAT(DecodeInto(AsBytes(Encoded(outcome)), back), IsOk());
  EXPECT_EQ(back->id(), 6);
  // Into one that is there already.
  Handle other(0);
  ASSERT_THAT(DecodeInto(AsBytes(Encoded(Handle(7))), other), IsOk());
  EXPECT_EQ(other.id(), 7);
}

TEST(HandleHook, RefusesEveryPrefix) {
  const std::string bytes = Encoded(WithHandle{1, Handle(2), "three"});
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(Decode<WithHandle>(AsBytes(bytes.substr(0, size))), StatusIs(absl::StatusCode::kDataLoss));
  }
  std::vector<Handle> many;
  many.emplace_back(1);
  many.emplace_back(2);
  const std::string list = Encoded(many);
  for (size_t size = 0; size < list.size(); ++size) {
    EXPECT_THAT(Decode<std::vector<Handle>>(AsBytes(list.substr(0, size))), StatusIs(absl::StatusCode::kDataLoss));
  }
}

using Holder = std::map<int, std::vector<Faulty>>;
absl::Status EncodingStatus(int how) {
  Holder value;
  value[1].emplace_back();
  value[2].emplace_back(how);
  value[3].emplace_back();
  return EncodeToString(value).status();
}

TEST(FailingEncodeHook, FailsItsValueWithItsStatus) {
  EXPECT_THAT(EncodingStatus(kGood), IsOk());
  EXPECT_EQ(EncodingStatus(kFailEncode), absl::NotFoundError("the encoder's own words"));
  EXPECT_THAT(EncodingStatus(kGood), IsOk());
}

TEST(EncodeHook, ThatDisagreesWithItsSizeFailsItsValueAndWritesNothingOutside) {
  for (const int how : {kSizeTooSmall, kSizeTooLarge, kWriteNothing}) {
    const Faulty value(how);
    const size_t size = EncodedSize(value);
    std::vector<std::byte> buffer(size + 16, std::byte{0xaa});
    const absl::Status status = Encode(value, absl::MakeSpan(buffer).first(size));
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition)) << how;
    EXPECT_TRUE(absl::StrContains(status.message(), "Faulty")) << status;
    EXPECT_EQ(std::vector<std::byte>(buffer.begin() + static_cast<ptrdiff_t>(size), buffer.end()),
              std::vector<std::byte>(16, std::byte{0xaa}));
    EXPECT_THAT(EncodingStatus(how), StatusIs(absl::StatusCode::kFailedPrecondition)) << how;
  }
}

TEST(FailingDecodeHook, FailsItsValueWithItsStatus) {
  const auto decode = [](int how) {
    Holder value;
    value[1].emplace_back(how);
    value[2].emplace_back();
    return Decode<Holder>(AsBytes(Encoded(value))).status();
  };
  EXPECT_THAT(decode(kGood), IsOk());
  EXPECT_EQ(decode(kFailDecode), absl::NotFoundError("the decoder's own words"));
  // Without a word of its own, also as the last part, where nothing is left over.
  EXPECT_THAT(decode(kRefuseDecode), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(Decode<Faulty>(AsBytes(Encoded(Faulty(kRefuseDecode)))), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(decode(kGood), IsOk());
}

TEST(Buffers, OfAnotherSizeAreRefused) {
  std::vector<std::byte> buffer(64);
  for (const size_t size : {3, 5}) {
    EXPECT_THAT(Encode(7, absl::MakeSpan(buffer).first(size)), StatusIs(absl::StatusCode::kFailedPrecondition));
    EXPECT_THAT(Encode(std::tuple<Point>(), absl::MakeSpan(buffer).first(size)),
                StatusIs(absl::StatusCode::kFailedPrecondition));
  }
  EXPECT_THAT(Encode(std::string("abc"), absl::MakeSpan(buffer).first(10)),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(Encode(std::string("abc"), absl::MakeSpan(buffer).first(12)),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(Variants, ThatAnExceptionLeftWithoutAValueCanNotBeEncoded) {
  std::variant<std::string, Bomb> value("abc");
  EXPECT_THROW(value.emplace<Bomb>(1), int);
  ASSERT_TRUE(value.valueless_by_exception());
  EXPECT_THAT(EncodeToString(value), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(EncodeToString(std::vector{value}), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace regatta
