#include "reports/results/read_file.h"

#include <cerrno>
#include <cstdio>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace regatta::reports {

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  const std::string failure = absl::StrCat("can't read results file ", path);
  std::FILE* file = std::fopen(path.c_str(), "rbe");
  if (file == nullptr) return absl::ErrnoToStatus(errno, failure);
  std::string text;
  char buffer[1 << 16];
  while (const size_t size = std::fread(buffer, 1, sizeof(buffer), file)) text.append(buffer, size);
  const int error = std::ferror(file) != 0 ? errno : 0;
  std::fclose(file);
  if (error != 0) return absl::ErrnoToStatus(error, failure);
  return text;
}

}  // namespace regatta::reports
