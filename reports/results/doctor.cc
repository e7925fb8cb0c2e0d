#include "reports/results/doctor.h"

#include "absl/strings/str_cat.h"
#include "reports/results/read_file.h"
#include "tools/json/members.h"

namespace regatta::reports {
namespace {

constexpr std::string_view kSchema = "regatta.doctor";
constexpr int kVersion = 1;

}  // namespace

absl::StatusOr<Doctor> ReadDoctor(std::string_view text, std::string_view name) {
  const Json object = ParseJson(text);
  const auto refuse = [&](std::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": ", what, " (what can be read: what ./tools/bazel run //tools/doctor -- --json prints)"));
  };
  if (!object.is_object() || MemberOr<std::string>(object, "schema", "") != kSchema) {
    return refuse("not what the machine doctor found");
  }
  if (const int64_t version = MemberOr<int64_t>(object, "version", 0); version != kVersion) {
    return refuse(absl::StrCat("version ", version, ", where this program reads version ", kVersion, " only"));
  }
  Doctor doctor;
  if (!FromJson(Member(object, "findings"), doctor.findings)) return refuse("has no list of findings");
  doctor.json = JsonLine(object);
  return doctor;
}

absl::StatusOr<Doctor> ReadDoctorFile(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return text.status();
  return ReadDoctor(*text, path);
}

}  // namespace regatta::reports
