#include "core/ipc/value.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <complex>
#include <csignal>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "core/sync/scoped.h"
#include "core/testing/forked_child.h"
#include "core/testing/shared_object_suite.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

// As large as a cache line and a half, so that no instruction copies it.
struct Wide {
  std::array<int64_t, 12> numbers{};
  friend bool operator==(const Wide&, const Wide&) = default;
};
Wide AllOf(int64_t number) {
  Wide wide;
  wide.numbers.fill(number);
  return wide;
}

INSTANTIATE_TYPED_TEST_SUITE_P(Value, SharedObjectTest, Value<int>);
INSTANTIATE_TYPED_TEST_SUITE_P(WideValue, SharedObjectTest, Value<Wide>);

absl::StatusOr<Value<int>> SentAndReceived(const Value<int>& value) {
  DescriptorSink sink;
  std::vector<std::byte> bytes(EncodedSize(value));
  if (absl::Status encoded = Encode(value, absl::MakeSpan(bytes), &sink); !encoded.ok()) return encoded;
  std::vector<Fd> arrived;
  for (const Fd* fd : sink.descriptors()) arrived.push_back(*fd->Duplicate());
  DescriptorSource source(std::move(arrived));
  return Decode<Value<int>>(bytes, &source);
}

template <class T>
void ExpectHolds(T first, T second) {
  Value<T> value = *Value<T>::Create(first);
  EXPECT_EQ(value.Get(), first);
  value.Set(second);
  ForkedChild child([&] {
    REGATTA_CHILD_REQUIRE(value.Get() == second);
    value.Set(first);
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
  EXPECT_EQ(value.Get(), first);
}

TEST(Value, HoldsEachTypeOfPythonsCodes) {
  ExpectHolds<char>('a', 'z');
  ExpectHolds<wchar_t>(L'a', L'z');
  ExpectHolds<int8_t>(-128, 127);
  ExpectHolds<uint8_t>(0, 255);
  ExpectHolds<int16_t>(-32768, 32767);
  ExpectHolds<uint16_t>(0, 65535);
  ExpectHolds<int32_t>(std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max());
  ExpectHolds<uint32_t>(0, std::numeric_limits<uint32_t>::max());
  ExpectHolds<int64_t>(std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max());
  ExpectHolds<uint64_t>(0, std::numeric_limits<uint64_t>::max());
  ExpectHolds<float>(-1.5F, 3e38F);
  ExpectHolds<double>(-1.5, 1e308);
  ExpectHolds<bool>(false, true);
}

TEST(Value, IsZeroUnlessToldOtherwise) {
  EXPECT_EQ(Value<int64_t>::Create()->Get(), 0);
  EXPECT_THAT(Value<Wide>::Create()->Get(), IsOkAndHolds(Wide()));
}

TEST(Value, HoldsAnyTriviallyCopyableType) {
  struct Padded {
    int8_t a;
    int32_t b;
  };
  Value<Padded> padded = *Value<Padded>::Create({1, 2});
  ASSERT_THAT(padded.Update([](Padded& value) { value.b += value.a; }), IsOk());
  EXPECT_EQ(padded.Get().b, 3);

  class Hidden {  // Not for the codec: its field is private.
   public:
    explicit Hidden(int number) : number_(number) {}
    int number() const { return number_; }

   private:
    int number_;
  };
  Value<Hidden> hidden = *Value<Hidden>::Create(Hidden(7));
  EXPECT_EQ(hidden.Get().number(), 7);

  Value<std::complex<double>> complex = *Value<std::complex<double>>::Create({1, 2});
  ASSERT_THAT(complex.Set({3, 4}), IsOk());
  EXPECT_THAT(complex.Get(), IsOkAndHolds(std::complex<double>(3, 4)));

  struct alignas(64) Aligned {
    int number;
  };
  Value<Aligned> aligned = *Value<Aligned>::Create({5});
  EXPECT_EQ(aligned.Get()->number, 5);
}

// What the documents' adding without a lock loses, FetchAdd and Update do not, whichever way each process adds.
TEST(Value, NoUpdateIsLost) {
  constexpr int kEach = 100'000;
  Value<int64_t> value = *Value<int64_t>::Create();
  Value<double> real = *Value<double>::Create();
  Value<int> ready = *Value<int>::Create();
  std::vector<ForkedChild> children;
  for (int i = 0; i < 3; ++i) {
    children.emplace_back([&] {
      ready.FetchAdd(1);
      while (ready.Get() < 3) {
      }
      for (int n = 0; n < kEach; ++n) {
        value.FetchAdd(1);
        REGATTA_CHILD_REQUIRE(value.Update([](int64_t& number) { ++number; }).ok());
        int64_t seen = value.Get();
        while (!value.CompareExchange(seen, seen + 1)) {
        }
        real.FetchAdd(0.5);
      }
      return 0;
    });
  }
  for (ForkedChild& child : children) EXPECT_EQ(child.Wait(), 0);
  EXPECT_EQ(value.Get(), 9 * kEach);
  EXPECT_EQ(real.Get(), 1.5 * kEach);
}

TEST(Value, FetchAddReturnsTheValueBeforeAndWrapsAround) {
  Value<uint8_t> value = *Value<uint8_t>::Create(250);
  EXPECT_EQ(value.FetchAdd(10), 250);
  EXPECT_EQ(value.Get(), 4);
}

TEST(Value, CompareExchangeReturnsWhatIsThere) {
  Value<int> value = *Value<int>::Create(1);
  int expected = 2;
  EXPECT_FALSE(value.CompareExchange(expected, 3));
  EXPECT_EQ(expected, 1);
  EXPECT_TRUE(value.CompareExchange(expected, 3));
  EXPECT_EQ(value.Get(), 3);
}

TEST(Value, IsNeverSeenTorn) {
  Value<uint64_t> whole = *Value<uint64_t>::Create(0);
  Value<Wide> wide = *Value<Wide>::Create();
  Shared<std::atomic<bool>> stop;
  ForkedChild writer([&] {
    for (int64_t n = 0; !*stop; ++n) {
      whole.Set(n % 2 == 0 ? 0 : ~uint64_t{0});
      REGATTA_CHILD_REQUIRE(wide.Set(AllOf(n)).ok());
    }
    return 0;
  });
  ASSERT_TRUE(Eventually([&] { return whole.Get() != 0; }));
  for (int i = 0; i < 300'000; ++i) {
    const uint64_t seen = whole.Get();
    ASSERT_TRUE(seen == 0 || seen == ~uint64_t{0}) << seen;
    const Wide now = *wide.Get();
    ASSERT_EQ(now, AllOf(now.numbers[0]));
  }
  *stop = true;
  EXPECT_EQ(writer.Wait(), 0);
}

TEST(Value, ItsOwnLockIsRecursive) {
  Value<Wide> value = *Value<Wide>::Create();
  const auto held = Scoped<Value<Wide>>::Acquire(value);
  ASSERT_THAT(held, IsOk());
  EXPECT_THAT(value.Set(AllOf(1)), IsOk());
  EXPECT_THAT(value.Get(), IsOkAndHolds(AllOf(1)));
  std::thread([&] {
    EXPECT_THAT(value.Get(Deadline::Now()), StatusIs(absl::StatusCode::kUnavailable));
    EXPECT_THAT(value.Set(Wide(), Deadline::Now()), StatusIs(absl::StatusCode::kUnavailable));
    const auto change = [](Wide&) {};
    EXPECT_THAT(value.Update(change, Deadline::After(absl::Milliseconds(1))),
                StatusIs(absl::StatusCode::kDeadlineExceeded));
  }).join();
}

TEST(Value, TwoMayShareALock) {
  Lock lock = *Lock::Create();
  Value<int> first = *Value<int>::Create(1, lock);
  Value<int> second = *Value<int>::Create(2, lock);
  ASSERT_THAT(first.Acquire(), IsOk());
  EXPECT_EQ(lock.holder(), getpid());
  EXPECT_THAT(second.Update([](int&) {}, Deadline::Now()), StatusIs(absl::StatusCode::kUnavailable));
  ASSERT_THAT(lock.Release(), IsOk());
  EXPECT_THAT(second.Update([](int& value) { ++value; }), IsOk());
  EXPECT_EQ(second.Get(), 3);
}

TEST(Value, AGivenLockGoesWithIt) {
  RLock lock = *RLock::Create();
  const Value<int> value = *Value<int>::Create(1, lock);
  absl::StatusOr<Value<int>> arrived = SentAndReceived(value);
  ASSERT_THAT(arrived, IsOk());
  ASSERT_THAT(arrived->Acquire(), IsOk());
  EXPECT_EQ(lock.depth(), 1u);
  const absl::Status alone = Value<int>::Attach(*value.descriptor().Duplicate(), value.offset()).status();
  EXPECT_THAT(alone, StatusIs(absl::StatusCode::kFailedPrecondition, testing::HasSubstr("pass the value itself")));
}

TEST(Value, ALockThatWasNeverCreatedIsRefused) {
  EXPECT_THAT(Value<int>::Create(1, Lock()), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Value<int>::Create(1, RLock()), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(Value, WithoutALockIsWholeAndHasNothingToAcquire) {
  absl::StatusOr<Value<int>> arrived = SentAndReceived(*Value<int>::Create(1, NoLock()));
  ASSERT_THAT(arrived, IsOk());
  EXPECT_THAT(arrived->Update([](int& value) { value = 5; }), IsOk());
  EXPECT_EQ(arrived->Get(), 5);
  for (const absl::Status& status : {arrived->Acquire().status(), arrived->Release()}) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition, testing::HasSubstr("without a lock")));
  }
  Value<Wide> wide = *Value<Wide>::Create(AllOf(1), NoLock());
  EXPECT_THAT(wide.Set(AllOf(2)), IsOk());
  EXPECT_THAT(wide.Get(), IsOkAndHolds(AllOf(2)));
}

TEST(Value, OneOfAnotherTypeIsRefused) {
  const Value<int> value = *Value<int>::Create(1);
  const auto attach = [&](auto other) {
    return decltype(other)::Attach(*value.descriptor().Duplicate(), value.offset()).status();
  };
  EXPECT_THAT(attach(Value<int>()), IsOk());
  struct Renamed {
    int number;
  };
  struct alignas(8) Aligned {
    int number;
  };
  for (const absl::Status& status : {attach(Value<unsigned>()), attach(Value<float>()), attach(Value<int64_t>()),
                                     attach(Value<Renamed>()), attach(Value<Wide>()), attach(Value<Aligned>())}) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr("values of another type")));
  }
}

TEST(Value, AChangeThatThrowsChangesNothing) {
  Value<Wide> wide = *Value<Wide>::Create(AllOf(1));
  Value<int> whole = *Value<int>::Create(1);
  const auto change = [](auto& value) {
    value = {};
    throw std::runtime_error("no such day");
  };
  for (const absl::Status& status : {wide.Update(change).status(), whole.Update(change).status()}) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnknown, testing::HasSubstr("no such day")));
  }
  EXPECT_THAT(wide.Get(), IsOkAndHolds(AllOf(1)));
  EXPECT_EQ(whole.Get(), 1);
  std::thread([&] { EXPECT_THAT(wide.Acquire(Deadline::Now()), IsOk()) << "the lock was released"; }).join();
}

TEST(Value, AChangeSeesWhatAnotherWroteMeanwhile) {
  Value<int> value = *Value<int>::Create(1);
  int calls = 0;
  ASSERT_THAT(value.Update([&](int& number) {
    if (++calls == 1) value.Set(100);
    ++number;
  }),
              IsOk());
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(value.Get(), 101);
}

TEST(Value, AForkInAChangeReleasesNothingInTheChild) {
  Lock lock = *Lock::Create();
  Value<Wide> value = *Value<Wide>::Create(AllOf(1), lock);
  Shared<std::atomic<int32_t>> holder;  // As the child sees it after its way out of Update.
  pid_t child = -1;
  ASSERT_THAT(value.Update([&](Wide&) {
    child = fork();
    if (child > 0) {
      EXPECT_TRUE(Eventually([&] { return *holder != 0; }));
    }
  }),
              IsOk());
  if (child == 0) {
    *holder = lock.holder().value_or(-1);
    _exit(0);
  }
  EXPECT_EQ(*holder, getpid());
  EXPECT_FALSE(lock.holder().has_value());
}

// The holder dies inside its change: nothing is changed, and the next caller learns of it.
TEST(Value, ADeathInsideAChangeIsReportedOnce) {
  Value<Wide> value = *Value<Wide>::Create(AllOf(1));
  for (const bool by_get : {true, false}) {
    ForkedChild child([&] {
      value
          .Update([](Wide& wide) {
            wide = AllOf(2);
            raise(SIGKILL);
          })
          .IgnoreError();
      return 0;
    });
    const int32_t pid = child.pid();
    ASSERT_EQ(child.Wait(), -SIGKILL);
    if (by_get) {
      const absl::Status status = value.Get().status();
      EXPECT_THAT(status,
                  StatusIs(absl::StatusCode::kAborted, testing::HasSubstr(absl::StrCat("process ", pid, " died"))));
    } else {
      const absl::StatusOr<Acquired> how =
          value.Update([&](Wide&, Acquired acquired) { EXPECT_EQ(acquired.previous_owner_died, pid); });
      EXPECT_EQ(how->previous_owner_died, pid);
    }
    EXPECT_THAT(value.Get(), IsOkAndHolds(AllOf(1)));
  }
}

}  // namespace
}  // namespace regatta
