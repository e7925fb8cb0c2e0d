#include "bench/folder_tree.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <ranges>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "core/os/error.h"

namespace regatta::bench {
namespace {

namespace fs = std::filesystem;

constexpr absl::string_view kWayOut = " (--folder chooses another one)";

std::string Joined(const std::string& root, const std::string& path) {
  return path.empty() ? root : absl::StrCat(root, "/", path);
}

// A file that is read in pieces of 64 KiB.
class Pieces {
 public:
  explicit Pieces(const std::string& path) : path_(path), file_(path, std::ios::binary) {}

  // The next piece; empty at the end.
  absl::StatusOr<absl::string_view> Next() {
    if (file_.is_open()) {
      errno = 0;
      file_.read(piece_.data(), piece_.size());
      if (!file_.bad()) return absl::string_view(piece_.data(), static_cast<size_t>(file_.gcount()));
    }
    return ErrnoError(absl::StrCat("read ", path_, kWayOut));
  }

 private:
  const std::string path_;
  std::ifstream file_;
  std::array<char, 65536> piece_;
};

absl::Status CompareFiles(const std::string& source, const std::string& target) {
  Pieces left(source), right(target);
  for (;;) {
    const absl::StatusOr<absl::string_view> l = left.Next();
    if (!l.ok()) return l.status();
    const absl::StatusOr<absl::string_view> r = right.Next();
    if (!r.ok()) return r.status();
    if (*l != *r) return absl::DataLossError(absl::StrCat("the copy of ", source, " has other bytes"));
    if (l->empty()) return absl::OkStatus();
  }
}

}  // namespace

absl::StatusOr<FolderTree::Entries> FolderTree::EntriesOf(const std::string& folder) {
  Entries entries;
  const auto add = [&](const std::string& path, const fs::file_status& status) {
    Entry& entry = entries[path] = {status.type(), static_cast<uint32_t>(status.permissions()), ""};
    if (entry.type == fs::file_type::symlink) entry.link = fs::read_symlink(Joined(folder, path)).string();
  };
  try {
    add("", fs::status(folder));
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
      add(entry.path().lexically_relative(folder).string(), entry.symlink_status());
    }
  } catch (const fs::filesystem_error& thrown) {
    return ErrnoError(absl::StrCat("read ", thrown.path1().string(), kWayOut), thrown.code().value());
  }
  return entries;
}

absl::StatusOr<FolderTree> FolderTree::Read(const std::string& folder) {
  struct stat status;
  if (stat(folder.c_str(), &status) != 0) return ErrnoError(absl::StrCat("read the folder ", folder, kWayOut));
  if (!S_ISDIR(status.st_mode)) return absl::InvalidArgumentError(absl::StrCat(folder, " is not a folder", kWayOut));
  absl::StatusOr<Entries> entries = EntriesOf(folder);
  if (!entries.ok()) return entries.status();
  FolderTree tree;
  tree.root_ = folder;
  tree.entries_ = *std::move(entries);
  for (const auto& [path, entry] : tree.entries_) {
    const std::string full = Joined(folder, path);
    if (entry.type == fs::file_type::directory || entry.type == fs::file_type::symlink) continue;
    if (entry.type != fs::file_type::regular) {
      return absl::InvalidArgumentError(absl::StrCat(full, " is neither file, folder nor link", kWayOut));
    }
    ++tree.files_;
    Pieces pieces(full);
    for (;;) {
      const absl::StatusOr<absl::string_view> piece = pieces.Next();
      if (!piece.ok()) return piece.status();
      if (piece->empty()) break;
      tree.bytes_ += static_cast<int64_t>(piece->size());
    }
  }
  if (tree.files_ == 0) return absl::InvalidArgumentError(absl::StrCat("there is no file in ", folder, kWayOut));
  return tree;
}

absl::Status FolderTree::MakeFolders(const std::string& target) const {
  for (const auto& [name, entry] : entries_) {
    const std::string path = Joined(target, name);
    if (entry.type == fs::file_type::directory && mkdir(path.c_str(), 0700) != 0) {
      return ErrnoError(absl::StrCat("mkdir ", path));
    }
    if (entry.type == fs::file_type::symlink && symlink(entry.link.c_str(), path.c_str()) != 0) {
      return ErrnoError(absl::StrCat("symlink ", path));
    }
  }
  return absl::OkStatus();
}

std::vector<FileCopy> FolderTree::Copies(const std::string& target) const {
  std::vector<FileCopy> copies;
  copies.reserve(static_cast<size_t>(files_));
  for (const auto& [path, entry] : entries_) {
    if (entry.type != fs::file_type::regular) continue;
    copies.push_back({.source = Joined(root_, path), .target = Joined(target, path), .mode = entry.mode});
  }
  return copies;
}

absl::Status FolderTree::CloseFolders(const std::string& target) const {
  for (const auto& [name, entry] : std::views::reverse(entries_)) {
    if (entry.type != fs::file_type::directory) continue;
    const std::string path = Joined(target, name);
    if (chmod(path.c_str(), entry.mode) != 0) return ErrnoError(absl::StrCat("chmod ", path));
  }
  return absl::OkStatus();
}

absl::Status FolderTree::Compare(const std::string& target) const {
  const absl::StatusOr<Entries> copy = EntriesOf(target);
  if (!copy.ok()) return copy.status();
  for (const auto& [path, entry] : *copy) {
    const auto original = entries_.find(path);
    if (original == entries_.end()) {
      return absl::DataLossError(absl::StrCat("the copy has ", path, ", which is not in ", root_));
    }
    if (entry.type != original->second.type || entry.mode != original->second.mode) {
      return absl::DataLossError(absl::StrCat(Joined(target, path), " has another mode than what it is a copy of"));
    }
    if (entry.link != original->second.link) {
      return absl::DataLossError(absl::StrCat("the link ", path, " leads to ", entry.link));
    }
    if (entry.type != fs::file_type::regular) continue;
    if (absl::Status same = CompareFiles(Joined(root_, path), Joined(target, path)); !same.ok()) return same;
  }
  for (const auto& [path, entry] : entries_) {
    if (!copy->contains(path)) return absl::DataLossError(absl::StrCat("the copy lacks ", path));
  }
  return absl::OkStatus();
}

}  // namespace regatta::bench
