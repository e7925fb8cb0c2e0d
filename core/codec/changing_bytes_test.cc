// Bytes may change while they are decoded, as in a slot of shared memory that its writer fills again before the reader
// has noticed. Here the decoding is single-stepped and the bytes change between its instructions, in patterns such that
// any two of these see different bytes in one of the runs: a count that was loaded once to be checked and once more to
// be used would show.
#include <signal.h>
#include <ucontext.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "core/codec/codec.h"
#include "core/testing/largest_allocation.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

#if defined(__x86_64__)

constexpr greg_t kTrapFlag = 0x100;
// Beyond the first loads of what is decoded here. A step may cost 30 us on a virtual machine.
constexpr uint64_t kBits = 9;
constexpr uint64_t kSteps = uint64_t{1} << kBits;

// What the handler of SIGTRAP does, which runs after each instruction while it sets the trap flag.
struct Plan {
  char* target = nullptr;
  const char* contents[2] = {};
  size_t size = 0;
  uint64_t bit = 0;  // Of the number of the step: it selects the content.
  volatile uint64_t step = kSteps;
};
Plan g_plan;

void OnTrap(int, siginfo_t*, void* context) {
  greg_t& flags = static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL];
  if (g_plan.step >= kSteps) {
    flags &= ~kTrapFlag;
    return;
  }
  std::memcpy(g_plan.target, g_plan.contents[(g_plan.step >> g_plan.bit) & 1], g_plan.size);
  g_plan.step = g_plan.step + 1;
  flags |= kTrapFlag;
}

template <class T>
void DecodeWhileChanging(const std::string& first, const std::string& second, uint64_t bit, int64_t (&outcomes)[2]) {
  std::string shared = first;
  g_plan = {shared.data(), {first.data(), second.data()}, shared.size(), bit, 0};
  T value{};
  codec_internal::ResetLargestAllocation();
  raise(SIGTRAP);
  absl::Status status = DecodeInto(AsBytes(shared), value);
  g_plan.step = kSteps;
  ++outcomes[status.ok()];
  ASSERT_LT(codec_internal::LargestAllocation(), 8192u);
  if (!status.ok()) {
    ASSERT_THAT(status, StatusIs(absl::StatusCode::kDataLoss));
    return;
  }
  // What was accepted is a value: it can be encoded, and comes back.
  T again{};
  status = DecodeInto(AsBytes(*EncodeToString(value)), again);
  ASSERT_THAT(status, IsOk());
}

// `right` is the encoding of a T, `wrong` is not.
template <class T>
void ChangeBothWays(const std::string& right, const std::string& wrong) {
  ASSERT_EQ(right.size(), wrong.size());
  struct sigaction action = {};
  struct sigaction old = {};
  action.sa_sigaction = OnTrap;
  action.sa_flags = SA_SIGINFO;
  ASSERT_EQ(sigaction(SIGTRAP, &action, &old), 0);
  int64_t outcomes[2] = {};
  for (uint64_t bit = 0; bit <= kBits; ++bit) {
    SCOPED_TRACE(bit);
    DecodeWhileChanging<T>(right, wrong, bit, outcomes);
    DecodeWhileChanging<T>(wrong, right, bit, outcomes);
  }
  ASSERT_EQ(sigaction(SIGTRAP, &old, nullptr), 0);
  EXPECT_GT(outcomes[0], 0);
  EXPECT_GT(outcomes[1], 0);
}

std::string Count(uint64_t count) { return std::string(reinterpret_cast<const char*>(&count), sizeof(count)); }
constexpr uint64_t kMany = uint64_t{1} << 40;

TEST(ChangingBytes, OfACountNeverTakeMoreMemoryThanTheyPayFor) {
  const std::string three("\1\1\1", 3);
  ChangeBothWays<std::string>(Count(3) + three, Count(kMany) + three);
  ChangeBothWays<std::vector<char>>(Count(3) + three, Count(kMany) + three);
  ChangeBothWays<std::vector<bool>>(Count(3) + three, Count(kMany) + three);
  ChangeBothWays<std::vector<std::pair<bool, char>>>(Count(1) + "\1a", Count(kMany) + "\1a");
  ChangeBothWays<std::vector<std::string>>(Count(1) + Count(3) + three, Count(1) + Count(kMany) + three);
  ChangeBothWays<std::map<char, char>>(Count(1) + "ab", Count(kMany) + "ab");
}

TEST(ChangingBytes, OfAFlagOrIndexNeverMakeAValueThatIsNone) {
  ChangeBothWays<bool>("\1", "\7");
  ChangeBothWays<std::pair<bool, bool>>("\1\1", "\7\7");
  ChangeBothWays<std::vector<bool>>(Count(2) + "\1\1", Count(2) + "\7\7");
  ChangeBothWays<std::optional<bool>>("\1\1", "\7\7");
  ChangeBothWays<std::variant<std::monostate, bool>>("\1\1", "\7\7");
}

#else

TEST(ChangingBytes, AreTriedWhereAProcessCanSingleStepItself) { GTEST_SKIP() << "not on this processor"; }

#endif

}  // namespace
}  // namespace regatta
