#include "bench/harness/key.h"

#include "absl/strings/str_cat.h"

namespace regatta::bench {

std::string Key::ToString() const {
  std::string text = benchmark;
  if (!workload.empty()) absl::StrAppend(&text, "/", workload);
  absl::StrAppend(&text, "/", system);
  for (const auto& [name, value] : fields) absl::StrAppend(&text, "/", name, ":", value);
  return text;
}

absl::string_view Key::Field(absl::string_view name) const {
  for (const auto& [field, value] : fields) {
    if (field == name) return value;
  }
  return "";
}

}  // namespace regatta::bench
