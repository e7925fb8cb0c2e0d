// The documents' folder copier: a pool whose tasks copy a file each, and progress by a queue of finished names.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "conformance/checks/counting.h"
#include "conformance/checks/events.h"
#include "conformance/checks/ordering.h"
#include "conformance/checks/outcome.h"
#include "conformance/scenarios/scenario.h"
#include "conformance/systems/core/recorder.h"
#include "conformance/systems/core/subject/pool.h"
#include "conformance/systems/core/subject/queue.h"

namespace regatta::conformance {
namespace {

namespace fs = std::filesystem;
using subject::AsyncResult;
using subject::Pool;
using subject::Queue;

void MakeFile(const fs::path& path, size_t size, int mode) {
  std::string text;
  for (size_t i = 0; i < size; ++i) text.push_back(static_cast<char>(i * 7 % 251));
  std::ofstream(path, std::ios::binary) << text;
  fs::permissions(path, static_cast<fs::perms>(mode));
}

// Four files, and one that nobody can read: it leads nowhere.
void MakeFolder(const fs::path& folder) {
  fs::create_directory(folder);
  MakeFile(folder / "empty", 0, 0644);
  MakeFile(folder / "exact", 1024, 0755);
  MakeFile(folder / "large", 100'000, 0640);
  MakeFile(folder / "small", 1, 0600);
  fs::create_symlink(folder / "nowhere", folder / "gone");
}

void CopyFile(const std::string& name, const std::string& source, const std::string& target, Queue<std::string> done) {
  std::error_code error;
  fs::copy_file(fs::path(source) / name, fs::path(target) / name, fs::copy_options::overwrite_existing, error);
  Must(done.Put(name));  // Also one that couldn't be copied, or the parent would wait for ever.
  if (error) throw fs::filesystem_error("copy", name, error);
}

std::set<std::string> NamesIn(const fs::path& folder) {
  std::set<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename());
  return names;
}

std::string Read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

void PlayCopyFolder(StartMethod method) {
  const std::string trace = getenv("REGATTA_TRACE");
  const std::string source = trace + ".source";
  const std::string target = trace + ".target";
  MakeFolder(source);
  fs::create_directory(target);  // It may exist.
  const std::set<std::string> names = NamesIn(source);

  Queue<std::string> done = Must(Queue<std::string>::Create());
  Pool pool = Must(Pool::Create({.workers = 3, .method = method}));
  std::vector<AsyncResult<void>> results;
  for (const std::string& name : names) results.push_back(Must(pool.ApplyAsync(&CopyFile, name, source, target, done)));
  Must(pool.Close());
  std::set<std::string> left = names;
  for (size_t i = 0; i < names.size(); ++i) {
    left.erase(Must(done.Get()));
    const auto copied = static_cast<double>(names.size() - left.size());
    Tell("main", "progress", {absl::StrFormat("%.2f", 100 * copied / static_cast<double>(names.size()))});
  }
  Must(pool.Join());
  Tell("main", "nothing else is done", {done.empty()});

  auto result = results.begin();
  for (const std::string& name : names) Record("main", "result", {name}, [&] { return result++->Get(); }).IgnoreError();
  for (const std::string& name : NamesIn(target)) {
    const fs::path from = fs::path(source) / name;
    const fs::path to = fs::path(target) / name;
    Tell("main", "copied",
         {name, Read(from) == Read(to), fs::status(from).permissions() == fs::status(to).permissions()});
  }
}

}  // namespace

std::vector<Scenario> PoolFolderScenarios() {
  const Events result("result");
  return {
      {.id = "pool/copy-folder",
       .expectations =
           {Sequence(Events("progress"), Single({"20.00", "40.00", "60.00", "80.00", "100.00"})),
            Sequence(Events("nothing else is done"), Single({true})), FailsWith(result.With({"gone"}), "thrown"),
            Exactly(4, result.Ok()),
            Sequence(Events("copied"),
                     {{"empty", true, true}, {"exact", true, true}, {"large", true, true}, {"small", true, true}})},
       .play = &PlayCopyFolder},
  };
}

}  // namespace regatta::conformance
