// What a nursery keeps of its owner's shared memory.
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/ipc/queue.h"
#include "core/process/nursery.h"
#include "core/testing/forked_child.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

// A descriptor of its own for the newest queue of this process, which the queue doesn't know of.
Fd OpenNewestQueue() {
  Fd newest;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc/self/fd"), closedir);
  while (const dirent* entry = readdir(folder.get())) {
    const std::string path = absl::StrCat("/proc/self/fd/", entry->d_name);
    char target[256] = {};
    if (readlink(path.c_str(), target, sizeof(target) - 1) < 0) continue;
    if (absl::StrContains(target, "memfd:regatta queue")) newest = Fd(open(path.c_str(), O_RDWR | O_CLOEXEC));
  }
  return newest;
}

// The memory behind a sparse file.
uint64_t BytesOf(const Fd& file) {
  uint64_t bytes = 0;
  for (off_t at = 0;;) {
    const off_t data = lseek(file.get(), at, SEEK_DATA);
    if (data < 0) return bytes;
    at = lseek(file.get(), data, SEEK_HOLE);
    bytes += static_cast<uint64_t>(at - data);
  }
}

constexpr uint64_t kContent = 32 << 20;

class NurseryMemory : public testing::Test {
 protected:
  void SetUp() override {
    queue_.emplace(*Queue<std::string>::Create());
    for (uint64_t put = 0; put < kContent; put += 1 << 20) {
      ASSERT_THAT(queue_->Put(std::string(1 << 20, 'x')), IsOk());
    }
    file_ = OpenNewestQueue();
    ASSERT_GE(BytesOf(file_), kContent);
  }

  std::optional<Queue<std::string>> queue_;
  Fd file_;
};

TEST_F(NurseryMemory, OfAQueueThatItsOwnerDestroysIsGivenBack) {
  const auto nursery = *Nursery::Create(Nursery::Origin::kFork);
  queue_.reset();
  EXPECT_LT(BytesOf(file_), kContent / 8);
}

TEST_F(NurseryMemory, StaysWhileAChildOfForkMayUseIt) {
  const auto nursery = *Nursery::Create(Nursery::Origin::kFork);
  int go[2];
  ASSERT_EQ(pipe(go), 0);
  ForkedChild child([&] {
    char word = 0;
    REGATTA_CHILD_REQUIRE(read(go[0], &word, 1) == 1);
    REGATTA_CHILD_REQUIRE(queue_->Get()->size() == 1 << 20);
    return 0;
  });
  queue_.reset();
  EXPECT_GE(BytesOf(file_), kContent);
  ASSERT_EQ(write(go[1], "x", 1), 1);
  EXPECT_EQ(child.Wait(), 0);
  close(go[0]);
  close(go[1]);
}

TEST_F(NurseryMemory, StaysIfTheQueueWasPassedOn) {
  const auto nursery = *Nursery::Create(Nursery::Origin::kFork);
  absl::StatusOr<Fd> passed = queue_->descriptor().Duplicate();
  queue_.reset();
  EXPECT_GE(BytesOf(file_), kContent);
  absl::StatusOr<Queue<std::string>> attached = Queue<std::string>::Attach(*std::move(passed), 0);
  ASSERT_THAT(attached, IsOk());
  EXPECT_EQ(attached->Get()->size(), size_t{1} << 20);
}

}  // namespace
}  // namespace regatta
