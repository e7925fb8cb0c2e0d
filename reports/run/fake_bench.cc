// A stand-in for the benchmark program in the tests of what runs it: same flags, same format, invented figures, and the
// ways in which the real one can go wrong, on demand:
//   --fake_crash_after=N   ends by SIGSEGV after N records of an invocation
//   --fake_fail=TEXT       arms whose key contains TEXT fail
//   --fake_wait=TEXT       at the first arm whose key contains TEXT says so on standard error and waits for SIGINT, as
//                          if it were a long measurement
//   --fake_only=TEXT       there are no other arms than those whose key contains TEXT
//   --fake_slower=TEXT     arms whose key contains TEXT take half as long again
//   --fake_machine=NAME    the machine's fingerprint, otherwise "fake"
//   --fake_foreign=SHARE   what other programs used of the processors, otherwise 0
//   --fake_garbage         writes a line that is no JSON before its first record
//   --fake_straggler=PATH  leaves a child that holds all descriptors open until PATH, a fifo, is opened for writing

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "bench/results/lines.h"

namespace regatta::bench {
namespace {

volatile sig_atomic_t g_interrupted = 0;

struct Arm {
  std::string key;
  double ns;  // of one operation
  bool absent = false;
};

std::vector<Arm> AllArms() {
  std::vector<Arm> arms;
  const std::map<std::string, double> apart = {
      {"core", 310}, {"ring", 240}, {"pipe", 52'700}, {"cpython", 33'000}, {"boost_message_queue", 56'100}};
  for (const auto& [system, ns] : apart) {
    arms.push_back({absl::StrCat("queue_round_trip/", system, "/bytes:64/placement:other_core"), ns});
    arms.push_back({absl::StrCat("queue_round_trip/", system, "/bytes:64/placement:same_cpu"), 3'000 + ns / 12});
    arms.push_back(
        {absl::StrCat("queue_throughput/", system, "/bytes:64/producers:1/consumers:1/placement:other_core"), ns / 20});
  }
  arms.push_back({"queue_round_trip/zeromq/bytes:64/placement:other_core", 0, true});
  for (const std::string work : {"count_loop", "count_loop_tenth", "folder_copy"}) {
    const double unit = work == "count_loop_tenth" ? 4e6 : 4e7;
    arms.push_back({absl::StrCat("workload/", work, "/serial/workers:1"), unit});
    arms.push_back({absl::StrCat("workload/", work, "/serial_again/workers:1"), unit});
    for (const int workers : {1, 2, 3}) {
      arms.push_back({absl::StrCat("workload/", work, "/pool/workers:", workers), unit / (workers == 1 ? 0.98 : 1.25)});
    }
    arms.push_back({absl::StrCat("workload/", work, "/cpython_serial/workers:1"), unit * 30});
    arms.push_back({absl::StrCat("workload/", work, "/cpython_pool/workers:2"), unit * 25});
  }
  for (const std::string system : {"pool", "threads", "cpython_pool"}) {
    arms.push_back({absl::StrCat("workload/grain_sweep/", system, "/workers:2/chunk:1"), 1e6});
  }
  arms.push_back({"workload/grain_sweep/pool/workers:2/chunk:auto", 1e6});
  arms.push_back({"workload/grain_sweep/serial/workers:1/chunk:1", 1e6});
  for (const std::string system : {"core", "threads", "cpython"}) {
    arms.push_back({absl::StrCat("pool_round_trip/", system, "/workers:1/placement:other_core"),
                    system == "cpython" ? 32'600.0 : 900.0});
    arms.push_back({absl::StrCat("pool_empty_tasks/", system, "/workers:2/chunk:1/placement:spread"),
                    system == "cpython" ? 16'000.0 : 150.0});
  }
  for (const int mib : {0, 2048}) {
    arms.push_back({absl::StrCat("process_create/fork/method:fork/parent_mib:", mib), 322'000 + 37'000.0 * mib});
    arms.push_back({absl::StrCat("process_create/core/method:fork/parent_mib:", mib), 330'000 + 37'000.0 * mib});
    arms.push_back({absl::StrCat("process_create/core/method:forkserver/parent_mib:", mib), 410'000});
  }
  for (const char* work : {"loop/workers:1", "queue/bytes:64/placement:other_core"}) {
    // The five per cent are six, for what lies on the border is a matter of chance.
    for (const auto& [system, times] :
         {std::pair("plain", 1.0), std::pair("again", 1.0), std::pair("slower_5", 1.06), std::pair("slower_20", 1.2)}) {
      arms.push_back({absl::StrCat("trust/", system, "/work:", work), 1000 * times});
    }
  }
  arms.push_back({"lock_unlock/core", 14});
  arms.push_back({"lock_unlock/pthread_robust", 15});
  return arms;
}

// A line about an arm, with the members that its key is split into.
template <class Line>
Line WithKey(const Arm& arm) {
  Line line;
  line.key = arm.key;
  const std::vector<std::string> parts = absl::StrSplit(arm.key, '/');
  line.benchmark = parts[0];
  size_t next = 1;
  if (line.benchmark == "workload") line.workload = parts[next++];
  line.system = parts[next++];
  for (; next < parts.size(); ++next) {
    const std::pair<std::string, std::string> field = absl::StrSplit(parts[next], absl::MaxSplits(':', 1));
    line.fields.insert(field);
  }
  return line;
}

std::vector<ArmInfo> InfoOf(const std::vector<Arm>& arms) {
  std::vector<ArmInfo> list;
  for (const Arm& arm : arms) {
    ArmInfo& info = list.emplace_back(WithKey<ArmInfo>(arm));
    info.state = arm.absent ? "absent" : "ready";
    if (arm.absent) info.reason = "not installed (apt-get install libzmq3-dev)";
  }
  return list;
}

// A factor near 1 that depends on the block only by a fixed rule.
double Wobble(int block, size_t arm) { return 1 + 0.02 * std::sin(7.0 * block + 3.0 * static_cast<double>(arm)); }

std::vector<SweepPoint> Sweep(const Arm& arm, double wobble) {
  const bool python = arm.key.find("cpython") != std::string::npos;
  const bool serial = arm.key.find("/serial/") != std::string::npos;
  const double tax = python ? 30'000 : arm.key.find("chunk:auto") != std::string::npos ? 60 : 400;
  std::vector<SweepPoint> points;
  for (const double grain : {2.0, 100.0, 300.0, 1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6}) {
    const double tasks = 4e7 / (grain + tax);
    const double system = serial ? grain : grain / 1.93 + tax;
    points.push_back({grain, tasks, tasks * grain, tasks * system * wobble});
  }
  return points;
}

Record RecordOf(const Arm& arm, size_t index, int block, double foreign, bool failed) {
  // The identical arm follows its twin, which is the arm before it, now a little above and now a little below.
  const bool again = arm.key.find("/serial_again/") != std::string::npos;
  // What is compared to a hair wobbles together.
  const bool together = arm.key.starts_with("trust/");
  const double wobble = Wobble(block, together ? 0 : again ? index - 1 : index);
  const double ns = arm.ns * wobble * (!again ? 1 : block % 2 == 0 ? 1.002 : 0.998);
  const bool apart = arm.key.find("other_core") != std::string::npos || arm.key.find("pool") != std::string::npos;
  const double operations = std::max(1.0, std::floor(3e7 / ns));
  Record record = WithKey<Record>(arm);
  record.block = block;
  record.status = failed ? "failed" : "ok";
  record.verified = !failed;
  if (failed) record.error = "a partner died";
  record.real_ns = operations * ns;
  record.operations = operations;
  record.cpu_ns = operations * ns * 1.1;
  record.counters = {{"p50_ns", ns}, {"p99_ns", ns * 1.7}, {"items_per_second", 1e9 / ns}};
  if (arm.key.find("grain_sweep") != std::string::npos) record.sweep = Sweep(arm, Wobble(block, index));
  record.processors_used = apart ? 2 : 1;
  record.cpus = {0, 1};
  record.machine_state = apart ? "near" : "";
  if (apart) record.cacheline_ns = {150, 151};
  record.sentinel_ns = {2e6, 2.01e6};
  record.noise.steal_share = record.noise.migrations = record.noise.major_faults = 0;
  record.noise.foreign_cpu_share = foreign;
  return record;
}

struct Flags {
  std::string filter = ".";
  std::string out;
  std::string fail;
  std::string wait;
  std::string slower;
  std::string only;
  std::string machine = "fake";
  double foreign = 0;
  std::string straggler;
  int blocks = 0;
  int crash_after = -1;
  bool list = false;
  bool garbage = false;
};

Flags ReadFlags(int argc, char** argv) {
  Flags flags;
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    if (absl::ConsumePrefix(&argument, "--benchmark_filter=")) flags.filter = std::string(argument);
    if (absl::ConsumePrefix(&argument, "--regatta_out=")) flags.out = std::string(argument);
    if (absl::ConsumePrefix(&argument, "--fake_fail=")) flags.fail = std::string(argument);
    if (absl::ConsumePrefix(&argument, "--fake_wait=")) flags.wait = std::string(argument);
    if (absl::ConsumePrefix(&argument, "--fake_foreign=") && !absl::SimpleAtod(argument, &flags.foreign)) exit(2);
    if (absl::ConsumePrefix(&argument, "--fake_only=")) flags.only = std::string(argument);
    if (absl::ConsumePrefix(&argument, "--fake_slower=")) flags.slower = std::string(argument);
    if (absl::ConsumePrefix(&argument, "--fake_machine=")) flags.machine = std::string(argument);
    if (absl::ConsumePrefix(&argument, "--fake_straggler=")) flags.straggler = std::string(argument);
    if (absl::ConsumePrefix(&argument, "--fake_crash_after=") && !absl::SimpleAtoi(argument, &flags.crash_after)) {
      exit(2);
    }
    if (absl::ConsumePrefix(&argument, "--blocks=") && !absl::SimpleAtoi(argument, &flags.blocks)) exit(2);
    if (argument == "--regatta_list") flags.list = true;
    if (argument == "--fake_garbage") flags.garbage = true;
  }
  return flags;
}

// Until SIGINT, which is blocked but while waiting, so that none is missed.
void WaitForInterrupt() {
  sigset_t none;
  sigemptyset(&none);
  while (g_interrupted == 0) sigsuspend(&none);
}

Header HeaderOf(const std::vector<Arm>& arms, const std::string& machine, std::vector<std::string> flags) {
  Header header;
  header.id = absl::StrCat(getpid(), "-", rand());
  header.seed = 1;
  header.flags = std::move(flags);
  header.context.date_utc = "2024-11-21T08:00:00Z";
  header.context.kernel = "Linux 6.1";
  header.context.cpu_model = "An invented processor";
  header.context.memory_bytes = 25769803776;
  header.context.compiler = "gcc 12";
  header.context.fingerprint = machine;
  header.context.topology = "machine\n  core 0: cpu 0\n  core 1: cpu 1";
  header.context.processors = header.context.cores = 2;
  header.context.l3_caches = header.context.sockets = header.context.nodes = 1;
  header.context.allowed_cpus = {0, 1};
  header.context.peers = {{"zeromq", false, "", "not installed"}};
  header.context.folder = "/usr/include";
  header.arms = InfoOf(arms);
  return header;
}

[[noreturn]] void Run(const Flags& flags, const std::vector<Arm>& arms, std::vector<std::string> own_flags) {
  FILE* out = fopen(flags.out.c_str(), "w");
  if (out == nullptr) exit(2);
  setvbuf(out, nullptr, _IOLBF, 1 << 16);
  if (!flags.straggler.empty() && fork() == 0) {
    close(open(flags.straggler.c_str(), O_RDONLY));  // returns when a writer comes
    _exit(0);
  }
  fprintf(out, "%s\n", LineOf(HeaderOf(arms, flags.machine, std::move(own_flags))).c_str());
  if (flags.garbage) fprintf(out, "not JSON\n");
  int records = 0;
  int failed = 0;
  for (int block = 0; block < flags.blocks && g_interrupted == 0; ++block) {
    for (size_t i = 0; i < arms.size() && g_interrupted == 0; ++i) {
      if (arms[i].absent) continue;
      if (records == flags.crash_after) {
        fprintf(stderr, "about to crash\n");
        raise(SIGSEGV);
      }
      if (!flags.wait.empty() && arms[i].key.find(flags.wait) != std::string::npos) {
        fprintf(stderr, "waiting\n");
        WaitForInterrupt();
        break;
      }
      const bool fails = !flags.fail.empty() && arms[i].key.find(flags.fail) != std::string::npos;
      failed += fails;
      fprintf(out, "%s\n", LineOf(RecordOf(arms[i], i, block, flags.foreign, fails)).c_str());
      ++records;
    }
  }
  fprintf(out, "%s\n", LineOf(Footer{.interrupted = g_interrupted != 0, .seconds = 1}).c_str());
  fclose(out);
  exit(failed > 0 || g_interrupted != 0 ? 1 : 0);
}

int Main(int argc, char** argv) {
  sigset_t interrupt;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  sigprocmask(SIG_BLOCK, &interrupt, nullptr);
  signal(SIGINT, [](int) { g_interrupted = 1; });
  const Flags flags = ReadFlags(argc, argv);
  std::vector<Arm> arms;
  const std::regex wanted(flags.filter, std::regex::extended);
  for (Arm& arm : AllArms()) {
    if (!std::regex_search(arm.key, wanted) || arm.key.find(flags.only) == std::string::npos) continue;
    if (!flags.slower.empty() && arm.key.find(flags.slower) != std::string::npos) arm.ns *= 1.5;
    arms.push_back(arm);
  }
  if (flags.list) {
    printf("%s\n", ListOf(InfoOf(arms)).c_str());
    return 0;
  }
  Run(flags, arms, {argv + 1, argv + argc});
}

}  // namespace
}  // namespace regatta::bench

int main(int argc, char** argv) { regatta::bench::Main(argc, argv); }
