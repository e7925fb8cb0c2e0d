#include "core/topology/affinity.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <iterator>
#include <memory>

#include "absl/strings/str_cat.h"
#include "core/os/cpu.h"
#include "core/os/error.h"

namespace regatta {
namespace {

// Above what any kernel can be built for (8,192), and small enough to allocate without thought.
constexpr int kMaxCpus = 1 << 16;
constexpr int kUsualCpus = 1024;

// A set of processors as the kernel takes it, of any size: glibc's cpu_set_t ends at 1,024.
class Mask {
 public:
  explicit Mask(int size) : bytes_(CPU_ALLOC_SIZE(size)), set_(CPU_ALLOC(size)) { CPU_ZERO_S(bytes_, set_.get()); }

  void Add(int cpu) { CPU_SET_S(static_cast<size_t>(cpu), bytes_, set_.get()); }
  int size() const { return static_cast<int>(bytes_ * 8); }
  bool Get(pid_t pid) { return sched_getaffinity(pid, bytes_, set_.get()) == 0; }
  bool Set(pid_t pid) const { return sched_setaffinity(pid, bytes_, set_.get()) == 0; }
  std::vector<int> Cpus() const {
    std::vector<int> cpus;
    for (int cpu = 0; cpu < size(); ++cpu) {
      if (CPU_ISSET_S(static_cast<size_t>(cpu), bytes_, set_.get())) cpus.push_back(cpu);
    }
    return cpus;
  }

 private:
  struct Free {
    void operator()(cpu_set_t* set) const { CPU_FREE(set); }
  };
  size_t bytes_;
  std::unique_ptr<cpu_set_t, Free> set_;
};

// `pid` 0 is the calling thread.
std::string Who(pid_t pid) { return pid == 0 ? "this thread" : absl::StrCat("process ", pid); }

absl::Status CallError(absl::string_view call, pid_t pid) {
  const int error_number = errno;
  if (error_number == ESRCH) {
    return absl::NotFoundError(
        absl::StrCat("there is no process ", pid, ": it has ended and was reaped, or never was"));
  }
  return ErrnoError(absl::StrCat(call, " of ", Who(pid)), error_number);
}

absl::StatusOr<Mask> GetMask(pid_t pid) {
  // EINVAL: the kernel's own set is larger than ours.
  for (int size = kUsualCpus; size <= kMaxCpus; size *= 2) {
    Mask mask(size);
    if (mask.Get(pid)) return mask;
    if (errno != EINVAL) break;
  }
  return CallError("sched_getaffinity", pid);
}

// What the cpuset allows, whatever the affinity is now: the kernel cuts a request for all down to that.
absl::StatusOr<std::vector<int>> Widest(pid_t pid) {
  Mask all(kMaxCpus);
  for (int cpu = 0; cpu < all.size(); ++cpu) all.Add(cpu);
  if (!all.Set(pid)) return CallError("sched_setaffinity", pid);
  absl::StatusOr<Mask> got = GetMask(pid);
  if (!got.ok()) return got.status();
  return got->Cpus();
}

absl::Status NotAllowed(pid_t pid, const std::vector<int>& wanted, const std::vector<int>& allowed) {
  std::vector<int> missing;
  std::set_difference(wanted.begin(), wanted.end(), allowed.begin(), allowed.end(), std::back_inserter(missing));
  return absl::InvalidArgumentError(
      absl::StrCat("can't pin ", Who(pid), " to processor ", FormatCpus(wanted), ": ", FormatCpus(missing),
                   missing.size() == 1 ? " doesn't exist, is offline or lies" : " don't exist, are offline or lie",
                   " outside its cpuset; allowed: ", FormatCpus(allowed)));
}

absl::Status Pin(pid_t pid, std::vector<int> cpus) {
  if (cpus.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("can't pin ", Who(pid), " to no processor: name at least one"));
  }
  std::sort(cpus.begin(), cpus.end());
  cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());

  const absl::StatusOr<Mask> before = GetMask(pid);
  if (!before.ok()) return before.status();
  if (cpus.front() >= 0 && cpus.back() < kMaxCpus) {
    Mask wanted(std::max(kUsualCpus, cpus.back() + 1));
    for (int cpu : cpus) wanted.Add(cpu);
    if (wanted.Set(pid)) {
      // The kernel silently leaves out what isn't allowed, as long as something is left.
      const absl::StatusOr<Mask> got = GetMask(pid);
      if (!got.ok()) return got.status();
      if (got->Cpus() == cpus) return absl::OkStatus();
    } else if (errno == EPERM) {
      return absl::PermissionDeniedError(
          absl::StrCat("no permission to pin ", Who(pid), " to processor ", FormatCpus(cpus),
                       ": it needs the same user or CAP_SYS_NICE, and a sandbox may forbid it; allowed: ",
                       FormatCpus(before->Cpus()), "; or run without pinning"));
    } else if (errno != EINVAL) {
      return CallError("sched_setaffinity", pid);
    }
  }
  const absl::StatusOr<std::vector<int>> allowed = Widest(pid);
  if (!before->Set(pid)) return CallError("sched_setaffinity (to restore)", pid);
  if (!allowed.ok()) return allowed.status();
  return NotAllowed(pid, cpus, *allowed);
}

absl::Status CheckPid(pid_t pid) {
  if (pid > 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("no process has the number ", pid, ": give the pid of a child"));
}

}  // namespace

absl::StatusOr<std::vector<int>> CurrentAffinity() {
  const absl::StatusOr<Mask> mask = GetMask(0);
  if (!mask.ok()) return mask.status();
  return mask->Cpus();
}

absl::StatusOr<std::vector<int>> AffinityOf(pid_t pid) {
  absl::Status valid = CheckPid(pid);
  if (!valid.ok()) return valid;
  const absl::StatusOr<Mask> mask = GetMask(pid);
  if (!mask.ok()) return mask.status();
  return mask->Cpus();
}

absl::Status PinThisThread(const std::vector<int>& cpus) { return Pin(0, cpus); }

absl::Status PinProcess(pid_t pid, const std::vector<int>& cpus) {
  absl::Status valid = CheckPid(pid);
  return valid.ok() ? Pin(pid, cpus) : valid;
}

int CurrentCpu() { return static_cast<int>(CurrentProcessor()); }

std::string FormatCpus(std::vector<int> cpus) {
  std::sort(cpus.begin(), cpus.end());
  cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
  if (cpus.empty()) return "none";
  std::string text;
  for (size_t i = 0; i < cpus.size();) {
    size_t last = i;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
    absl::StrAppend(&text, text.empty() ? "" : ",", cpus[i]);
    if (last > i) absl::StrAppend(&text, "-", cpus[last]);
    i = last + 1;
  }
  return text;
}

}  // namespace regatta
