// A process dies at each step of sending, receiving, beginning to use an end and leaving it, and the others go on.
//
// After each death the following holds. A message whose Send returned OK is received exactly once; if a receiver died,
// it may have taken one message with it. No message is torn, doubled or out of order. No call hangs.
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "core/ipc/byte_connection.h"
#include "core/ipc/fault_points.h"
#include "core/os/deadline.h"
#include "core/os/error.h"
#include "core/os/fault_point.h"
#include "core/os/memfd.h"
#include "core/testing/died_at.h"
#include "core/testing/forked_child.h"
#include "core/testing/status_matchers.h"
#include "core/testing/test_item.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

constexpr uint32_t kVictim = 1;
constexpr uint32_t kSurvivor = 2;
constexpr uint32_t kMessages = 12;

// Small ones, ones with a descriptor, and ones that lie in a file.
size_t SizeOf(uint32_t number) { return number % 3 == 2 ? 70'000 : 24 + number * 37; }

absl::Status SendItem(const ByteConnection& end, uint32_t producer, uint32_t number) {
  Fd file;
  std::vector<const Fd*> beside;
  if (number % 3 == 1) {
    file = *CreateMemfd("a test");
    beside.push_back(&file);
  }
  return end.Send(TestItem{producer, number}.Bytes(SizeOf(number)), Watchdog(), beside);
}

absl::StatusOr<TestItem> RecvItem(const ByteConnection& end, Deadline deadline = Watchdog()) {
  ConnectionMessage message;
  if (absl::Status received = end.Recv(&message, deadline); !received.ok()) return received;
  const std::optional<TestItem> item = TestItem::Read(message.bytes());
  if (!item.has_value()) return absl::DataLossError("a message is torn");
  if (message.descriptors().size() != (item->number % 3 == 1 ? 1 : 0))
    return absl::DataLossError("a descriptor is lost");
  return *item;
}

[[maybe_unused]] const auto* const kEachPoint = RequireDeathsAt(kConnectionFaultPoints);

class ConnectionDeath : public testing::TestWithParam<FaultPoint> {
 protected:
  ConnectionDeath() { std::tie(here_, there_) = *ByteConnection::Pipe(); }
  // Whether the victim died of the point.
  bool Died(ForkedChild& victim) const {
    const int end = victim.Wait();
    EXPECT_TRUE(end == 0 || end == -SIGKILL) << end;
    if (end == -SIGKILL) RecordDeathAt(GetParam());
    return end == -SIGKILL;
  }

  ByteConnection here_;
  ByteConnection there_;
};

TEST_P(ConnectionDeath, OfASender) {
  for (uint32_t skip = 0; skip < kMessages; ++skip) {
    std::tie(here_, there_) = *ByteConnection::Pipe();
    Shared<std::atomic<uint32_t>> sent;
    ForkedChild victim([&] {
      ArmFaultPoint(GetParam(), skip);
      for (uint32_t i = 0; i < kMessages; ++i) {
        REGATTA_CHILD_REQUIRE(SendItem(there_, kVictim, i).ok());
        sent->fetch_add(1);
      }
      there_.Close();
      return 0;
    });
    if (!Died(victim)) break;
    // Another process goes on with the same end, and is the last to use it.
    ForkedChild survivor([&] {
      for (uint32_t i = 0; i < kMessages; ++i) REGATTA_CHILD_REQUIRE(SendItem(there_, kSurvivor, i).ok());
      return 0;
    });
    std::array<uint32_t, 3> received = {};
    for (;;) {
      const absl::StatusOr<TestItem> item = RecvItem(here_);
      // Before the survivor begins, nobody holds the end.
      if (!item.ok() && IsEndOfFile(item.status()) && received[kSurvivor] < kMessages) continue;
      if (!item.ok()) {
        EXPECT_TRUE(IsEndOfFile(item.status())) << item.status();
        break;
      }
      ASSERT_EQ(item->number, received[item->producer]++) << "of " << item->producer << " after " << skip;
    }
    EXPECT_EQ(survivor.Wait(), 0);
    EXPECT_EQ(received[kSurvivor], kMessages);
    EXPECT_GE(received[kVictim], *sent) << "a message is lost";
    EXPECT_LE(received[kVictim], *sent + 1);
  }
}

TEST_P(ConnectionDeath, OfAReceiver) {
  for (uint32_t skip = 0; skip < kMessages; ++skip) {
    std::tie(here_, there_) = *ByteConnection::Pipe();
    for (uint32_t i = 0; i < kMessages; ++i) ASSERT_TRUE(SendItem(here_, kSurvivor, i).ok());
    Shared<std::atomic<uint32_t>> taken;
    ForkedChild victim([&] {
      ArmFaultPoint(GetParam(), skip);
      for (uint32_t i = 0; i < kMessages; ++i) {
        const absl::StatusOr<TestItem> item = RecvItem(there_);
        REGATTA_CHILD_REQUIRE(item.ok() && item->number == i);
        taken->fetch_add(1);
      }
      there_.Close();
      return 0;
    });
    if (!Died(victim)) break;
    EXPECT_TRUE(IsEndOfFile(here_.Send({}, Watchdog()))) << "nobody who used the other end lives";
    const bool may_lose = GetParam() == fault::kConnectionTaken || GetParam() == fault::kConnectionPacketTaken;
    uint32_t next = *taken;
    while (next < kMessages) {
      const absl::StatusOr<TestItem> item = RecvItem(there_, Deadline::Now());
      if (!item.ok()) break;
      ASSERT_TRUE(item->number == next || (may_lose && next == *taken && item->number == next + 1)) << item->number;
      next = item->number + 1;
    }
    EXPECT_TRUE(next == kMessages || (may_lose && *taken + 1 == kMessages)) << next;
    EXPECT_TRUE(there_.Poll().ok());  // Now this process holds the end.
    ASSERT_THAT(SendItem(here_, kSurvivor, kMessages), IsOk());
    EXPECT_EQ(RecvItem(there_)->number, kMessages);
    ASSERT_THAT(SendItem(there_, kSurvivor, 1), IsOk());
    EXPECT_EQ(RecvItem(here_)->number, 1u);
  }
}

INSTANTIATE_TEST_SUITE_P(All, ConnectionDeath, testing::ValuesIn(kConnectionFaultPoints),
                         [](const auto& info) { return std::string(info.param.name()); });

// Several processes use both ends, and are killed at random; new ones take their places.
TEST(ConnectionStorm, LosesDoublesAndTearsNothing) {
  constexpr int kKills = 200;
  constexpr int kUsers = 4;
  auto [here, there] = *ByteConnection::Pipe();
  constexpr uint32_t kMost = 1 << 14;
  struct Record {
    std::array<std::atomic<uint32_t>, kKills + kUsers> sent;  // By sender: Sends that returned OK.
    std::array<std::array<std::atomic<uint8_t>, kMost>, kKills + kUsers> received;
    std::atomic<uint32_t> wrong;
  };
  Shared<Record> record;
  const auto note = [&](const absl::StatusOr<TestItem>& item) {
    const bool known = item.ok() && item->producer < kKills + kUsers && item->number < kMost;
    if (!known || record->received[item->producer][item->number].fetch_add(1) != 0) record->wrong.fetch_add(1);
  };
  const auto start = [&, &here = here, &there = there](uint32_t number) {
    return ForkedChild([&, number] {
      for (uint32_t i = 0; number % 2 == 0 && i < kMost;) {
        if (!SendItem(here, number, i).ok()) continue;  // No receiver, for the moment.
        record->sent[number] = ++i;
      }
      for (;;) {
        const absl::StatusOr<TestItem> item = RecvItem(there);
        if (item.ok() || !IsEndOfFile(item.status())) note(item);
      }
      return 0;
    });
  };
  std::minstd_rand random(7);
  std::vector<ForkedChild> users;
  for (uint32_t i = 0; i < kUsers; ++i) users.push_back(start(i));
  for (uint32_t i = kUsers; i < kUsers + kKills; ++i) {
    // Its place decides whether it sends or receives, so that there are two of each.
    ForkedChild& victim = users[i % kUsers];
    usleep(random() % 3000);
    victim.Kill();
    EXPECT_EQ(victim.Wait(), -SIGKILL);
    victim = start(i);
  }
  for (ForkedChild& user : users) user.Kill();
  for (ForkedChild& user : users) EXPECT_EQ(user.Wait(), -SIGKILL);
  for (;;) {
    const absl::StatusOr<TestItem> item = RecvItem(there, Deadline::Now());
    if (!item.ok()) {
      EXPECT_TRUE(IsEmpty(item.status()) || IsEndOfFile(item.status())) << item.status();
      break;
    }
    note(item);
  }
  EXPECT_EQ(record->wrong, 0u) << "torn or doubled";
  uint32_t sent = 0;
  uint32_t received = 0;
  for (uint32_t i = 0; i < kKills + kUsers; ++i) {
    sent += record->sent[i];
    for (uint32_t number = 0; number < record->sent[i]; ++number) received += record->received[i][number];
  }
  EXPECT_GT(sent, 1000u);
  EXPECT_GE(received + kKills, sent) << "more is lost than what receivers took with them";
  std::printf("%d kills, %u messages\n", kKills, sent);
}

}  // namespace
}  // namespace regatta
