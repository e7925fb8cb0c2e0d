#include "core/process/call.h"

#include <fcntl.h>

#include <functional>
#include <memory>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/codec/codec.h"
#include "core/os/error.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

class StringSink : public ResultSink {
 public:
  absl::StatusOr<std::byte*> Reserve(size_t bytes) override {
    if (full) return absl::ResourceExhaustedError("no room");
    ++reservations;
    result.resize(bytes);
    return reinterpret_cast<std::byte*>(result.data());
  }
  DescriptorSink* descriptors() override { return descriptor_sink; }

  bool full = false;
  int reservations = 0;
  std::string result;
  DescriptorSink* descriptor_sink = nullptr;
};

std::span<const std::byte> BytesOf(const std::string& text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// Takes a call all the way: packs and encodes, makes the id and resolves it, calls through the trampoline.
template <class F, class... Args>
absl::Status Through(StringSink& sink, F function, const Args&... arguments) {
  using C = Call<F, Args...>;
  const absl::StatusOr<std::string> bytes = EncodeToString(C::Pack(arguments...));
  if (!bytes.ok()) return bytes.status();
  const absl::StatusOr<FunctionId> id = C::Id(function);
  if (!id.ok()) return id.status();
  const absl::StatusOr<ResolvedFunction> resolved = Resolve(*id);
  if (!resolved.ok()) return resolved.status();
  return resolved->trampoline({.target = resolved->target, .arguments = BytesOf(*bytes), .result = &sink});
}

template <class R, class F, class... Args>
R ResultThrough(F function, const Args&... arguments) {
  StringSink sink;
  const absl::Status status = Through(sink, function, arguments...);
  EXPECT_THAT(status, IsOk());
  absl::StatusOr<R> result = Decode<R>(AsBytes(sink.result));
  EXPECT_THAT(result, IsOk());
  return result.ok() ? *std::move(result) : R();
}

int AddLength(int number, const std::string& text) { return number + static_cast<int>(text.size()); }
int SubtractLength(int number, const std::string& text) { return number - static_cast<int>(text.size()); }
int Seven() noexcept { return 7; }
std::string Reversed(std::string_view text) { return {text.rbegin(), text.rend()}; }
absl::StatusOr<int> Half(int number) {
  if (number % 2 != 0) return absl::OutOfRangeError("odd");
  return number / 2;
}

TEST(CallFunctions, PointersOfOneSignatureEachReachTheirOwnFunction) {
  EXPECT_EQ(ResultThrough<int>(&AddLength, 1, "abc"), 4);
  EXPECT_EQ(ResultThrough<int>(&SubtractLength, 1, "abc"), -2);
  EXPECT_EQ(ResultThrough<int>(&Seven), 7);
}

TEST(CallFunctions, LambdasWithoutCapturesGenericOrNotAreReached) {
  EXPECT_EQ(ResultThrough<int>([](int a, int b) { return a - b; }, 5, 3), 2);
  EXPECT_EQ(ResultThrough<double>([](auto a) { return a * 2; }, 2.5), 5.0);
}

TEST(CallArguments, AreConvertedToTheParametersAsInAPlainCall) {
  EXPECT_EQ(ResultThrough<double>([](double d) { return d; }, 3), 3.0);
  EXPECT_EQ(ResultThrough<std::string>(&Reversed, "abc"), "cba");
}

TEST(CallArguments, ViewsTravelAsWhatTheyShow) {
  EXPECT_EQ(ResultThrough<int>([](std::span<const int> s) { return s[0] + s[1]; }, std::vector<int>{3, 4}), 7);
  EXPECT_EQ(ResultThrough<size_t>([](std::string_view s) { return s.size(); }, std::string("12345")), 5u);
}

TEST(CallArguments, ThatAreOnlyMovableAreMovedIntoTheFunction) {
  const Fd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  using F = bool (*)(Fd);
  const F function = [](Fd fd) { return fd.valid(); };
  absl::StatusOr<Fd> copy = null.Duplicate();
  ASSERT_THAT(copy, IsOk());
  const Call<F>::Arguments arguments = Call<F>::Pack(*std::move(copy));
  DescriptorSink beside;
  const absl::StatusOr<std::string> bytes = EncodeToString(arguments, &beside);
  ASSERT_THAT(bytes, IsOk());
  ASSERT_EQ(beside.descriptors().size(), 1u);
  const absl::StatusOr<FunctionId> id = Call<F>::Id(function);
  ASSERT_THAT(id, IsOk());
  std::vector<Fd> arrived;
  arrived.push_back(*beside.descriptors()[0]->Duplicate());
  DescriptorSource source(std::move(arrived));
  StringSink sink;
  const absl::StatusOr<ResolvedFunction> resolved = Resolve(*id);
  ASSERT_THAT(resolved, IsOk());
  const absl::Status status = resolved->trampoline(
      {.target = resolved->target, .arguments = BytesOf(*bytes), .descriptors = &source, .result = &sink});
  ASSERT_THAT(status, IsOk());
  EXPECT_TRUE(*Decode<bool>(AsBytes(sink.result)));
}

TEST(CallArguments, OfADifferentEncodingAreDataLossAndNothingIsCalled) {
  static bool called;
  called = false;
  const auto id = FunctionIdOf([](int, std::string) { called = true; });
  ASSERT_THAT(id, IsOk());
  const auto resolved = Resolve(*id);
  ASSERT_THAT(resolved, IsOk());
  const absl::Status status = resolved->trampoline({.arguments = BytesOf("abc")});
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_FALSE(called);
}

TEST(CallResults, OfStatusAndStatusOrPassThrough) {
  StringSink sink;
  EXPECT_EQ(Through(sink, &Half, 3), absl::OutOfRangeError("odd"));
  EXPECT_EQ(sink.reservations, 0);
  EXPECT_EQ(ResultThrough<int>(&Half, 6), 3);
  EXPECT_EQ(Through(
                sink, [](absl::Status status) { return status; }, absl::NotFoundError("it")),
            absl::NotFoundError("it"));
  EXPECT_THAT(Through(sink, [] { return absl::OkStatus(); }), IsOk());
  EXPECT_THAT(Through(sink, [] {}), IsOk());
  EXPECT_EQ(sink.reservations, 0);
}

TEST(CallResults, WithoutRoomAreTheSinksError) {
  StringSink sink;
  sink.full = true;
  EXPECT_EQ(Through(sink, &Seven), absl::ResourceExhaustedError("no room"));
}

TEST(CallResults, ThatTheCodecDoesNotKnowAreAnErrorUnlessNobodyWantsThem) {
  StringSink sink;
  EXPECT_THAT(Through(sink, [] { return std::make_unique<int>(1); }), StatusIs(absl::StatusCode::kInvalidArgument));
  const auto id = FunctionIdOf([] { return std::make_unique<int>(1); });
  ASSERT_THAT(id, IsOk());
  const auto bytes = EncodeToString(std::tuple<>());
  EXPECT_THAT(Resolve(*id)->trampoline({.arguments = BytesOf(*bytes)}), IsOk());
}

TEST(CallResults, OfTypeIntAreAnExitCodeForWhoeverAsks) {
  const auto id = FunctionIdOf(&Seven);
  ASSERT_THAT(id, IsOk());
  const auto resolved = Resolve(*id);
  const auto bytes = EncodeToString(std::tuple<>());
  int exit_code = 0;
  EXPECT_THAT(resolved->trampoline({.target = resolved->target, .arguments = BytesOf(*bytes), .exit_code = &exit_code}),
              IsOk());
  EXPECT_EQ(exit_code, 7);
}

struct OwnError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

TEST(CallExceptions, BecomeUnknownWithTypeAndText) {
  StringSink sink;
  const absl::Status own = Through(
      sink, [](int) { throw OwnError("boo"); }, 1);
  EXPECT_THAT(own, StatusIs(absl::StatusCode::kUnknown, testing::HasSubstr("boo")));
  EXPECT_NE(ThrownType(own).value_or("").find("OwnError"), std::string::npos) << own;
  EXPECT_EQ(ThrownType(Through(sink, [] { throw 5; })), "int");
  const absl::Status text = Through(sink, []() -> int { throw "words"; });
  EXPECT_NE(text.message().find("words"), absl::string_view::npos) << text;
  EXPECT_EQ(ThrownType(Through(sink, [] { throw std::bad_alloc(); })), "std::bad_alloc");
}

struct Wordless : std::exception {
  const char* what() const noexcept override { return nullptr; }
};

TEST(CallExceptions, WithoutATextAreErrorsToo) {
  StringSink sink;
  const absl::Status wordless = Through(sink, [] { throw Wordless(); });
  EXPECT_NE(ThrownType(wordless).value_or("").find("Wordless"), std::string::npos) << wordless;
  const absl::Status nothing = Through(sink, [] { throw static_cast<const char*>(nullptr); });
  EXPECT_THAT(nothing, StatusIs(absl::StatusCode::kUnknown));
}

bool g_next_end_throws = false;
struct Explosive {
  int value = 0;
  ~Explosive() noexcept(false) {
    if (std::exchange(g_next_end_throws, false)) throw OwnError("late");
  }
};

TEST(CallExceptions, OfAnArgumentsDestructorAreErrorsToo) {
  StringSink sink;
  const absl::Status late = Through(
      sink, [](const Explosive& explosive) { g_next_end_throws = explosive.value == 1; }, Explosive{1});
  EXPECT_NE(ThrownType(late).value_or("").find("OwnError"), std::string::npos) << late;
}

TEST(CallRefusals, CapturesAndCallableObjectsWithStateCannotCross) {
  int captured = 1;
  const auto capturing = [captured] { return captured; };
  const auto plain = [] { return 1; };
  EXPECT_EQ(capturing(), plain());
  static_assert(!CrossableFunction<std::remove_const_t<decltype(capturing)>>);
  static_assert(CrossableFunction<std::remove_const_t<decltype(plain)>>);
  static_assert(!CrossableFunction<std::function<int()>>);
  static_assert(CrossableFunction<decltype(&AddLength)>);
  static_assert(!CrossableFunction<int (std::string::*)() const>);
  static_assert(!CrossableFunction<int*>);
}

TEST(CallRefusals, ANullPointerIsAnError) {
  int (*nothing)() = nullptr;
  EXPECT_THAT(FunctionIdOf(nothing), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace regatta
