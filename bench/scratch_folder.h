// ScratchFolder: a new, empty folder, which is removed with this object.
#ifndef REGATTA_BENCH_SCRATCH_FOLDER_H_
#define REGATTA_BENCH_SCRATCH_FOLDER_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace regatta::bench {

class ScratchFolder {
 public:
  // Makes a folder in `base`; "" stands for $TMPDIR or /tmp. An errno's code: it can't be made.
  static absl::StatusOr<std::unique_ptr<ScratchFolder>> Create(std::string base);
  // Prints an error if the folder can't be removed.
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  explicit ScratchFolder(std::string path) : path_(std::move(path)) {}
  const std::string path_;
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_SCRATCH_FOLDER_H_
