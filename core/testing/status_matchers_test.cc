#include "core/testing/status_matchers.h"

#include <memory>
#include <string>

#include "gtest/gtest.h"

namespace regatta {
namespace {

using testing::HasSubstr;
using testing::Not;

const absl::Status kError = absl::NotFoundError("no boat");

// What a failed assertion prints about `value`.
template <typename Value, typename Matcher>
std::string Mismatch(const Value& value, const Matcher& matcher) {
  testing::StringMatchResultListener printed;
  EXPECT_FALSE(testing::ExplainMatchResult(matcher, value, &printed));
  return printed.str();
}

TEST(StatusMatchers, AMismatchPrintsTheStatus) {
  EXPECT_THAT(Mismatch(kError, IsOk()), HasSubstr("NOT_FOUND: no boat"));
  EXPECT_THAT(Mismatch(absl::StatusOr<int>(kError), IsOk()), HasSubstr("NOT_FOUND: no boat"));
  EXPECT_THAT(Mismatch(absl::StatusOr<int>(kError), IsOkAndHolds(1)), HasSubstr("NOT_FOUND: no boat"));
  EXPECT_THAT(Mismatch(kError, StatusIs(absl::StatusCode::kInternal)), HasSubstr("NOT_FOUND: no boat"));
  EXPECT_THAT(Mismatch(absl::StatusOr<int>(2), IsOkAndHolds(1)), HasSubstr("2"));
}

TEST(StatusMatchers, IsOkMatchesStatusesAndResults) {
  EXPECT_THAT(absl::OkStatus(), IsOk());
  EXPECT_THAT(absl::StatusOr<std::unique_ptr<int>>(nullptr), IsOk());
  EXPECT_THAT(kError, Not(IsOk()));
}

TEST(StatusMatchers, IsOkAndHoldsComparesTheValue) {
  const absl::StatusOr<std::string> vasa = "Vasa";
  EXPECT_THAT(vasa, IsOkAndHolds("Vasa"));
  EXPECT_THAT(vasa, IsOkAndHolds(HasSubstr("as")));
  EXPECT_THAT(vasa, Not(IsOkAndHolds("Mary Rose")));
  EXPECT_THAT(absl::StatusOr<std::string>(kError), Not(IsOkAndHolds("Vasa")));
}

TEST(StatusMatchers, StatusIsComparesTheCodeAndTheMessage) {
  EXPECT_THAT(kError, StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(kError, StatusIs(absl::StatusCode::kNotFound, HasSubstr("boat")));
  EXPECT_THAT(kError, StatusIs(absl::StatusCode::kNotFound, "no boat"));
  EXPECT_THAT(kError, Not(StatusIs(absl::StatusCode::kNotFound, HasSubstr("ship"))));
  EXPECT_THAT(kError, Not(StatusIs(absl::StatusCode::kInternal, HasSubstr("boat"))));
}

}  // namespace
}  // namespace regatta
