#include "core/topology/read_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/os/error.h"
#include "core/os/fd.h"

namespace regatta {
namespace {

absl::Status FileError(absl::string_view call, const std::string& path) {
  const int error_number = errno;
  if (error_number == ENOENT || error_number == ENOTDIR || error_number == ENODEV) {
    return absl::NotFoundError(absl::StrCat("there is no ", path));
  }
  return ErrnoError(absl::StrCat(call, " ", path), error_number);
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return FileError("open", path);
  std::string text;
  char buffer[4096];
  while (true) {
    const ssize_t count = read(file.get(), buffer, sizeof(buffer));
    if (count == 0) return text;
    if (count > 0) {
      text.append(buffer, static_cast<size_t>(count));
    } else if (errno != EINTR) {
      return FileError("read", path);
    }
  }
}

}  // namespace regatta
