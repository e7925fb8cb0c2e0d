// A process is killed after every single instruction of sending and receiving, small messages and ones with a file and
// a descriptor: what was sent is received once and whole, and the others go on.
//
// Of long operations a share of the instructions is taken; all of them by REGATTA_EVERY_STEP=1.
#include <atomic>
#include <cstdint>
#include <optional>
#include <tuple>
#include <vector>

#include "absl/time/time.h"
#include "core/ipc/byte_connection.h"
#include "core/os/deadline.h"
#include "core/os/error.h"
#include "core/os/memfd.h"
#include "core/testing/forked_child.h"
#include "core/testing/single_step.h"
#include "core/testing/status_matchers.h"
#include "core/testing/test_item.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

constexpr uint32_t kVictim = 1;
constexpr uint32_t kSurvivor = 2;

struct Shape {
  const char* name;
  size_t bytes;
  bool descriptor;
  uint64_t most;  // Instructions that are killed after.
};

class ConnectionStep : public testing::TestWithParam<Shape> {
 protected:
  void Reset() {
    std::tie(here_, there_) = *ByteConnection::Pipe();
    *done_ = false;
    *torn_ = false;
  }
  absl::Status Send(const ByteConnection& end, uint32_t producer, uint32_t number) {
    std::vector<const Fd*> beside;
    if (GetParam().descriptor) beside.push_back(&file_);
    return end.Send(TestItem{producer, number}.Bytes(GetParam().bytes), Watchdog(), beside);
  }
  // The next message, if there is one; it must be whole.
  std::optional<TestItem> Next(const ByteConnection& end, Deadline deadline = Watchdog()) {
    ConnectionMessage message;
    const absl::Status received = end.Recv(&message, deadline);
    if (!received.ok()) {
      EXPECT_TRUE(IsEmpty(received) || IsEndOfFile(received)) << received;
      return std::nullopt;
    }
    const std::optional<TestItem> item = TestItem::Read(message.bytes());
    EXPECT_TRUE(item.has_value()) << "torn";
    EXPECT_EQ(message.descriptors().size(), GetParam().descriptor ? 1u : 0u);
    return item;
  }
  // A new process uses each end in the victim's place.
  void ExpectWorks(uint64_t n) {
    ForkedChild newcomer([&] {
      REGATTA_CHILD_REQUIRE(Send(there_, kSurvivor, 1).ok());
      const std::optional<TestItem> answer = Next(there_);
      REGATTA_CHILD_REQUIRE(answer.has_value() && answer->number == 2);
      return 0;
    });
    std::optional<TestItem> item;
    while (!(item = Next(here_)).has_value() && !newcomer.HasEnded()) {
    }
    EXPECT_TRUE(item.has_value() && item->producer == kSurvivor && item->number == 1) << "after " << n;
    EXPECT_THAT(Send(here_, kSurvivor, 2), IsOk());
    EXPECT_EQ(newcomer.Wait(), 0) << "after " << n;
  }

  const SteppedHere here_processor_;
  const Fd file_ = *CreateMemfd("a test");
  ByteConnection here_;
  ByteConnection there_;
  Shared<std::atomic<bool>> done_;
  Shared<std::atomic<bool>> torn_;
};

TEST_P(ConnectionStep, Sending) {
  KillAtEachStep("send", GetParam().most, [&](uint64_t n) {
    Reset();
    SteppedChild victim([&] {
      const std::vector<std::byte> bytes = TestItem{kVictim, 1}.Bytes(GetParam().bytes);
      std::vector<const Fd*> beside;
      if (GetParam().descriptor) beside.push_back(&file_);
      REGATTA_CHILD_REQUIRE(there_.Send(TestItem{kVictim, 0}.Bytes(24)).ok());
      BeginSteps();
      const bool sent = there_.Send(bytes, Watchdog(), beside).ok();
      *done_ = sent;
      EndSteps();
      return sent ? 0 : 1;
    });
    victim.Step(n);
    victim.Kill();
    ConnectionMessage first;
    EXPECT_THAT(here_.Recv(&first, Watchdog()), IsOk());
    const std::optional<TestItem> second = Next(here_);
    EXPECT_TRUE(second.has_value() || !*done_) << "a message is lost after " << n;
    if (second.has_value()) {
      EXPECT_EQ(second->number, 1u);
      EXPECT_FALSE(Next(here_).has_value()) << "doubled after " << n;
    }
    ExpectWorks(n);
    return victim.process().steps();
  });
}

TEST_P(ConnectionStep, Receiving) {
  KillAtEachStep("receive", GetParam().most, [&](uint64_t n) {
    Reset();
    for (uint32_t i = 0; i < 3; ++i) EXPECT_TRUE(Send(here_, kSurvivor, i).ok());
    SteppedChild victim([&] {
      REGATTA_CHILD_REQUIRE(Next(there_).has_value());
      ConnectionMessage message;
      BeginSteps();
      const bool received = there_.Recv(&message, Watchdog()).ok();
      *done_ = received;
      EndSteps();
      *torn_ = !TestItem::Read(message.bytes()).has_value();
      return received ? 0 : 1;
    });
    victim.Step(n);
    victim.Kill();
    const std::optional<TestItem> next = Next(there_);
    EXPECT_TRUE(next.has_value() && (next->number == 2 || (next->number == 1 && !*done_))) << "after " << n;
    if (next.has_value() && next->number == 1) {
      EXPECT_EQ(Next(there_)->number, 2u) << "after " << n;
    }
    EXPECT_FALSE(Next(there_, Deadline::Now()).has_value());
    ExpectWorks(n);
    return victim.process().steps();
  });
}

// The other side sleeps meanwhile, and is told of the message or of the death.
TEST_P(ConnectionStep, SendingToASleeper) {
  KillAtEachStep("send to a sleeper", GetParam().most / 4, [&](uint64_t n) {
    Reset();
    ForkedChild sleeper([&] {
      ConnectionMessage message;
      REGATTA_CHILD_REQUIRE(here_.Recv(&message, Watchdog()).ok());
      const absl::Status received = here_.Recv(&message, Watchdog());
      REGATTA_CHILD_REQUIRE(received.ok() || (IsEndOfFile(received) && !*done_));
      REGATTA_CHILD_REQUIRE(!received.ok() || TestItem::Read(message.bytes()).has_value());
      return 0;
    });
    SteppedChild victim([&] {
      const std::vector<std::byte> bytes = TestItem{kVictim, 1}.Bytes(GetParam().bytes);
      REGATTA_CHILD_REQUIRE(there_.Send(bytes).ok());
      BeginSteps();
      const bool sent = there_.Send(bytes, Watchdog()).ok();
      *done_ = sent;
      EndSteps();
      return sent ? 0 : 1;
    });
    EXPECT_TRUE(Eventually([&] { return IsAsleep(sleeper.pid()); }));
    victim.Step(n);
    victim.Kill();
    EXPECT_EQ(sleeper.Wait(), 0) << "after " << n;
    return victim.process().steps();
  });
}

INSTANTIATE_TEST_SUITE_P(Shapes, ConnectionStep,
                         testing::Values(Shape{"small", 100, false, 200}, Shape{"descriptor", 100, true, 60},
                                         Shape{"file", 70'000, false, 60}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace regatta
