#include "bench/harness/cpu_time.h"

#include <dirent.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "bench/harness/throttling.h"
#include "core/os/deadline.h"
#include "core/os/error.h"

namespace regatta::bench {
namespace {

int64_t Nanos(const timeval& time) { return time.tv_sec * 1'000'000'000 + time.tv_usec * 1'000; }
int64_t Nanos(const timespec& time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; }

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

constexpr size_t kCpuField = 36;  // Of /proc/PID/stat, counted after the name.
// How far the ticks of /proc/stat may be off for one processor: they are cut to whole ones, by kind, at both ends.
constexpr double kTicksOff = 2;

struct Relation {
  pid_t parent = 0;
  pid_t group = 0;
  int cpu = -1;  // Where it last ran.
};

// Every process of the machine. One that ends meanwhile is left out.
absl::StatusOr<std::unordered_map<pid_t, Relation>> AllProcesses() {
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(opendir("/proc"), &closedir);
  if (proc == nullptr) return ErrnoError("opendir /proc");
  std::unordered_map<pid_t, Relation> all;
  while (const dirent* entry = readdir(proc.get())) {
    pid_t pid = 0;
    if (!absl::SimpleAtoi(entry->d_name, &pid)) continue;
    const std::string stat = FirstLine(absl::StrCat("/proc/", pid, "/stat"));
    // The name, in parentheses, may hold anything, even parentheses.
    const size_t name_end = stat.rfind(')');
    if (name_end == std::string::npos) continue;
    const std::vector<absl::string_view> fields =
        absl::StrSplit(absl::string_view(stat).substr(name_end + 1), ' ', absl::SkipEmpty());
    Relation relation;
    if (fields.size() > kCpuField && absl::SimpleAtoi(fields[1], &relation.parent) &&
        absl::SimpleAtoi(fields[2], &relation.group) && absl::SimpleAtoi(fields[kCpuField], &relation.cpu)) {
      all.emplace(pid, relation);
    }
  }
  return all;
}

bool IsBelow(const std::unordered_map<pid_t, Relation>& all, pid_t pid, pid_t top) {
  // Bounded, as the processes were not read at one instant: a reused number could close a circle.
  for (int steps = 0; steps < 64 && pid > 1; ++steps) {
    const auto found = all.find(pid);
    if (found == all.end()) return false;
    if (found->second.parent == top) return true;
    pid = found->second.parent;
  }
  return false;
}

std::optional<int64_t> CpuNanosOf(pid_t pid) {
  clockid_t clock;
  timespec time;
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0) return std::nullopt;
  return Nanos(time);
}

// Whether a process is of this one's family. This process's group only where it leads one: else the group is a shell's.
bool IsFamily(const std::unordered_map<pid_t, Relation>& all, pid_t pid, const Relation& relation) {
  const pid_t self = getpid();
  return pid == self || (getpgrp() == self && relation.group == self) || IsBelow(all, pid, self);
}

absl::StatusOr<int64_t> FamilyCpuNanosOf(const std::unordered_map<pid_t, Relation>& all) {
  int64_t sum = 0;
  for (const auto& [pid, relation] : all) {
    if (pid != getpid() && IsFamily(all, pid, relation)) sum += CpuNanosOf(pid).value_or(0);
  }
  rusage usage;
  if (getrusage(RUSAGE_CHILDREN, &usage) != 0) return ErrnoError("getrusage");
  sum += Nanos(usage.ru_utime) + Nanos(usage.ru_stime);
  timespec own;
  if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own) != 0) return ErrnoError("clock_gettime");
  return sum + Nanos(own);
}

// A number behind `name` in a file of lines "name : 12".
int64_t NumberIn(const std::string& path, absl::string_view name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(line, absl::MaxSplits(':', 1));
    int64_t number = 0;
    if (absl::StartsWith(parts.first, name) && absl::SimpleAtoi(parts.second, &number)) return number;
  }
  return 0;
}

void AddThreads(pid_t pid, bool with_switches, Usage& usage) {
  const std::string tasks = absl::StrCat("/proc/", pid, "/task");
  const std::unique_ptr<DIR, int (*)(DIR*)> threads(opendir(tasks.c_str()), &closedir);
  if (threads == nullptr) return;  // It has ended.
  while (const dirent* entry = readdir(threads.get())) {
    if (entry->d_name[0] == '.') continue;
    const std::string task = absl::StrCat(tasks, "/", entry->d_name);
    usage.migrations += NumberIn(task + "/sched", "se.nr_migrations");
    if (!with_switches) continue;
    usage.voluntary_switches += NumberIn(task + "/status", "voluntary_ctxt_switches");
    usage.involuntary_switches += NumberIn(task + "/status", "nonvoluntary_ctxt_switches");
  }
}

// Its own and those of children that it has reaped.
void AddFaults(pid_t pid, Usage& usage) {
  const std::string stat = FirstLine(absl::StrCat("/proc/", pid, "/stat"));
  const std::vector<absl::string_view> fields =
      absl::StrSplit(absl::string_view(stat).substr(stat.rfind(')') + 1), ' ', absl::SkipEmpty());
  int64_t faults[4] = {0, 0, 0, 0};  // minflt cminflt majflt cmajflt
  for (size_t i = 0; i < 4; ++i) {
    if (fields.size() <= 7 + i || !absl::SimpleAtoi(fields[7 + i], &faults[i])) return;
  }
  usage.minor_faults += faults[0] + faults[1];
  usage.major_faults += faults[2] + faults[3];
}

absl::Status AddOwn(Usage& usage) {
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage own;
    if (getrusage(who, &own) != 0) return ErrnoError("getrusage");
    usage.voluntary_switches += own.ru_nvcsw;
    usage.involuntary_switches += own.ru_nivcsw;
    usage.minor_faults += own.ru_minflt;
    usage.major_faults += own.ru_majflt;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Usage> FamilyUsage() {
  Usage usage;
  const absl::StatusOr<std::unordered_map<pid_t, Relation>> all = AllProcesses();
  if (!all.ok()) return all.status();
  for (const auto& [pid, relation] : *all) {
    if (!IsFamily(*all, pid, relation)) continue;
    const bool self = pid == getpid();
    AddThreads(pid, /*with_switches=*/!self, usage);
    if (!self) AddFaults(pid, usage);
  }
  if (absl::Status own = AddOwn(usage); !own.ok()) return own;
  return usage;
}

absl::StatusOr<int64_t> FamilyCpuNanos() {
  absl::StatusOr<std::unordered_map<pid_t, Relation>> all = AllProcesses();
  if (!all.ok()) return all.status();
  return FamilyCpuNanosOf(*all);
}

NoiseMeter::NoiseMeter(std::vector<int> cpus) : cpus_(std::move(cpus)) {
  self_begin_ = ReadSelf();
  self_begin_.throttled = ThrottleCount(cpus_);
  begin_ = Read();
}

NoiseMeter::Reading NoiseMeter::Read() const {
  Reading reading;
  reading.at_ns = MonotonicNanos();
  if (const auto all = AllProcesses(); all.ok()) {
    reading.family_ns = FamilyCpuNanosOf(*all).value_or(-1);
    for (const auto& [pid, relation] : *all) {
      if (IsFamily(*all, pid, relation)) continue;
      if (const auto nanos = CpuNanosOf(pid); nanos.has_value()) reading.others[pid] = {*nanos, relation.cpu};
    }
  }
  std::ifstream stat("/proc/stat");
  for (std::string line; std::getline(stat, line);) {
    // cpuN user nice system idle iowait irq softirq steal ...
    const std::vector<std::string> fields = absl::StrSplit(line, ' ', absl::SkipEmpty());
    int cpu = -1;
    if (fields.size() < 9 || !absl::StartsWith(fields[0], "cpu") ||
        !absl::SimpleAtoi(absl::StripPrefix(fields[0], "cpu"), &cpu) || !IsOurs(cpu)) {
      continue;
    }
    for (int i = 1; i <= 8; ++i) {
      int64_t ticks = 0;
      if (!absl::SimpleAtoi(fields[i], &ticks)) return reading;
      reading.total_ticks += ticks;
      if (i != 4 && i != 5 && i != 8) reading.busy_ticks += ticks;
      if (i == 8) reading.steal_ticks += ticks;
    }
    reading.known = true;
  }
  return reading;
}

Noise NoiseMeter::ReadSelf() {
  Noise noise;
  rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    noise.major_faults = usage.ru_majflt;
    noise.voluntary_switches = usage.ru_nvcsw;
    noise.involuntary_switches = usage.ru_nivcsw;
  }
  std::ifstream sched("/proc/self/sched");
  for (std::string line; std::getline(sched, line);) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(line, absl::MaxSplits(':', 1));
    int64_t migrations = 0;
    if (absl::StartsWith(parts.first, "se.nr_migrations") && absl::SimpleAtoi(parts.second, &migrations)) {
      noise.migrations = migrations;
    }
  }
  return noise;
}

bool NoiseMeter::IsOurs(int cpu) const { return std::find(cpus_.begin(), cpus_.end(), cpu) != cpus_.end(); }

// What processes that aren't ours used meanwhile: exactly, of those that are still there.
int64_t NoiseMeter::OthersNanos(const Reading& end) const {
  int64_t sum = 0;
  for (const auto& [pid, other] : end.others) {
    if (!IsOurs(other.cpu)) continue;
    const auto before = begin_.others.find(pid);
    // A number that was given anew belongs to a younger process.
    const bool known = before != begin_.others.end() && before->second.cpu_ns <= other.cpu_ns;
    sum += other.cpu_ns - (known ? before->second.cpu_ns : 0);
  }
  return sum;
}

Noise NoiseMeter::End() const {
  const Reading end = Read();
  Noise noise = ReadSelf();
  noise.throttled = ThrottleCount(cpus_);
  for (const auto member : {&Noise::migrations, &Noise::major_faults, &Noise::voluntary_switches,
                            &Noise::involuntary_switches, &Noise::throttled}) {
    std::optional<double>& count = noise.*member;
    const std::optional<double>& began = self_begin_.*member;
    count = count && began ? std::optional(*count - *began) : std::nullopt;
  }
  const double ticks = static_cast<double>(end.total_ticks - begin_.total_ticks);
  if (!begin_.known || !end.known || ticks <= 0) return noise;
  noise.steal_share = static_cast<double>(end.steal_ticks - begin_.steal_ticks) / ticks;
  if (end.family_ns < 0 || begin_.family_ns < 0) return noise;
  // Processes that ended meanwhile show only in the processors' ticks, which are coarse. Only what is certainly theirs
  // counts.
  const double tick_ns = 1e9 / static_cast<double>(sysconf(_SC_CLK_TCK));
  const double processors = static_cast<double>(cpus_.size());
  const double busy_ns = static_cast<double>(end.busy_ticks - begin_.busy_ticks) * tick_ns;
  const double ours_ns = static_cast<double>(end.family_ns - begin_.family_ns);
  const double surely_ns = busy_ns - ours_ns - kTicksOff * processors * tick_ns;
  const double foreign_ns = std::max(static_cast<double>(OthersNanos(end)), surely_ns);
  noise.foreign_cpu_share = foreign_ns / (static_cast<double>(end.at_ns - begin_.at_ns) * processors);
  return noise;
}

}  // namespace regatta::bench
