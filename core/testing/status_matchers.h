// For tests: GoogleMock matchers for absl::Status and absl::StatusOr. A mismatch prints the status.
//
//   EXPECT_THAT(queue.Put(1), IsOk());
//   EXPECT_THAT(queue.Get(), IsOkAndHolds(1));
//   EXPECT_THAT(queue.Get(), StatusIs(absl::StatusCode::kUnavailable));
//   EXPECT_THAT(queue.Get(), StatusIs(absl::StatusCode::kUnavailable, testing::HasSubstr("empty")));
#ifndef REGATTA_CORE_TESTING_STATUS_MATCHERS_H_
#define REGATTA_CORE_TESTING_STATUS_MATCHERS_H_

#include <ostream>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock-matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace status_matchers_internal {

inline const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

// Matches a Status, or a StatusOr by its status.
class StatusMatcher {
 public:
  using is_gtest_matcher = void;

  StatusMatcher(absl::StatusCode code, testing::Matcher<const std::string&> message)
      : code_(code), message_(std::move(message)) {}

  template <typename StatusOrResult>
  bool MatchAndExplain(const StatusOrResult& value, std::ostream* explanation) const {
    return Matches(StatusOf(value), explanation);
  }
  void DescribeTo(std::ostream* out) const { Describe("has", out); }
  void DescribeNegationTo(std::ostream* out) const { Describe("does not have", out); }

 private:
  void Describe(const char* has, std::ostream* out) const {
    *out << has << " the status " << code_;
    if (code_ == absl::StatusCode::kOk) return;
    *out << ", and its message ";
    message_.DescribeTo(out);
  }
  bool Matches(const absl::Status& status, std::ostream* explanation) const {
    if (explanation != nullptr) *explanation << "whose status is " << status;
    return status.code() == code_ && message_.Matches(std::string(status.message()));
  }

  absl::StatusCode code_;
  testing::Matcher<const std::string&> message_;
};

template <typename Inner>
class IsOkAndHoldsMatcher {
 public:
  explicit IsOkAndHoldsMatcher(Inner inner) : inner_(std::move(inner)) {}

  // `Result` is an absl::StatusOr, or a reference to one.
  template <typename Result>
  operator testing::Matcher<Result>() const {  // NOLINT(google-explicit-constructor): GoogleMock demands it.
    return testing::Matcher<Result>(new Impl<Result>(inner_));
  }

 private:
  template <typename Result>
  class Impl : public testing::MatcherInterface<Result> {
   public:
    explicit Impl(const Inner& inner) : inner_(testing::SafeMatcherCast<const Value&>(inner)) {}

    bool MatchAndExplain(Result result, testing::MatchResultListener* explanation) const override {
      if (!result.ok()) {
        *explanation << "whose status is " << result.status();
        return false;
      }
      *explanation << "whose value is " << testing::PrintToString(*result);
      return inner_.Matches(*result);
    }
    void DescribeTo(std::ostream* out) const override {
      *out << "is OK and has a value that ";
      inner_.DescribeTo(out);
    }
    void DescribeNegationTo(std::ostream* out) const override {
      *out << "is not OK or has a value that ";
      inner_.DescribeNegationTo(out);
    }

   private:
    using Value = typename std::remove_cvref_t<Result>::value_type;

    const testing::Matcher<const Value&> inner_;
  };

  Inner inner_;
};

}  // namespace status_matchers_internal

// Matches an absl::Status or absl::StatusOr with that code whose message, a string, matches `message`.
inline auto StatusIs(absl::StatusCode code, testing::Matcher<const std::string&> message = testing::_) {
  return status_matchers_internal::StatusMatcher(code, std::move(message));
}

inline auto IsOk() { return StatusIs(absl::StatusCode::kOk); }

// Matches an absl::StatusOr that is OK and whose value matches `inner`: a matcher, or a value to be equal to.
template <typename Inner>
auto IsOkAndHolds(Inner inner) {
  return status_matchers_internal::IsOkAndHoldsMatcher<Inner>(std::move(inner));
}

}  // namespace regatta

#endif  // REGATTA_CORE_TESTING_STATUS_MATCHERS_H_
