// For tests: what every type of object in shared memory promises. The test of a type H (a handle) runs this suite by
// one line:
//
//   INSTANTIATE_TYPED_TEST_SUITE_P(Lock, SharedObjectTest, Lock);
//
// H needs Create(), Attach(Fd, offset), descriptor(), offset(), CheckDescriptor(), valid(), kType, and a codec.
#ifndef REGATTA_CORE_TESTING_SHARED_OBJECT_SUITE_H_
#define REGATTA_CORE_TESTING_SHARED_OBJECT_SUITE_H_

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/codec/codec.h"
#include "core/os/memfd.h"
#include "core/shm/shared_object.h"
#include "core/testing/forked_child.h"
#include "core/testing/process_witness.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {

template <class H>
class SharedObjectTest : public testing::Test {
 protected:
  SharedObjectTest() : object_(*H::Create()) {}

  // Attaches to a copy of the object's file, in which `change` has changed the object's header.
  template <class Change>
  absl::Status AttachChanged(Change change) {
    const uint64_t size = *MemfdSize(object_.descriptor());
    const Mapping original = *Mapping::Map(object_.descriptor(), size);
    Fd file = *CreateMemfd("a test");
    EXPECT_THAT(GrowMemfd(file, 0, size), IsOk());
    {
      const Mapping copy = *Mapping::Map(file, size);
      std::memcpy(copy.data(), original.data(), size);
      change(*reinterpret_cast<ObjectHeader*>(copy.data() + object_.offset()));
    }
    return H::Attach(std::move(file), object_.offset()).status();
  }
  // Whether the two handles stand for one object.
  static bool AreOne(const H& a, const H& b) {
    return MemfdIdentity(a.descriptor()) == MemfdIdentity(b.descriptor()) && a.offset() == b.offset();
  }
  static std::string Noun() { return std::string(H::kType.noun); }

  H object_;
};
TYPED_TEST_SUITE_P(SharedObjectTest);

TYPED_TEST_P(SharedObjectTest, IsEmptyUntilAssigned) {
  TypeParam none;
  EXPECT_FALSE(none.valid());
  none = this->object_;
  EXPECT_TRUE(none.valid());
  EXPECT_TRUE(this->AreOne(none, this->object_)) << "a copy is the same object";
}

TYPED_TEST_P(SharedObjectTest, AttachFindsTheSameObject) {
  absl::StatusOr<TypeParam> attached =
      TypeParam::Attach(*this->object_.descriptor().Duplicate(), this->object_.offset());
  ASSERT_THAT(attached, IsOk());
  EXPECT_TRUE(this->AreOne(*attached, this->object_));
  EXPECT_EQ(attached->descriptor().get(), this->object_.descriptor().get()) << "one descriptor a process";
}

TYPED_TEST_P(SharedObjectTest, TwoObjectsAreNotOne) {
  absl::StatusOr<TypeParam> other = TypeParam::Create();
  ASSERT_THAT(other, IsOk());
  EXPECT_FALSE(this->AreOne(*other, this->object_));
}

TYPED_TEST_P(SharedObjectTest, AttachRefusesAnotherType) {
  const absl::Status status = this->AttachChanged([](ObjectHeader& header) { header.magic ^= 1; });
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss, testing::HasSubstr("not a " + this->Noun())));
}

TYPED_TEST_P(SharedObjectTest, AttachRefusesAnotherFamily) {
  const absl::Status status = this->AttachChanged([](ObjectHeader& header) { header.family ^= 1; });
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition, testing::HasSubstr("another family")));
}

TYPED_TEST_P(SharedObjectTest, AttachRefusesOtherValues) {
  const absl::Status status = this->AttachChanged([](ObjectHeader& header) { header.fingerprint ^= 1; });
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument));
}

TYPED_TEST_P(SharedObjectTest, AttachRefusesAFileThatIsTooShort) {
  for (const uint64_t size : {uint64_t{1}, uint64_t{sizeof(ObjectHeader)}}) {
    Fd file = *CreateMemfd("a test");
    ASSERT_THAT(GrowMemfd(file, 0, size), IsOk());
    EXPECT_THAT(TypeParam::Attach(std::move(file), 0), StatusIs(absl::StatusCode::kDataLoss)) << size;
  }
}

TYPED_TEST_P(SharedObjectTest, AttachRefusesAnOffsetWhereNoneCanBe) {
  for (const uint64_t offset : {uint64_t{1}, uint64_t{127}, uint64_t{1} << 40, ~uint64_t{0}, ~uint64_t{127}}) {
    EXPECT_THAT(TypeParam::Attach(*this->object_.descriptor().Duplicate(), offset),
                StatusIs(absl::StatusCode::kDataLoss))
        << offset;
  }
}

TYPED_TEST_P(SharedObjectTest, AttachRefusesWhatIsNoMemory) {
  EXPECT_THAT(TypeParam::Attach(Fd(), 0), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(TypeParam::Attach(Fd(dup(STDERR_FILENO)), 0), StatusIs(absl::StatusCode::kDataLoss));
}

TYPED_TEST_P(SharedObjectTest, CrossesAsADescriptorAndAnOffset) {
  static_assert(kCarriesDescriptors<TypeParam>);
  DescriptorSink sink;
  std::vector<std::byte> bytes(EncodedSize(this->object_));
  ASSERT_THAT(Encode(this->object_, absl::MakeSpan(bytes), &sink), IsOk());
  ASSERT_EQ(sink.descriptors().size(), 1u);
  std::vector<Fd> arrived;
  arrived.push_back(*sink.descriptors()[0]->Duplicate());
  DescriptorSource source(std::move(arrived));
  const absl::StatusOr<TypeParam> decoded = Decode<TypeParam>(bytes, &source);
  ASSERT_THAT(decoded, IsOk());
  EXPECT_TRUE(this->AreOne(*decoded, this->object_));
}

TYPED_TEST_P(SharedObjectTest, IsNotPassedOnAsAnotherFile) {
  ForkedChild child([&] {
    // As if code of this process had closed the descriptor and opened a file that got its number.
    REGATTA_CHILD_REQUIRE(dup2(STDERR_FILENO, this->object_.descriptor().get()) >= 0);
    DescriptorSink sink;
    std::vector<std::byte> bytes(EncodedSize(this->object_));
    REGATTA_CHILD_REQUIRE(absl::IsFailedPrecondition(Encode(this->object_, absl::MakeSpan(bytes), &sink)));
    REGATTA_CHILD_REQUIRE(sink.descriptors().empty());
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TYPED_TEST_P(SharedObjectTest, AnEmptyOneCannotBePassedOn) {
  const TypeParam none;
  DescriptorSink sink;
  std::vector<std::byte> bytes(EncodedSize(none));
  const absl::Status status = Encode(none, absl::MakeSpan(bytes), &sink);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr("a " + this->Noun())));
}

TYPED_TEST_P(SharedObjectTest, AChildOfForkHasIt) {
  Shared<std::pair<uint64_t, uint64_t>> made_by_child;  // Its file and its offset there.
  ForkedChild child([&] {
    const absl::StatusOr<TypeParam> attached =
        TypeParam::Attach(*this->object_.descriptor().Duplicate(), this->object_.offset());
    REGATTA_CHILD_REQUIRE(attached.ok() && this->AreOne(*attached, this->object_));
    const TypeParam made = *TypeParam::Create();
    *made_by_child = {MemfdIdentity(made.descriptor()), made.offset()};
    return 0;
  });
  ASSERT_EQ(child.Wait(), 0);
  const TypeParam made = *TypeParam::Create();
  EXPECT_NE(*made_by_child, std::pair(MemfdIdentity(made.descriptor()), made.offset()))
      << "what the parent and the child make are two objects";
}

TYPED_TEST_P(SharedObjectTest, OutlivesTheProcessThatMadeIt) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  Shared<uint64_t> offset;
  // A child makes an object and is killed, after this process has got its descriptor through /proc.
  ForkedChild maker([&] {
    const TypeParam made = *TypeParam::Create();
    *offset = made.offset();
    const int number = made.descriptor().get();
    REGATTA_CHILD_REQUIRE(write(ends[1], &number, sizeof(number)) == sizeof(number));
    for (;;) pause();
    return 0;
  });
  int number = -1;
  ASSERT_EQ(read(ends[0], &number, sizeof(number)), static_cast<ssize_t>(sizeof(number)));
  Fd file(open(absl::StrCat("/proc/", maker.pid(), "/fd/", number).c_str(), O_RDWR | O_CLOEXEC));
  close(ends[0]);
  close(ends[1]);
  ASSERT_TRUE(file.valid());
  maker.Kill();
  ASSERT_EQ(maker.Wait(), -SIGKILL);
  const absl::StatusOr<TypeParam> attached = TypeParam::Attach(std::move(file), *offset);
  EXPECT_THAT(attached, IsOk());
}

TYPED_TEST_P(SharedObjectTest, LeavesNoDescriptorOrMapping) {
  const auto before = CountDescriptors();
  {
    std::vector<TypeParam> many;
    for (int i = 0; i < 200; ++i) many.push_back(*TypeParam::Create());
    many.push_back(many[0]);
  }
  EXPECT_EQ(CountDescriptors(), before);
}

TYPED_TEST_P(SharedObjectTest, CreateSaysWhenNoDescriptorIsLeft) {
  ForkedChild child([] {
    LimitDescriptors(48);
    while (dup(0) >= 0) {
    }
    REGATTA_CHILD_REQUIRE(TypeParam::Create().status().code() == absl::StatusCode::kResourceExhausted);
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

REGISTER_TYPED_TEST_SUITE_P(SharedObjectTest, IsEmptyUntilAssigned, AttachFindsTheSameObject, TwoObjectsAreNotOne,
                            AttachRefusesAnotherType, AttachRefusesAnotherFamily, AttachRefusesOtherValues,
                            AttachRefusesAFileThatIsTooShort, AttachRefusesAnOffsetWhereNoneCanBe,
                            AttachRefusesWhatIsNoMemory, CrossesAsADescriptorAndAnOffset, IsNotPassedOnAsAnotherFile,
                            AnEmptyOneCannotBePassedOn, AChildOfForkHasIt, OutlivesTheProcessThatMadeIt,
                            LeavesNoDescriptorOrMapping, CreateSaysWhenNoDescriptorIsLeft);

}  // namespace regatta

#endif  // REGATTA_CORE_TESTING_SHARED_OBJECT_SUITE_H_
