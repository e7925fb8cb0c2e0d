// Descriptors beside the bytes.
#include "core/codec/descriptors.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/codec/codec.h"
#include "core/os/fd.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

// Both ends of a new pipe.
std::pair<Fd, Fd> Pipe() {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  return {Fd(ends[0]), Fd(ends[1])};
}

bool IsOpen(int fd) { return fcntl(fd, F_GETFD) >= 0; }

// What a transport does: the other side owns descriptors of its own for the same files, in order.
DescriptorSource Carried(const DescriptorSink& sink) {
  std::vector<Fd> arrived;
  for (const Fd* fd : sink.descriptors()) {
    absl::StatusOr<Fd> copy = fd->Duplicate();
    EXPECT_THAT(copy, IsOk());
    arrived.push_back(std::move(copy).value_or(Fd()));
  }
  return DescriptorSource(std::move(arrived));
}

struct Ends {
  std::string name;
  Fd reader;
  std::vector<Fd> writers;
  std::optional<Fd> absent;
};

TEST(Descriptors, TravelBesideTheBytesWithinAnyType) {
  Ends sent{"pipe", {}, {}, {}};
  auto [reader, writer] = Pipe();
  sent.reader = std::move(reader);
  sent.writers.push_back(std::move(writer));
  DescriptorSink sink;
  const absl::StatusOr<std::string> bytes = EncodeToString(sent, &sink);
  ASSERT_THAT(bytes, IsOk());
  EXPECT_EQ(bytes->size(), EncodedSize(sent));
  ASSERT_EQ(sink.descriptors().size(), 2u);
  EXPECT_TRUE(IsOpen(sent.reader.get())) << "encoding borrows";

  DescriptorSource source = Carried(sink);
  absl::StatusOr<Ends> got = Decode<Ends>(AsBytes(*bytes), &source);
  ASSERT_THAT(got, IsOk());
  sent = {};
  ASSERT_EQ(got->writers.size(), 1u);
  EXPECT_FALSE(got->absent.has_value());
  // Order counts: the one is the reader, the other the writer.
  ASSERT_EQ(write(got->writers[0].get(), "x", 1), 1);
  char byte = 0;
  ASSERT_EQ(read(got->reader.get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
}

TEST(Descriptors, ThatAreInvalidFailTheirValueOnly) {
  DescriptorSink sink;
  EXPECT_THAT(EncodeToString(Ends{}, &sink), StatusIs(absl::StatusCode::kInvalidArgument));
  DescriptorSink next;
  EXPECT_THAT(EncodeToString(Pipe().first, &next), IsOk());
}

TEST(Descriptors, WithoutAWayBesideTheBytesAreRefused) {
  const Fd fd = Pipe().first;
  EXPECT_THAT(EncodeToString(fd), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Decode<Fd>(AsBytes(std::string(4, '\0'))), StatusIs(absl::StatusCode::kDataLoss));
}

std::string Index(uint32_t index) { return std::string(reinterpret_cast<const char*>(&index), sizeof(index)); }

TEST(Descriptors, AreTakenOnceEach) {
  auto [reader, writer] = Pipe();
  DescriptorSink sink;
  sink.Add(reader);
  sink.Add(writer);
  DescriptorSource twice = Carried(sink);
  using Two = std::pair<Fd, Fd>;
  EXPECT_THAT(Decode<Two>(AsBytes(Index(0) + Index(0)), &twice), StatusIs(absl::StatusCode::kDataLoss));
  DescriptorSource beyond = Carried(sink);
  for (const uint32_t index : {2u, 0x7fffffffu, 0xffffffffu}) {
    EXPECT_THAT(Decode<Fd>(AsBytes(Index(index)), &beyond), StatusIs(absl::StatusCode::kDataLoss));
  }
  DescriptorSource swapped = Carried(sink);
  absl::StatusOr<Two> got = Decode<Two>(AsBytes(Index(1) + Index(0)), &swapped);
  ASSERT_THAT(got, IsOk());
  EXPECT_EQ(write(got->first.get(), "x", 1), 1);
}

TEST(Descriptors, OfAValueThatFailsAndThoseThatNobodyTookAreClosed) {
  auto [reader, writer] = Pipe();
  int taken = -1;
  int left = -1;
  {
    DescriptorSink sink;
    sink.Add(reader);
    sink.Add(reader);
    std::vector<Fd> arrived;
    for (const Fd* fd : sink.descriptors()) arrived.push_back(*fd->Duplicate());
    taken = arrived[0].get();
    left = arrived[1].get();
    DescriptorSource source(std::move(arrived));
    // The first part takes one; the second part is no bool.
    EXPECT_THAT((Decode<std::pair<Fd, bool>>(AsBytes(Index(0) + '\7'), &source)),
                StatusIs(absl::StatusCode::kDataLoss));
    EXPECT_FALSE(IsOpen(taken));
    EXPECT_TRUE(IsOpen(left));
  }
  EXPECT_FALSE(IsOpen(left));
}

}  // namespace
}  // namespace regatta
