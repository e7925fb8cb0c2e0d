#include "bench/folder_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <memory>
#include <set>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "core/os/error.h"
#include "core/os/fd.h"

namespace regatta::bench {
namespace {

constexpr uint32_t kModeBits = 07777;
constexpr absl::string_view kWayOut = " (--folder chooses another one)";

std::string Joined(const std::string& root, const std::string& path) {
  return path.empty() ? root : absl::StrCat(root, "/", path);
}

absl::StatusOr<std::vector<std::string>> NamesIn(const std::string& folder) {
  const std::unique_ptr<DIR, int (*)(DIR*)> open(opendir(folder.c_str()), &closedir);
  if (open == nullptr) return ErrnoError(absl::StrCat("open ", folder, kWayOut));
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(open.get())) {
    const absl::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return ErrnoError(absl::StrCat("read ", folder));
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<std::string> LinkTarget(const std::string& path) {
  std::array<char, PATH_MAX> to;
  const ssize_t size = readlink(path.c_str(), to.data(), to.size());
  if (size < 0) return ErrnoError(absl::StrCat("readlink ", path));
  return std::string(to.data(), static_cast<size_t>(size));
}

// The next piece, as full as can be; 0 at the end.
absl::StatusOr<size_t> ReadPiece(const Fd& file, const std::string& path, std::span<char> piece) {
  size_t done = 0;
  while (done < piece.size()) {
    const ssize_t got = read(file.get(), piece.data() + done, piece.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoError(absl::StrCat("read ", path, kWayOut));
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

absl::StatusOr<Fd> OpenToRead(const std::string& path) {
  Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return ErrnoError(absl::StrCat("open ", path, kWayOut));
  return file;
}

absl::Status CompareFiles(const std::string& source, const std::string& target) {
  absl::StatusOr<Fd> left = OpenToRead(source);
  if (!left.ok()) return left.status();
  absl::StatusOr<Fd> right = OpenToRead(target);
  if (!right.ok()) return right.status();
  static std::array<char, 65536> left_piece, right_piece;
  for (;;) {
    const absl::StatusOr<size_t> l = ReadPiece(*left, source, left_piece);
    if (!l.ok()) return l.status();
    const absl::StatusOr<size_t> r = ReadPiece(*right, target, right_piece);
    if (!r.ok()) return r.status();
    if (*l != *r || std::memcmp(left_piece.data(), right_piece.data(), *l) != 0) {
      return absl::DataLossError(absl::StrCat("the copy of ", source, " has other bytes"));
    }
    if (*l == 0) return absl::OkStatus();
  }
}

absl::Status CompareMode(const std::string& path, uint32_t kind, uint32_t mode) {
  struct stat status;
  if (lstat(path.c_str(), &status) != 0) return ErrnoError(absl::StrCat("lstat ", path));
  if ((status.st_mode & S_IFMT) == kind && (status.st_mode & kModeBits) == mode) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(path, " has another mode than what it is a copy of"));
}

}  // namespace

absl::StatusOr<FolderTree> FolderTree::Read(const std::string& folder) {
  struct stat status;
  if (stat(folder.c_str(), &status) != 0) return ErrnoError(absl::StrCat("read the folder ", folder, kWayOut));
  if (!S_ISDIR(status.st_mode)) return absl::InvalidArgumentError(absl::StrCat(folder, " is not a folder", kWayOut));
  FolderTree tree;
  tree.root_ = folder;
  tree.folders_.push_back({.path = "", .mode = status.st_mode & kModeBits});
  for (size_t i = 0; i < tree.folders_.size(); ++i) {
    const std::string within = tree.folders_[i].path;
    absl::StatusOr<std::vector<std::string>> names = NamesIn(Joined(folder, within));
    if (!names.ok()) return names.status();
    for (const std::string& name : *names) {
      if (absl::Status added = tree.Add(within.empty() ? name : absl::StrCat(within, "/", name)); !added.ok()) {
        return added;
      }
    }
  }
  if (tree.files_.empty()) return absl::InvalidArgumentError(absl::StrCat("there is no file in ", folder, kWayOut));
  return tree;
}

absl::Status FolderTree::Add(const std::string& path) {
  const std::string full = Joined(root_, path);
  struct stat status;
  if (lstat(full.c_str(), &status) != 0) return ErrnoError(absl::StrCat("lstat ", full, kWayOut));
  const uint32_t mode = status.st_mode & kModeBits;
  if (S_ISDIR(status.st_mode)) {
    folders_.push_back({.path = path, .mode = mode});
  } else if (S_ISLNK(status.st_mode)) {
    absl::StatusOr<std::string> to = LinkTarget(full);
    if (!to.ok()) return to.status();
    links_.push_back({.path = path, .to = *std::move(to)});
  } else if (S_ISREG(status.st_mode)) {
    absl::StatusOr<Fd> file = OpenToRead(full);
    if (!file.ok()) return file.status();
    static std::array<char, 65536> piece;
    int64_t bytes = 0;
    for (;;) {
      const absl::StatusOr<size_t> got = ReadPiece(*file, full, piece);
      if (!got.ok()) return got.status();
      if (*got == 0) break;
      bytes += static_cast<int64_t>(*got);
    }
    bytes_ += bytes;
    files_.push_back({.path = path, .mode = mode, .bytes = bytes});
  } else {
    return absl::InvalidArgumentError(absl::StrCat(full, " is neither file, folder nor link", kWayOut));
  }
  return absl::OkStatus();
}

absl::Status FolderTree::MakeFolders(const std::string& target) const {
  for (const Folder& folder : folders_) {
    const std::string path = Joined(target, folder.path);
    if (mkdir(path.c_str(), 0700) != 0) return ErrnoError(absl::StrCat("mkdir ", path));
  }
  for (const Link& link : links_) {
    const std::string path = Joined(target, link.path);
    if (symlink(link.to.c_str(), path.c_str()) != 0) return ErrnoError(absl::StrCat("symlink ", path));
  }
  return absl::OkStatus();
}

std::vector<FileCopy> FolderTree::Copies(const std::string& target) const {
  std::vector<FileCopy> copies;
  copies.reserve(files_.size());
  for (const File& file : files_) {
    copies.push_back({.source = Joined(root_, file.path), .target = Joined(target, file.path), .mode = file.mode});
  }
  return copies;
}

absl::Status FolderTree::CloseFolders(const std::string& target) const {
  for (auto folder = folders_.rbegin(); folder != folders_.rend(); ++folder) {
    const std::string path = Joined(target, folder->path);
    if (chmod(path.c_str(), folder->mode) != 0) return ErrnoError(absl::StrCat("chmod ", path));
  }
  return absl::OkStatus();
}

absl::Status FolderTree::Compare(const std::string& target) const {
  std::set<std::string> expected;
  for (const Folder& folder : folders_) {
    expected.insert(folder.path);
    if (absl::Status same = CompareMode(Joined(target, folder.path), S_IFDIR, folder.mode); !same.ok()) return same;
  }
  for (const Link& link : links_) {
    expected.insert(link.path);
    const absl::StatusOr<std::string> to = LinkTarget(Joined(target, link.path));
    if (!to.ok()) return to.status();
    if (*to != link.to) return absl::DataLossError(absl::StrCat("the link ", link.path, " leads to ", *to));
  }
  for (const File& file : files_) {
    expected.insert(file.path);
    const std::string copy = Joined(target, file.path);
    if (absl::Status same = CompareMode(copy, S_IFREG, file.mode); !same.ok()) return same;
    if (absl::Status same = CompareFiles(Joined(root_, file.path), copy); !same.ok()) return same;
  }
  for (const Folder& folder : folders_) {
    const absl::StatusOr<std::vector<std::string>> names = NamesIn(Joined(target, folder.path));
    if (!names.ok()) return names.status();
    for (const std::string& name : *names) {
      const std::string path = folder.path.empty() ? name : absl::StrCat(folder.path, "/", name);
      if (!expected.contains(path)) {
        return absl::DataLossError(absl::StrCat("the copy has ", path, ", which is not in ", root_));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace regatta::bench
