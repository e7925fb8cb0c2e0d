#include "core/ipc/array.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "core/os/memfd.h"
#include "core/testing/forked_child.h"
#include "core/testing/process_witness.h"
#include "core/testing/shared_object_suite.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

constexpr int64_t kMega = 1 << 20;

// Of three bytes: elements that are not whole.
using Colour = std::array<uint8_t, 3>;

INSTANTIATE_TYPED_TEST_SUITE_P(Array, SharedObjectTest, Array<int>);

std::vector<int> Content(const Array<int>& array) { return {array.span().begin(), array.span().end()}; }

TEST(Array, HasItsInitialValues) {
  Array<int> array = *Array<int>::CreateFrom({0, 1, 2, 3});
  EXPECT_EQ(array.size(), 4);
  EXPECT_EQ(Content(array), (std::vector<int>{0, 1, 2, 3}));
  ForkedChild child([&] {
    for (int& element : array.span()) element = -element;
    return 0;
  });
  ASSERT_EQ(child.Wait(), 0);
  EXPECT_EQ(Content(array), (std::vector<int>{0, -1, -2, -3}));
}

TEST(Array, OfASizeIsZero) {
  for (const int64_t size : {int64_t{1}, int64_t{100}, int64_t{4000}, kMega / 4, kMega, 5 * kMega}) {
    const Array<int> array = *Array<int>::Create(size);
    ASSERT_EQ(array.size(), size);
    EXPECT_EQ(std::count(array.span().begin(), array.span().end(), 0), size);
  }
}

TEST(Array, MayBeEmpty) {
  for (Array<int> array : {*Array<int>::Create(), *Array<int>::Create(0), *Array<int>::CreateFrom({})}) {
    EXPECT_EQ(array.size(), 0);
    EXPECT_TRUE(array.span().empty());
    EXPECT_THAT(array.Slice(0, 0), IsOk());
    EXPECT_FALSE(array.Get(0).ok());
  }
}

TEST(Array, AnIndexOutOfRangeIsNamedWithTheSize) {
  Array<int> array = *Array<int>::Create(10);
  const auto change = [](int&) {};
  int expected = 0;
  for (const int64_t index :
       {int64_t{10}, int64_t{-1}, std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()}) {
    for (const absl::Status& status :
         {array.Get(index).status(), array.Set(index, 1).status(), array.FetchAdd(index, 1).status(),
          array.Update(index, change).status(), array.CompareExchange(index, expected, 1).status()}) {
      EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument));
      EXPECT_EQ(status.message(), absl::StrCat("index ", index, " of an array of 10 elements"));
    }
  }
  EXPECT_THAT(array.Set(9, 1), IsOk());
}

TEST(Array, ASliceIsALiveViewOfItsElements) {
  Array<int> array = *Array<int>::CreateFrom({0, 1, 2, 3, 4});
  const absl::Span<int> slice = *array.Slice(1, 3);
  EXPECT_EQ(std::vector<int>(slice.begin(), slice.end()), (std::vector<int>{1, 2, 3}));
  std::fill(slice.begin(), slice.end(), 9);
  EXPECT_EQ(Content(array), (std::vector<int>{0, 9, 9, 9, 4}));
  EXPECT_EQ(array.Slice(5, 0)->size(), 0u);
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  for (const auto& [begin, count] :
       {std::pair<int64_t, int64_t>(3, 3), {6, 0}, {-1, 2}, {0, -1}, {1, kMost}, {kMost, 1}}) {
    const absl::Status status = array.Slice(begin, count).status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument)) << begin << " " << count;
    EXPECT_NE(status.message().find("of an array of 5"), std::string::npos) << status;
  }
}

TEST(Array, ElementsAreReadAndChangedLikeValues) {
  Array<int> array = *Array<int>::Create(3);
  ASSERT_THAT(array.Set(1, 5), IsOk());
  EXPECT_EQ(*array.FetchAdd(1, 2), 5);
  EXPECT_THAT(array.Update(1, [](int& value) { value *= 10; }), IsOk());
  int expected = 70;
  EXPECT_TRUE(*array.CompareExchange(1, expected, 71));
  EXPECT_THAT(array.Get(1), IsOkAndHolds(71));
  EXPECT_EQ(Content(array), (std::vector<int>{0, 71, 0}));
}

TEST(Array, ElementsThatAreNotWholeTakeTheLock) {
  Array<Colour> array = *Array<Colour>::Create(2);
  ASSERT_THAT(array.Set(1, {1, 2, 3}), IsOk());
  EXPECT_THAT(array.Get(1), IsOkAndHolds((Colour{1, 2, 3})));
  EXPECT_THAT(array.Get(0), IsOkAndHolds((Colour{0, 0, 0})));
  ForkedChild holder([&] {
    array.Update(1, [](Colour&) { raise(SIGKILL); }).IgnoreError();
    return 0;
  });
  const int32_t pid = holder.pid();
  ASSERT_EQ(holder.Wait(), -SIGKILL);
  EXPECT_EQ(array.Set(0, {4, 5, 6})->previous_owner_died, pid) << "the lock is one for all elements";
}

TEST(Array, NoAddIsLost) {
  constexpr int kEach = 200'000;
  Array<int32_t> array = *Array<int32_t>::Create(3);
  Shared<std::atomic<int>> ready;
  std::vector<ForkedChild> children;
  for (int i = 0; i < 3; ++i) {
    children.emplace_back([&] {
      ++*ready;
      while (*ready < 3) {
      }
      for (int n = 0; n < kEach; ++n) {
        REGATTA_CHILD_REQUIRE(array.FetchAdd(1, 1).ok());
        REGATTA_CHILD_REQUIRE(array.FetchAdd(i == 1 ? 0 : 2, 1).ok());
      }
      return 0;
    });
  }
  for (ForkedChild& child : children) EXPECT_EQ(child.Wait(), 0);
  EXPECT_THAT(array.Get(0), IsOkAndHolds(kEach));
  EXPECT_THAT(array.Get(1), IsOkAndHolds(3 * kEach)) << "neighbours do not disturb each other";
  EXPECT_THAT(array.Get(2), IsOkAndHolds(2 * kEach));
}

TEST(Array, ServesPlainAlgorithms) {
  Array<double> array = *Array<double>::Create(kMega);
  const absl::Span<double> span = array.span();
  std::iota(span.rbegin(), span.rend(), 0.0);
  std::sort(span.begin(), span.end());
  EXPECT_THAT(array.Get(0), IsOkAndHolds(0.0));
  EXPECT_THAT(array.Get(kMega - 1), IsOkAndHolds(static_cast<double>(kMega - 1)));
}

TEST(Array, CrossesWithItsLockAndContent) {
  for (const int64_t size : {int64_t{3}, int64_t{2000}, kMega}) {
    Lock lock = *Lock::Create();
    Array<int> array = *Array<int>::Create(size, lock);
    ASSERT_THAT(array.Set(size - 1, 7), IsOk());
    DescriptorSink sink;
    std::vector<std::byte> bytes(EncodedSize(array));
    ASSERT_THAT(Encode(array, absl::MakeSpan(bytes), &sink), IsOk());
    std::vector<Fd> arrived;
    for (const Fd* fd : sink.descriptors()) arrived.push_back(*fd->Duplicate());
    DescriptorSource source(std::move(arrived));
    absl::StatusOr<Array<int>> decoded = Decode<Array<int>>(bytes, &source);
    ASSERT_THAT(decoded, IsOk());
    EXPECT_EQ(decoded->size(), size);
    EXPECT_THAT(decoded->Get(size - 1), IsOkAndHolds(7));
    ASSERT_THAT(decoded->Acquire(), IsOk());
    EXPECT_TRUE(lock.holder().has_value());
  }
}

TEST(Array, OneOfAnotherTypeIsRefused) {
  const Array<int> array = *Array<int>::Create(4);
  EXPECT_THAT(Array<float>::Attach(*array.descriptor().Duplicate(), array.offset()),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(Array, ASizeThatCannotBeIsRefused) {
  for (const int64_t size : {int64_t{-1}, std::numeric_limits<int64_t>::min()}) {
    const absl::Status status = Array<int>::Create(size).status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr(absl::StrCat(size))));
  }
  const int64_t too_many = int64_t{64} << 30;
  for (const int64_t size : {std::numeric_limits<int64_t>::max(), too_many / 8 + 1, int64_t{1} << 61}) {
    const absl::Status status = Array<int64_t>::Create(size).status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted, testing::HasSubstr("64 GiB")));
  }
}

TEST(Array, OneLargerThanTheMachinesMemoryIsRefused) {
  const auto room = static_cast<int64_t>(*AvailableMemory());
  if (room >= int64_t{60} << 30) return;  // No array can be that large.
  const auto before = CountDescriptors();
  const absl::Status status = Array<char>::Create(room + room / 16).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted, testing::HasSubstr("shared memory")));
  EXPECT_EQ(CountDescriptors(), before);
}

TEST(Array, TakesMemoryAsItIsTouched) {
  Array<char> array = *Array<char>::Create(256 * kMega);
  EXPECT_LE(*MemfdMemory(array.descriptor()), 16u << 10);
  ASSERT_THAT(array.Set(0, 'a'), IsOk());
  ASSERT_THAT(array.Set(100 * kMega, 'b'), IsOk());
  ASSERT_THAT(array.Set(256 * kMega - 1, 'c'), IsOk());
  EXPECT_LE(*MemfdMemory(array.descriptor()), 32u << 10);
}

TEST(Array, OneMadeFromValuesHasItsMemory) {
  const Array<char> array = *Array<char>::CreateFrom(std::vector<char>(3 * kMega, 'x'));
  EXPECT_GE(*MemfdMemory(array.descriptor()), 3u << 20);
  ForkedChild child([] {
    RefuseMemory();
    REGATTA_CHILD_REQUIRE(
        absl::IsResourceExhausted(Array<char>::CreateFrom(std::vector<char>(3 * kMega, 'x')).status()));
    REGATTA_CHILD_REQUIRE(absl::IsResourceExhausted(Array<char>::Create(3 * kMega).status()));
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST(Array, WithoutAddressSpaceIsRefused) {
  ForkedChild child([] {
    LimitMoreAddressSpace(uint64_t{100} << 20);
    const absl::Status status = Array<char>::Create(200 * kMega).status();
    REGATTA_CHILD_REQUIRE(absl::IsResourceExhausted(status));
    REGATTA_CHILD_REQUIRE(status.message().find("address space") != std::string::npos);
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

// The header lies about where the elements are, or how many.
TEST(Array, OneWhoseElementsAreNotInItsFileIsRefused) {
  for (const auto& [at, value] : {std::pair<size_t, uint64_t>(offsetof(ArrayLayout, bytes), 1 << 20),
                                  {offsetof(ArrayLayout, bytes), ~uint64_t{0}},
                                  {offsetof(ArrayLayout, elements_at), uint64_t{1} << 40},
                                  {offsetof(ArrayLayout, elements_at), 1 << 20},
                                  {offsetof(ArrayLayout, elements_at), 257}}) {
    const Array<int> array = *Array<int>::Create(4);
    const Mapping bytes = *Mapping::Map(array.descriptor(), *MemfdSize(array.descriptor()));
    std::memcpy(bytes.data() + array.offset() + at, &value, sizeof(value));
    const absl::Status status = Array<int>::Attach(*array.descriptor().Duplicate(), array.offset()).status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss)) << at << " " << value << " ";
  }
}

TEST(Array, AThousandSmallOnesTakeFewDescriptors) {
  const auto before = CountDescriptors();
  std::vector<Array<int>> arrays;
  for (int i = 0; i < 1000; ++i) arrays.push_back(*Array<int>::Create(10));
  EXPECT_LE(CountDescriptors(), before + 25);
}

}  // namespace
}  // namespace regatta
