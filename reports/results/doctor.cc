#include "reports/results/doctor.h"

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "reports/results/members.h"
#include "reports/results/read_file.h"

namespace regatta::reports {
namespace {

using json = nlohmann::ordered_json;

constexpr std::string_view kSchema = "regatta.doctor";
constexpr int kVersion = 1;

}  // namespace

absl::StatusOr<Doctor> ReadDoctor(std::string_view text, std::string_view name) {
  const json object = json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  const auto refuse = [&](std::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": ", what, " (what can be read: what ./tools/bazel run //tools/doctor -- --json prints)"));
  };
  if (!object.is_object() || StringMember(object, "schema") != kSchema) {
    return refuse("not what the machine doctor found");
  }
  if (const int64_t version = WholeMember(object, "version", 0); version != kVersion) {
    return refuse(absl::StrCat("version ", version, ", where this program reads version ", kVersion, " only"));
  }
  const json& findings = Member(object, "findings");
  if (!findings.is_array()) return refuse("has no list of findings");
  Doctor doctor;
  for (const json& finding : findings) {
    doctor.findings.push_back({StringMember(finding, "id"), StringMember(finding, "severity"),
                               StringMember(finding, "seen"), StringMember(finding, "spoils"),
                               StringMember(finding, "remedy")});
  }
  doctor.json = object.dump(-1, ' ', false, json::error_handler_t::replace);
  return doctor;
}

absl::StatusOr<Doctor> ReadDoctorFile(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return text.status();
  return ReadDoctor(*text, path);
}

}  // namespace regatta::reports
