// Items that are written and read where they lie.
#include "core/ipc/queue_loan.h"

#include <signal.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "core/ipc/queue.h"
#include "core/os/error.h"
#include "core/os/memfd.h"
#include "core/testing/forked_child.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

struct Sample {
  int64_t time = 0;
  double reading = 0;
};
using Frame = std::array<int32_t, 4096>;
using Floats = std::vector<float>;

constexpr int64_t kMany = 1 << 18;  // Floats: a mebibyte.

TEST(Loan, OneValueIsWrittenAndReadInPlace) {
  Queue<Sample> queue = *Queue<Sample>::Create();
  absl::StatusOr<Loan<Sample>> loan = queue.Reserve();
  ASSERT_TRUE(loan.ok());
  **loan = {1, 2.5};
  (*loan)->time = 7;
  EXPECT_TRUE(IsEmpty(queue.TryGet().status())) << "not published yet";
  loan->Publish();
  const absl::StatusOr<Borrowed<Sample>> got = queue.GetInPlace(Deadline::Now());
  ASSERT_TRUE(got.ok());
  EXPECT_EQ((**got).time, 7);
  EXPECT_EQ((*got)->reading, 2.5);
}

TEST(Loan, ManyElementsAreWrittenAndReadInPlace) {
  for (const int64_t count : {int64_t{0}, int64_t{1}, int64_t{26}, int64_t{27}, int64_t{5000}, kMany}) {
    Queue<Floats> queue = *Queue<Floats>::Create();
    absl::StatusOr<Loan<Floats>> loan = queue.Reserve(count);
    ASSERT_TRUE(loan.ok());
    ASSERT_EQ(loan->span().size(), static_cast<size_t>(count));
    std::fill(loan->span().begin(), loan->span().end(), 1.5F);
    const float* const written = loan->span().data();
    loan->Publish();
    const absl::StatusOr<Borrowed<Floats>> got = queue.GetInPlace(Deadline::Now());
    ASSERT_TRUE(got.ok());
    EXPECT_EQ(std::count(got->span().begin(), got->span().end(), 1.5F), count);
    EXPECT_EQ(got->span().size(), static_cast<size_t>(count));
    if (count >= 27) {
      EXPECT_EQ(got->span().data(), written) << "it was not copied";
    }
  }
}

TEST(Loan, AnEmptyOneHasNoElements) {
  EXPECT_TRUE(Loan<Floats>().span().empty());
  EXPECT_TRUE(Borrowed<Floats>().span().empty());
  Loan<Floats>().Publish();
}

TEST(Loan, MixesWithPutAndGet) {
  Queue<std::string> queue = *Queue<std::string>::Create();
  ASSERT_TRUE(queue.Put("put").ok());
  Loan<std::string> loan = *queue.Reserve(4);
  std::copy_n("lent", 4, loan.span().begin());
  loan.Publish();
  const Borrowed<std::string> first = *queue.GetInPlace();
  EXPECT_EQ(std::string(first.span().begin(), first.span().end()), "put");
  EXPECT_EQ(*queue.Get(), "lent");
  Queue<Frame> frames = *Queue<Frame>::Create();
  Loan<Frame> frame = *frames.Reserve();
  frame->fill(3);
  frame.Publish();
  EXPECT_EQ((*frames.Get())[4095], 3);
}

TEST(Loan, DroppedWithoutPublishPutsNothing) {
  Queue<Floats> queue = *Queue<Floats>::Create(1);
  { ASSERT_TRUE(queue.Reserve(kMany).ok()); }
  Loan<Floats> loan = *queue.Reserve(3, Deadline::Now());
  std::thread([&] { EXPECT_TRUE(IsFull(queue.Reserve(3, Deadline::Now()).status())) << "an open one counts"; }).join();
  loan = Loan<Floats>();
  EXPECT_TRUE(queue.empty());
  EXPECT_TRUE(queue.Put({1}).ok());
}

TEST(Loan, IsOneAThread) {
  Queue<Sample> queue = *Queue<Sample>::Create();
  Loan<Sample> loan = *queue.Reserve();
  EXPECT_TRUE(absl::IsFailedPrecondition(queue.Reserve().status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(queue.Put({})));
  *loan = {};
  std::thread([&] { loan.Publish(); }).join();
  EXPECT_TRUE(queue.Put({}).ok());
  EXPECT_EQ(queue.size(), 2);
}

TEST(Loan, AClosedQueueLendsNothing) {
  Queue<Sample> queue = *Queue<Sample>::Create();
  ASSERT_TRUE(queue.Close().ok());
  EXPECT_TRUE(IsClosed(queue.Reserve().status()));
  EXPECT_TRUE(IsClosed(queue.GetInPlace().status()));
}

TEST(Loan, ANumberThatCannotBeIsRefused) {
  Queue<Floats> queue = *Queue<Floats>::Create();
  for (const int64_t count : {int64_t{-1}, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max(),
                              (int64_t{1} << 62) + 1, (int64_t{1} << 28) + 1}) {
    const absl::Status status = queue.Reserve(count).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(status.message().find(absl::StrCat(count)), std::string::npos) << status;
  }
}

TEST(Loan, InAChildOfForkIsVoid) {
  Queue<Floats> queue = *Queue<Floats>::Create();
  ASSERT_TRUE(queue.Put(Floats(kMany, 1)).ok());
  Loan<Floats> loan = *queue.Reserve(kMany);
  std::fill(loan.span().begin(), loan.span().end(), 2.0F);
  const Borrowed<Floats> borrowed = *queue.GetInPlace();
  ForkedChild child([&] {
    loan.Publish();
    { const Borrowed<Floats> moved = std::move(const_cast<Borrowed<Floats>&>(borrowed)); }
    Loan<Floats> own = *queue.Reserve(kMany);  // Would get the memory if that was free.
    std::fill(own.span().begin(), own.span().end(), 3.0F);
    return 0;
  });
  ASSERT_EQ(child.Wait(), 0);
  EXPECT_TRUE(IsEmpty(queue.TryGet().status()));
  EXPECT_EQ(std::count(borrowed.span().begin(), borrowed.span().end(), 1.0F), kMany);
  loan.Publish();
  EXPECT_EQ(*queue.Get(), Floats(kMany, 2));
}

// Twenty processes die with a mebibyte lent or borrowed each: the queue needs a few mebibytes all the same.
TEST(Loan, IsFreedByTheDeathOfEitherSide) {
  Queue<Floats> queue = *Queue<Floats>::Create();
  for (const bool producer_dies : {true, false}) {
    for (int i = 0; i < 20; ++i) {
      ForkedChild producer([&] {
        Loan<Floats> loan = *queue.Reserve(kMany);
        std::fill(loan.span().begin(), loan.span().end(), static_cast<float>(i));
        if (producer_dies) raise(SIGKILL);
        loan.Publish();
        return 0;
      });
      EXPECT_EQ(producer.Wait(), producer_dies ? -SIGKILL : 0);
      if (producer_dies) {
        EXPECT_TRUE(IsEmpty(queue.GetInPlace(Deadline::Now()).status()));
        continue;
      }
      ForkedChild consumer([&] {
        const Borrowed<Floats> borrowed = *queue.GetInPlace();
        REGATTA_CHILD_REQUIRE(std::count(borrowed.span().begin(), borrowed.span().end(), static_cast<float>(i)) ==
                              kMany);
        raise(SIGKILL);
        return 0;
      });
      EXPECT_EQ(consumer.Wait(), -SIGKILL);
    }
    EXPECT_LE(*MemfdMemory(queue.descriptor()), 6u << 20);
  }
  EXPECT_TRUE(queue.Put(Floats(kMany, 7)).ok());
  EXPECT_EQ((*queue.Get())[kMany - 1], 7);
}

TEST(Borrowed, FreesItsMemoryWhenDropped) {
  Queue<Floats> queue = *Queue<Floats>::Create();
  for (int i = 0; i < 100; ++i) {
    Loan<Floats> loan = *queue.Reserve(kMany);
    loan.span()[0] = static_cast<float>(i);
    loan.Publish();
    EXPECT_EQ(queue.GetInPlace()->span()[0], static_cast<float>(i));
  }
  EXPECT_LE(*MemfdMemory(queue.descriptor()), 6u << 20);
}

// A stranger has put bytes that are no item of the type.
TEST(Borrowed, IsRefusedIfTheBytesAreNoItem) {
  Queue<Floats> queue = *Queue<Floats>::Create();
  ByteQueue bytes = *ByteQueue::Attach(*queue.descriptor().Duplicate(), 0, Queue<Floats>::ValuesFingerprint());
  const std::array<uint64_t, 3> lies = {5, 0, 0};  // Five floats in 16 bytes.
  for (const size_t size : {size_t{0}, size_t{7}, size_t{15}, size_t{24}}) {
    ASSERT_TRUE(bytes.Put({reinterpret_cast<const std::byte*>(lies.data()), size}).ok());
    EXPECT_TRUE(absl::IsDataLoss(queue.GetInPlace().status())) << size;
  }
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace regatta
