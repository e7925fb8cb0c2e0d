#include "core/process/function_id.h"

#include <dlfcn.h>

#include <cstring>
#include <limits>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "core/process/call.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

int One(int x) { return x + 1; }
int Two(int x) { return x + 2; }
const auto kLambda = [](int x) { return x + 3; };

using OneSignature = int (*)(int);

TEST(FunctionIdIdentity, IsTheSameEachTimeAndDiffersBetweenFunctions) {
  const std::vector<FunctionId> ids = {*FunctionIdOf(&One), *FunctionIdOf(&Two), *FunctionIdOf(kLambda)};
  EXPECT_EQ(ids[0], *FunctionIdOf(&One));
  EXPECT_EQ(ids[2], *FunctionIdOf(kLambda));
  EXPECT_NE(ids[0], ids[1]);
  EXPECT_NE(ids[0], ids[2]);
  EXPECT_EQ(ids[2].target_module, 0u);
  EXPECT_NE(ids[0].target_module, 0u);
}

TEST(FunctionIdIdentity, HoldsNoAddress) {
  const FunctionId id = *FunctionIdOf(&One);
  Dl_info info;
  ASSERT_NE(dladdr(reinterpret_cast<const void*>(&One), &info), 0);
  // Position-independent: the offset is from where the module lies, wherever that is this time.
  EXPECT_EQ(reinterpret_cast<uintptr_t>(info.dli_fbase) + id.target_offset, reinterpret_cast<uintptr_t>(&One));
}

TEST(FunctionIdResolve, LeadsBackToTheFunction) {
  const auto resolved = Resolve(*FunctionIdOf(&One));
  ASSERT_THAT(resolved, IsOk());
  EXPECT_EQ(resolved->target, reinterpret_cast<const void*>(&One));
  EXPECT_EQ(resolved->trampoline, (&call_internal::TrampolineTo<OneSignature>));
}

TEST(FunctionIdResolve, AnOffsetThatIsNoTrampolineIsRefused) {
  // Every offset around a true one: the neighbours are code, too, but not permitted.
  const FunctionId good = *FunctionIdOf(kLambda);
  const auto trampoline = Resolve(good)->trampoline;
  int refused = 0;
  for (int distance = -64; distance <= 64; ++distance) {
    if (distance == 0) continue;
    FunctionId bad = good;
    bad.trampoline_offset += distance;
    const auto resolved = Resolve(bad);
    if (resolved.ok()) {
      EXPECT_NE(resolved->trampoline, trampoline);  // A neighbouring trampoline.
    } else {
      EXPECT_THAT(resolved, StatusIs(absl::StatusCode::kDataLoss));
      ++refused;
    }
  }
  EXPECT_GT(refused, 100);
}

TEST(FunctionIdResolve, ATargetThatIsNoFunctionsBeginIsRefused) {
  const FunctionId good = *FunctionIdOf(&One);
  for (const int distance : {-1, 1, 2, 3}) {
    FunctionId bad = good;
    bad.target_offset += distance;
    EXPECT_THAT(Resolve(bad), StatusIs(absl::StatusCode::kDataLoss)) << distance;
  }
  FunctionId data = good;
  data.target_offset = 0;
  EXPECT_THAT(Resolve(data), StatusIs(absl::StatusCode::kDataLoss));
  data.target_offset = std::numeric_limits<uint32_t>::max();
  EXPECT_THAT(Resolve(data), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(FunctionIdResolve, ATrampolineIsRefusedWithATargetThatItDoesNotTakeOrWithoutOneThatItDoes) {
  const FunctionId lambda = *FunctionIdOf(kLambda);
  const FunctionId pointer = *FunctionIdOf(&One);
  FunctionId both = lambda;
  both.target_module = pointer.target_module;
  both.target_offset = pointer.target_offset;
  EXPECT_THAT(Resolve(both), StatusIs(absl::StatusCode::kDataLoss));
  FunctionId neither = pointer;
  neither.target_module = 0;
  neither.target_offset = 0;
  EXPECT_THAT(Resolve(neither), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(FunctionIdResolve, AnotherProgramsBuildIdIsRefusedAndTheMessageSaysSo) {
  FunctionId other = *FunctionIdOf(kLambda);
  other.trampoline_module ^= 1;
  const absl::Status status = Resolve(other).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss, testing::HasSubstr("another program or build")));
  EXPECT_THAT(Resolve(FunctionId{}), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(FunctionIdMake, CodeMadeAtRunTimeIsRefused) {
  const auto code = std::make_unique<char[]>(64);
  const void* page = code.get();
  OneSignature made;
  memcpy(&made, &page, sizeof(made));
  const absl::Status status = FunctionIdOf(made).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition, testing::HasSubstr("made at run time")));
}

TEST(FunctionIdMake, AFunctionOfASharedLibraryCrossesByThatLibrarysBuildId) {
  using Abs = int (*)(int);
  const auto absolute = reinterpret_cast<Abs>(dlsym(RTLD_DEFAULT, "abs"));
  ASSERT_NE(absolute, nullptr);
  const auto id = FunctionIdOf(absolute);
  ASSERT_THAT(id, IsOk());
  EXPECT_NE(id->target_module, id->trampoline_module);
  EXPECT_EQ(Resolve(*id)->target, reinterpret_cast<const void*>(absolute));
}

TEST(FunctionIdThreads, ManyMayMakeAndResolveAtOnce) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < 2000; ++i) {
        const FunctionId id = i % 2 == 0 ? *FunctionIdOf(&One) : *FunctionIdOf(&Two);
        ASSERT_EQ(Resolve(id)->target, reinterpret_cast<const void*>(i % 2 == 0 ? &One : &Two));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace regatta
