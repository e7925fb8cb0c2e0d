#include "core/os/local_socket.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "core/os/pidfd.h"
#include "core/testing/forked_child.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

std::span<const std::byte> BytesOf(const std::string& text) { return std::as_bytes(std::span(text)); }

Peer Patient() { return {.deadline = Watchdog()}; }

std::string Receive(const Fd& from, size_t size, std::vector<Fd>* descriptors = nullptr) {
  std::string text(size, '\0');
  const Transfer received = ReceiveAll(from, std::as_writable_bytes(std::span(text)), descriptors, Patient());
  EXPECT_THAT(received.status, IsOk());
  return text;
}

TEST(LocalSocketBytes, ArriveInOrderAndWhateverTheSize) {
  const auto pair = MakeLocalSocketPair();
  ASSERT_THAT(pair, IsOk());
  EXPECT_TRUE(IsLocalSocket(pair->first));
  std::string large(5 << 20, 'x');
  for (size_t i = 0; i < large.size(); i += 999) large[i] = static_cast<char>(i);
  std::thread sender([&] {
    EXPECT_THAT(SendAll(pair->first, BytesOf("small"), {}, Patient()).status, IsOk());
    EXPECT_THAT(SendAll(pair->first, BytesOf(large), {}, Patient()).status, IsOk());
    EXPECT_THAT(SendAll(pair->first, {}, {}, Patient()).status, IsOk());
  });
  EXPECT_EQ(Receive(pair->second, 2), "sm");
  EXPECT_EQ(Receive(pair->second, 3), "all");
  EXPECT_EQ(Receive(pair->second, large.size()), large);
  sender.join();
}

TEST(LocalSocketDescriptors, ArriveBesideTheirBytesInOrderAndCloseOnExec) {
  const auto pair = MakeLocalSocketPair();
  ASSERT_THAT(pair, IsOk());
  std::vector<Fd> ends;
  std::vector<const Fd*> sent;
  std::vector<Fd> readers;
  for (int i = 0; i < 450; ++i) {  // More than the kernel takes at once.
    int pipe_ends[2];
    ASSERT_EQ(pipe2(pipe_ends, O_CLOEXEC), 0);
    readers.emplace_back(pipe_ends[0]);
    ends.emplace_back(pipe_ends[1]);
  }
  for (const Fd& fd : ends) sent.push_back(&fd);
  ASSERT_THAT(SendAll(pair->first, BytesOf("abc"), sent, Patient()).status, IsOk());
  ASSERT_THAT(SendAll(pair->first, BytesOf("def"), {}, Patient()).status, IsOk());
  std::vector<Fd> arrived;
  EXPECT_EQ(Receive(pair->second, 3, &arrived), "abc");
  ASSERT_EQ(arrived.size(), ends.size());
  for (size_t i = 0; i < arrived.size(); ++i) {
    EXPECT_EQ(fcntl(arrived[i].get(), F_GETFD), FD_CLOEXEC);
    const char byte = static_cast<char>(i);
    ASSERT_EQ(write(arrived[i].get(), &byte, 1), 1);
    char read_back = 0;
    ASSERT_EQ(read(readers[i].get(), &read_back, 1), 1);
    EXPECT_EQ(read_back, byte);
  }
  EXPECT_EQ(Receive(pair->second, 3), "def");
  EXPECT_THAT(SendAll(pair->first, BytesOf("a"), sent, Patient()).status, StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(LocalSocketDescriptors, ThatNobodyAsksForAreClosed) {
  const auto pair = MakeLocalSocketPair();
  int pipe_ends[2];
  ASSERT_EQ(pipe2(pipe_ends, O_CLOEXEC), 0);
  const Fd reader(pipe_ends[0]);
  {
    const Fd writer(pipe_ends[1]);
    const Fd* const sent[] = {&writer};
    ASSERT_THAT(SendAll(pair->first, BytesOf("x"), sent, Patient()).status, IsOk());
  }
  Receive(pair->second, 1);
  char byte;
  EXPECT_EQ(read(reader.get(), &byte, 1), 0);  // End of file: no copy is left.
}

TEST(LocalSocketDescriptors, WithoutRoomAreResourceExhaustedAndTheBytesAreThere) {
  ForkedChild child([] {
    auto pair = MakeLocalSocketPair();
    REGATTA_CHILD_REQUIRE(pair.ok());
    const Fd* const sent[] = {&pair->first, &pair->first};
    REGATTA_CHILD_REQUIRE(SendAll(pair->first, BytesOf("text"), sent, Patient()).ok());
    LimitDescriptors(3);
    std::string text(4, '\0');
    std::vector<Fd> arrived;
    const Transfer received = ReceiveAll(pair->second, std::as_writable_bytes(std::span(text)), &arrived, Patient());
    REGATTA_CHILD_REQUIRE(received.end == TransferEnd::kNoDescriptors);
    REGATTA_CHILD_REQUIRE(absl::IsResourceExhausted(received.status));
    REGATTA_CHILD_REQUIRE(text == "text");
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST(LocalSocketPeer, ThatIsGoneIsOutOfRangeBeforeAMessageAndDataLossWithin) {
  auto pair = MakeLocalSocketPair();
  ASSERT_THAT(SendAll(pair->first, BytesOf("ab"), {}, Patient()).status, IsOk());
  pair->first.Reset();
  std::string text(4, '\0');
  Transfer end = ReceiveAll(pair->second, std::as_writable_bytes(std::span(text)), nullptr, Patient());
  EXPECT_EQ(end.end, TransferEnd::kPeerGone);
  EXPECT_THAT(end.status, StatusIs(absl::StatusCode::kDataLoss));
  end = ReceiveAll(pair->second, std::as_writable_bytes(std::span(text)), nullptr, Patient());
  EXPECT_EQ(end.end, TransferEnd::kPeerGone);
  EXPECT_THAT(end.status, StatusIs(absl::StatusCode::kOutOfRange));
  end = SendAll(pair->second, BytesOf("x"), {}, Patient());  // And no SIGPIPE.
  EXPECT_EQ(end.end, TransferEnd::kPeerGone);
  EXPECT_THAT(end.status, StatusIs(absl::StatusCode::kOutOfRange));
}

// This process holds both ends, so no end of file shows that the peer has died.
TEST(LocalSocketPeer, ThatDiesIsNoticedThoughItsEndIsHeldOpen) {
  auto pair = MakeLocalSocketPair();
  ASSERT_THAT(pair, IsOk());
  ForkedChild peer([&] {
    REGATTA_CHILD_REQUIRE(SendAll(pair->first, BytesOf("ab"), {}, Patient()).ok());
    for (;;) pause();
    return 0;
  });
  const absl::StatusOr<Fd> pidfd = OpenPidfd(peer.pid());
  ASSERT_THAT(pidfd, IsOk());
  std::string text(2, '\0');
  ASSERT_THAT(ReceiveAll(pair->second, std::as_writable_bytes(std::span(text)), nullptr, {.pidfd = &*pidfd}).status,
              IsOk());
  peer.Kill();
  EXPECT_EQ(ReceiveAll(pair->second, std::as_writable_bytes(std::span(text)), nullptr, {.pidfd = &*pidfd}).end,
            TransferEnd::kPeerGone);
  // Nor does it take anything any more.
  const std::string large(5 << 20, 'x');
  EXPECT_EQ(SendAll(pair->second, BytesOf(large), {}, {.pidfd = &*pidfd}).end, TransferEnd::kPeerGone);
}

TEST(LocalSocketPeer, ThatIsStoppedCostsTheDeadlineOnly) {
  auto pair = MakeLocalSocketPair();
  ASSERT_THAT(pair, IsOk());
  ForkedChild peer([&] {
    for (;;) pause();
    return 0;
  });
  peer.Stop();
  const absl::StatusOr<Fd> pidfd = OpenPidfd(peer.pid());
  ASSERT_THAT(pidfd, IsOk());
  const auto soon = [&] { return Peer{.pidfd = &*pidfd, .deadline = Deadline::After(absl::Milliseconds(20))}; };
  std::string text(2, '\0');
  const Transfer received = ReceiveAll(pair->second, std::as_writable_bytes(std::span(text)), nullptr, soon());
  EXPECT_EQ(received.end, TransferEnd::kLate);
  EXPECT_THAT(received.status, StatusIs(absl::StatusCode::kDeadlineExceeded));
  const std::string large(5 << 20, 'x');
  EXPECT_EQ(SendAll(pair->second, BytesOf(large), {}, soon()).end, TransferEnd::kLate);
}

TEST(LocalSocketPeer, ThatIsTheParentIsNoticedWhenItDies) {
  auto pair = MakeLocalSocketPair();
  ASSERT_THAT(pair, IsOk());
  Shared<std::atomic<int>> outcome;
  ForkedChild parent([&] {
    const pid_t self = getpid();
    if (fork() == 0) {
      *outcome = 3;
      std::string text(2, '\0');
      const Transfer received =
          ReceiveAll(pair->second, std::as_writable_bytes(std::span(text)), nullptr, {.parent_pid = self});
      *outcome = received.end == TransferEnd::kPeerGone ? 1 : 2;
      _exit(0);
    }
    for (;;) pause();
    return 0;
  });
  EXPECT_TRUE(Eventually([&] { return *outcome == 3; }));
  parent.Kill();
  EXPECT_TRUE(Eventually([&] { return *outcome != 3; }));
  EXPECT_EQ(*outcome, 1);
}

TEST(LocalSocketKind, IsNotThatOfAPipeOrOfNothing) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const Fd read_end(ends[0]);
  const Fd write_end(ends[1]);
  EXPECT_FALSE(IsLocalSocket(read_end));
  EXPECT_FALSE(IsLocalSocket(Fd()));
}

}  // namespace
}  // namespace regatta
