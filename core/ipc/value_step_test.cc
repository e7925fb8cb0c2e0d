// A process is killed after every single instruction of changing a value: the value is the old or the new one, or the
// next who reads it gets an error that names the dead process.
#include <array>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "core/ipc/value.h"
#include "core/os/deadline.h"
#include "core/shm/family.h"
#include "core/testing/forked_child.h"
#include "core/testing/single_step.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

constexpr uint64_t kAll = 5000;

struct Wide {
  std::array<int64_t, 12> numbers{};
  friend bool operator==(const Wide&, const Wide&) = default;
};
Wide AllOf(int64_t number) {
  Wide wide;
  wide.numbers.fill(number);
  return wide;
}

class ValueStep : public testing::Test {
 protected:
  ValueStep() { EXPECT_THAT(Family::Self(), IsOk()); }

  template <class Call>
  SteppedChild Victim(Call call) {
    return SteppedChild([&] {
      REGATTA_CHILD_REQUIRE(Family::Self().ok());
      BeginSteps();
      call();
      EndSteps();
      return 0;
    });
  }

  const SteppedHere here_;
};

TEST_F(ValueStep, ChangingAWholeOne) {
  int olds = 0;
  int news = 0;
  for (const bool by_update : {true, false}) {
    KillAtEachStep(by_update ? "update" : "add", kAll, [&](uint64_t n) {
      Value<int64_t> value = *Value<int64_t>::Create(1);
      SteppedChild victim = Victim([&] {
        if (by_update) {
          value.Update([](int64_t& number) { number += int64_t{1} << 40; }).IgnoreError();
        } else {
          value.FetchAdd(int64_t{1} << 40);
        }
      });
      victim.Step(n);
      victim.Kill();
      const int64_t now = value.Get();
      EXPECT_TRUE(now == 1 || now == 1 + (int64_t{1} << 40)) << "after " << n;
      ++(now == 1 ? olds : news);
      EXPECT_THAT(value.Update([](int64_t& number) { number = 5; }, Deadline::After(absl::Seconds(20))), IsOk());
      EXPECT_EQ(value.Get(), 5);
      return victim.process().steps();
    });
  }
  EXPECT_GT(olds, 0);
  EXPECT_GT(news, 0);
}

// Another process changes the value between any two instructions: neither change is lost.
TEST_F(ValueStep, BesideAnotherThatAdds) {
  for (const bool by_update : {true, false}) {
    KillAtEachStep(by_update ? "update beside an add" : "add beside an add", kAll, [&](uint64_t n) {
      Value<int64_t> value = *Value<int64_t>::Create(1);
      SteppedChild victim = Victim([&] {
        if (by_update) {
          value.Update([](int64_t& number) { number += 10; }).IgnoreError();
        } else {
          value.FetchAdd(10);
        }
      });
      victim.Step(n);
      const uint64_t steps = victim.process().steps();
      value.FetchAdd(100);
      victim.process().RunToEnd();
      EXPECT_EQ(victim.Finish(), 0);
      EXPECT_EQ(value.Get(), 111) << "after " << n;
      return steps;
    });
  }
}

TEST_F(ValueStep, ChangingOneThatIsNotWhole) {
  int halves = 0;
  for (const bool by_update : {true, false}) {
    KillAtEachStep(by_update ? "update" : "set", kAll, [&](uint64_t n) {
      Value<Wide> value = *Value<Wide>::Create(AllOf(1));
      SteppedChild victim = Victim([&] {
        if (by_update) {
          value.Update([](Wide& wide) { wide = AllOf(2); }).IgnoreError();
        } else {
          value.Set(AllOf(2)).IgnoreError();
        }
      });
      victim.Step(n);
      victim.Kill();
      const absl::StatusOr<Wide> first = value.Get(Deadline::After(absl::Seconds(20)));
      const absl::StatusOr<Wide> second = value.Get();
      EXPECT_THAT(second, IsOk()) << "after " << n;
      if (first.ok()) {
        EXPECT_TRUE(*first == AllOf(1) || *first == AllOf(2)) << "after " << n;
        EXPECT_EQ(*first, *second);
      } else {
        EXPECT_THAT(first, StatusIs(absl::StatusCode::kAborted)) << "after " << n;
        EXPECT_NE(first.status().message().find(absl::StrCat("process ", victim.pid(), " died")), std::string::npos);
        if (*second != AllOf(1) && *second != AllOf(2)) ++halves;
      }
      return victim.process().steps();
    });
  }
  EXPECT_GT(halves, 0) << "the victim was never killed while it copied";
}

}  // namespace
}  // namespace regatta
