// For tests: compares the worked examples of FORMAT.md with the bytes of an object.
#ifndef REGATTA_CORE_TESTING_FORMAT_EXAMPLE_H_
#define REGATTA_CORE_TESTING_FORMAT_EXAMPLE_H_

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace regatta {

// Expects that `memory` has the bytes of each row of the table below the line `title`, at the row's offset. Returns the
// number of rows. The test must have //:FORMAT.md in its data.
inline int ExpectFormatExample(absl::string_view title, const std::byte* memory) {
  std::ifstream file("FORMAT.md");
  EXPECT_TRUE(file.is_open());
  int rows = 0;
  bool begun = false;
  for (std::string line; std::getline(file, line);) {
    begun = begun || line == title;
    if (!begun || !absl::StartsWith(line, "| ")) {
      if (rows > 0) break;
      continue;
    }
    const std::vector<std::string> cells = absl::StrSplit(line, " | ");
    uint64_t offset = 0;
    if (!absl::SimpleAtoi(line.substr(2, line.find(" |") - 2), &offset)) continue;  // The heading.
    ++rows;
    const std::string digits = cells[1].substr(1, cells[1].size() - 2);  // In backticks.
    const size_t size = (digits.size() + 1) / 3;
    std::string found = absl::BytesToHexString({reinterpret_cast<const char*>(memory + offset), size});
    for (size_t i = 1; i < size; ++i) found.insert(3 * i - 1, " ");
    EXPECT_EQ(digits, found) << "FORMAT.md says: " << line;
  }
  return rows;
}

}  // namespace regatta

#endif  // REGATTA_CORE_TESTING_FORMAT_EXAMPLE_H_
