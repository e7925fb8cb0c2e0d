#include "core/os/local_socket.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "core/os/forked_child.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

std::span<const std::byte> BytesOf(const std::string& text) { return std::as_bytes(std::span(text)); }

std::string Receive(const Fd& from, size_t size, std::vector<Fd>* descriptors = nullptr) {
  std::string text(size, '\0');
  const absl::Status received = ReceiveAll(from, std::as_writable_bytes(std::span(text)), descriptors);
  EXPECT_TRUE(received.ok()) << received;
  return text;
}

TEST(LocalSocket_Bytes, ArriveInOrderAndWhateverTheSize) {
  const auto pair = MakeLocalSocketPair();
  ASSERT_TRUE(pair.ok());
  EXPECT_TRUE(IsLocalSocket(pair->first));
  std::string large(5 << 20, 'x');
  for (size_t i = 0; i < large.size(); i += 999) large[i] = static_cast<char>(i);
  std::thread sender([&] {
    EXPECT_TRUE(SendAll(pair->first, BytesOf("small")).ok());
    EXPECT_TRUE(SendAll(pair->first, BytesOf(large)).ok());
    EXPECT_TRUE(SendAll(pair->first, {}).ok());
  });
  EXPECT_EQ(Receive(pair->second, 2), "sm");
  EXPECT_EQ(Receive(pair->second, 3), "all");
  EXPECT_EQ(Receive(pair->second, large.size()), large);
  sender.join();
}

TEST(LocalSocket_Descriptors, ArriveBesideTheirBytesInOrderAndCloseOnExec) {
  const auto pair = MakeLocalSocketPair();
  ASSERT_TRUE(pair.ok());
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
  ASSERT_TRUE(SendAll(pair->first, BytesOf("abc"), sent).ok());
  ASSERT_TRUE(SendAll(pair->first, BytesOf("def")).ok());
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
  EXPECT_TRUE(absl::IsInvalidArgument(SendAll(pair->first, BytesOf("a"), sent)));
}

TEST(LocalSocket_Descriptors, ThatNobodyAsksForAreClosed) {
  const auto pair = MakeLocalSocketPair();
  int pipe_ends[2];
  ASSERT_EQ(pipe2(pipe_ends, O_CLOEXEC), 0);
  const Fd reader(pipe_ends[0]);
  {
    const Fd writer(pipe_ends[1]);
    const Fd* const sent[] = {&writer};
    ASSERT_TRUE(SendAll(pair->first, BytesOf("x"), sent).ok());
  }
  Receive(pair->second, 1);
  char byte;
  EXPECT_EQ(read(reader.get(), &byte, 1), 0);  // End of file: no copy is left.
}

TEST(LocalSocket_Descriptors, WithoutRoomAreResourceExhaustedAndTheBytesAreThere) {
  ForkedChild child([] {
    auto pair = MakeLocalSocketPair();
    REGATTA_CHILD_REQUIRE(pair.ok());
    const Fd* const sent[] = {&pair->first, &pair->first};
    REGATTA_CHILD_REQUIRE(SendAll(pair->first, BytesOf("text"), sent).ok());
    LimitDescriptors(3);
    std::string text(4, '\0');
    std::vector<Fd> arrived;
    const absl::Status received = ReceiveAll(pair->second, std::as_writable_bytes(std::span(text)), &arrived);
    REGATTA_CHILD_REQUIRE(absl::IsResourceExhausted(received));
    REGATTA_CHILD_REQUIRE(text == "text");
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST(LocalSocket_Peer, ThatIsGoneIsOutOfRangeBeforeAMessageAndDataLossWithin) {
  auto pair = MakeLocalSocketPair();
  ASSERT_TRUE(SendAll(pair->first, BytesOf("ab")).ok());
  pair->first.Reset();
  std::string text(4, '\0');
  EXPECT_TRUE(absl::IsDataLoss(ReceiveAll(pair->second, std::as_writable_bytes(std::span(text)))));
  EXPECT_TRUE(absl::IsOutOfRange(ReceiveAll(pair->second, std::as_writable_bytes(std::span(text)))));
  EXPECT_TRUE(absl::IsOutOfRange(SendAll(pair->second, BytesOf("x"))));  // And no SIGPIPE.
}

TEST(LocalSocket_Kind, IsNotThatOfAPipeOrOfNothing) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const Fd read_end(ends[0]);
  const Fd write_end(ends[1]);
  EXPECT_FALSE(IsLocalSocket(read_end));
  EXPECT_FALSE(IsLocalSocket(Fd()));
}

}  // namespace
}  // namespace regatta
