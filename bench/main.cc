// The benchmarks: `bazel run //bench -- <flags>`; README.md says how to use it, RESULTS.md what it writes.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "bench/arms.h"
#include "bench/folder_tree.h"
#include "bench/harness/blocks.h"
#include "bench/harness/google_run.h"
#include "bench/harness/isolated_process.h"
#include "bench/harness/read_context.h"
#include "bench/harness/results_file.h"
#include "bench/scratch_folder.h"
#include "benchmark/benchmark.h"
#include "core/os/error.h"
#include "core/process/runtime.h"
#include "core/topology/affinity.h"
#include "tools/program/flags.h"
#include "tools/program/interrupts.h"

ABSL_FLAG(std::string, folder, "/usr/include", "the folder that workload/folder_copy copies");
ABSL_FLAG(std::string, scratch, "", "where it puts the copies; default: $TMPDIR or /tmp");
ABSL_FLAG(bool, pin, true,
          "pin every process to a processor; --pin=false: the kernel places them, keys say `unpinned`");
ABSL_FLAG(int64_t, count_unit, 1'000'000, "how far one unit of workload/count_loop counts");
ABSL_FLAG(std::vector<std::string>, workers, {}, "worker counts of the workloads; default: up to twice the processors");
ABSL_FLAG(std::vector<std::string>, parent_mib, std::vector<std::string>({"0", "2048"}),
          "sizes of the parent for process_create, in MiB");
ABSL_FLAG(int64_t, arm_timeout_s, 60, "how long one arm may take to set up, to run or to finish");
ABSL_FLAG(int, blocks, 0, "run interleaved: so many blocks of every matching arm once; needs --regatta_out");
ABSL_FLAG(uint64_t, seed, 1, "of the order of the arms in the blocks");
ABSL_FLAG(int, arm_ms, 50, "wanted time of one arm in a block, in milliseconds");
ABSL_FLAG(std::string, regatta_out, "", "the results of --blocks, as JSON lines (RESULTS.md)");
ABSL_FLAG(bool, regatta_list, false, "print the matching arms as JSON, and end");

namespace regatta::bench {
namespace {

constexpr Program kProgram = {
    .name = "bench",
    .file = "bench/main.cc",
    .usage =
        "Measures the core beside its peers: ./tools/bazel run //bench -- [flags]; bench/README.md says more.\n\n"
        "  --benchmark_filter=RE       the benchmarks whose key matches (extended POSIX; a '-' before turns it round)\n"
        "  --benchmark_list_tests      their keys; --regatta_list: as JSON, and why some can't run here\n"
        "  --benchmark_min_time=S, --benchmark_repetitions=N, --benchmark_format=console|json|csv,\n"
        "  --benchmark_out=FILE ...    as Google Benchmark has them\n\n"
        "  --blocks=N --regatta_out=FILE [--seed=S] [--arm_ms=50]\n"
        "                              run interleaved, write JSON lines (bench/RESULTS.md)",
    .example = "--folder="};

int Misuse(absl::string_view what) { return Fail(kProgram, kMisuse, what); }

// What Google Benchmark's flags say, read before it takes them away.
struct GoogleFlags {
  GoogleOutput output;
  bool list = false;
};

GoogleFlags ReadGoogleFlags(int argc, char** argv) {
  GoogleFlags flags;
  flags.output.colour = isatty(STDOUT_FILENO) != 0;
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    if (absl::ConsumePrefix(&argument, "--benchmark_format=")) flags.output.format = std::string(argument);
    if (absl::ConsumePrefix(&argument, "--benchmark_out_format=")) flags.output.file_format = std::string(argument);
    if (absl::ConsumePrefix(&argument, "--benchmark_out=")) flags.output.to_file = !argument.empty();
    if (absl::ConsumePrefix(&argument, "--benchmark_counters_tabular")) flags.output.tabular = argument != "=false";
    if (absl::ConsumePrefix(&argument, "--benchmark_color=") && argument != "auto")
      flags.output.colour = argument != "false";
    if (absl::ConsumePrefix(&argument, "--benchmark_list_tests")) flags.list = argument != "=false";
  }
  return flags;
}

// Whether the user gave a flag, whatever its value.
bool Gave(const std::vector<std::string>& arguments, absl::string_view flag) {
  return std::ranges::any_of(arguments, [&](absl::string_view argument) {
    if (!absl::ConsumePrefix(&argument, "--")) absl::ConsumePrefix(&argument, "-");
    if (argument != flag) absl::ConsumePrefix(&argument, "no");
    return argument == flag || absl::StartsWith(argument, absl::StrCat(flag, "="));
  });
}

// Whether this process may choose its processors: by choosing one, and then all again.
absl::Status MayPin() {
  const absl::StatusOr<std::vector<int>> all = CurrentAffinity();
  if (!all.ok()) return all.status();
  if (absl::Status pinned = PinThisThread({all->front()}); !pinned.ok()) return pinned;
  return PinThisThread(*all);
}

// Without the permission to pin there are figures all the same, of a placement that says so.
absl::Status PinIfPermitted(bool asked, Options& options) {
  if (!options.pin) return absl::OkStatus();
  absl::Status may = MayPin();
  if (may.ok()) return may;
  if (asked) return absl::Status(may.code(), absl::StrCat("--pin: ", may.message(), " with --pin=false"));
  options.pin = false;
  options.pin_refused = std::string(may.message());
  absl::FPrintF(stderr, "bench: %s: all keys say `unpinned`\n", may.message());
  return absl::OkStatus();
}

// A folder that can't be copied: an error where the user named it, else a reason why those benchmarks can't run here.
absl::Status CheckFolder(const std::string& folder, bool asked, std::vector<Arm>& arms) {
  const absl::StatusOr<FolderTree> tree = FolderTree::Read(folder);
  if (tree.ok()) return absl::OkStatus();
  if (asked) return tree.status();
  for (Arm& arm : arms) {
    if (arm.key.workload == "folder_copy") arm.unavailable = std::string(tree.status().message());
  }
  return absl::OkStatus();
}

template <class Integer>
absl::StatusOr<std::vector<Integer>> Integers(absl::string_view flag, const std::vector<std::string>& texts,
                                              Integer least) {
  std::vector<Integer> numbers;
  for (const std::string& text : texts) {
    Integer number = 0;
    if (!absl::SimpleAtoi(text, &number) || number < least) {
      return absl::InvalidArgumentError(absl::StrCat("--", flag, "=", absl::StrJoin(texts, ","), ": '", text,
                                                     "' is not a number of ", least, " or more"));
    }
    numbers.push_back(number);
  }
  return numbers;
}

absl::StatusOr<Options> ReadOptions() {
  Options options;
  options.pin = absl::GetFlag(FLAGS_pin);
  options.folder = absl::GetFlag(FLAGS_folder);
  options.scratch = absl::GetFlag(FLAGS_scratch);
  options.count_unit = absl::GetFlag(FLAGS_count_unit);
  if (options.count_unit < 10)
    return absl::InvalidArgumentError("--count_unit: at least 10, as a tenth of it is used too");
  absl::StatusOr<std::vector<int>> workers = Integers<int>("workers", absl::GetFlag(FLAGS_workers), 1);
  if (!workers.ok()) return workers.status();
  options.workers = *workers;
  absl::StatusOr<std::vector<int64_t>> parents = Integers<int64_t>("parent_mib", absl::GetFlag(FLAGS_parent_mib), 0);
  if (!parents.ok()) return parents.status();
  options.parent_mib = *parents;
  if (absl::GetFlag(FLAGS_arm_timeout_s) < 1) return absl::InvalidArgumentError("--arm_timeout_s: at least 1");
  if (absl::GetFlag(FLAGS_blocks) < 0) return absl::InvalidArgumentError("--blocks: at least 1");
  if (absl::GetFlag(FLAGS_arm_ms) < 1) return absl::InvalidArgumentError("--arm_ms: at least 1");
  return options;
}

// As Google Benchmark has it: a search, and a leading '-' turns it round.
absl::StatusOr<std::vector<const Arm*>> Matching(const std::vector<Arm>& arms, absl::string_view filter) {
  const bool negative = absl::ConsumePrefix(&filter, "-");
  if (filter.empty() || filter == "all") filter = ".";
  std::vector<const Arm*> matching;
  try {
    const std::regex wanted(filter.begin(), filter.end(), std::regex::extended);
    for (const Arm& arm : arms) {
      if (std::regex_search(arm.key.ToString(), wanted) != negative) matching.push_back(&arm);
    }
  } catch (const std::regex_error& error) {
    return absl::InvalidArgumentError(absl::StrCat("--benchmark_filter=", filter, ": ", error.what()));
  }
  if (matching.empty()) {
    return absl::NotFoundError(
        absl::StrCat("no benchmark matches --benchmark_filter=", filter, "; --regatta_list lists all"));
  }
  return matching;
}

int RunInBlocks(const std::vector<const Arm*>& arms, const Configuration& configuration,
                const IsolationOptions& isolation, std::vector<std::string> flags) {
  const std::string path = absl::GetFlag(FLAGS_regatta_out);
  if (path.empty()) return Misuse("--blocks needs --regatta_out=FILE, where the results go");
  absl::StatusOr<ResultsFile> results = ResultsFile::Create(path);
  if (!results.ok()) return Misuse(absl::StrCat("--regatta_out: ", results.status().message()));
  const BlockOptions options{.seed = absl::GetFlag(FLAGS_seed),
                             .blocks = absl::GetFlag(FLAGS_blocks),
                             .arm_ms = absl::GetFlag(FLAGS_arm_ms),
                             .isolation = isolation};
  Header header;
  header.seed = options.seed;
  header.blocks = options.blocks;
  header.arm_ms = options.arm_ms;
  header.flags = std::move(flags);
  header.context = ReadContext(configuration);
  absl::Status written = results->Write(header, arms);
  absl::StatusOr<Footer> footer = written.ok() ? RunBlocks(arms, options, *results) : absl::StatusOr<Footer>(written);
  if (!footer.ok()) return Misuse(footer.status().message());
  absl::FPrintF(stderr, "%d ok, %d failed%s, in %.1f s: %s\n", footer->arms_ok, footer->arms_failed,
                footer->interrupted ? ", interrupted" : "", footer->seconds, path);
  return footer->arms_failed > 0 || footer->interrupted ? 1 : 0;
}

// Paths are meant from where the user stands: `bazel run` changes the working directory, and says where it was called.
absl::Status ReturnToCaller() {
  const char* caller = std::getenv("BUILD_WORKING_DIRECTORY");
  if (caller == nullptr || chdir(caller) == 0) return absl::OkStatus();
  return ErrnoError(absl::StrCat("go back to ", caller, ", where this was called from (call it from another folder)"));
}

int Main(int argc, char** argv) {
  Init(&argc, &argv);
  if (absl::Status there = ReturnToCaller(); !there.ok()) return Misuse(there.message());
  const bool is_isolated = argc > 1 && absl::string_view(argv[1]) == kIsolatedProcessArgument;
  if (is_isolated) {
    for (int i = 1; i < argc; ++i) argv[i] = argv[i + 1];  // Also the closing null.
    --argc;
  }
  std::vector<std::string> flags(argv + 1, argv + argc);
  const GoogleFlags google = ReadGoogleFlags(argc, argv);
  if (!is_isolated) benchmark::Initialize(&argc, argv, [] { PrintHelp(kProgram); });
  const std::vector<std::string> own(argv + 1, argv + argc);  // What Google Benchmark left.
  if (const std::optional<int> code = ReadFlags(kProgram, argc, argv)) return *code;

  absl::StatusOr<Options> options = ReadOptions();
  if (!options.ok()) return Misuse(options.status().message());
  if (!is_isolated) {
    if (absl::Status may = PinIfPermitted(Gave(own, "pin"), *options); !may.ok()) return Misuse(may.message());
  }
  absl::StatusOr<Configuration> configuration = LoadConfiguration(*options, is_isolated);
  if (!configuration.ok()) return Misuse(configuration.status().message());
  std::vector<Arm> arms = AllArms(*configuration);
  if (is_isolated) return ServeIsolatedProcess(arms, configuration->topology().allowed());

  absl::StatusOr<std::vector<const Arm*>> matching = Matching(arms, benchmark::GetBenchmarkFilter());
  if (!matching.ok()) return Misuse(matching.status().message());
  const bool copies = std::ranges::any_of(*matching, [](const Arm* arm) { return arm->key.workload == "folder_copy"; });
  if (copies) {
    const absl::Status readable = CheckFolder(options->folder, Gave(own, "folder"), arms);
    if (!readable.ok()) return Misuse(readable.message());
  }
  if (absl::GetFlag(FLAGS_regatta_list)) {
    absl::PrintF("%s\n", ArmsAsJson(*matching));
    return 0;
  }
  if (google.list) {
    for (const Arm* arm : *matching) absl::PrintF("%s\n", arm->key.ToString());
    return 0;
  }
  IsolationOptions isolation{.arguments = own, .timeout = absl::Seconds(absl::GetFlag(FLAGS_arm_timeout_s))};
  std::unique_ptr<ScratchFolder> scratch;
  if (!configuration->options().pin) isolation.arguments.push_back("--pin=false");
  if (copies) {
    absl::StatusOr<std::unique_ptr<ScratchFolder>> made = ScratchFolder::Create(options->scratch);
    if (!made.ok()) return Misuse(made.status().message());
    scratch = *std::move(made);
    isolation.arguments.push_back(absl::StrCat("--scratch=", scratch->path()));
  }
  // One keystroke may arrive twice: from the terminal, and from the program that started this one.
  const Interrupts interrupts(/*last=*/3);
  if (absl::GetFlag(FLAGS_blocks) > 0) return RunInBlocks(*matching, *configuration, isolation, std::move(flags));
  if (!absl::GetFlag(FLAGS_regatta_out).empty()) return Misuse("--regatta_out goes with --blocks=N");

  const GoogleTally tally = RunWithGoogleBenchmark(*matching, ReadContext(*configuration), isolation, google.output);
  absl::FPrintF(stderr, "%d ok, %d failed, %d absent, %d not available on this machine\n", tally.ok, tally.failed,
                tally.absent, tally.unavailable);
  if (Interrupts::Count() > 0) return Misuse("interrupted");
  return tally.failed > 0 ? 1 : 0;
}

}  // namespace
}  // namespace regatta::bench

int main(int argc, char** argv) { return regatta::bench::Main(argc, argv); }
