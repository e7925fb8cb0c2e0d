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
  EXPECT_TRUE(status.ok()) << status;
  absl::StatusOr<R> result = Decode<R>(AsBytes(sink.result));
  EXPECT_TRUE(result.ok()) << result.status();
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

TEST(Call_Functions, PointersOfOneSignatureEachReachTheirOwnFunction) {
  EXPECT_EQ(ResultThrough<int>(&AddLength, 1, "abc"), 4);
  EXPECT_EQ(ResultThrough<int>(&SubtractLength, 1, "abc"), -2);
  EXPECT_EQ(ResultThrough<int>(&Seven), 7);
}

TEST(Call_Functions, LambdasWithoutCapturesGenericOrNotAreReached) {
  EXPECT_EQ(ResultThrough<int>([](int a, int b) { return a - b; }, 5, 3), 2);
  EXPECT_EQ(ResultThrough<double>([](auto a) { return a * 2; }, 2.5), 5.0);
}

TEST(Call_Arguments, AreConvertedToTheParametersAsInAPlainCall) {
  EXPECT_EQ(ResultThrough<double>([](double d) { return d; }, 3), 3.0);
  EXPECT_EQ(ResultThrough<std::string>(&Reversed, "abc"), "cba");
}

TEST(Call_Arguments, ViewsTravelAsWhatTheyShow) {
  EXPECT_EQ(ResultThrough<int>([](std::span<const int> s) { return s[0] + s[1]; }, std::vector<int>{3, 4}), 7);
  EXPECT_EQ(ResultThrough<size_t>([](std::string_view s) { return s.size(); }, std::string("12345")), 5u);
}

TEST(Call_Arguments, ThatAreOnlyMovableAreMovedIntoTheFunction) {
  const Fd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  using F = bool (*)(Fd);
  const F function = [](Fd fd) { return fd.valid(); };
  absl::StatusOr<Fd> copy = null.Duplicate();
  ASSERT_TRUE(copy.ok());
  const Call<F>::Arguments arguments = Call<F>::Pack(*std::move(copy));
  DescriptorSink beside;
  const absl::StatusOr<std::string> bytes = EncodeToString(arguments, &beside);
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  ASSERT_EQ(beside.descriptors().size(), 1u);
  const absl::StatusOr<FunctionId> id = Call<F>::Id(function);
  ASSERT_TRUE(id.ok()) << id.status();
  std::vector<Fd> arrived;
  arrived.push_back(*beside.descriptors()[0]->Duplicate());
  DescriptorSource source(std::move(arrived));
  StringSink sink;
  const absl::StatusOr<ResolvedFunction> resolved = Resolve(*id);
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  const absl::Status status = resolved->trampoline(
      {.target = resolved->target, .arguments = BytesOf(*bytes), .descriptors = &source, .result = &sink});
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_TRUE(*Decode<bool>(AsBytes(sink.result)));
}

TEST(Call_Arguments, OfADifferentEncodingAreDataLossAndNothingIsCalled) {
  static bool called;
  called = false;
  const auto id = FunctionIdOf([](int, std::string) { called = true; });
  ASSERT_TRUE(id.ok());
  const auto resolved = Resolve(*id);
  ASSERT_TRUE(resolved.ok());
  const absl::Status status = resolved->trampoline({.arguments = BytesOf("abc")});
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_FALSE(called);
}

TEST(Call_Results, OfStatusAndStatusOrPassThrough) {
  StringSink sink;
  EXPECT_EQ(Through(sink, &Half, 3), absl::OutOfRangeError("odd"));
  EXPECT_EQ(sink.reservations, 0);
  EXPECT_EQ(ResultThrough<int>(&Half, 6), 3);
  EXPECT_EQ(Through(
                sink, [](absl::Status status) { return status; }, absl::NotFoundError("it")),
            absl::NotFoundError("it"));
  EXPECT_TRUE(Through(sink, [] { return absl::OkStatus(); }).ok());
  EXPECT_TRUE(Through(sink, [] {}).ok());
  EXPECT_EQ(sink.reservations, 0);
}

TEST(Call_Results, WithoutRoomAreTheSinksError) {
  StringSink sink;
  sink.full = true;
  EXPECT_EQ(Through(sink, &Seven), absl::ResourceExhaustedError("no room"));
}

TEST(Call_Results, ThatTheCodecDoesNotKnowAreAnErrorUnlessNobodyWantsThem) {
  StringSink sink;
  EXPECT_TRUE(absl::IsInvalidArgument(Through(sink, [] { return std::make_unique<int>(1); })));
  const auto id = FunctionIdOf([] { return std::make_unique<int>(1); });
  ASSERT_TRUE(id.ok());
  const auto bytes = EncodeToString(std::tuple<>());
  EXPECT_TRUE(Resolve(*id)->trampoline({.arguments = BytesOf(*bytes)}).ok());
}

TEST(Call_Results, OfTypeIntAreAnExitCodeForWhoeverAsks) {
  const auto id = FunctionIdOf(&Seven);
  ASSERT_TRUE(id.ok()) << id.status();
  const auto resolved = Resolve(*id);
  const auto bytes = EncodeToString(std::tuple<>());
  int exit_code = 0;
  EXPECT_TRUE(
      resolved->trampoline({.target = resolved->target, .arguments = BytesOf(*bytes), .exit_code = &exit_code}).ok());
  EXPECT_EQ(exit_code, 7);
}

struct OwnError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

TEST(Call_Exceptions, BecomeUnknownWithTypeAndText) {
  StringSink sink;
  const absl::Status own = Through(
      sink, [](int) { throw OwnError("boo"); }, 1);
  EXPECT_TRUE(absl::IsUnknown(own));
  EXPECT_NE(own.message().find("boo"), absl::string_view::npos) << own;
  EXPECT_NE(ThrownType(own).value_or("").find("OwnError"), std::string::npos) << own;
  EXPECT_EQ(ThrownType(Through(sink, [] { throw 5; })), "int");
  const absl::Status text = Through(sink, []() -> int { throw "words"; });
  EXPECT_NE(text.message().find("words"), absl::string_view::npos) << text;
  EXPECT_EQ(ThrownType(Through(sink, [] { throw std::bad_alloc(); })), "std::bad_alloc");
}

struct Wordless : std::exception {
  const char* what() const noexcept override { return nullptr; }
};

TEST(Call_Exceptions, WithoutATextAreErrorsToo) {
  StringSink sink;
  const absl::Status wordless = Through(sink, [] { throw Wordless(); });
  EXPECT_NE(ThrownType(wordless).value_or("").find("Wordless"), std::string::npos) << wordless;
  const absl::Status nothing = Through(sink, [] { throw static_cast<const char*>(nullptr); });
  EXPECT_TRUE(absl::IsUnknown(nothing)) << nothing;
}

bool g_next_end_throws = false;
struct Explosive {
  int value = 0;
  ~Explosive() noexcept(false) {
    if (std::exchange(g_next_end_throws, false)) throw OwnError("late");
  }
};

TEST(Call_Exceptions, OfAnArgumentsDestructorAreErrorsToo) {
  StringSink sink;
  const absl::Status late = Through(
      sink, [](const Explosive& explosive) { g_next_end_throws = explosive.value == 1; }, Explosive{1});
  EXPECT_NE(ThrownType(late).value_or("").find("OwnError"), std::string::npos) << late;
}

TEST(Call_Refusals, CapturesAndCallableObjectsWithStateCannotCross) {
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

TEST(Call_Refusals, ANullPointerIsAnError) {
  int (*nothing)() = nullptr;
  EXPECT_TRUE(absl::IsInvalidArgument(FunctionIdOf(nothing).status()));
}

}  // namespace
}  // namespace regatta
