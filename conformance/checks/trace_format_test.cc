#include "conformance/checks/trace_format.h"

#include <cstdint>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace regatta::conformance {
namespace {

Event AnEvent() {
  return {.begin = 1000, .end = 2500, .pid = 17, .actor = "writer", .kind = "put", .values = {}, .error = ""};
}

// The lines that FORMAT.md shows.
std::string Golden() {
  std::ifstream file("FORMAT.md", std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const size_t section = text.find("## Traces");
  const size_t begin = text.find("```\n", section) + 4;
  const size_t end = text.find("```", begin);
  if (section == text.npos || end == text.npos) return "FORMAT.md has no lines";
  return text.substr(begin, end - begin);
}

TEST(TraceFormat, IsTheOneThatFormatMdShows) {
  Event event = AnEvent();
  event.values = {7, "a\"\n\xc3\xa9", true, Value()};
  Event failed = AnEvent();
  failed.error = "full";
  EXPECT_EQ(*FormatEvent(event) + *FormatEvent(failed), Golden());
  const absl::StatusOr<Trace> trace = ParseTrace(Golden());
  ASSERT_TRUE(trace.ok()) << trace.status();
  EXPECT_EQ(trace->events, (std::vector<Event>{event, failed}));
}

TEST(TraceFormat, GivesBackWhatItWasGiven) {
  Event event = AnEvent();
  event.values = {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max(), false, "", Value()};
  event.error = "thrown";
  const absl::StatusOr<Trace> trace = ParseTrace(*FormatEvent(event));
  ASSERT_TRUE(trace.ok()) << trace.status();
  ASSERT_EQ(trace->events.size(), 1u);
  EXPECT_EQ(trace->events[0], event);
}

TEST(TraceFormat, SortsEventsByTheirBegin) {
  Event later = AnEvent();
  later.begin = 2000;
  const absl::StatusOr<Trace> trace = ParseTrace(*FormatEvent(later) + *FormatEvent(AnEvent()));
  ASSERT_TRUE(trace.ok());
  EXPECT_EQ(trace->events[0], AnEvent());
  EXPECT_EQ(trace->events[1], later);
}

TEST(TraceFormat, OfNothingIsAnEmptyTrace) { EXPECT_TRUE(ParseTrace("")->events.empty()); }

TEST(TraceFormatFormat, RefusesWhatNobodyCouldReadBack) {
  Event event = AnEvent();
  event.values = {std::string(kMaxTraceLine, 'x')};
  EXPECT_EQ(FormatEvent(event).status().code(), absl::StatusCode::kInvalidArgument);
  event = AnEvent();
  event.values = {"\xff"};
  EXPECT_EQ(FormatEvent(event).status().code(), absl::StatusCode::kInvalidArgument);
  event = AnEvent();
  event.end = 999;
  EXPECT_EQ(FormatEvent(event).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(TraceFormatParse, NamesTheLineThatIsNone) {
  const std::string good = *FormatEvent(AnEvent());
  for (const std::string bad : {
           "nonsense\n",
           "[]\n",
           "{}\n",
           "\n",
           "{\"begin\":1\n",
           "{\"end\":2,\"pid\":1,\"actor\":\"a\",\"kind\":\"k\"}\n",
           "{\"begin\":1,\"end\":2,\"pid\":1,\"actor\":\"a\"}\n",
           "{\"begin\":1,\"end\":2,\"pid\":1,\"actor\":\"\",\"kind\":\"k\"}\n",
           "{\"begin\":3,\"end\":2,\"pid\":1,\"actor\":\"a\",\"kind\":\"k\"}\n",
           "{\"begin\":-1,\"end\":2,\"pid\":1,\"actor\":\"a\",\"kind\":\"k\"}\n",
           "{\"begin\":1,\"end\":2,\"pid\":0,\"actor\":\"a\",\"kind\":\"k\"}\n",
           "{\"begin\":1,\"end\":2,\"pid\":4294967297,\"actor\":\"a\",\"kind\":\"k\"}\n",
           "{\"begin\":1.5,\"end\":2,\"pid\":1,\"actor\":\"a\",\"kind\":\"k\"}\n",
           "{\"begin\":1,\"end\":18446744073709551615,\"pid\":1,\"actor\":\"a\",\"kind\":\"k\"}\n",
           "{\"begin\":1,\"end\":2,\"pid\":1,\"actor\":1,\"kind\":\"k\"}\n",
           "{\"begin\":1,\"end\":2,\"pid\":1,\"actor\":\"a\",\"kind\":\"k\",\"values\":1}\n",
           "{\"begin\":1,\"end\":2,\"pid\":1,\"actor\":\"a\",\"kind\":\"k\",\"values\":[1.5]}\n",
           "{\"begin\":1,\"end\":2,\"pid\":1,\"actor\":\"a\",\"kind\":\"k\",\"values\":[[1]]}\n",
           "{\"begin\":1,\"end\":2,\"pid\":1,\"actor\":\"a\",\"kind\":\"k\",\"error\":1}\n",
           "{\"begin\":1,\"end\":2,\"pid\":1,\"actor\":\"a\",\"kind\":\"k\",\"colour\":1}\n",
       }) {
    const absl::Status status = ParseTrace(good + bad).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << bad;
    EXPECT_TRUE(absl::StrContains(status.message(), "line 2")) << status;
  }
}

TEST(TraceFormatParse, RefusesALineWithoutEndAndOneThatIsTooLong) {
  const std::string good = *FormatEvent(AnEvent());
  EXPECT_EQ(ParseTrace(absl::string_view(good).substr(0, good.size() - 1)).status().code(),
            absl::StatusCode::kDataLoss);
  const std::string padded = absl::StrCat(std::string(kMaxTraceLine, ' '), good);
  EXPECT_EQ(ParseTrace(padded).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace regatta::conformance
