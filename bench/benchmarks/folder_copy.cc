// workload/folder_copy: the documents' folder copier on a real folder: one task a file, progress as they end, and the
// copy compared with the folder byte for byte.
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bench/benchmarks/add_arms.h"
#include "bench/folder_tree.h"
#include "bench/peers/cpython.h"
#include "bench/peers/task_pool.h"
#include "bench/scratch_folder.h"
#include "bench/tasks.h"
#include "bench/workload.h"
#include "core/os/error.h"
#include "nlohmann/json.hpp"

namespace regatta::bench {
namespace {

// Percent of the files that have been copied; shown on a terminal.
class Progress {
 public:
  explicit Progress(int64_t files) : files_(files), shown_(isatty(STDERR_FILENO) != 0) {}
  ~Progress() {
    if (shown_) absl::FPrintF(stderr, "\r%*s\r", 30, "");
  }
  void OneMore() {
    ++ended_;
    // Not each file: on a terminal that would cost more than the copying.
    if (shown_ && (ended_ % 256 == 0 || ended_ == files_)) {
      absl::FPrintF(stderr, "\r%.2f %% of %d files", 100.0 * static_cast<double>(ended_) / static_cast<double>(files_),
                    files_);
    }
  }
  int64_t ended() const { return ended_; }

 private:
  const int64_t files_;
  const bool shown_;
  int64_t ended_ = 0;
};

// Copies the folder into a new folder each time.
class Copier : public Fixture {
 public:
  absl::Status Run(int64_t operations, Meter& meter) override {
    for (int64_t i = 0; i < operations; ++i) {
      const std::string target = absl::StrCat(scratch_->path(), "/", ++copies_);
      if (absl::Status made = tree_.MakeFolders(target); !made.ok()) return made;
      if (absl::Status copied = CopyTo(target, meter); !copied.ok()) return copied;
      if (absl::Status closed = tree_.CloseFolders(target); !closed.ok()) return closed;
      if (absl::Status same = tree_.Compare(target); !same.ok()) return same;
      std::error_code error;
      std::filesystem::remove_all(target, error);
      if (error) return absl::UnknownError(absl::StrCat("remove ", target, ": ", error.message()));
    }
    meter.SetCounter("files", static_cast<double>(tree_.files()));
    meter.SetCounter("bytes", static_cast<double>(tree_.bytes()));
    return absl::OkStatus();
  }

 protected:
  Copier(FolderTree tree, std::unique_ptr<ScratchFolder> scratch)
      : tree_(std::move(tree)), scratch_(std::move(scratch)) {}
  // Copies all files, and times it.
  virtual absl::Status CopyTo(const std::string& target, Meter& meter) = 0;

  absl::Status CheckCounts(int64_t files, int64_t bytes) const {
    if (files == tree_.files() && bytes == tree_.bytes()) return absl::OkStatus();
    return absl::DataLossError(
        absl::StrCat(files, " files with ", bytes, " bytes were copied of ", tree_.files(), " with ", tree_.bytes()));
  }

  const FolderTree tree_;

 private:
  std::unique_ptr<ScratchFolder> scratch_;
  int64_t copies_ = 0;
};

template <TaskPool P>
class PoolCopier : public Copier {
 public:
  static absl::StatusOr<std::unique_ptr<Fixture>> Start(const PoolShape& shape, FolderTree tree,
                                                        std::unique_ptr<ScratchFolder> scratch) {
    absl::StatusOr<std::unique_ptr<P>> pool = P::Create(shape);
    if (!pool.ok()) return pool.status();
    return std::unique_ptr<Fixture>(new PoolCopier(*std::move(pool), std::move(tree), std::move(scratch)));
  }
  absl::Status Finish() override { return pool_->Finish(); }

 private:
  PoolCopier(std::unique_ptr<P> pool, FolderTree tree, std::unique_ptr<ScratchFolder> scratch)
      : Copier(std::move(tree), std::move(scratch)), pool_(std::move(pool)) {}

  absl::Status CopyTo(const std::string& target, Meter& meter) override {
    const std::vector<FileCopy> copies = tree_.Copies(target);
    Progress progress(tree_.files());
    int64_t bytes = 0;
    meter.Begin();
    const absl::Status copied = pool_->MapUnordered(&RunFileCopy, copies, [&](int64_t size) {
      bytes += size;
      progress.OneMore();
    });
    meter.End(1);
    if (!copied.ok()) return copied;
    return CheckCounts(progress.ended(), bytes);
  }

  std::unique_ptr<P> pool_;
};

class CPythonCopier : public Copier {
 public:
  static absl::StatusOr<std::unique_ptr<Fixture>> Start(PartnerWatch& watch, const PoolShape& shape, FolderTree tree,
                                                        std::unique_ptr<ScratchFolder> scratch) {
    absl::StatusOr<std::unique_ptr<Fixture>> driver =
        CPython::Start(watch, "folder_copy", shape.cpus, {{"workers", shape.workers}});
    if (!driver.ok()) return driver.status();
    return std::unique_ptr<Fixture>(new CPythonCopier(*std::move(driver), std::move(tree), std::move(scratch)));
  }
  absl::Status Finish() override { return driver_->Finish(); }

 private:
  CPythonCopier(std::unique_ptr<Fixture> driver, FolderTree tree, std::unique_ptr<ScratchFolder> scratch)
      : Copier(std::move(tree), std::move(scratch)), driver_(std::move(driver)) {}

  absl::Status CopyTo(const std::string& target, Meter& meter) override {
    nlohmann::json files = nlohmann::json::array();
    for (const FileCopy& copy : tree_.Copies(target)) files.push_back({copy.source, copy.target, copy.mode});
    auto* driver = static_cast<CPython*>(driver_.get());
    if (absl::Status told = driver->Tell(files.dump()); !told.ok()) return told;
    return driver->Run(1, meter);
  }

  std::unique_ptr<Fixture> driver_;
};

absl::StatusOr<std::unique_ptr<Fixture>> Start(PartnerWatch& watch, Runner runner, const PoolShape& shape,
                                               const Options& options) {
  absl::StatusOr<FolderTree> tree = FolderTree::Read(options.folder);
  if (!tree.ok()) return tree.status();
  absl::StatusOr<std::unique_ptr<ScratchFolder>> scratch = ScratchFolder::Create(options.scratch);
  if (!scratch.ok()) return scratch.status();
  return StartOn(
      runner, shape,
      [&]<class P>(const PoolShape& on) { return PoolCopier<P>::Start(on, *std::move(tree), *std::move(scratch)); },
      [&](const PoolShape& on) { return CPythonCopier::Start(watch, on, *std::move(tree), *std::move(scratch)); });
}

}  // namespace

template <>
void AddArms<RowIndex("workload/folder_copy")>(const Benchmark& row, const Configuration& configuration,
                                               std::vector<Arm>& arms) {
  for (Entry& entry : WorkloadEntries(configuration, row)) {
    entry.arm.max_operations = entry.arm.min_operations;
    entry.arm.start = [runner = entry.runner, shape = entry.shape, options = configuration.options()](
                          PartnerWatch& watch) { return Start(watch, runner, shape, options); };
    arms.push_back(std::move(entry.arm));
  }
}

}  // namespace regatta::bench
