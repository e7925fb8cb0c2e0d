// The table of benchmarks: one row for each. //bench registers the benchmarks by it, and //reports plans its runs and
// draws the report by it. A new benchmark is a row here and a file in bench/benchmarks.
//
// Names of systems and fields are those of the keys (bench/RESULTS.md); `arms` are patterns as arm_pattern.h describes
// them. Texts may name a field in braces, as in "{bytes} there and back": the report puts the field's value there, in
// words.
#ifndef REGATTA_BENCH_TABLE_BENCHMARKS_H_
#define REGATTA_BENCH_TABLE_BENCHMARKS_H_

#include <cstddef>
#include <iterator>
#include <string_view>

namespace regatta::bench {

enum class Unit { kNanoseconds, kPerSecond };
enum class Better { kLower, kHigher };

// How the report shows a benchmark.
enum class View {
  kBars,      // the systems side by side: a bar chart and tables in the row's section
  kSweep,     // speed-up over the size of a task
  kWorkload,  // speed-up over the number of workers
  kPairs,     // a map of the processors
  kSizes,     // curves over the size of a message
  kTail,      // quantiles of the latency under load
  kHidden,    // not in the report
};

struct Section {
  const char* id;
  const char* title;
};

inline constexpr Section kPool{"pool", "One process or a pool"};
inline constexpr Section kTaskCost{"task-cost", "What a pool costs per task"};
inline constexpr Section kMessages{"messages", "Messages between processes"};
inline constexpr Section kPayload{"payload", "Messages of all sizes"};
inline constexpr Section kPlacement{"placement", "Where two processes run"};
inline constexpr Section kTails{"tails", "Latency under load"};
inline constexpr Section kProcesses{"processes", "Creating processes"};
inline constexpr Section kSync{"sync", "Locks and events"};
inline constexpr Section kMany{"many", "Many queues, threads and objects"};
inline constexpr Section kNowhere{"", ""};

// What the report calls the core's own part and CPython's.
struct Subject {
  const char* ours;
  const char* python;
};

// A system that the others are compared with, in a column of its own.
struct Peer {
  const char* arms = "";  // one of the arms that are shown together
  const char* name = "";
};

// A goal of the project: the benchmark's figure, absolute or as a ratio to another arm's.
struct Goal {
  const char* what = "";  // "": no goal
  const char* goal = "";  // in words
  const char* arms = "";  // of which arms
  // The other arm: a system and those fields that differ, the whole key of another benchmark's arm, or "*", the best of
  // the peers that promise what ours does. "": the goal is absolute.
  const char* to = "";
  double limit = 0;
  Better better = Better::kLower;  // at most the limit, or at least
  bool inverse = false;            // the ratio is the other arm's figure to ours
  const char* state = "";          // only in this machine state; "": in each
};

// A sentence of advice: the best of these arms is what to take for such work.
struct Advice {
  const char* work = "";
  const char* arms = "";
};

// Arms that are compared with each other: they share blocks, with those of other rows that have the same name.
struct Comparison {
  const char* name = "";
  const char* arms = "";
  const char* quick_arms = nullptr;  // of a quick run; null: the same
  int quick_blocks = 3;
  int quick_ms = 30;  // of one arm in a block
  int full_blocks = 3;
};

struct Benchmark {
  const char* key;  // how its keys begin
  Unit unit = Unit::kNanoseconds;
  Better better = Better::kLower;
  View view = View::kBars;
  const char* title = "";      // "{bytes} there and back"
  const char* operation = "";  // what is timed or counted: "round trip"
  Section section = kNowhere;
  Subject subject = {"Regatta", "Python"};
  const char* note = "";   // what a reader of the chart has to know
  const char* shown = "";  // the arms that are shown
  // Whether the median of an arm's own operations is the figure, not their mean.
  bool median = true;
  // Whether an arm waits before each operation: then its timed parts may be short.
  bool waits = false;
  // How much longer than others an arm takes to set up; for the progress line.
  int setup_ms = 0;
  Comparison comparisons[3] = {};
  Peer peers[2] = {};
  Goal goals[6] = {};
  Advice advice[3] = {};
};

inline constexpr Subject kOurQueue{"Regatta queue", "Python Queue"};
inline constexpr Subject kOurPool{"Regatta pool", "Python Pool"};

inline constexpr Benchmark kBenchmarks[] = {
    {.key = "workload/grain_sweep",
     .view = View::kSweep,
     .title = "tasks of one size",
     .section = kPool,
     .setup_ms = 350,
     .comparisons = {{.name = "tasks of rising size",
                      .arms = "serial|pool/chunk:1/workers:1,2,3,N|pool/workers:2,N|"
                              "threads,cpython_pool/chunk:1/workers:2,N",
                      .quick_arms = "serial|pool/workers:2,N|threads,cpython_pool/chunk:1/workers:2,N",
                      .quick_blocks = 4,
                      .quick_ms = 50,
                      .full_blocks = 3}},
     .goals = {{.what = "METG(50), two workers, chunk 1",
                .goal = "under 4 µs",
                .arms = "pool/workers:2/chunk:1",
                .limit = 4000},
               {.what = "METG(50), two workers, automatic chunks",
                .goal = "under 1 µs",
                .arms = "pool/workers:2/chunk:auto",
                .limit = 1000}}},
    {.key = "workload/count_loop",
     .view = View::kWorkload,
     .title = "the count loop (1, 2 and 10 units)",
     .section = kPool,
     .setup_ms = 150,
     .comparisons = {{.name = "the count loops",
                      .arms = "serial,serial_again,cpython_serial,pool|threads,cpython_pool/workers:2,N",
                      .quick_blocks = 4,
                      .full_blocks = 5}},
     .advice = {{.work = "Few tasks of unequal size (the count loop)"}}},
    {.key = "workload/count_loop_tenth",
     .view = View::kWorkload,
     .title = "the count loop with a tenth of the work",
     .section = kPool,
     .comparisons = {{.name = "the count loops",
                      .arms = "serial,serial_again,cpython_serial|pool,cpython_pool/workers:2,N"}}},
    {.key = "workload/folder_copy",
     .view = View::kWorkload,
     .title = "copying a folder",
     .section = kPool,
     .setup_ms = 100,
     .comparisons = {{.name = "copying a folder",
                      .arms = "serial,serial_again,cpython_serial,pool|threads,cpython_pool/workers:2,N",
                      .quick_blocks = 4,
                      .quick_ms = 1,
                      .full_blocks = 4}},
     .advice = {{.work = "Files to read and write (copying a folder)"}}},
    {.key = "workload/waiting",
     .view = View::kWorkload,
     .title = "ten tasks that wait",
     .section = kPool,
     .comparisons = {{.name = "tasks that wait",
                      .arms = "serial,cpython_serial,pool|threads,cpython_pool/workers:3",
                      .quick_ms = 1,
                      .full_blocks = 2}},
     .advice = {{.work = "Tasks that wait (ten, of unequal time)"}}},
    {.key = "pool_round_trip",
     .title = "One task there and back, {workers}",
     .operation = "task",
     .section = kTaskCost,
     .subject = kOurPool,
     .comparisons = {{.name = "one task there and back"}},
     .peers = {{"threads", "oneTBB"}, {"cpython", "Python"}},
     .goals = {{.what = "Pool, one task there and back, hot",
                .goal = "at most 1 µs",
                .arms = "core/workers:1/placement:!same_cpu",
                .limit = 1000,
                .state = "near"},
               {.what = "Pool, one task there and back, Python's Pool to ours",
                .goal = "30× or more",
                .arms = "core/workers:1/placement:!same_cpu",
                .to = "cpython",
                .limit = 30,
                .better = Better::kHigher,
                .inverse = true}}},
    {.key = "pool_round_trip_slept",
     .title = "One task there and back, {workers}, the worker asleep for 1 ms first",
     .operation = "task",
     .section = kTaskCost,
     .subject = kOurPool,
     .waits = true,
     .comparisons = {{.name = "after a sleep", .quick_ms = 70, .full_blocks = 2}},
     .peers = {{"threads", "oneTBB"}, {"cpython", "Python"}}},
    {.key = "pool_empty_tasks",
     .unit = Unit::kPerSecond,
     .better = Better::kHigher,
     .title = "Empty tasks, {workers}, {chunk}",
     .operation = "task",
     .section = kTaskCost,
     .subject = kOurPool,
     .comparisons = {{.name = "empty tasks",
                      .arms = "workers:2,N/placement:spread,unpinned/chunk:!16",
                      .quick_blocks = 4}},
     .peers = {{"threads", "oneTBB"}, {"cpython", "Python"}},
     .goals = {{.what = "Pool, empty tasks, chunk 1, two workers",
                .goal = "5 M/s or more",
                .arms = "core/workers:2/chunk:1",
                .limit = 5e6,
                .better = Better::kHigher},
               {.what = "Pool, empty tasks, chunk 1, two workers, to oneTBB's threads",
                .goal = "level: 0.95× or more",
                .arms = "core/workers:2/chunk:1",
                .to = "threads",
                .limit = 0.95,
                .better = Better::kHigher}}},
    {.key = "pool_argument",
     .title = "One task there and back, by its argument",
     .operation = "task",
     .section = kTaskCost,
     .subject = kOurPool,
     .comparisons = {{.name = "one task there and back"}},
     .peers = {{"core/argument:int", "an int"}}},
    {.key = "queue_round_trip",
     .title = "{bytes} there and back",
     .operation = "round trip",
     .section = kMessages,
     .subject = kOurQueue,
     .note = "The bare ring is the limit: two processes spin on shared memory, with nothing of what makes a queue "
             "safe. A figure "
             "means nothing without its placement.",
     .shown = "bytes:64",
     .comparisons = {{.name = "64 B there and back",
                      .arms = "bytes:64/placement:!same_cpu|ring/bytes:8/placement:!same_cpu",
                      .quick_blocks = 5,
                      .full_blocks = 10},
                     {.name = "64 B there and back on one processor",
                      .arms = "bytes:64/placement:same_cpu",
                      .quick_blocks = 5,
                      .full_blocks = 4},
                     {.name = "messages of all sizes",
                      .arms = "cpython/bytes:1024,1048576/placement:!same_cpu|"
                              "!cpython,boost_message_queue/bytes:!64/placement:!same_cpu",
                      .quick_arms = "core,core_by_reference,pipe/bytes:1024,65536,1048576/placement:!same_cpu",
                      .quick_blocks = 2,
                      .full_blocks = 2}},
     .peers = {{"ring", "bare ring"}, {"pipe", "pipe"}},
     .goals =
         {{.what = "64 B there and back between two cores, to the bare ring",
           .goal = "at most 2×",
           .arms = "core/bytes:64/placement:other_core",
           .to = "ring",
           .limit = 2},
          {.what = "64 B there and back between two cores, pipe to us",
           .goal = "over 50×",
           .arms = "core/bytes:64/placement:other_core",
           .to = "pipe",
           .limit = 50,
           .better = Better::kHigher,
           .inverse = true},
          {.what = "64 B there and back on one processor, to a pipe",
           .goal = "no slower",
           .arms = "core/bytes:64/placement:same_cpu",
           .to = "pipe",
           .limit = 1},
          {.what = "1 MiB by reference, to 1 KiB by reference",
           .goal = "independent of size: within 10 %",
           .arms = "core_by_reference/bytes:1048576",
           .to = "core_by_reference/bytes:1024",
           .limit = 1.1},
          {.what = "1 MiB by reference, to 64 KiB by reference",
           .goal = "independent of size: within 10 %",
           .arms = "core_by_reference/bytes:1048576",
           .to = "core_by_reference/bytes:65536",
           .limit = 1.1},
          // A round trip by copy makes four copies. Twice their time is memory's speed with what two caches exchange.
          {.what = "1 MiB there and back by copy, to four memcpys of it",
           .goal = "at memory speed: at most 2×",
           .arms = "core/bytes:1048576/placement:!same_cpu",
           .to = "memory_copy/memcpy/bytes:1048576",
           .limit = 2}},
     .advice = {{.work = "Small messages, both sides busy", .arms = "bytes:64/placement:other_core"},
                {.work = "Small messages, one processor", .arms = "bytes:64/placement:same_cpu"},
                {.work = "Messages of 1 MiB", .arms = "bytes:1048576/placement:other_core"}}},
    {.key = "queue_round_trip_slept",
     .title = "{bytes} there and back, the receiver asleep for 1 ms first",
     .operation = "round trip",
     .section = kMessages,
     .subject = kOurQueue,
     .waits = true,
     .comparisons =
         {{.name = "after a sleep", .arms = "bytes:64/placement:!same_cpu", .quick_ms = 70, .full_blocks = 2}},
     .peers = {{"ring", "bare ring"}, {"pipe", "pipe"}},
     .advice = {{.work = "Small messages after a pause", .arms = "bytes:64/placement:other_core"}}},
    {.key = "connection_round_trip", .view = View::kHidden},
    {.key = "connection_round_trip_slept", .view = View::kHidden},
    {.key = "queue_throughput",
     .unit = Unit::kPerSecond,
     .better = Better::kHigher,
     .title = "{bytes} one way, {producers} to {consumers}",
     .operation = "message",
     .section = kMessages,
     .subject = kOurQueue,
     .comparisons = {{.name = "64 B one way",
                      .arms = "bytes:64/placement:!same_cpu",
                      .quick_arms =
                          "bytes:64/placement:!same_cpu/producers:1|bytes:64/placement:!same_cpu/consumers:2"}},
     .peers = {{"ring", "bare ring"}, {"pipe", "pipe"}},
     .goals = {{.what = "64 B one way, {producers} to {consumers}, to the best peer",
                .goal = "at least 3×",
                .arms = "core/bytes:64",
                .to = "*",
                .limit = 3,
                .better = Better::kHigher}},
     .advice = {{.work = "A stream of small messages, 1 to 1",
                 .arms = "bytes:64/producers:1/consumers:1/placement:!same_cpu"},
                {.work = "A stream of small messages, 2 to 2",
                 .arms = "bytes:64/producers:2/consumers:2/placement:!same_cpu"}}},
    {.key = "process_create",
     .title = "Create a process and join it, {parent_mib}",
     .operation = "process created and joined",
     .section = kProcesses,
     .note = "A fork copies the parent's page tables, so its time grows with the parent. A forkserver's and "
             "posix_spawn's don't.",
     .median = false,  // A large parent's fork takes so long that a block holds too few for a median.
     .comparisons = {{.name = "creating processes",
                      // A large parent takes a second to fill: only those for which its size matters.
                      .arms = "parent_mib:0|fork/method:!vfork|core/method:!spawn",
                      .quick_blocks = 2,
                      .full_blocks = 2}},
     .peers = {{"fork/method:fork", "bare fork"}, {"fork/method:posix_spawn", "posix_spawn"}},
     .goals = {{.what = "Fork and join, {parent_mib}, to a bare fork",
                .goal = "within 5 %",
                .arms = "core/method:fork",
                .to = "fork",
                .limit = 1.05},
               {.what = "Forkserver, {parent_mib}, to a small parent",
                .goal = "independent of size: within 10 %",
                .arms = "core/method:forkserver/parent_mib:!0",
                .to = "core/parent_mib:0",
                .limit = 1.1}}},
    {.key = "lock_unlock",
     .title = "A lock acquired and released, uncontended",
     .operation = "acquire and release",
     .section = kSync,
     .subject = {"Regatta lock", "Python Lock"},
     .median = false,
     .comparisons = {{.name = "locks, events and queues alone", .quick_blocks = 5, .quick_ms = 20, .full_blocks = 4}},
     .peers = {{"pthread_robust", "robust mutex"}},
     .goals = {{.what = "Lock and unlock alone, to a robust pthread mutex",
                .goal = "no slower",
                .arms = "core",
                .to = "pthread_robust",
                .limit = 1}}},
    {.key = "event_set",
     .title = "An event set, its waiter woken, and an event back",
     .operation = "round trip",
     .section = kSync,
     .subject = {"Regatta event", "Python Event"},
     .comparisons = {{.name = "locks, events and queues alone"}}},
    {.key = "value_add",
     .title = "1 added to a shared number",
     .operation = "addition",
     .section = kSync,
     .subject = {"Regatta value", "Python Value"},
     .median = false,
     .comparisons = {{.name = "locks, events and queues alone"}}},
    {.key = "array_sum",
     .title = "The elements of an array added up",
     .operation = "element",
     .section = kSync,
     .subject = {"Regatta array", "Python Array"},
     .median = false,
     .comparisons = {{.name = "locks, events and queues alone"}},
     .peers = {{"plain", "plain array"}},
     .goals = {{.what = "Elements of an array through its span, to a plain array",
                .goal = "no slower",
                .arms = "core",
                .to = "plain",
                .limit = 1.05}}},
    {.key = "queue_turns",
     .title = "One thread uses queues in turn",
     .operation = "put and get",
     .section = kMany,
     .subject = kOurQueue,
     .median = false,
     .comparisons = {{.name = "locks, events and queues alone"}},
     .peers = {{"core/queues:1", "1 queue"}}},
    {.key = "queue_try_get",
     .title = "TryGet of an empty queue, by the number of threads that have put to it",
     .operation = "TryGet",
     .section = kMany,
     .subject = kOurQueue,
     .median = false,
     .comparisons = {{.name = "locks, events and queues alone"}},
     .peers = {{"core/producers:1", "1 producer"}}},
    {.key = "pool_getters",
     .title = "One task there and back for each of several threads of the submitter",
     .operation = "task",
     .section = kMany,
     .subject = kOurPool,
     .median = false,
     .comparisons = {{.name = "one task there and back"}},
     .peers = {{"core/threads:1", "1 thread"}}},
    {.key = "memory_copy",
     .view = View::kSizes,
     .title = "four memcpys, one process",
     .operation = "copy",
     .section = kPayload,
     .comparisons = {{.name = "messages of all sizes", .arms = "bytes:!64", .quick_arms = "bytes:1024,65536,1048576"}}},
    {.key = "queue_round_trip_pair",
     .view = View::kPairs,
     .title = "64 B there and back between every two processors",
     .operation = "round trip",
     .section = kPlacement,
     .subject = kOurQueue,
     .comparisons = {{.name = "64 B between every two processors", .quick_ms = 20}}},
    {.key = "queue_open_loop",
     .view = View::kTail,
     .title = "64 B one way",
     .operation = "message",
     .section = kTails,
     .subject = kOurQueue,
     .setup_ms = 80,
     .comparisons = {{.name = "latency under load",
                      .arms = "core,pipe,threads,cpython",
                      .quick_arms = "core/load:!50",
                      .quick_blocks = 2,
                      .quick_ms = 50,
                      .full_blocks = 2}}},
    {.key = "pool_open_loop",
     .view = View::kTail,
     .title = "an empty task, one worker",
     .operation = "task",
     .section = kTails,
     .subject = kOurPool,
     .setup_ms = 80,
     .comparisons = {{.name = "latency under load",
                      .arms = "core,pipe,threads,cpython",
                      .quick_arms = "core/load:!50"}}},
    {.key = "trust", .view = View::kHidden},
};

// The number of the row with this key, and the row. Without such a row they don't compile.
consteval size_t RowIndex(std::string_view key) {
  for (size_t i = 0; i < std::size(kBenchmarks); ++i) {
    if (kBenchmarks[i].key == key) return i;
  }
  throw "no row of the table of benchmarks has this key";
}
consteval const Benchmark& Row(std::string_view key) { return kBenchmarks[RowIndex(key)]; }

// The row with this key; null where there is none, as for results of another version.
const Benchmark* FindRow(std::string_view key);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_TABLE_BENCHMARKS_H_
