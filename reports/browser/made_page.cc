// made_page DIR: reports of made results, as pages for a browser to look at: full.html, of a run that is trusted, and
// poor.html, of a quick run that isn't and lacks much. Beside each a .json: how many values each chart has, {"figure":
// 12}.
//
// Every section and every kind of chart is in one of them: a new one must be filled here, or no test looks at it.

#include <cmath>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "reports/charts/chart.h"
#include "reports/sections/report.h"
#include "reports/sections/results_builder.h"
#include "reports/writers/html.h"

namespace regatta::reports {
namespace {

// `middle` with a spread that differs from block to block.
std::vector<double> Around(double middle) { return {middle, middle * 1.04, middle * 0.97, middle * 1.01}; }

std::vector<SweepPoint> Curve(double tax_ns, double processors) {
  std::vector<SweepPoint> points;
  for (double grain = 4; grain < 3e6; grain *= 4) {
    points.push_back({.target_ns = grain,
                      .tasks = 100,
                      .serial_ns = 100 * grain,
                      .system_ns = 100 * (tax_ns + grain / (0.93 * processors))});
  }
  return points;
}

void FillContext(Context& context) {
  context.date_utc = "2024-11-21T08:00:00Z";
  context.kernel = "Linux 6.1.0-18-amd64";
  context.cpu_model = "A Processor With A Rather Long Name 9654 @ 2.40GHz";
  context.memory_bytes = 25.0 * 1073741824;
  context.compiler = "gcc 12.2.0";
  context.fingerprint =
      "x86_64/virtual/A_Processor_With_A_Rather_Long_Name/sockets:1/cores:2/cpus:2/nodes:1/L1d:32_KiB*2:1/"
      "L1i:32_KiB*2:1/"
      "L2:1_MiB*2:1/L3:32_MiB*1:2/no_blank_where_a_line_could_break";
  context.topology = "one socket\n+-----+\n| [0] [1] |\n+-----+\n";
  for (int cpu = 0; cpu < 12; ++cpu) context.machine.push_back({cpu, cpu / 2, cpu / 8, cpu / 4, cpu / 8});
  context.caches = {
      {1, "data", 32768.0, {0, 1}}, {2, "unified", 1048576.0, {0, 1}}, {3, "unified", 33554432.0, {0, 1, 2, 3}}};
  context.cores = 2;
  context.l3_caches = context.sockets = context.nodes = 1;
  context.peers = {
      {"zeromq", true, "4.3.4", ""},
      {"threads", true, "oneTBB 2021.8", ""},
      {"boost_message_queue", false, "", "Boost.Interprocess is not installed (apt-get install libboost-dev)"},
      {"cpython", true, "3.11.2", ""}};
  context.folder = "/usr/include/linux";
}

void FillWorkloads(ResultsBuilder& made) {
  for (const char* workload : {"count_loop", "count_loop_tenth", "folder_copy", "waiting"}) {
    const std::string key = absl::StrCat("workload/", workload);
    made.Times(key + "/serial", Around(13e6)).Times(key + "/serial_again", {13.1e6, 13.4e6, 12.7e6, 13.1e6});
    for (const int workers : {1, 2, 3, 4}) {
      made.Times(absl::StrCat(key, "/pool/workers:", workers), Around(13.1e6 / std::min(workers, 2)), "near");
    }
    made.Times(key + "/threads/workers:2", Around(10.2e6), "near");
    made.Times(key + "/cpython_serial", Around(640e6)).Times(key + "/cpython_pool/workers:2", Around(400e6), "near");
  }
  const std::string sweep = "workload/grain_sweep/";
  made.Sweep(sweep + "serial", Curve(0, 1 / 0.93), 4)
      .Sweep(sweep + "pool/workers:2/chunk:1", Curve(800, 2), 4)
      .Sweep(sweep + "pool/workers:2/chunk:auto", Curve(60, 2), 4)
      .Sweep(sweep + "threads/workers:2/chunk:1", Curve(300, 2), 4)
      .Sweep(sweep + "cpython_pool/workers:2/chunk:1", Curve(40'000, 2), 4);
}

void FillComparisons(ResultsBuilder& made) {
  for (const char* benchmark : {"queue_round_trip", "queue_round_trip_slept"}) {
    const double wake = std::string(benchmark) == "queue_round_trip" ? 0 : 30'000;
    for (const auto& [place, state, times] : {std::tuple("other_core", "near", 1.0),
                                              std::tuple("other_core", "far", 4.0), std::tuple("same_cpu", "", 12.0)}) {
      const auto key = [benchmark, place = place](const char* system) {
        return absl::StrCat(benchmark, "/", system, "/bytes:64/placement:", place);
      };
      made.Times(key("core"), Around(wake + 250 * times), state)
          .Times(key("pipe"), Around(wake + 30'000), state)
          .Times(key("zeromq"), Around(wake + 60'000), state)
          .Times(key("cpython"), Around(wake + 66'000), state);
      if (*state != '\0') made.Times(key("ring"), Around(wake + 210 * times), state);
    }
    made.Absent(absl::StrCat(benchmark, "/boost_message_queue/bytes:64/placement:other_core"),
                "Boost.Interprocess is not installed (apt-get install libboost-dev)");
  }
  for (const char* system : {"core", "ring", "pipe", "cpython"}) {
    made.Times(absl::StrCat("queue_throughput/", system, "/bytes:64/producers:1/consumers:1/placement:other_core"),
               Around(120), "near");
    made.Times(absl::StrCat("pool_round_trip/", system, "/workers:1/placement:other_core"), Around(900), "near");
    made.Times(absl::StrCat("pool_round_trip_slept/", system, "/workers:1/placement:other_core"), Around(30'900),
               "near");
    made.Times(absl::StrCat("pool_empty_tasks/", system, "/workers:2/chunk:1/placement:spread"), Around(200), "near");
    made.Times(absl::StrCat("lock_unlock/", system), Around(14));
  }
  made.Times("lock_unlock/pthread_robust", Around(15));
  for (const char* system : {"core", "core_update", "cpython"}) {
    made.Times(absl::StrCat("value_add/", system), Around(20));
  }
  for (const char* system : {"core", "plain"}) made.Times(absl::StrCat("array_sum/", system), Around(1));
  made.Times("event_set/core/placement:other_core", Around(400), "near");
  for (const char* argument : {"int", "queue"}) {
    made.Times(absl::StrCat("pool_argument/core/argument:", argument, "/workers:1/placement:other_core"), Around(950),
               "near");
  }
  for (const char* many : {"1", "1000"}) {
    made.Times(absl::StrCat("queue_turns/core/queues:", many), Around(90));
    made.Times(absl::StrCat("queue_try_get/core/producers:", many), Around(30));
    made.Times(absl::StrCat("pool_getters/core/threads:", many, "/workers:2/placement:spread"), Around(2000), "near");
  }
  for (const char* mib : {"0", "2048"}) {
    made.Times(absl::StrCat("process_create/core/method:fork/parent_mib:", mib), Around(330'000));
    made.Times(absl::StrCat("process_create/core/method:forkserver/parent_mib:", mib), Around(400'000));
    made.Times(absl::StrCat("process_create/fork/method:fork/parent_mib:", mib), Around(320'000));
  }
}

// Tails, placements and payloads.
void FillRest(ResultsBuilder& made) {
  for (const char* system : {"core", "pipe", "zeromq"}) {
    for (const char* load : {"50", "70", "90"}) {
      made.Times(absl::StrCat("queue_open_loop/", system, "/bytes:64/load:", load, "/placement:other_core"),
                 Around(1000), "near");
      auto& records = made.results().invocations.back().records;
      for (size_t i = records.size() - 4; i < records.size(); ++i) {
        records[i].counters["offered_per_second"] = 1e6;
        records[i].counters["capacity_per_second"] = 2e6;
        records[i].histogram = {{300, 9000}, {900, 900}, {4000, 90}, {60'000, 10}};
      }
    }
  }
  for (const int here : {0, 1, 2, 3}) {
    for (const int there : {0, 1, 2, 3}) {
      const bool same = here == there;
      made.Times(absl::StrCat("queue_round_trip_pair/core/bytes:64/here:", here, "/there:", there,
                              "/placement:", same ? "same_cpu" : "other_core"),
                 Around(same ? 4000 : 250 + 40 * (here + there)), same ? "" : "near");
    }
  }
  for (const char* bytes : {"1024", "65536", "1048576", "16777216"}) {
    for (const char* system : {"core", "core_by_reference", "pipe"}) {
      made.Times(absl::StrCat("queue_round_trip/", system, "/bytes:", bytes, "/placement:other_core"), Around(40'000),
                 "near");
    }
    made.Times(absl::StrCat("memory_copy/memcpy/bytes:", bytes), Around(30'000));
  }
}

void FillConformance(Conformance& conformance) {
  conformance.scenarios = {{"queue/full", {"002"}, "a full queue says so"},
                           {"pool/ten-over-three", {"002", "003"}, "ten tasks over three workers"}};
  for (const char* system : {"core", "cpython"}) {
    for (const char* method : {"fork", "spawn"}) {
      conformance.cases.push_back({"queue/full", system, method, "", "passed", "", ""});
      conformance.cases.push_back({"pool/ten-over-three", system, method, "", "passed", "", ""});
    }
  }
  conformance.cases.back().standing = "known";
  conformance.cases.back().why = "the second task began before the first of its predecessors had";
  conformance.cases.push_back({"queue/full", "broken", "fork", "lose_item", "caught", "", ""});
}

void FillDoctor(Doctor& doctor) {
  doctor.json = "{}";
  doctor.findings = {{"foreign_cpu", "bad", "others use 100 % of the processors now: cc1plus (5618), java (30696)",
                      "everything: whoever loses its processor is slow, whatever it is",
                      "end or stop them for the time of the run: kill -STOP PID, and kill -CONT PID afterwards"},
                     {"aslr", "warn", "addresses are random (ASLR)", "single runs", "setarch -R PROGRAM"},
                     {"turbo", "unknown", "not to be seen whether turbo is on", "", "ask whoever runs the host"},
                     {"swap", "ok", "no swap in use", "", ""}};
}

Results Full() {
  ResultsBuilder made;
  for (int invocation = 0; invocation < 2; ++invocation) {
    if (invocation > 0) made.NextInvocation();
    FillContext(made.results().invocations.back().context);
    FillWorkloads(made);
    FillComparisons(made);
    FillRest(made);
    Invocation& last = made.results().invocations.back();
    last.flags = {"--blocks=4", "--seed=42",
                  "--benchmark_filter=^(workload/grain_sweep/serial|workload/grain_sweep/pool/workers:2/chunk:1)$"};
    int turn = 0;
    for (Record& record : last.records) {
      record.sentinel_ns = {2'000'000.0, 2'001'000.0};
      if (record.machine_state == "near") record.cacheline_ns = {115.0, 116.0};
      if (record.machine_state == "far") record.cacheline_ns = {530.0, 531.0};
      if (++turn % 40 == 0) record.noise.foreign_cpu_share = 0.3;
      if (turn % 50 == 0) record.noise.major_faults = 2;
    }
  }
  made.results().seed = 42;
  made.results().created_utc = "2024-11-21T08:10:00Z";
  FillDoctor(made.results().doctor);
  FillConformance(made.results().conformance);
  return made.results();
}

Results Poor() {
  ResultsBuilder made;
  FillContext(made.results().invocations.back().context);
  made.results().invocations.back().context.pin_refused = "sched_setaffinity: Operation not permitted";
  FillWorkloads(made);
  for (Record& record : made.results().invocations.back().records) record.noise.foreign_cpu_share = 0.4;
  made.Arm("lock_unlock/core");
  Record failed;
  failed.key = "lock_unlock/core";
  failed.error = "a partner died of signal 11 (Segmentation fault)";
  made.results().invocations.back().records.push_back(failed);
  FillDoctor(made.results().doctor);
  made.results().quick = true;
  made.results().seed = 1;
  made.results().created_utc = "2024-11-21T08:10:00Z";
  made.results().missing = {"Failed: lock_unlock/core: a partner died of signal 11 (Segmentation fault)",
                            "Interrupted before: creating processes, locks."};
  return made.results();
}

void Write(const std::string& stem, const Results& results) {
  const Document document = BuildReport(results).document;
  nlohmann::ordered_json values = nlohmann::ordered_json::object();
  for (const Section& section : document.sections) {
    for (const Block& block : section.blocks) {
      if (const auto* figure = std::get_if<Figure>(&block)) values[figure->name] = CountValues(figure->chart);
    }
  }
  std::ofstream(stem + ".html") << RenderHtml(document);
  std::ofstream(stem + ".json") << values;
}

}  // namespace
}  // namespace regatta::reports

int main(int argc, char** argv) {  // NOLINT(bugprone-exception-escape): a program of a test
  if (argc != 2) {
    std::fprintf(stderr, "usage: made_page DIR\n");
    return 2;
  }
  regatta::reports::Write(absl::StrCat(argv[1], "/full"), regatta::reports::Full());
  regatta::reports::Write(absl::StrCat(argv[1], "/poor"), regatta::reports::Poor());
  return 0;
}
