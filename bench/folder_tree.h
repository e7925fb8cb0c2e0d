// FolderTree: what lies in a folder, and whether a copy is like it.
#ifndef REGATTA_BENCH_FOLDER_TREE_H_
#define REGATTA_BENCH_FOLDER_TREE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/tasks.h"

namespace regatta::bench {

class FolderTree {
 public:
  // Reads names and modes of all that is in `folder`, and every file once: so that each copy finds them in the page
  // cache. NotFound: no such folder. InvalidArgument: no folder, one without files, or with something in it that is
  // neither file, folder nor link. An errno's code: something can't be read. The message names the thing, and --folder
  // as the way out.
  static absl::StatusOr<FolderTree> Read(const std::string& folder);

  int64_t files() const { return static_cast<int64_t>(files_.size()); }
  int64_t bytes() const { return bytes_; }

  // Makes `target`, its folders and its links, but no file. The folders are writable until Close.
  absl::Status MakeFolders(const std::string& target) const;
  // What copies the files into `target`.
  std::vector<FileCopy> Copies(const std::string& target) const;
  // Gives the folders their modes.
  absl::Status CloseFolders(const std::string& target) const;
  // DataLoss: `target` differs in a file's bytes, a mode, a link, or in what there is; the message names it.
  absl::Status Compare(const std::string& target) const;

 private:
  struct File {
    std::string path;  // Within the folder, like all of these.
    uint32_t mode;
    int64_t bytes;
  };
  struct Folder {
    std::string path;
    uint32_t mode;
  };
  struct Link {
    std::string path;
    std::string to;
  };
  absl::Status Add(const std::string& path);

  std::string root_;
  std::vector<File> files_;
  std::vector<Folder> folders_;  // Each before what is in it.
  std::vector<Link> links_;
  int64_t bytes_ = 0;
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_FOLDER_TREE_H_
