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
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

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

// The members that a key is split into.
std::string KeyMembers(const Arm& arm) {
  std::vector<std::string> parts = absl::StrSplit(arm.key, '/');
  const bool workload = parts[0] == "workload";
  const size_t system = workload ? 2 : 1;
  std::vector<std::string> fields;
  for (size_t i = system + 1; i < parts.size(); ++i) {
    const std::vector<std::string> field = absl::StrSplit(parts[i], absl::MaxSplits(':', 1));
    fields.push_back(absl::StrCat("\"", field[0], "\": \"", field[1], "\""));
  }
  return absl::StrCat("\"key\": \"", arm.key, "\", \"benchmark\": \"", parts[0], "\", \"workload\": \"",
                      workload ? parts[1] : "", "\", \"system\": \"", parts[system], "\", \"fields\": {",
                      absl::StrJoin(fields, ", "), "}");
}

std::string ListEntry(const Arm& arm) {
  return absl::StrCat("{", KeyMembers(arm), ", \"state\": \"", arm.absent ? "absent" : "ready", "\", \"reason\": \"",
                      arm.absent ? "not installed (apt-get install libzmq3-dev)" : "", "\"}");
}

// A factor near 1 that depends on the block only by a fixed rule.
double Wobble(int block, size_t arm) { return 1 + 0.02 * std::sin(7.0 * block + 3.0 * static_cast<double>(arm)); }

std::string Sweep(const Arm& arm, double wobble) {
  const bool python = arm.key.find("cpython") != std::string::npos;
  const bool serial = arm.key.find("/serial/") != std::string::npos;
  const double tax = python ? 30'000 : arm.key.find("chunk:auto") != std::string::npos ? 60 : 400;
  std::vector<std::string> points;
  for (const double grain : {2.0, 100.0, 300.0, 1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6}) {
    const double tasks = 4e7 / (grain + tax);
    const double system = serial ? grain : grain / 1.93 + tax;
    points.push_back(absl::StrCat("{\"target_ns\": ", grain, ", \"tasks\": ", tasks, ", \"serial_ns\": ", tasks * grain,
                                  ", \"system_ns\": ", tasks * system * wobble, "}"));
  }
  return absl::StrCat("[", absl::StrJoin(points, ", "), "]");
}

std::string Record(const Arm& arm, size_t index, int block, const std::string& foreign, bool failed) {
  // The identical arm follows its twin, which is the arm before it, now a little above and now a little below.
  const bool again = arm.key.find("/serial_again/") != std::string::npos;
  // What is compared to a hair wobbles together.
  const bool together = arm.key.starts_with("trust/");
  const double wobble = Wobble(block, together ? 0 : again ? index - 1 : index);
  const double ns = arm.ns * wobble * (!again ? 1 : block % 2 == 0 ? 1.002 : 0.998);
  const bool apart = arm.key.find("other_core") != std::string::npos || arm.key.find("pool") != std::string::npos;
  const bool sweep = arm.key.find("grain_sweep") != std::string::npos;
  const double operations = std::max(1.0, std::floor(3e7 / ns));
  return absl::StrCat(
      "{\"record\": \"arm\", \"block\": ", block, ", ", KeyMembers(arm), ", \"status\": \"", failed ? "failed" : "ok",
      "\", \"error\": \"", failed ? "a partner died" : "", "\", \"verified\": ", failed ? "false" : "true",
      ", \"real_ns\": ", operations * ns, ", \"operations\": ", operations, ", \"cpu_ns\": ", operations * ns * 1.1,
      ", \"counters\": {\"p50_ns\": ", ns, ", \"p99_ns\": ", ns * 1.7, ", \"items_per_second\": ", 1e9 / ns,
      "}, \"sweep\": ", sweep ? Sweep(arm, Wobble(block, index)) : "null", ", \"processors_used\": ", apart ? 2 : 1,
      ", \"cpus\": [0, 1], \"machine_state\": \"", apart ? "near" : "",
      "\", \"cacheline_ns\": ", apart ? "{\"before\": 150, \"after\": 151}" : "null",
      ", \"sentinel_ns\": {\"before\": 2000000, \"after\": 2010000}, \"noise\": {\"steal_share\": 0.0, ",
      "\"foreign_cpu_share\": ", foreign, ", \"migrations\": 0, \"major_faults\": 0}}");
}

struct Flags {
  std::string filter = ".";
  std::string out;
  std::string fail;
  std::string wait;
  std::string slower;
  std::string only;
  std::string machine = "fake";
  std::string foreign = "0";
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
    if (absl::ConsumePrefix(&argument, "--fake_foreign=")) flags.foreign = std::string(argument);
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

void Header(const std::vector<Arm>& arms, const std::string& machine, const std::string& flags, FILE* out) {
  const std::string list = absl::StrJoin(arms, ", ", [](std::string* to, const Arm& arm) { *to += ListEntry(arm); });
  fprintf(
      out,
      "{\"record\": \"header\", \"schema\": \"regatta.bench\", \"version\": 1, \"invocation\": \"%ld-%d\", \"seed\": 1,"
      " \"flags\": [%s], \"context\": {\"date_utc\": \"2024-11-21T08:00:00Z\", \"kernel\": \"Linux 6.1\", "
      "\"cpu_model\":"
      " \"An invented processor\", \"memory_bytes\": 25769803776, \"compiler\": \"gcc 12\", \"optimised\": true,"
      " \"sanitizer\": \"\", \"fingerprint\": \"%s\", \"topology\": \"machine\\n  core 0: cpu 0\\n  core 1: cpu 1\","
      " \"processors\": 2, \"cores\": 2, \"l3_caches\": 1, \"sockets\": 1, \"nodes\": 1, \"allowed_cpus\": [0, 1],"
      " \"peers\": [{\"system\": \"zeromq\", \"present\": false, \"version\": \"\", \"reason\": \"not installed\"}],"
      " \"folder\": \"/usr/include\"}, \"arms\": [%s]}\n",
      static_cast<long>(getpid()), rand(), flags.c_str(), machine.c_str(), list.c_str());
}

void Run(const Flags& flags, const std::vector<Arm>& arms, const std::string& own_flags) {
  FILE* out = fopen(flags.out.c_str(), "w");
  if (out == nullptr) exit(2);
  setvbuf(out, nullptr, _IOLBF, 1 << 16);
  if (!flags.straggler.empty() && fork() == 0) {
    close(open(flags.straggler.c_str(), O_RDONLY));  // returns when a writer comes
    _exit(0);
  }
  Header(arms, flags.machine, own_flags, out);
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
      fprintf(out, "%s\n", Record(arms[i], i, block, flags.foreign, fails).c_str());
      ++records;
    }
  }
  fprintf(out, "{\"record\": \"footer\", \"interrupted\": %s, \"seconds\": 1}\n", g_interrupted ? "true" : "false");
  fclose(out);
  exit(failed > 0 || g_interrupted != 0 ? 1 : 0);
}

}  // namespace

int main(int argc, char** argv) {
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
    printf("[%s]\n",
           absl::StrJoin(arms, ",\n", [](std::string* to, const Arm& arm) { *to += ListEntry(arm); }).c_str());
    return 0;
  }
  std::vector<std::string> own;
  for (int i = 1; i < argc; ++i) own.push_back(absl::StrCat("\"", argv[i], "\""));
  Run(flags, arms, absl::StrJoin(own, ", "));
}
