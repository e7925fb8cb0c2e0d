// Holds a pipe's segment to what FORMAT.md says of it: where things lie, and what fixed operations write there.
#include "core/ipc/connection_format.h"

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "core/codec/codec.h"
#include "core/ipc/byte_connection.h"
#include "core/os/local_socket.h"
#include "core/os/memfd.h"
#include "core/shm/family.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

constexpr uint64_t kSide0 = 64;
constexpr uint64_t kSide1 = 256;
constexpr uint64_t kLane0 = 512;
constexpr uint64_t kLane1 = 1152;
constexpr uint64_t kRing1 = 4096;
constexpr uint64_t kRing0 = 4096 + 262'144;

TEST(ConnectionFormat, HasItsFieldsWhereItSays) {
  EXPECT_EQ(sizeof(ConnectionHeader), 4096u);
  EXPECT_EQ(offsetof(ConnectionHeader, header), 0u);
  EXPECT_EQ(offsetof(ConnectionHeader, duplex), 24u);
  EXPECT_EQ(offsetof(ConnectionHeader, sides), kSide0);
  EXPECT_EQ(offsetof(ConnectionHeader, lanes), kLane0);
  EXPECT_EQ(sizeof(ConnectionSide), kSide1 - kSide0);
  EXPECT_EQ(offsetof(ConnectionSide, users), 0u);
  EXPECT_EQ(offsetof(ConnectionSide, uncounted), 128u);
  EXPECT_EQ(offsetof(ConnectionSide, encoded), 132u);
  EXPECT_EQ(offsetof(ConnectionSide, decoded), 136u);
  EXPECT_EQ(sizeof(ConnectionLane), kLane1 - kLane0);
  EXPECT_EQ(offsetof(ConnectionLane, send_lock), 0u);
  EXPECT_EQ(offsetof(ConnectionLane, tail), 8u);
  EXPECT_EQ(offsetof(ConnectionLane, seen_head), 16u);
  EXPECT_EQ(offsetof(ConnectionLane, packets), 24u);
  EXPECT_EQ(offsetof(ConnectionLane, receive_lock), 128u);
  EXPECT_EQ(offsetof(ConnectionLane, head), 136u);
  EXPECT_EQ(offsetof(ConnectionLane, bell), 256u);
  EXPECT_EQ(offsetof(ConnectionLane, sender_processor), 260u);
  EXPECT_EQ(offsetof(ConnectionLane, receiver_processor), 264u);
  EXPECT_EQ(offsetof(ConnectionLane, items), 320u);
  EXPECT_EQ(offsetof(ConnectionLane, space), 448u);
  EXPECT_EQ(RingOffset(1), kRing1);
  EXPECT_EQ(RingOffset(0), kRing0);
  EXPECT_EQ(ConnectionBytes(false), kRing0);
  EXPECT_EQ(ConnectionBytes(true), kRing0 + 262'144);
}

// Every number below is what a reader of FORMAT.md would expect.
TEST(ConnectionFormat, IsWhatAPipeInUseLooksLike) {
  auto [first, second] = *ByteConnection::Pipe(PipeKind::kDuplex, 0xfeed);
  DescriptorSink sink;
  std::vector<std::byte> encoded(EncodedSize(second));
  ASSERT_TRUE(Encode(second, absl::MakeSpan(encoded), &sink).ok());
  ASSERT_EQ(encoded.size(), 9u);
  EXPECT_EQ(encoded, (std::vector<std::byte>{{}, {}, {}, {}, std::byte{1}, {}, {}, {}, std::byte{1}}))
      << "descriptor 0, descriptor 1, side 1";
  const Fd& file = *sink.descriptors()[0];
  const Fd& socket = *sink.descriptors()[1];
  EXPECT_EQ(*MemfdSize(file), ConnectionBytes(true));
  const Mapping memory = *Mapping::Map(file, ConnectionBytes(true));
  const auto u64 = [&](uint64_t at) {
    uint64_t value;
    std::memcpy(&value, memory.data() + at, sizeof(value));
    return value;
  };
  const auto u32 = [&](uint64_t at) { return static_cast<uint32_t>(u64(at)); };
  const auto text = [&](uint64_t at, size_t size) {
    return std::string(reinterpret_cast<const char*>(memory.data()) + at, size);
  };
  EXPECT_EQ(text(0, 8), "REGCONN1");
  EXPECT_EQ(u64(8), *Family::Id());
  EXPECT_EQ(u64(16), 0xfeedu);
  EXPECT_EQ(u32(24), 1u) << "duplex";
  EXPECT_EQ(u32(kSide1 + 132), 1u) << "encoded once";
  for (uint64_t at = kLane0; at < ConnectionBytes(true); at += 8) ASSERT_EQ(u64(at), 0u) << at;

  ASSERT_TRUE(first.Send(AsBytes("first"), Deadline::Now()).ok());
  ASSERT_TRUE(first.Send(AsBytes(std::string(57, 'x')), Deadline::Now()).ok());
  const std::string large(70'000, 'l');
  ASSERT_TRUE(first.Send(AsBytes(large), Deadline::Now()).ok());
  EXPECT_EQ(u32(kSide0), *Family::Self()) << "the user of the first end";
  EXPECT_EQ(u64(kRing0), uint64_t{1} << 63 | 5);
  EXPECT_EQ(text(kRing0 + 8, 5), "first");
  EXPECT_EQ(u64(kRing0 + 64), uint64_t{1} << 63 | 57);
  EXPECT_EQ(u64(kRing0 + 192), uint64_t{3} << 62 | 16) << "with a packet beside it";
  EXPECT_EQ(u64(kRing0 + 200), 1u) << "the packet's number";
  EXPECT_EQ(u64(kRing0 + 208), uint64_t{1} << 63 | 70'000) << "its bytes lie in a file";
  EXPECT_EQ(u64(kLane0 + 8), 256u) << "tail";
  EXPECT_EQ(u64(kLane0 + 24), 1u) << "packets";
  EXPECT_EQ(u64(kLane0 + 136), 0u) << "head";
  uint64_t packet[2];
  ASSERT_TRUE(PeekAll(socket, std::as_writable_bytes(std::span(packet))));
  EXPECT_EQ(packet[0], 1u);
  EXPECT_EQ(packet[1], uint64_t{1} << 63 | 70'000);

  ConnectionMessage message;
  ASSERT_TRUE(second.Recv(&message, Deadline::Now()).ok());
  EXPECT_EQ(u64(kLane0 + 136), 64u) << "head";
  ASSERT_TRUE(second.Send(AsBytes("back"), Deadline::Now()).ok());
  EXPECT_EQ(u64(kRing1), uint64_t{1} << 63 | 4);
  EXPECT_EQ(u64(kLane1 + 8), 64u);
  first.Close();
  EXPECT_EQ(u32(kSide0), uint32_t{1} << 31) << "left";
}

}  // namespace
}  // namespace regatta
