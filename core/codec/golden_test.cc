// FORMAT.md's tables of examples and the code say the same, byte for byte. A change that fails here is a change of the
// format: processes of the old and of the new build do not understand each other.
#include <array>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "core/codec/codec.h"
#include "core/os/fd.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

enum class Colour : int16_t { kGreen = 300 };
struct Point {
  int8_t x;
  double y;
};
struct Nothing {};

// "01 02 ff"
std::string Hex(absl::string_view bytes) {
  std::string hex;
  for (const char c : bytes) absl::StrAppend(&hex, hex.empty() ? "" : " ", absl::Hex(c & 0xff, absl::kZeroPad2));
  return hex;
}
template <class T>
std::string Bytes(const T& value, DescriptorSink* descriptors = nullptr) {
  return Hex(*EncodeToString(value, descriptors));
}
template <class T>
std::string Fingerprint() {
  return absl::StrCat(absl::Hex(TypeFingerprint<T>(), absl::kZeroPad16));
}

using Rows = std::vector<std::pair<std::string, std::string>>;

// The rows of the table under the line `heading`, without their backquotes.
Rows RowsOf(absl::string_view document, absl::string_view heading) {
  Rows rows;
  bool inside = false;
  for (absl::string_view line : absl::StrSplit(document, '\n')) {
    if (!absl::ConsumePrefix(&line, "|")) {
      // Empty lines and the heading itself stand before the table.
      if (line == heading) {
        inside = true;
      } else if (!line.empty()) {
        inside = false;
      }
      continue;
    }
    const std::vector<std::string> cells = absl::StrSplit(line, '|');
    if (!inside || cells.size() != 3 || !absl::StrContains(cells[0], '`')) continue;
    const auto text = [](absl::string_view cell) {
      cell = absl::StripAsciiWhitespace(cell);
      absl::ConsumePrefix(&cell, "`");
      absl::ConsumeSuffix(&cell, "`");
      return std::string(cell);
    };
    rows.emplace_back(text(cells[0]), text(cells[1]));
  }
  return rows;
}

std::string Document() {
  std::ifstream file("FORMAT.md", std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// As lines to paste into FORMAT.md.
std::string Lines(const Rows& rows) {
  std::string lines;
  for (const auto& [name, bytes] : rows) absl::StrAppend(&lines, "| `", name, "` | `", bytes, "` |\n");
  return lines;
}

TEST(Format, HasTheBytesThatTheDocumentShows) {
  absl::Status error = absl::NotFoundError("no");
  error.SetPayload("b", absl::Cord("2"));
  error.SetPayload("a", absl::Cord("1"));
  DescriptorSink descriptors;
  Fd first(1000);
  Fd second(1001);
  const Rows actual = {
      {"int32_t{-2}", Bytes(int32_t{-2})},
      {"uint64_t{0x0102030405060708}", Bytes(uint64_t{0x0102030405060708})},
      {"1.0f", Bytes(1.0f)},
      {"-2.0", Bytes(-2.0)},
      {"1.0L", Bytes(1.0L)},
      {"true", Bytes(true)},
      {"enum of int16_t, 300", Bytes(Colour::kGreen)},
      {"std::string(\"abc\")", Bytes(std::string("abc"))},
      {"std::vector<uint16_t>{1, 2}", Bytes(std::vector<uint16_t>{1, 2})},
      {"std::vector<bool>{true, false}", Bytes(std::vector<bool>{true, false})},
      {"std::array<uint16_t, 2>{1, 2}", Bytes(std::array<uint16_t, 2>{1, 2})},
      {"std::pair<int8_t, int32_t>(-1, 1)", Bytes(std::pair<int8_t, int32_t>(-1, 1))},
      {"std::tuple<>()", Bytes(std::tuple<>())},
      {"struct { int8_t x = 1; double y = 2; }", Bytes(Point{1, 2})},
      {"std::vector of two structs without fields", Bytes(std::vector<Nothing>(2))},
      {"std::optional<int8_t>()", Bytes(std::optional<int8_t>())},
      {"std::optional<int8_t>(7)", Bytes(std::optional<int8_t>(7))},
      {"std::variant<int8_t, bool>(true)", Bytes(std::variant<int8_t, bool>(true))},
      {"std::map<int8_t, std::string>{{1, \"a\"}, {2, \"\"}}", Bytes(std::map<int8_t, std::string>{{1, "a"}, {2, ""}})},
      {"std::set<uint8_t>{2, 3}", Bytes(std::set<uint8_t>{2, 3})},
      {"absl::OkStatus()", Bytes(absl::OkStatus())},
      {"NotFound \"no\" with payloads b=2, a=1", Bytes(error)},
      {"absl::StatusOr<int8_t>(7)", Bytes(absl::StatusOr<int8_t>(7))},
      {"absl::Nanoseconds(-1)", Bytes(absl::Nanoseconds(-1))},
      {"absl::InfiniteDuration()", Bytes(absl::InfiniteDuration())},
      {"std::chrono::duration<int32_t, std::milli>(5)", Bytes(std::chrono::duration<int32_t, std::milli>(5))},
      {"the second Fd of a message", (Bytes(first, &descriptors), Bytes(second, &descriptors))},
  };
  EXPECT_EQ(RowsOf(Document(), "Examples of bytes:"), actual) << "FORMAT.md should say:\n" << Lines(actual);
  // They were never opened.
  EXPECT_EQ(first.Release(), 1000);
  EXPECT_EQ(second.Release(), 1001);
}

TEST(Format, HasTheFingerprintsThatTheDocumentShows) {
  const Rows actual = {
      {"bool", Fingerprint<bool>()},
      {"char", Fingerprint<char>()},
      {"int32_t", Fingerprint<int32_t>()},
      {"uint64_t", Fingerprint<uint64_t>()},
      {"double", Fingerprint<double>()},
      {"enum of int16_t", Fingerprint<Colour>()},
      {"std::string", Fingerprint<std::string>()},
      {"std::vector<int32_t>", Fingerprint<std::vector<int32_t>>()},
      {"std::array<int32_t, 3>", Fingerprint<std::array<int32_t, 3>>()},
      {"struct { int8_t x; double y; }", Fingerprint<Point>()},
      {"std::tuple<>", Fingerprint<std::tuple<>>()},
      {"std::optional<bool>", Fingerprint<std::optional<bool>>()},
      {"std::variant<bool, std::string>", Fingerprint<std::variant<bool, std::string>>()},
      {"std::map<int32_t, bool>", Fingerprint<std::map<int32_t, bool>>()},
      {"absl::Status", Fingerprint<absl::Status>()},
      {"absl::StatusOr<bool>", Fingerprint<absl::StatusOr<bool>>()},
      {"absl::Duration", Fingerprint<absl::Duration>()},
      {"std::chrono::duration<int64_t, std::milli>", Fingerprint<std::chrono::duration<int64_t, std::milli>>()},
      {"Fd", Fingerprint<Fd>()},
  };
  EXPECT_EQ(RowsOf(Document(), "Examples of fingerprints:"), actual) << "FORMAT.md should say:\n" << Lines(actual);
}

// The algorithm, against FNV-1a's published values for "" and "a", each with the zero byte that ends a name.
TEST(Fingerprint, IsFnv1aOfTheNameAndItsParts) {
  const uint64_t prime = 0x100000001b3;
  EXPECT_EQ(FingerprintOf(""), 0xcbf29ce484222325 * prime);
  EXPECT_EQ(FingerprintOf("a"), 0xaf63dc4c8601ec8c * prime);
  EXPECT_NE(FingerprintOf("a", {1}), FingerprintOf("a", {256}));
}

}  // namespace
}  // namespace regatta
