// A process is killed after every single instruction of putting and getting, small items and large, with and without
// others that wait. An item whose Put returned is got once, but for the one that a dead getter took with it; what was
// in flight is got whole or not at all; the others go on, a new process takes the dead one's lane, and not one place of
// a bounded queue is lost.
//
// Of long operations, and where a death costs the others a tick (a second), a share of the instructions is taken; all
// of them by
//   ./tools/bazel test //core/ipc:queue_every_step --test_output=all
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "core/ipc/byte_queue.h"
#include "core/os/deadline.h"
#include "core/os/error.h"
#include "core/testing/forked_child.h"
#include "core/testing/single_step.h"
#include "core/testing/status_matchers.h"
#include "core/testing/test_item.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

using At = SteppedChild::At;

constexpr uint64_t kAll = 5000;
constexpr uint32_t kVictim = 1;
constexpr uint32_t kSurvivor = 2;
constexpr uint32_t kNewcomer = 3;

struct Scene {
  std::atomic<bool> put{false};       // The victim's Put has returned OK.
  std::atomic<uint32_t> got{0};       // One more than the number of what its Get has returned.
  std::atomic<bool> torn{false};      // It was not whole.
  std::atomic<int64_t> waiter_at{0};  // The waiter has got, or put, its item.
};

struct Operation {
  const char* name;
  size_t bytes;
  int64_t capacity;
};

class QueueStep : public testing::TestWithParam<Operation> {
 protected:
  ~QueueStep() override { std::printf("others waited for at most %.1f ms\n", static_cast<double>(longest_) / 1e6); }

  void Reset() {
    queue_ = *ByteQueue::Create({.capacity = GetParam().capacity});
    scene_->put = false;
    scene_->got = 0;
    scene_->torn = false;
    scene_->waiter_at = 0;
  }
  std::vector<std::byte> Item(uint32_t producer, uint32_t number) const {
    return TestItem{producer, number}.Bytes(GetParam().bytes);
  }
  // The next item, which is there.
  std::optional<TestItem> Next(Deadline deadline = Watchdog()) {
    QueueItem item;
    const int64_t since = MonotonicNanos();
    const absl::Status got = queue_.Get(&item, deadline);
    if (!deadline.is_now()) longest_ = std::max(longest_, MonotonicNanos() - since);
    if (!got.ok()) {
      EXPECT_TRUE(IsEmpty(got)) << got;
      return std::nullopt;
    }
    const std::optional<TestItem> read = TestItem::Read(item.bytes());
    EXPECT_TRUE(read.has_value()) << "an item is torn";
    return read;
  }
  bool Put(uint32_t producer, uint32_t number, Deadline deadline = Watchdog()) {
    return queue_.Put(Item(producer, number), deadline).ok();
  }
  // Everything that is there of `producer`, by number, each once.
  std::vector<uint32_t> Drain(uint32_t producer) {
    std::vector<uint32_t> numbers;
    while (const std::optional<TestItem> next = Next(Deadline::Now())) {
      EXPECT_EQ(next->producer, producer);
      EXPECT_TRUE(numbers.empty() || next->number > numbers.back()) << "out of order, or doubled";
      numbers.push_back(next->number);
    }
    return numbers;
  }
  // The empty queue is as good as new: this process and a new one put and get, a bound is kept exactly, it can be
  // closed.
  void ExpectWhole() {
    EXPECT_EQ(queue_.size(), 0);
    EXPECT_TRUE(Put(kSurvivor, 1000));
    EXPECT_EQ(Next()->number, 1000u);
    ForkedChild newcomer([&] {
      REGATTA_CHILD_REQUIRE(Put(kNewcomer, 1));
      return 0;
    });
    EXPECT_EQ(newcomer.Wait(), 0);
    EXPECT_EQ(Next()->number, 1u);
    if (GetParam().capacity > 0) {
      for (int64_t i = 0; i < GetParam().capacity; ++i) {
        EXPECT_TRUE(Put(kSurvivor, 2000 + static_cast<uint32_t>(i), Deadline::Now())) << "a place is lost: " << i;
      }
      EXPECT_FALSE(Put(kSurvivor, 3000, Deadline::Now())) << "the bound is broken";
      EXPECT_EQ(Drain(kSurvivor).size(), static_cast<size_t>(GetParam().capacity));
    }
    EXPECT_THAT(queue_.Close(), IsOk());
    QueueItem item;
    EXPECT_TRUE(IsClosed(queue_.Get(&item, Watchdog())));
  }
  // What the victim left of its items [0, count), the last of which was in flight.
  void ExpectItems(const std::vector<uint32_t>& left, uint32_t first, uint32_t count) {
    uint32_t expected = first;
    for (const uint32_t number : left) EXPECT_EQ(number, expected++);
    EXPECT_GE(expected, scene_->put ? count : count - 1) << "an item that was put is lost";
    EXPECT_LE(expected, count);
  }
  // Puts one item in the steps, having put `before`.
  SteppedChild Putter(uint32_t before) {
    return SteppedChild([&, before] {
      const std::vector<std::byte> bytes = Item(kVictim, before);
      for (uint32_t i = 0; i < before; ++i) REGATTA_CHILD_REQUIRE(Put(kVictim, i));
      BeginSteps();
      const bool put = queue_.Put(bytes).ok();
      scene_->put = put;
      EndSteps();
      return put ? 0 : 1;
    });
  }
  // Gets one item in the steps.
  SteppedChild Getter() {
    return SteppedChild([&] {
      QueueItem item;
      REGATTA_CHILD_REQUIRE(queue_.size() == 0 || queue_.Get(&item).ok());
      item.Reset();
      BeginSteps();
      const bool got = queue_.Get(&item).ok();
      const uint32_t number = got ? *reinterpret_cast<const uint32_t*>(item.bytes().data() + 4) : 0;
      if (got) scene_->got = number + 1;
      scene_->torn = got && item.bytes().size() != GetParam().bytes;
      item.Reset();
      EndSteps();
      return got ? 0 : 1;
    });
  }
  // Another that sleeps until it gets the item of `producer`.
  ForkedChild WaitingGetter() {
    ForkedChild waiter([&] {
      QueueItem item;
      REGATTA_CHILD_REQUIRE(queue_.Get(&item, Watchdog()).ok());
      scene_->waiter_at = MonotonicNanos();
      const std::optional<TestItem> read = TestItem::Read(item.bytes());
      REGATTA_CHILD_REQUIRE(read.has_value());
      return static_cast<int>(read->producer);
    });
    EXPECT_TRUE(Eventually([&] { return IsAsleep(waiter.pid()); }));
    return waiter;
  }
  void Note(int64_t since) { longest_ = std::max(longest_, scene_->waiter_at - since); }
  std::string Name(const char* what) const { return std::string(what) + " " + GetParam().name; }

  const SteppedHere here_;
  ByteQueue queue_;
  Shared<Scene> scene_;
  int64_t longest_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Items, QueueStep,
                         testing::Values(Operation{"Small", 64, 0}, Operation{"Large", 400, 0},
                                         Operation{"SmallBounded", 64, 2}, Operation{"LargeBounded", 400, 2}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(QueueStep, Putting) {
  const bool bounded = GetParam().capacity > 0;
  KillAtEachStep(Name("put").c_str(), bounded ? 100 : 250, [&](uint64_t n) {
    Reset();
    // In a bounded queue another has taken credit, which the victim must get back.
    if (bounded) {
      EXPECT_TRUE(Put(kSurvivor, 0));
      EXPECT_TRUE(Next().has_value());
    }
    SteppedChild victim = Putter(1);
    EXPECT_NE(victim.Step(n), At::kAsleep);
    victim.Kill();
    ExpectItems(Drain(kVictim), 0, 2);
    ExpectWhole();
    return victim.process().steps();
  });
}

// The first item of a process: it takes a lane, and credit or an extent; killed at each system call.
TEST_P(QueueStep, PuttingForTheFirstTime) {
  KillAtEachStep(Name("first put, system calls").c_str(), kAll, [&](uint64_t n) {
    Reset();
    SteppedChild victim = Putter(0);
    EXPECT_NE(victim.StepCalls(n), At::kAsleep);
    victim.Kill();
    ExpectItems(Drain(kVictim), 0, 1);
    ExpectWhole();
    return victim.process().steps();
  });
}

// A getter sleeps: who dies between publishing and waking leaves it to the tick.
TEST_P(QueueStep, PuttingWhileAGetterSleeps) {
  KillAtEachStep(Name("put to a sleeper").c_str(), 24, [&](uint64_t n) {
    Reset();
    SteppedChild victim([&] {
      const std::vector<std::byte> bytes = Item(kVictim, 1);
      REGATTA_CHILD_REQUIRE(Put(kVictim, 0) && Next()->number == 0);
      BeginSteps();
      scene_->put = queue_.Put(bytes).ok();
      EndSteps();
      return 0;
    });
    ForkedChild waiter = WaitingGetter();
    victim.Step(n);
    const int64_t since = MonotonicNanos();
    victim.Kill();
    // As in a dead producer's lane nothing is on its way, it is either there or was never put.
    const bool there = queue_.size() > 0 || waiter.HasEnded();
    EXPECT_TRUE(there || !scene_->put) << "an item that was put is lost, after " << n;
    EXPECT_TRUE(there || Put(kSurvivor, 0));
    const int producer = waiter.Wait();
    // Between the look and this it may have got the victim's after all.
    EXPECT_TRUE(producer == static_cast<int>(there ? kVictim : kSurvivor)) << producer;
    Note(since);
    ExpectWhole();
    return victim.process().steps();
  });
}

TEST_P(QueueStep, Getting) {
  const bool large = GetParam().bytes > kInlineBytes;
  KillAtEachStep(Name("get").c_str(), 160, [&](uint64_t n) {
    Reset();
    const uint32_t count = GetParam().capacity > 0 ? 2 : 4;
    for (uint32_t i = 0; i < count; ++i) EXPECT_TRUE(Put(kSurvivor, i));
    SteppedChild victim = Getter();  // It has got item 0.
    const At at = victim.Step(n);
    EXPECT_NE(at, At::kAsleep);
    const bool untouched = queue_.size() == static_cast<int64_t>(count) - 1;
    EXPECT_FALSE(scene_->torn);
    victim.Kill();
    const std::vector<uint32_t> left = Drain(kSurvivor);
    // It gets item 1, whole, or leaves it; or takes it with it.
    EXPECT_TRUE(scene_->got == 0 || scene_->got == 2);
    const bool lost = left.size() == count - 2;
    EXPECT_TRUE(lost || left.size() == count - 1) << left.size() << " are left after " << n;
    EXPECT_TRUE(lost || scene_->got == 0) << "doubled";
    EXPECT_TRUE(!lost || large || !untouched) << "lost, though nobody had taken it";
    EXPECT_TRUE(left.empty() || left.back() == count - 1);
    ExpectWhole();
    return victim.process().steps();
  });
}

// Up to its sleep in an empty queue.
TEST_P(QueueStep, WaitingForAnItem) {
  KillAtEachStep(Name("wait").c_str(), 6, [&](uint64_t n) {
    Reset();
    SteppedChild victim = Getter();
    EXPECT_NE(victim.Step(std::min<uint64_t>(n, 1'000'000)), At::kEnd);
    victim.Kill();
    for (uint32_t i = 0; i < 2; ++i) EXPECT_TRUE(Put(kSurvivor, i));
    EXPECT_EQ(Drain(kSurvivor).size(), 2u);
    ExpectWhole();
    return victim.process().steps();
  });
}

// It was woken for an item, and dies with the wake-up or with the item; another sleeps behind it.
TEST_P(QueueStep, GettingAfterASleep) {
  KillAtEachStep(Name("woken").c_str(), 3, [&](uint64_t n) {
    Reset();
    EXPECT_TRUE(Put(kSurvivor, 0));
    EXPECT_TRUE(Next().has_value());
    SteppedChild victim = Getter();
    EXPECT_EQ(victim.Step(1'000'000), At::kAsleep);
    ForkedChild waiter = WaitingGetter();
    EXPECT_TRUE(Put(kSurvivor, 1));
    // Who slept first is woken first; but a waiter looks again by itself too, and may have taken it.
    EXPECT_TRUE(Eventually([&] { return victim.Step(1) != At::kAsleep || waiter.HasEnded(); }));
    const uint64_t before = victim.process().steps();
    const At at = victim.Step(n);
    const int64_t since = MonotonicNanos();
    victim.Kill();
    EXPECT_TRUE(scene_->got == 0 || scene_->got == 2);
    EXPECT_TRUE(at != At::kEnd || scene_->got == 2);
    // Either the waiter gets it, or the victim's it was: then the waiter, which helps the head past it, needs another.
    EXPECT_TRUE(Eventually([&] { return waiter.HasEnded() || queue_.size() == 0; }));
    const bool needs_another = !waiter.HasEnded();
    EXPECT_TRUE(!needs_another || Put(kSurvivor, 2));
    EXPECT_EQ(waiter.Wait(), static_cast<int>(kSurvivor)) << "after " << n;
    Note(since);
    Drain(kSurvivor);
    ExpectWhole();
    return victim.process().steps() - before;
  });
}

}  // namespace
}  // namespace regatta
