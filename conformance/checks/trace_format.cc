#include "conformance/checks/trace_format.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "nlohmann/json.hpp"

namespace regatta::conformance {
namespace {

// Keys stay in the order in which they are written.
using Json = nlohmann::ordered_json;

Json ToJson(const Value& value) {
  if (const std::optional<bool> is = value.truth()) return *is;
  if (const std::optional<int64_t> is = value.number()) return *is;
  if (const std::string* is = value.text()) return *is;
  return nullptr;
}

bool FitsInt64(const Json& json) {
  return json.is_number_integer() &&
         (!json.is_number_unsigned() ||
          json.get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max()));
}

absl::StatusOr<Value> ToValue(const Json& json) {
  if (json.is_null()) return Value();
  if (json.is_boolean()) return Value(json.get<bool>());
  if (FitsInt64(json)) return Value(json.get<int64_t>());
  if (json.is_string()) return Value(json.get<std::string>());
  return absl::DataLossError(
      absl::StrCat("a value must be null, a truth, a whole number of 64 bits or a text, not ", json.dump()));
}

absl::Status Read(const Json& line, const char* key, int64_t& number) {
  if (!line.contains(key)) return absl::DataLossError(absl::StrCat("there is no \"", key, "\""));
  if (!FitsInt64(line[key])) return absl::DataLossError(absl::StrCat("\"", key, "\" is not a whole number of 64 bits"));
  number = line[key].get<int64_t>();
  return absl::OkStatus();
}

absl::Status Read(const Json& line, const char* key, std::string& text) {
  if (!line.contains(key)) return absl::DataLossError(absl::StrCat("there is no \"", key, "\""));
  if (!line[key].is_string()) return absl::DataLossError(absl::StrCat("\"", key, "\" is not a text"));
  text = line[key].get<std::string>();
  return absl::OkStatus();
}

absl::StatusOr<Event> ToEvent(absl::string_view text) {
  const Json line = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!line.is_object()) return absl::DataLossError("not a JSON object");
  for (const auto& [key, unused] : line.items()) {
    if (key != "begin" && key != "end" && key != "pid" && key != "actor" && key != "kind" && key != "values" &&
        key != "error") {
      return absl::DataLossError(absl::StrCat("\"", key, "\" is no key of an event"));
    }
  }
  Event event;
  int64_t pid = 0;
  absl::Status read = Read(line, "begin", event.begin);
  read.Update(Read(line, "end", event.end));
  read.Update(Read(line, "pid", pid));
  read.Update(Read(line, "actor", event.actor));
  read.Update(Read(line, "kind", event.kind));
  if (line.contains("error")) read.Update(Read(line, "error", event.error));
  if (!read.ok()) return read;
  if (event.begin < 0 || event.end < event.begin) return absl::DataLossError("\"end\" is before \"begin\"");
  if (pid <= 0 || pid > std::numeric_limits<int32_t>::max()) return absl::DataLossError("\"pid\" is no process's");
  if (event.actor.empty() || event.kind.empty()) return absl::DataLossError("\"actor\" or \"kind\" is empty");
  event.pid = static_cast<int32_t>(pid);
  if (line.contains("values")) {
    if (!line["values"].is_array()) return absl::DataLossError("\"values\" is not a list");
    for (const Json& element : line["values"]) {
      absl::StatusOr<Value> value = ToValue(element);
      if (!value.ok()) return value.status();
      event.values.push_back(*std::move(value));
    }
  }
  return event;
}

}  // namespace

absl::StatusOr<std::string> FormatEvent(const Event& event) {
  Json line = {{"begin", event.begin}, {"end", event.end},   {"pid", event.pid},
               {"actor", event.actor}, {"kind", event.kind}, {"values", Json::array()}};
  for (const Value& value : event.values) line["values"].push_back(ToJson(value));
  if (!event.error.empty()) line["error"] = event.error;
  // What isn't UTF-8 is replaced here, and told by that.
  std::string text = line.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (absl::StatusOr<Event> again = ToEvent(text); !again.ok() || *again != event) {
    return absl::InvalidArgumentError(again.ok() ? "a text of the event isn't UTF-8"
                                                 : absl::StrCat("no event: ", again.status().message()));
  }
  text.push_back('\n');
  if (text.size() > kMaxTraceLine) {
    return absl::InvalidArgumentError(absl::StrCat("an event of ", text.size(), " bytes is longer than a line may be, ",
                                                   kMaxTraceLine, ": say less, or in several events"));
  }
  return text;
}

absl::StatusOr<Trace> ParseTrace(absl::string_view text) {
  Trace trace;
  int number = 0;
  while (!text.empty()) {
    ++number;
    const size_t end = text.find('\n');
    if (end == text.npos) return absl::DataLossError(absl::StrCat("line ", number, ": it has no end"));
    if (end + 1 > kMaxTraceLine) {
      return absl::DataLossError(absl::StrCat("line ", number, ": it is longer than ", kMaxTraceLine, " bytes"));
    }
    absl::StatusOr<Event> event = ToEvent(text.substr(0, end));
    if (!event.ok()) return absl::DataLossError(absl::StrCat("line ", number, ": ", event.status().message()));
    trace.events.push_back(*std::move(event));
    text.remove_prefix(end + 1);
  }
  std::stable_sort(trace.events.begin(), trace.events.end(),
                   [](const Event& a, const Event& b) { return a.begin < b.begin; });
  return trace;
}

}  // namespace regatta::conformance
