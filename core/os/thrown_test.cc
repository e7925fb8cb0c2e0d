#include "core/os/thrown.h"

#include <stdexcept>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/os/error.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

template <class T>
absl::Status Thrown(T what) {
  return WithoutExceptions([&]() -> absl::Status { throw what; });
}

struct NullText : std::exception {
  const char* what() const noexcept override { return nullptr; }
};
struct Odd {
  int number = 7;
};

TEST(Thrown, HasTypeAndText) {
  const absl::Status error = Thrown(std::runtime_error("boom"));
  EXPECT_THAT(error, StatusIs(absl::StatusCode::kUnknown));
  EXPECT_EQ(ThrownType(error), "std::runtime_error");
  EXPECT_NE(error.message().find("boom"), std::string::npos) << error;
  EXPECT_NE(Thrown(std::string("text")).message().find("text"), std::string::npos);
  EXPECT_NE(Thrown("letters").message().find("letters"), std::string::npos);
}

TEST(Thrown, MayHaveNoText) {
  EXPECT_THAT(Thrown(Odd()), StatusIs(absl::StatusCode::kUnknown));
  EXPECT_THAT(Thrown(NullText()), StatusIs(absl::StatusCode::kUnknown));
  EXPECT_THAT(Thrown(static_cast<const char*>(nullptr)), StatusIs(absl::StatusCode::kUnknown));
}

TEST(Thrown, IsNothingWhereNothingIs) {
  EXPECT_EQ(*WithoutExceptions([]() -> absl::StatusOr<int> { return 3; }), 3);
  EXPECT_THAT(WithoutExceptions([]() -> absl::StatusOr<int> { throw 3; }), StatusIs(absl::StatusCode::kUnknown));
}

}  // namespace
}  // namespace regatta
