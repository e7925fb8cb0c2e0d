#include "reports/run/output.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "reports/charts/quantity.h"

namespace regatta::reports {
namespace {

constexpr std::string_view kSpool = "results.jsonl.partial";

absl::Status MakeFolder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  // A symbolic link to a folder is no error, whatever create_directories says of it.
  if (error && !std::filesystem::is_directory(folder)) {
    return absl::ErrnoToStatus(error.value(),
                               absl::StrCat("can't make the folder ", folder, ": name another one with --out=DIR"));
  }
  return absl::OkStatus();
}

absl::Status WriteInto(const std::string& folder, const std::map<std::string, std::string>& files) {
  for (const auto& [name, text] : files) {
    const std::filesystem::path path = std::filesystem::path(folder) / name;
    if (absl::Status status = MakeFolder(path.parent_path()); !status.ok()) return status;
    if (absl::Status status = ReplaceFile(path, text); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// A fresh folder to fall back to; "" where even that can't be made.
std::string MakeFallback() {
  const char* temporary = getenv("TMPDIR");
  for (const std::string& parent : {std::string(temporary == nullptr ? "" : temporary), std::string("/tmp")}) {
    if (parent.empty()) continue;
    std::string folder = absl::StrCat(parent, "/regatta-report-XXXXXX");
    if (mkdtemp(folder.data()) != nullptr) return folder;
  }
  return "";
}

}  // namespace

absl::StatusOr<Output> Output::Create(const std::string& folder, int64_t reserve) {
  Output output;
  output.folder_ = folder;
  std::error_code unknown;
  output.made_ = !std::filesystem::exists(folder, unknown);
  if (absl::Status status = MakeFolder(folder); !status.ok()) return status;
  output.spool_.reset(std::fopen(output.spool_path().c_str(), "we"));
  if (output.spool_ == nullptr) {
    return absl::ErrnoToStatus(errno,
                               absl::StrCat("can't write in the folder ", folder, ": name another one with --out=DIR"));
  }
  if (reserve > 0) {
    if (const int error = posix_fallocate(fileno(output.spool_.get()), 0, reserve); error != 0) {
      output.Withdraw();
      return absl::ErrnoToStatus(
          error, absl::StrCat("a report needs about ", Format(static_cast<double>(reserve), Unit::kBytes),
                              " in the folder ", folder, ": make room there, or name another one with --out=DIR"));
    }
    // Appending begins at the start; what was set aside stays set aside until the file is closed and cut.
  }
  return output;
}

std::string Output::spool_path() const { return absl::StrCat(folder_, "/", kSpool); }

void Output::Append(std::string_view line) {
  std::FILE* file = spool_.get();
  if (!spool_status_.ok()) return;
  if (std::fwrite(line.data(), 1, line.size(), file) != line.size() || std::fputc('\n', file) == EOF ||
      std::fflush(file) != 0) {
    spool_status_ = absl::ErrnoToStatus(errno, absl::StrCat("can't write ", spool_path()));
  }
}

void Output::Withdraw() const {
  unlink(spool_path().c_str());
  if (made_) rmdir(folder_.c_str());  // Only if there is nothing in it.
}

Output::Finished Output::Finish(const std::map<std::string, std::string>& files) {
  Finished finished;
  // The room set aside beyond the lines is given back first: the files may need it.
  const long end = std::ftell(spool_.get());
  if (end >= 0 && ftruncate(fileno(spool_.get()), end) != 0 && spool_status_.ok()) {
    spool_status_ = absl::ErrnoToStatus(errno, absl::StrCat("can't shorten ", spool_path()));
  }
  finished.status = WriteInto(folder_, files);
  if (finished.status.ok()) {
    spool_.reset();
    Withdraw();
    return finished;
  }
  const std::string fallback = MakeFallback();
  if (!fallback.empty() && WriteInto(fallback, files).ok()) finished.fallback = fallback;
  return finished;
}

absl::Status ReplaceFile(const std::string& path, std::string_view text) {
  const std::string fresh = absl::StrCat(path, ".new");
  const auto failure = [&](int error) {
    unlink(fresh.c_str());
    return absl::ErrnoToStatus(error, absl::StrCat("can't write ", path));
  };
  std::FILE* file = std::fopen(fresh.c_str(), "we");
  if (file == nullptr) return failure(errno);
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size() && std::fflush(file) == 0 &&
                       fsync(fileno(file)) == 0;
  const int error = errno;
  if (std::fclose(file) != 0 && written) return failure(errno);
  if (!written) return failure(error);
  if (std::rename(fresh.c_str(), path.c_str()) != 0) return failure(errno);
  return absl::OkStatus();
}

}  // namespace regatta::reports
