// A message of the largest size. By hand, as it takes 2 GiB: ./tools/bazel test //core/ipc:connection_large_test
#include <cstring>

#include "core/ipc/connection.h"
#include "core/testing/forked_child.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

TEST(ConnectionLarge, OneGibibyteCrossesBetweenProcesses) {
  auto [here, there] = *ByteConnection::Pipe();
  ForkedChild child([&, &there = there] {
    ConnectionMessage message;
    REGATTA_CHILD_REQUIRE(message.Resize(kLargestMessage).ok());
    for (uint64_t at = 0; at < kLargestMessage; at += 8) std::memcpy(message.room().data() + at, &at, 8);
    REGATTA_CHILD_REQUIRE(there.Send(message).ok());
    return 0;
  });
  ConnectionMessage message;
  ASSERT_THAT(here.Recv(&message), IsOk());
  ASSERT_EQ(message.bytes().size(), kLargestMessage);
  for (uint64_t at = 0; at < kLargestMessage; at += 8) {
    ASSERT_EQ(std::memcmp(message.bytes().data() + at, &at, 8), 0) << at;
  }
  EXPECT_EQ(child.Wait(), 0);
}

}  // namespace
}  // namespace regatta
