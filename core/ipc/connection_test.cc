// What a pipe's ends promise while nobody is killed in the middle of a call; connection_death_test.cc has the rest.
#include "core/ipc/connection.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/ipc/byte_connection.h"
#include "core/os/error.h"
#include "core/os/local_socket.h"
#include "core/os/memfd.h"
#include "core/testing/forked_child.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

// How often the process has gone to sleep.
int64_t SleepsOf(int32_t pid) {
  std::ifstream status(absl::StrCat("/proc/", pid, "/status"));
  int64_t sleeps = -1;
  for (std::string word; status >> word;) {
    if (word == "voluntary_ctxt_switches:") status >> sleeps;
  }
  return sleeps;
}
Deadline Soon() { return Deadline::After(absl::Milliseconds(20)); }

// A message of `size` bytes that differs from others with another seed or size.
std::string Text(size_t size, uint32_t seed = 0) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31 + i / 251 + size + seed * 7);
  return text;
}

ptrdiff_t OpenDescriptors() {
  const std::filesystem::directory_iterator open_ones("/proc/self/fd");
  return std::distance(begin(open_ones), end(open_ones));
}

class ByteConnectionTest : public testing::Test {
 protected:
  ByteConnectionTest() { std::tie(here_, there_) = *ByteConnection::Pipe(); }

  static absl::Status Send(const ByteConnection& end, absl::string_view text, Deadline deadline = Watchdog()) {
    return end.Send(AsBytes(text), deadline);
  }
  static absl::StatusOr<std::string> Recv(const ByteConnection& end, Deadline deadline = Watchdog()) {
    ConnectionMessage message;
    if (absl::Status received = end.Recv(&message, deadline); !received.ok()) return received;
    return std::string(reinterpret_cast<const char*>(message.bytes().data()), message.bytes().size());
  }
  // Sends until there is no room; returns how many messages were sent.
  static int Fill(const ByteConnection& end, size_t size) {
    int sent = 0;
    absl::Status status;
    while ((status = Send(end, Text(size, sent), Deadline::Now())).ok()) ++sent;
    EXPECT_TRUE(IsFull(status)) << status;
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
    return sent;
  }

  ByteConnection here_;
  ByteConnection there_;
};

TEST(Connection, CarriesValuesBothWays) {
  PipeEnds<std::map<std::string, int>> pipe = *Pipe<std::map<std::string, int>>();
  ASSERT_THAT(pipe.first.Send({{"one", 1}}), IsOk());
  ASSERT_THAT(pipe.second.Send({{"two", 2}, {"three", 3}}), IsOk());
  EXPECT_THAT(pipe.second.Recv(), IsOkAndHolds((std::map<std::string, int>{{"one", 1}})));
  EXPECT_THAT(pipe.first.Recv(), IsOkAndHolds((std::map<std::string, int>{{"two", 2}, {"three", 3}})));
}

TEST(Connection, CarriesDescriptorsAndConnections) {
  struct Letter {
    std::string text;
    Fd file;
    Connection<int> answer;
  };
  PipeEnds<Letter> pipe = *Pipe<Letter>();
  PipeEnds<int> answers = *Pipe<int>();
  Fd file = *CreateMemfd("a test");
  const uint64_t identity = MemfdIdentity(file);
  ASSERT_THAT(pipe.first.Send({"a letter", std::move(file), std::move(answers.second)}), IsOk());
  absl::StatusOr<Letter> letter = pipe.second.Recv();
  ASSERT_THAT(letter, IsOk()) << letter.status();
  EXPECT_EQ(letter->text, "a letter");
  EXPECT_EQ(MemfdIdentity(letter->file), identity);
  ASSERT_THAT(letter->answer.Send(17), IsOk());
  EXPECT_THAT(answers.first.Recv(), IsOkAndHolds(17));
}

TEST(Connection, RefusesAValueOfAnotherType) {
  PipeEnds<int> pipe = *Pipe<int>();
  DescriptorSink sink;
  std::vector<std::byte> bytes(EncodedSize(pipe.second));
  ASSERT_THAT(Encode(pipe.second, absl::MakeSpan(bytes), &sink), IsOk());
  ASSERT_EQ(sink.descriptors().size(), 2u);
  const absl::Status other =
      Connection<double>::Attach(*sink.descriptors()[0]->Duplicate(), *sink.descriptors()[1]->Duplicate(), 1).status();
  EXPECT_EQ(other.code(), absl::StatusCode::kInvalidArgument) << other;
}

TEST_F(ByteConnectionTest, CarriesEachSize) {
  const std::vector<size_t> sizes = {0,   1,    55,     56,     57,     119,     120,     255,      256,
                                     257, 4096, 65'535, 65'536, 65'537, 200'000, 1 << 20, 5'000'001};
  for (int round = 0; round < 3; ++round) {
    for (const size_t size : sizes) {
      ASSERT_THAT(Send(here_, Text(size)), IsOk()) << size;
      const absl::StatusOr<std::string> got = Recv(there_);
      ASSERT_THAT(got, IsOk()) << got.status();
      EXPECT_TRUE(*got == Text(size)) << size;
    }
  }
}

TEST_F(ByteConnectionTest, GoesRoundItsRing) {
  std::minstd_rand random(1);
  for (int i = 0; i < 20'000; ++i) {
    const size_t size = random() % (i % 100 == 0 ? 40'000 : 300);
    ASSERT_THAT(Send(here_, Text(size, i)), IsOk());
    const absl::StatusOr<std::string> got = Recv(there_);
    ASSERT_TRUE(got.ok() && *got == Text(size, i)) << i;
  }
}

TEST_F(ByteConnectionTest, MessagesThatFindNoRoomCrossAllTheSame) {
  // 12 MiB in a ring of 256 KiB, nothing of it received.
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(Send(here_, Text(60'000, i), Deadline::Now()).ok()) << i;
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(*Recv(there_) == Text(60'000, i)) << i;
}

TEST_F(ByteConnectionTest, BothMaySendAtOnce) {
  const auto exchange = [](const ByteConnection& end) {
    for (int i = 0; i < 100; ++i) REGATTA_CHILD_REQUIRE(Send(end, Text(i % 2 == 0 ? 60'000 : 100'000, i)).ok());
    for (int i = 0; i < 100; ++i) {
      const absl::StatusOr<std::string> got = Recv(end);
      REGATTA_CHILD_REQUIRE(got.ok() && *got == Text(i % 2 == 0 ? 60'000 : 100'000, i));
    }
    return 0;
  };
  ForkedChild child([&] { return exchange(there_); });
  EXPECT_EQ(exchange(here_), 0);
  EXPECT_EQ(child.Wait(), 0);
}

TEST_F(ByteConnectionTest, AOneWayPipeHasOneWay) {
  auto [reader, writer] = *ByteConnection::Pipe(PipeKind::kOneWay);
  ASSERT_THAT(Send(writer, "this way"), IsOk());
  EXPECT_THAT(Recv(reader), IsOkAndHolds("this way"));
  const absl::Status wrong_send = Send(reader, "no");
  EXPECT_EQ(wrong_send.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(wrong_send.message().find("second end"), absl::string_view::npos) << wrong_send;
  const absl::Status wrong_receive = Recv(writer).status();
  EXPECT_EQ(wrong_receive.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(wrong_receive.message().find("first end"), absl::string_view::npos) << wrong_receive;
  EXPECT_EQ(writer.Poll().status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(writer.Watch().status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(ByteConnectionTest, PollNeverWaitsUnlessAsked) {
  EXPECT_EQ(*here_.Poll(), false);
  EXPECT_EQ(*here_.Poll(Soon()), false);
  ASSERT_THAT(Send(there_, ""), IsOk());
  EXPECT_EQ(*here_.Poll(), true);
  EXPECT_THAT(Recv(here_), IsOkAndHolds(""));
  EXPECT_EQ(*here_.Poll(), false);
  there_.Close();
  EXPECT_EQ(*here_.Poll(), true) << "end-of-file can be received at once";
}

TEST_F(ByteConnectionTest, EndOfFileComesAfterTheLastMessage) {
  ASSERT_THAT(Send(there_, "last"), IsOk());
  there_.Close();
  EXPECT_THAT(Recv(here_), IsOkAndHolds("last"));
  for (int i = 0; i < 2; ++i) {
    const absl::Status end = Recv(here_).status();
    EXPECT_TRUE(IsEndOfFile(end)) << end;
  }
  const absl::Status sent = Send(here_, "too late");
  EXPECT_TRUE(IsEndOfFile(sent)) << sent;
}

TEST_F(ByteConnectionTest, AnEndThatNobodyUsedIsClosedToo) {
  there_ = ByteConnection();
  EXPECT_TRUE(IsEndOfFile(Recv(here_).status()));
  EXPECT_TRUE(IsEndOfFile(Send(here_, "")));
}

TEST_F(ByteConnectionTest, AClosedHandleSaysSo) {
  here_.Close();
  EXPECT_FALSE(here_.valid());
  EXPECT_TRUE(IsClosed(Send(here_, "")));
  EXPECT_TRUE(IsClosed(Recv(here_).status()));
  EXPECT_TRUE(IsClosed(here_.Poll().status()));
  EXPECT_TRUE(IsClosed(here_.Watch().status()));
  std::vector<std::byte> bytes(EncodedSize(here_));
  EXPECT_EQ(Encode(here_, absl::MakeSpan(bytes)).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ByteConnectionTest, TheLastCopyOfAHandleClosesIt) {
  ByteConnection copy = there_;
  there_.Close();
  ASSERT_THAT(Send(copy, "still here"), IsOk());
  EXPECT_THAT(Recv(here_), IsOkAndHolds("still here"));
  copy.Close();
  EXPECT_TRUE(IsEndOfFile(Recv(here_).status()));
}

TEST_F(ByteConnectionTest, ADeathIsEndOfFileThoughTheParentKeepsTheEnd) {
  ForkedChild child([&] {
    REGATTA_CHILD_REQUIRE(Send(there_, "alive").ok());
    for (;;) pause();
    return 0;
  });
  EXPECT_THAT(Recv(here_), IsOkAndHolds("alive"));
  std::atomic<bool> ended{false};
  std::thread receiver([&] {
    EXPECT_TRUE(IsEndOfFile(Recv(here_).status()));
    ended = true;
  });
  child.Kill();
  receiver.join();
  EXPECT_TRUE(ended);
  EXPECT_TRUE(IsEndOfFile(Send(here_, "")));
  // The kept end can still be used, and then there is somebody again.
  ASSERT_THAT(Send(there_, "a new one"), IsOk());
  EXPECT_THAT(Recv(here_), IsOkAndHolds("a new one"));
  EXPECT_EQ(child.Wait(), -SIGKILL);
}

TEST_F(ByteConnectionTest, ADeathWakesAllThatSleepAtOnce) {
  // A tick would wake them, too, but half a second later in the mean.
  int64_t shortest = 1'000'000'000;
  for (int i = 0; i < 10 && shortest > 50'000'000; ++i) {
    std::tie(here_, there_) = *ByteConnection::Pipe();
    ForkedChild victim([&] {
      REGATTA_CHILD_REQUIRE(Send(there_, "alive").ok());
      for (;;) pause();
      return 0;
    });
    EXPECT_THAT(Recv(here_), IsOkAndHolds("alive"));
    std::vector<ForkedChild> sleepers;
    for (int s = 0; s < 3; ++s) {
      sleepers.emplace_back([&] {
        REGATTA_CHILD_REQUIRE(IsEndOfFile(Recv(here_).status()));
        return 0;
      });
    }
    // The first sleep lasts for 50 ms at most, each later one for a second.
    for (const ForkedChild& sleeper : sleepers) {
      ASSERT_TRUE(FallsAsleep(sleeper));
      const int64_t first = SleepsOf(sleeper.pid());
      EXPECT_TRUE(Eventually([&] { return SleepsOf(sleeper.pid()) > first && IsAsleep(sleeper.pid()); }));
    }
    const int64_t since = MonotonicNanos();
    victim.Kill();
    for (ForkedChild& sleeper : sleepers) EXPECT_EQ(sleeper.Wait(), 0);
    shortest = std::min(shortest, MonotonicNanos() - since);
  }
  EXPECT_LE(shortest, 50'000'000);
}

TEST_F(ByteConnectionTest, ACloseIsEndOfFileThoughAChildInheritedTheEnd) {
  // The child has copies of both ends, as every forked child has.
  ForkedChild child([&] {
    while (Recv(there_).ok()) {
    }
    return IsEndOfFile(Recv(there_).status()) ? 0 : 1;
  });
  ASSERT_THAT(Send(here_, "work"), IsOk());
  here_.Close();
  EXPECT_EQ(child.Wait(), 0);
}

TEST_F(ByteConnectionTest, AChildGoesOnWithAnEndThatItsParentUsedAndClosed) {
  ASSERT_THAT(Send(there_, "from the parent"), IsOk());
  int gate[2];
  ASSERT_EQ(pipe(gate), 0);
  ForkedChild child([&] {
    char byte;
    REGATTA_CHILD_REQUIRE(read(gate[0], &byte, 1) == 1);
    REGATTA_CHILD_REQUIRE(Send(there_, "from the child").ok());
    return 0;
  });
  there_.Close();
  EXPECT_THAT(Recv(here_), IsOkAndHolds("from the parent"));
  const absl::Status none = Recv(here_, Soon()).status();
  EXPECT_TRUE(IsEmpty(none)) << none;
  ASSERT_EQ(write(gate[1], "", 1), 1);
  EXPECT_THAT(Recv(here_), IsOkAndHolds("from the child"));
  EXPECT_EQ(child.Wait(), 0);
  EXPECT_TRUE(IsEndOfFile(Recv(here_).status()));
  close(gate[0]);
  close(gate[1]);
}

TEST_F(ByteConnectionTest, FormerUsersAreForgottenWhenANewOneComes) {
  const auto copy = [&] {
    DescriptorSink beside;
    std::vector<std::byte> bytes(EncodedSize(there_));
    EXPECT_THAT(Encode(there_, absl::MakeSpan(bytes), &beside), IsOk());
    return *ByteConnection::Attach(*beside.descriptors()[0]->Duplicate(), *beside.descriptors()[1]->Duplicate(), 1);
  };
  {
    const ByteConnection one = copy();
    const ByteConnection other = copy();
  }
  EXPECT_TRUE(IsEndOfFile(Recv(here_).status())) << "both have left";
  ASSERT_THAT(Send(there_, "a new user"), IsOk());
  ForkedChild heir([&] {
    for (;;) pause();
    return 0;
  });
  there_.Close();
  EXPECT_THAT(Recv(here_), IsOkAndHolds("a new user"));
  EXPECT_TRUE(IsEmpty(Recv(here_, Soon()).status())) << "the heir may use it";
}

TEST(Connection, AnEndOnItsWayIsHeld) {
  PipeEnds<Connection<int>> carrier = *Pipe<Connection<int>>();
  PipeEnds<int> pipe = *Pipe<int>();
  ASSERT_TRUE(pipe.second.Send(1).ok());  // This process uses the end, and then gives it away.
  ASSERT_THAT(carrier.first.Send(pipe.second), IsOk());
  pipe.second.Close();
  EXPECT_THAT(pipe.first.Recv(), IsOkAndHolds(1));
  EXPECT_TRUE(IsEmpty(pipe.first.Recv(Soon()).status()));
  {
    absl::StatusOr<Connection<int>> arrived = carrier.second.Recv();
    ASSERT_THAT(arrived, IsOk()) << arrived.status();
    ASSERT_THAT(arrived->Send(2), IsOk());
    EXPECT_THAT(pipe.first.Recv(), IsOkAndHolds(2));
  }
  EXPECT_TRUE(IsEndOfFile(pipe.first.Recv(Watchdog()).status()));
}

TEST_F(ByteConnectionTest, DeadlinesHold) {
  const absl::Status none = Recv(here_, Deadline::Now()).status();
  EXPECT_TRUE(IsEmpty(none)) << none;
  EXPECT_EQ(none.code(), absl::StatusCode::kUnavailable);
  const absl::Status late = Recv(here_, Soon()).status();
  EXPECT_TRUE(IsEmpty(late)) << late;
  EXPECT_EQ(late.code(), absl::StatusCode::kDeadlineExceeded);
  const int sent = Fill(here_, 1000);
  EXPECT_EQ(sent, 255);
  const absl::Status full = Send(here_, Text(1000), Soon());
  EXPECT_TRUE(IsFull(full)) << full;
  EXPECT_EQ(full.code(), absl::StatusCode::kDeadlineExceeded);
  for (int i = 0; i < sent; ++i) EXPECT_TRUE(*Recv(there_) == Text(1000, i)) << i;
  EXPECT_EQ(Fill(here_, 1000), sent) << "room was lost";
}

TEST_F(ByteConnectionTest, ASenderWaitsForRoom) {
  const int sent = Fill(here_, 1000);
  ForkedChild sender([&] {
    REGATTA_CHILD_REQUIRE(Send(here_, Text(1000, sent)).ok());
    return 0;
  });
  EXPECT_TRUE(Eventually([&] { return IsAsleep(sender.pid()); }));
  for (int i = 0; i <= sent; ++i) ASSERT_TRUE(*Recv(there_) == Text(1000, i));
  EXPECT_EQ(sender.Wait(), 0);
}

TEST_F(ByteConnectionTest, ASenderThatWaitsSeesTheEnd) {
  Fill(here_, 1000);
  ForkedChild receiver([&] {
    REGATTA_CHILD_REQUIRE(Recv(there_).ok());
    for (;;) pause();
    return 0;
  });
  ForkedChild sender([&] {
    absl::Status sent;
    while ((sent = Send(here_, Text(1000))).ok()) {
    }
    REGATTA_CHILD_REQUIRE(IsEndOfFile(sent));
    return 0;
  });
  EXPECT_TRUE(Eventually([&] { return IsAsleep(sender.pid()) && IsAsleep(receiver.pid()); }));
  receiver.Kill();
  EXPECT_EQ(sender.Wait(), 0);
}

TEST_F(ByteConnectionTest, AStoppedPeerCostsNoMoreThanTheDeadline) {
  ForkedChild peer([&] {
    while (Recv(there_).ok()) {
    }
    return 0;
  });
  ASSERT_THAT(Send(here_, "one"), IsOk());
  peer.Stop();
  absl::Status sent;
  while ((sent = Send(here_, Text(50'000), Soon())).ok()) {
  }
  EXPECT_TRUE(IsFull(sent)) << sent;
  EXPECT_TRUE(IsEmpty(Recv(here_, Soon()).status()));
  peer.Continue();
  ASSERT_THAT(Send(here_, "again"), IsOk());
  here_.Close();
  EXPECT_EQ(peer.Wait(), 0);
}

TEST_F(ByteConnectionTest, SignalsDisturbNothing) {
  ForkedChild echo([&] {
    InterruptOften(absl::Microseconds(300));
    for (;;) {
      const absl::StatusOr<std::string> got = Recv(there_);
      if (!got.ok()) return IsEndOfFile(got.status()) ? 0 : 1;
      REGATTA_CHILD_REQUIRE(Send(there_, *got).ok());
    }
  });
  ForkedChild sender([&] {
    InterruptOften(absl::Microseconds(300));
    for (int i = 0; i < 300; ++i) {
      const size_t size = i % 10 == 0 ? 100'000 : 100;
      REGATTA_CHILD_REQUIRE(Send(here_, Text(size, i)).ok());
      const absl::StatusOr<std::string> got = Recv(here_);
      REGATTA_CHILD_REQUIRE(got.ok() && *got == Text(size, i));
    }
    return 0;
  });
  EXPECT_EQ(sender.Wait(), 0);
  EXPECT_EQ(echo.Wait(), 0) << "the sender has died, and this process never used its copy";
}

TEST_F(ByteConnectionTest, SeveralSendersKeepTheOrderOfTheirCalls) {
  // Three processes take turns on one end. A word in shared memory says whose turn it is.
  constexpr int kTurns = 300;
  Shared<std::atomic<int>> turn;
  std::vector<ForkedChild> senders;
  for (int i = 0; i < 3; ++i) {
    senders.emplace_back([&, i] {
      for (int n = i; n < kTurns; n += 3) {
        while (*turn != n) sched_yield();
        REGATTA_CHILD_REQUIRE(Send(here_, absl::StrCat(n)).ok());
        *turn = n + 1;
      }
      return 0;
    });
  }
  for (int n = 0; n < kTurns; ++n) ASSERT_EQ(*Recv(there_), absl::StrCat(n));
  for (ForkedChild& sender : senders) EXPECT_EQ(sender.Wait(), 0);
}

TEST_F(ByteConnectionTest, SeveralProcessesMayUseEachEnd) {
  constexpr int kEach = 500;
  constexpr int kUsers = 3;
  Shared<std::array<std::atomic<int>, kEach * kUsers>> received;
  std::vector<ForkedChild> receivers;
  for (int i = 0; i < kUsers; ++i) {
    receivers.emplace_back([&] {
      for (;;) {
        const absl::StatusOr<std::string> got = Recv(there_);
        if (!got.ok()) return IsEndOfFile(got.status()) ? 0 : 1;
        uint32_t number = 0;
        REGATTA_CHILD_REQUIRE(got->size() >= sizeof(number));
        std::memcpy(&number, got->data(), sizeof(number));
        REGATTA_CHILD_REQUIRE(got->substr(4) == Text(number % 7 == 0 ? 70'000 : number, number));
        (*received)[number].fetch_add(1);
      }
    });
  }
  std::vector<ForkedChild> senders;
  for (uint32_t i = 0; i < kUsers; ++i) {
    senders.emplace_back([&, i] {
      for (uint32_t number = i; number < kEach * kUsers; number += kUsers) {
        std::string text(reinterpret_cast<const char*>(&number), sizeof(number));
        REGATTA_CHILD_REQUIRE(Send(here_, text + Text(number % 7 == 0 ? 70'000 : number, number)).ok());
      }
      return 0;
    });
  }
  for (ForkedChild& sender : senders) EXPECT_EQ(sender.Wait(), 0);
  for (ForkedChild& receiver : receivers) EXPECT_EQ(receiver.Wait(), 0);
  for (int i = 0; i < kEach * kUsers; ++i) EXPECT_EQ((*received)[i], 1) << i;
}

TEST_F(ByteConnectionTest, ThreadsMayShareAnEnd) {
  constexpr int kEach = 2000;
  std::atomic<int> sum{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) EXPECT_TRUE(Send(here_, Text(200, i)).ok());
    });
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) sum += static_cast<int>(Recv(there_)->size());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sum, 2 * kEach * 200);
}

TEST_F(ByteConnectionTest, MoreUsersThanPlacesAreServedToo) {
  std::vector<ByteConnection> users;
  DescriptorSink sink;
  std::vector<std::byte> bytes(EncodedSize(there_));
  for (uint32_t i = 0; i < kConnectionUsers + 2; ++i) {
    DescriptorSink beside;
    ASSERT_THAT(Encode(there_, absl::MakeSpan(bytes), &beside), IsOk());
    users.push_back(
        *ByteConnection::Attach(*beside.descriptors()[0]->Duplicate(), *beside.descriptors()[1]->Duplicate(), 1));
    ASSERT_THAT(Send(users.back(), absl::StrCat(i)), IsOk());
    EXPECT_THAT(Recv(here_), IsOkAndHolds(absl::StrCat(i)));
  }
  users.erase(users.begin(), users.begin() + kConnectionUsers);
  there_.Close();
  EXPECT_TRUE(IsEmpty(Recv(here_, Deadline::Now()).status())) << "two are left, whose places nobody knows";
  users.clear();
  EXPECT_TRUE(IsEndOfFile(Recv(here_).status()));
}

TEST_F(ByteConnectionTest, CarriesManyDescriptorsInOrder) {
  std::vector<Fd> files;
  std::vector<const Fd*> borrowed;
  for (uint32_t i = 0; i < kMostDescriptors; ++i) files.push_back(*CreateMemfd("a test"));
  for (const Fd& file : files) borrowed.push_back(&file);
  for (const size_t size : {size_t{0}, size_t{10}, size_t{70'000}}) {
    ASSERT_THAT(here_.Send(AsBytes(Text(size)), Watchdog(), borrowed), IsOk());
    ConnectionMessage message;
    ASSERT_THAT(there_.Recv(&message, Watchdog()), IsOk());
    EXPECT_EQ(message.bytes().size(), size);
    ASSERT_EQ(message.descriptors().size(), files.size());
    for (size_t i = 0; i < files.size(); ++i)
      EXPECT_EQ(MemfdIdentity(message.descriptors()[i]), MemfdIdentity(files[i]));
  }
  borrowed.push_back(&files[0]);
  EXPECT_EQ(here_.Send({}, Watchdog(), borrowed).code(), absl::StatusCode::kInvalidArgument);
  ASSERT_THAT(Send(here_, "and goes on"), IsOk());
  EXPECT_THAT(Recv(there_), IsOkAndHolds("and goes on"));
}

TEST_F(ByteConnectionTest, NoDescriptorsLeftIsAnErrorOfThatMessageAlone) {
  Fd file = *CreateMemfd("a test");
  const std::array<const Fd*, 3> three = {&file, &file, &file};
  ASSERT_THAT(here_.Send(AsBytes("with three"), Watchdog(), three), IsOk());
  ASSERT_THAT(Send(here_, "without"), IsOk());
  ForkedChild receiver([&] {
    ConnectionMessage message;
    LimitDescriptors(64);
    while (dup(0) >= 0) {
    }
    const absl::Status received = there_.Recv(&message, Watchdog());
    REGATTA_CHILD_REQUIRE(received.code() == absl::StatusCode::kResourceExhausted);
    REGATTA_CHILD_REQUIRE(received.message().find("ulimit -n") != absl::string_view::npos);
    const absl::StatusOr<std::string> next = Recv(there_);
    REGATTA_CHILD_REQUIRE(next.ok() && *next == "without");
    // A large message needs a descriptor to be made.
    REGATTA_CHILD_REQUIRE(Send(there_, Text(70'000)).code() == absl::StatusCode::kResourceExhausted);
    REGATTA_CHILD_REQUIRE(Send(there_, "small").ok());
    return 0;
  });
  EXPECT_EQ(receiver.Wait(), 0);
  EXPECT_THAT(Recv(here_), IsOkAndHolds("small"));
}

TEST_F(ByteConnectionTest, NoMemoryIsAnErrorOfThatMessageAlone) {
  ForkedChild sender([&] {
    RefuseMemory();
    REGATTA_CHILD_REQUIRE(Send(here_, Text(70'000)).code() == absl::StatusCode::kResourceExhausted);
    REGATTA_CHILD_REQUIRE(ByteConnection::Pipe().status().code() == absl::StatusCode::kResourceExhausted);
    REGATTA_CHILD_REQUIRE(Send(here_, "small").ok());
    return 0;
  });
  EXPECT_EQ(sender.Wait(), 0);
  EXPECT_THAT(Recv(there_), IsOkAndHolds("small"));
}

TEST_F(ByteConnectionTest, OverTheLargestIsRefused) {
  const char byte = 0;
  const absl::Status sent =
      here_.Send({reinterpret_cast<const std::byte*>(&byte), kLargestMessage + 1}, Deadline::Now());
  EXPECT_EQ(sent.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(sent.message().find("pieces"), absl::string_view::npos) << sent;
}

TEST_F(ByteConnectionTest, ADescriptorCanBePolled) {
  const auto readable = [](const Fd& fd, int millis) {
    pollfd polled = {fd.get(), POLLIN, 0};
    return poll(&polled, 1, millis) == 1;
  };
  for (int round = 0; round < 3; ++round) {
    const absl::StatusOr<const Fd*> fd = here_.Watch();
    ASSERT_TRUE(fd.ok() && *fd != nullptr);
    EXPECT_FALSE(readable(**fd, 0)) << round;
    std::thread sender([&] { EXPECT_TRUE(Send(there_, "now").ok() && Send(there_, "again").ok()); });
    EXPECT_TRUE(readable(**fd, 20'000));
    EXPECT_THAT(Recv(here_), IsOkAndHolds("now"));
    sender.join();
    const absl::StatusOr<const Fd*> none = here_.Watch();
    ASSERT_THAT(none, IsOk());
    EXPECT_EQ(*none, nullptr) << "a message is there";
    EXPECT_THAT(Recv(here_), IsOkAndHolds("again"));
  }
}

TEST_F(ByteConnectionTest, TheDescriptorIsReadableAtAClose) {
  ASSERT_THAT(Send(there_, ""), IsOk());
  ASSERT_THAT(Recv(here_), IsOk());
  const absl::StatusOr<const Fd*> fd = here_.Watch();
  ASSERT_TRUE(fd.ok() && *fd != nullptr);
  // A copy in another process keeps the kernel from telling.
  ForkedChild keeper([] {
    for (;;) pause();
    return 0;
  });
  pollfd polled = {(*fd)->get(), POLLIN, 0};
  there_.Close();
  EXPECT_EQ(poll(&polled, 1, 20'000), 1);
}

TEST_F(ByteConnectionTest, AttachRefusesWhatIsNoConnection) {
  const auto attach = [this](auto change_file, auto change_socket, uint32_t side) {
    DescriptorSink sink;
    std::vector<std::byte> bytes(EncodedSize(there_));
    EXPECT_THAT(Encode(there_, absl::MakeSpan(bytes), &sink), IsOk());
    Fd file = *sink.descriptors()[0]->Duplicate();
    Fd socket = *sink.descriptors()[1]->Duplicate();
    change_file(file);
    change_socket(socket);
    return ByteConnection::Attach(std::move(file), std::move(socket), side).status();
  };
  const auto same = [](Fd&) {};
  EXPECT_THAT(attach(same, same, 1), IsOk());
  EXPECT_EQ(attach(same, same, 2).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(attach(
                same, [](Fd& fd) { fd = Fd(dup(0)); }, 1)
                .code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(attach([](Fd& fd) { fd = Fd(dup(0)); }, same, 1).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(attach([](Fd& fd) { fd = *CreateMemfd("a test"); }, same, 1).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(attach(
                [](Fd& fd) {
                  // One that ends behind its header.
                  const Mapping whole = *Mapping::Map(fd, sizeof(ConnectionHeader));
                  Fd file = *CreateMemfd("a test");
                  EXPECT_THAT(GrowMemfd(file, 0, sizeof(ConnectionHeader)), IsOk());
                  const Mapping copy = *Mapping::Map(file, sizeof(ConnectionHeader));
                  std::memcpy(copy.data(), whole.data(), sizeof(ConnectionHeader));
                  fd = std::move(file);
                },
                same, 1)
                .code(),
            absl::StatusCode::kDataLoss);
}

TEST_F(ByteConnectionTest, IsNotPassedOnAsAnotherFile) {
  ForkedChild child([&] {
    DescriptorSink sink;
    std::vector<std::byte> bytes(EncodedSize(there_));
    REGATTA_CHILD_REQUIRE(Encode(there_, absl::MakeSpan(bytes), &sink).ok());
    // This process's own code closes the socket, and opens a file that gets its number.
    REGATTA_CHILD_REQUIRE(dup2(STDERR_FILENO, sink.descriptors()[1]->get()) >= 0);
    DescriptorSink again;
    REGATTA_CHILD_REQUIRE(absl::IsFailedPrecondition(Encode(there_, absl::MakeSpan(bytes), &again)));
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST_F(ByteConnectionTest, LeavesNoDescriptor) {
  const auto before = OpenDescriptors();
  for (int i = 0; i < 50; ++i) {
    auto [one, other] = *ByteConnection::Pipe();
    Fd file = *CreateMemfd("a test");
    const std::array<const Fd*, 1> files = {&file};
    ASSERT_THAT(one.Send(AsBytes(Text(i * 5000)), Watchdog(), files), IsOk());
    ConnectionMessage message;
    if (i % 2 == 0) {
      ASSERT_THAT(other.Recv(&message, Watchdog()), IsOk());
    }
  }
  EXPECT_EQ(OpenDescriptors(), before);
}

// Another process wrote anything anywhere: each call ends, with a status or with some message.
TEST_F(ByteConnectionTest, OutlivesMemoryThatWasOverwritten) {
  for (uint32_t seed = 1; seed <= 300; ++seed) {
    auto [one, other] = *ByteConnection::Pipe();
    DescriptorSink sink;
    std::vector<std::byte> bytes(EncodedSize(one));
    ASSERT_THAT(Encode(one, absl::MakeSpan(bytes), &sink), IsOk());
    ASSERT_THAT(Send(one, Text(100)), IsOk());
    ASSERT_THAT(Send(one, Text(70'000)), IsOk());
    const Mapping memory = *Mapping::Map(*sink.descriptors()[0], ConnectionBytes(true));
    std::minstd_rand random(seed);
    // Words of the lanes, and the records that are there.
    for (int i = 0; i < 4; ++i) {
      const uint64_t words[] = {0, 1, ~uint64_t{0}, uint64_t{1} << 63, random(), uint64_t{random()} << 33};
      const bool in_ring = random() % 2 == 0;
      const uint64_t lanes = offsetof(ConnectionHeader, lanes);
      const uint64_t at =
          in_ring ? RingOffset(0) + random() % 64 * 8 : lanes + random() % (sizeof(ConnectionLane) / 4) * 8;
      // Locks are not among them: a live member may hold one for ever.
      const uint64_t in_lane = (at - lanes) % sizeof(ConnectionLane);
      if (!in_ring && (at >= sizeof(ConnectionHeader) || in_lane == 0 || in_lane == 128 || in_lane >= 384)) continue;
      std::memcpy(memory.data() + at, &words[random() % 6], 8);
    }
    for (int i = 0; i < 5; ++i) {
      ConnectionMessage message;
      static_cast<void>(other.Recv(&message, Deadline::Now()));
      static_cast<void>(Send(one, Text(100), Deadline::Now()));
      static_cast<void>(Send(other, Text(70'000), Deadline::Now()));
      static_cast<void>(one.Recv(&message, Deadline::Now()));
    }
  }
}

}  // namespace
}  // namespace regatta
