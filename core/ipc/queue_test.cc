#include "core/ipc/queue.h"

#include <unistd.h>

#include <array>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "core/os/error.h"
#include "core/testing/forked_child.h"
#include "core/testing/process_witness.h"
#include "core/testing/shared_object_suite.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {

namespace {
// What the codecs below do with a value.
enum class Does : int32_t { kWell, kThrowsInSize, kThrowsInEncode, kThrowsInDecode, kPutsInEncode };
}  // namespace
struct Wilful {
  Does does = Does::kWell;
  std::string text;
};
namespace {
Queue<Wilful>* g_put_into = nullptr;
absl::Status g_put;
}  // namespace
template <>
struct Codec<Wilful> {
  static constexpr uint64_t kFingerprint = FingerprintOf("test.Wilful/1");
  static size_t Size(const Wilful& value) {
    if (value.does == Does::kThrowsInSize) throw std::runtime_error("size");
    return EncodedSize(static_cast<int32_t>(value.does)) + EncodedSize(value.text);
  }
  static void Encode(const Wilful& value, Encoder& out) {
    if (value.does == Does::kThrowsInEncode) throw std::runtime_error("encode");
    if (value.does == Does::kPutsInEncode) g_put = g_put_into->TryPut(Wilful{});
    out.Write(static_cast<int32_t>(value.does));
    out.Write(value.text);
  }
  static bool Decode(Decoder& in, Wilful& value) {
    int32_t does = 0;
    if (!in.Read(does) || !in.Read(value.text)) return false;
    value.does = static_cast<Does>(does);
    if (value.does == Does::kThrowsInDecode) throw std::runtime_error("decode");
    return true;
  }
};

namespace {

INSTANTIATE_TYPED_TEST_SUITE_P(Queue, SharedObjectTest, Queue<int>);

TEST(Queue, CarriesNumbersInOrder) {
  Queue<int> queue = *Queue<int>::Create();
  for (int i = 0; i < 1000; ++i) ASSERT_THAT(queue.Put(i), IsOk());
  for (int i = 0; i < 1000; ++i) ASSERT_THAT(queue.Get(), IsOkAndHolds(i));
}

TEST(Queue, CarriesValuesOfAnySizeAndType) {
  using Value = std::map<std::string, std::vector<std::pair<int, double>>>;
  Queue<Value> queue = *Queue<Value>::Create();
  Value small = {{"a", {{1, 0.5}}}};
  Value large;
  for (int i = 0; i < 2000; ++i) large[std::to_string(i)] = {{i, i / 3.0}, {-i, 1e300}};
  for (const Value& value : {Value(), small, large}) {
    ASSERT_THAT(queue.Put(value), IsOk());
    const absl::StatusOr<Value> got = queue.Get();
    ASSERT_THAT(got, IsOk());
    EXPECT_EQ(*got, value);
  }
}

TEST(Queue, FixedSizesAroundASlotArriveWhole) {
  using Fits = std::array<char, 112>;
  using DoesNot = std::array<char, 113>;
  Fits fits;
  fits.fill('f');
  DoesNot does_not;
  does_not.fill('d');
  Queue<Fits> first = *Queue<Fits>::Create();
  Queue<DoesNot> second = *Queue<DoesNot>::Create();
  ASSERT_THAT(first.Put(fits), IsOk());
  ASSERT_THAT(second.Put(does_not), IsOk());
  EXPECT_THAT(first.Get(), IsOkAndHolds(fits));
  EXPECT_THAT(second.Get(), IsOkAndHolds(does_not));
}

TEST(Queue, WhatACodecThrowsIsAnErrorOfItsItem) {
  for (const int64_t capacity : {0, 1}) {
    Queue<Wilful> queue = *Queue<Wilful>::Create(capacity);
    for (const size_t size : {5, 500, 100'000}) {
      const std::string text(size, 'x');
      for (const Does does : {Does::kThrowsInSize, Does::kThrowsInEncode}) {
        const absl::Status put = queue.TryPut({does, text});
        EXPECT_EQ(ThrownType(put), "std::runtime_error") << put;
        EXPECT_EQ(queue.size(), 0);
      }
      ASSERT_THAT(queue.TryPut({Does::kThrowsInDecode, text}), IsOk());
      EXPECT_EQ(ThrownType(queue.TryGet().status()), "std::runtime_error");
      ASSERT_THAT(queue.TryPut({Does::kWell, text}), IsOk());
      EXPECT_EQ(queue.TryGet()->text, text);
    }
  }
}

TEST(Queue, ACodecMayNotPutIntoTheSameQueue) {
  Queue<Wilful> queue = *Queue<Wilful>::Create();
  g_put_into = &queue;
  EXPECT_THAT(queue.TryPut({Does::kPutsInEncode, "x"}), IsOk());
  EXPECT_THAT(g_put, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(queue.TryGet()->text, "x");
  EXPECT_TRUE(queue.empty());
  Queue<Wilful> other = *Queue<Wilful>::Create();
  g_put_into = &other;
  EXPECT_THAT(queue.TryPut({Does::kPutsInEncode, "x"}), IsOk());
  EXPECT_THAT(g_put, IsOk());
  EXPECT_EQ(other.size(), 1);
}

TEST(Queue, SaysFullEmptyAndClosedApart) {
  Queue<int> queue = *Queue<int>::Create(1);
  EXPECT_EQ(queue.capacity(), 1);
  EXPECT_TRUE(IsEmpty(queue.TryGet().status()));
  EXPECT_THAT(queue.TryPut(1), IsOk());
  EXPECT_TRUE(queue.full());
  EXPECT_TRUE(IsFull(queue.TryPut(2)));
  EXPECT_THAT(queue.Put(2, Deadline::After(absl::Milliseconds(1))), StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_THAT(queue.Close(), IsOk());
  EXPECT_TRUE(queue.closed());
  EXPECT_TRUE(IsClosed(queue.TryPut(2)));
  EXPECT_EQ(*queue.TryGet(), 1);
  EXPECT_TRUE(queue.empty());
  EXPECT_TRUE(IsClosed(queue.TryGet().status()));
  EXPECT_TRUE(IsClosed(queue.Get().status()));
}

// One lane a thread, however many handles to the queue it has: else the order of its items would be lost.
TEST(Queue, KeepsTheOrderOfAThreadOverAllHandles) {
  Queue<int> first = *Queue<int>::Create();
  Queue<int> second = *Queue<int>::Attach(*first.descriptor().Duplicate(), first.offset());
  for (int i = 0; i < 1000; i += 2) {
    ASSERT_THAT(first.Put(i), IsOk());
    ASSERT_THAT(second.Put(i + 1), IsOk());
  }
  for (int i = 0; i < 1000; ++i) ASSERT_THAT((i % 3 == 0 ? first : second).Get(), IsOkAndHolds(i));
}

TEST(Queue, OfWhichThereAreManyServeOneThread) {
  constexpr int kQueues = 800;
  std::vector<Queue<int>> queues;
  for (int i = 0; i < kQueues; ++i) {
    absl::StatusOr<Queue<int>> made = Queue<int>::Create();
    ASSERT_THAT(made, IsOk()) << i;
    queues.push_back(*std::move(made));
  }
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < kQueues; ++i) ASSERT_THAT(queues[i].Put(i), IsOk());
    for (int i = 0; i < kQueues; ++i) ASSERT_THAT(queues[i].Get(), IsOkAndHolds(i));
  }
}

TEST(Queue, CopiesAreTheSameQueue) {
  Queue<int> queue = *Queue<int>::Create();
  Queue<int> copy = queue;
  ASSERT_THAT(copy.Put(5), IsOk());
  EXPECT_EQ(queue.size(), 1);
  EXPECT_THAT(queue.Get(), IsOkAndHolds(5));
}

TEST(Queue, AttachWantsTheSameItems) {
  Queue<int> queue = *Queue<int>::Create();
  ASSERT_THAT(queue.Put(5), IsOk());
  EXPECT_THAT(Queue<float>::Attach(*queue.descriptor().Duplicate(), queue.offset()),
              StatusIs(absl::StatusCode::kInvalidArgument));
  absl::StatusOr<Queue<int>> same = Queue<int>::Attach(*queue.descriptor().Duplicate(), queue.offset());
  ASSERT_THAT(same, IsOk());
  EXPECT_THAT(same->Get(), IsOkAndHolds(5));
}

// Decodes what another type's bytes can't be.
struct Picky {
  int value = 0;
};

}  // namespace

template <>
struct Codec<Picky> {
  static constexpr uint64_t kFingerprint = FingerprintOf("test.Picky/1");
  static size_t Size(const Picky&) { return sizeof(int); }
  static void Encode(const Picky& picky, Encoder& out) {
    if (picky.value == 13) out.Fail(absl::InvalidArgumentError("13 is not said here"));
    out.Write(picky.value);
  }
  static bool Decode(Decoder& in, Picky& picky) {
    if (!in.Read(picky.value)) return false;
    return picky.value != 14 || in.Fail(absl::DataLossError("14 is not read here"));
  }
};

namespace {

TEST(Queue, AnItemThatCannotBeEncodedFailsItsPutAlone) {
  Queue<Picky> queue = *Queue<Picky>::Create(2);
  ASSERT_THAT(queue.Put({1}), IsOk());
  for (int i = 0; i < 5; ++i) EXPECT_THAT(queue.TryPut({13}), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(queue.size(), 1);
  ASSERT_THAT(queue.TryPut({2}), IsOk()) << "it took no place in the bound";
  EXPECT_EQ(queue.Get()->value, 1);
  EXPECT_EQ(queue.Get()->value, 2);
}

TEST(Queue, AnItemThatCannotBeDecodedIsDroppedAndSaidToBe) {
  Queue<Picky> queue = *Queue<Picky>::Create();
  ASSERT_THAT(queue.Put({14}), IsOk());
  ASSERT_THAT(queue.Put({15}), IsOk());
  EXPECT_THAT(queue.Get(), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_EQ(queue.Get()->value, 15);
}

TEST(Queue, CrossesAsItsDescriptorBesideTheBytes) {
  static_assert(kCarriesDescriptors<Queue<int>>);
  Queue<int> queue = *Queue<int>::Create();
  DescriptorSink sink;
  std::vector<std::byte> bytes(EncodedSize(queue));
  ASSERT_THAT(Encode(queue, absl::MakeSpan(bytes), &sink), IsOk());
  ASSERT_EQ(sink.descriptors().size(), 1u);
  std::vector<Fd> arrived;
  arrived.push_back(*sink.descriptors()[0]->Duplicate());
  DescriptorSource source(std::move(arrived));
  absl::StatusOr<Queue<int>> decoded = Decode<Queue<int>>(bytes, &source);
  ASSERT_THAT(decoded, IsOk());
  ASSERT_THAT(queue.Put(7), IsOk());
  EXPECT_THAT(decoded->Get(), IsOkAndHolds(7));
}

TEST(Queue, OfAnotherTypeIsRefusedWhenDecoded) {
  Queue<int> queue = *Queue<int>::Create();
  DescriptorSink sink;
  std::vector<std::byte> bytes(EncodedSize(queue));
  ASSERT_THAT(Encode(queue, absl::MakeSpan(bytes), &sink), IsOk());
  std::vector<Fd> arrived;
  arrived.push_back(*sink.descriptors()[0]->Duplicate());
  DescriptorSource source(std::move(arrived));
  EXPECT_THAT(Decode<Queue<double>>(bytes, &source), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(Queue, ThatWasNeverCreatedCannotBePassedOn) {
  const Queue<int> none;
  EXPECT_FALSE(none.valid());
  DescriptorSink sink;
  std::vector<std::byte> bytes(EncodedSize(none));
  EXPECT_THAT(Encode(none, absl::MakeSpan(bytes), &sink), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(Queue, WhatWasWrittenBeforePutIsSeenAfterGet) {
  Shared<int64_t> plain;
  Queue<int64_t> there = *Queue<int64_t>::Create();
  Queue<int64_t> back = *Queue<int64_t>::Create();
  ForkedChild child([&] {
    for (int64_t i = 1; i <= 5000; ++i) {
      REGATTA_CHILD_REQUIRE(*there.Get() == i && *plain == i);
      *plain = -i;
      REGATTA_CHILD_REQUIRE(back.Put(i).ok());
    }
    return 0;
  });
  for (int64_t i = 1; i <= 5000; ++i) {
    *plain = i;
    ASSERT_THAT(there.Put(i), IsOk());
    ASSERT_THAT(back.Get(Watchdog()), IsOk());
    ASSERT_EQ(*plain, -i);
  }
  EXPECT_EQ(child.Wait(), 0);
}

// Each needs one descriptor, and address space and mappings go by what is in it. The soft limit of descriptors may be
// 1,024: the core raises it. Where the hard limit allows fewer, all that it allows work.
TEST(Queue, TenThousandOfThemWorkInOneProcess) {
  std::vector<Queue<int>> queues;
  for (int i = 0; i < 10'000; ++i) {
    absl::StatusOr<Queue<int>> queue = Queue<int>::Create();
    if (absl::IsResourceExhausted(queue.status()) && CountDescriptors() + 8 >= sysconf(_SC_OPEN_MAX)) break;
    ASSERT_THAT(queue, IsOk()) << "after " << i;
    queues.push_back(*std::move(queue));
  }
  const int count = static_cast<int>(queues.size());
  for (int i = 0; i < count; ++i) ASSERT_THAT(queues[i].Put(i), IsOk()) << i;
  for (int i = 0; i < count; ++i) ASSERT_EQ(*queues[i].TryGet(), i);
}

}  // namespace
}  // namespace regatta
