// What the compiler says to tasks that can't be, seen when this was built: the *.refused beside it.
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

constexpr absl::string_view kBitFieldAsArgument =
#include "core/pool/bit_field_as_argument.inc"
    ;
constexpr absl::string_view kClassAsArgument =
#include "core/pool/class_as_argument.inc"
    ;
constexpr absl::string_view kPointerAsArgument =
#include "core/pool/pointer_as_argument.inc"
    ;
constexpr absl::string_view kPointersForMap =
#include "core/pool/pointers_for_map.inc"
    ;

absl::string_view FirstLine(absl::string_view errors) {
  return std::vector<absl::string_view>(absl::StrSplit(errors, '\n')).front();
}

TEST(PoolRefusals, SayFirstAndInWordsWhatIsWrongWithAnArgument) {
  // Clang says it in its own words.
  EXPECT_TRUE(absl::StrContains(FirstLine(kBitFieldAsArgument), "bit-field")) << kBitFieldAsArgument;
  EXPECT_TRUE(absl::StrContains(FirstLine(kClassAsArgument), "there is no codec for this type")) << kClassAsArgument;
  for (const absl::string_view errors : {kPointerAsArgument, kPointersForMap}) {
    EXPECT_TRUE(absl::StrContains(FirstLine(errors), "a pointer or reference means nothing in another process"))
        << errors;
  }
}

}  // namespace
}  // namespace regatta
