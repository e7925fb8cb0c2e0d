#include "core/topology/usable_cpus.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "core/topology/affinity.h"
#include "core/topology/read_file.h"

namespace regatta {
namespace {

constexpr double kNoQuota = std::numeric_limits<double>::infinity();

absl::Status Malformed(absl::string_view file, absl::string_view text) {
  return absl::DataLossError(absl::StrCat(file, " isn't in the kernel's format: \"", text, "\""));
}

absl::StatusOr<double> Ratio(absl::string_view file, absl::string_view quota, absl::string_view period) {
  int64_t quota_us = 0;
  int64_t period_us = 0;
  if (!absl::SimpleAtoi(quota, &quota_us) || !absl::SimpleAtoi(period, &period_us) || period_us <= 0) {
    return Malformed(file, absl::StrCat(quota, " ", period));
  }
  // v1 writes "none" as -1; a quota of zero can't be set.
  if (quota_us <= 0) return kNoQuota;
  return static_cast<double>(quota_us) / static_cast<double>(period_us);
}

// v2: "max 100000" or "150000 100000".
absl::StatusOr<double> UnifiedQuota(const std::string& folder) {
  const std::string file = absl::StrCat(folder, "/cpu.max");
  const absl::StatusOr<std::string> text = ReadFile(file);
  // The root has none, nor has a level where the controller is off.
  if (absl::IsNotFound(text.status())) return kNoQuota;
  if (!text.ok()) return text.status();
  const std::vector<absl::string_view> fields = absl::StrSplit(*text, absl::ByAnyChar(" \n"), absl::SkipEmpty());
  if (fields.size() != 2) return Malformed(file, *text);
  if (fields[0] == "max") return kNoQuota;
  return Ratio(file, fields[0], fields[1]);
}

absl::StatusOr<double> LegacyQuota(const std::string& folder) {
  const std::string file = absl::StrCat(folder, "/cpu.cfs_quota_us");
  const absl::StatusOr<std::string> quota = ReadFile(file);
  if (absl::IsNotFound(quota.status())) return kNoQuota;
  if (!quota.ok()) return quota.status();
  const absl::StatusOr<std::string> period = ReadFile(absl::StrCat(folder, "/cpu.cfs_period_us"));
  if (!period.ok()) return period.status();
  return Ratio(file, *quota, *period);
}

// A hierarchy that may carry CPU quotas, where it is mounted.
struct Mount {
  bool unified;
  std::string root;   // the cgroup that is mounted
  std::string point;  // where
};

// mountinfo writes space, tab, newline and backslash as \040 and so on.
std::string Unescape(absl::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    int code = 0;
    size_t digits = 0;
    while (text[i] == '\\' && digits < 3 && i + 1 + digits < text.size() && text[i + 1 + digits] >= '0' &&
           text[i + 1 + digits] <= '7') {
      code = code * 8 + (text[i + 1 + digits] - '0');
      ++digits;
    }
    plain.push_back(digits == 3 ? static_cast<char>(code) : text[i]);
    if (digits == 3) i += 3;
  }
  return plain;
}

// "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct"
absl::StatusOr<std::vector<Mount>> ParseMounts(absl::string_view mountinfo) {
  std::vector<Mount> mounts;
  for (absl::string_view line : absl::StrSplit(mountinfo, '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, ' ');
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (fields.size() < 5 || fields.end() - dash < 4) return Malformed("proc/self/mountinfo", line);
    const std::vector<absl::string_view> options = absl::StrSplit(dash[3], ',');
    const bool unified = dash[1] == "cgroup2";
    const bool legacy = dash[1] == "cgroup" && std::find(options.begin(), options.end(), "cpu") != options.end();
    if (unified || legacy) mounts.push_back({unified, Unescape(fields[3]), Unescape(fields[4])});
  }
  return mounts;
}

// The process's cgroup in v2 ("0::/path") or in v1's hierarchy with the cpu controller ("4:cpu,cpuacct:/path").
absl::StatusOr<std::optional<std::string>> ParseCgroup(absl::string_view cgroups, bool unified) {
  for (absl::string_view line : absl::StrSplit(cgroups, '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (fields.size() != 3 || !absl::StartsWith(fields[2], "/")) return Malformed("proc/self/cgroup", line);
    const std::vector<absl::string_view> controllers = absl::StrSplit(fields[1], ',');
    const bool matches = unified ? fields[0] == "0" && fields[1].empty()
                                 : std::find(controllers.begin(), controllers.end(), "cpu") != controllers.end();
    if (matches) return std::string(fields[2]);
  }
  return std::nullopt;
}

// The cgroup's path below the mount's root ("" for that itself); none if it isn't below. A root that begins with ".."
// lies above our cgroup namespace, thus above the process too; the names between are hidden, and the root itself is
// what is left.
std::optional<std::string> Below(absl::string_view cgroup, absl::string_view root) {
  if (absl::StartsWith(root, "/..")) return "";
  if (absl::StartsWith(cgroup, "/..")) return std::nullopt;
  if (root == "/") return std::string(cgroup == "/" ? "" : cgroup);
  if (!absl::ConsumePrefix(&cgroup, root) || !(cgroup.empty() || cgroup[0] == '/')) return std::nullopt;
  return std::string(cgroup);
}

}  // namespace

absl::StatusOr<double> CpuQuota(const std::string& root) {
  const absl::StatusOr<std::string> cgroups = ReadFile(absl::StrCat(root, "/proc/self/cgroup"));
  if (absl::IsNotFound(cgroups.status())) return kNoQuota;
  if (!cgroups.ok()) return cgroups.status();
  const absl::StatusOr<std::string> mountinfo = ReadFile(absl::StrCat(root, "/proc/self/mountinfo"));
  if (!mountinfo.ok()) return mountinfo.status();
  const absl::StatusOr<std::vector<Mount>> mounts = ParseMounts(*mountinfo);
  if (!mounts.ok()) return mounts.status();

  double least = kNoQuota;
  for (const Mount& mount : *mounts) {
    const absl::StatusOr<std::optional<std::string>> cgroup = ParseCgroup(*cgroups, mount.unified);
    if (!cgroup.ok()) return cgroup.status();
    if (!cgroup->has_value()) continue;
    std::optional<std::string> below = Below(**cgroup, mount.root);
    if (!below.has_value()) continue;
    // Any level on the way may set less than the one below it.
    while (true) {
      const std::string folder = absl::StrCat(root, mount.point, *below);
      const absl::StatusOr<double> quota = mount.unified ? UnifiedQuota(folder) : LegacyQuota(folder);
      if (!quota.ok()) return quota.status();
      least = std::min(least, *quota);
      if (below->empty()) break;
      below->resize(below->rfind('/'));
    }
  }
  return least;
}

int UsableCpus(int allowed, double quota) {
  const double rounded = std::ceil(quota);
  if (rounded < allowed) allowed = static_cast<int>(rounded);
  return std::max(allowed, 1);
}

int UsableCpus() {
  const absl::StatusOr<std::vector<int>> affinity = CurrentAffinity();
  const absl::StatusOr<double> quota = CpuQuota();
  return UsableCpus(affinity.ok() ? static_cast<int>(affinity->size()) : 1, quota.ok() ? *quota : kNoQuota);
}

}  // namespace regatta
