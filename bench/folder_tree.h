// FolderTree: what lies in a folder, and whether a copy is like it.
#ifndef REGATTA_BENCH_FOLDER_TREE_H_
#define REGATTA_BENCH_FOLDER_TREE_H_

#include <cstdint>
#include <filesystem>
#include <map>
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

  int64_t files() const { return files_; }
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
  struct Entry {
    std::filesystem::file_type type;
    uint32_t mode;
    std::string link;  // Where a link leads.
  };
  // By the path within the folder, so that a folder comes before what is in it; "" is the folder itself.
  using Entries = std::map<std::string, Entry>;
  static absl::StatusOr<Entries> EntriesOf(const std::string& folder);

  std::string root_;
  Entries entries_;
  int64_t files_ = 0;
  int64_t bytes_ = 0;
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_FOLDER_TREE_H_
