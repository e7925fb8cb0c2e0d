#include "reports/sections/results_builder.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace regatta::reports {
namespace {

ArmInfo SplitKey(const std::string& key) {
  ArmInfo arm;
  arm.key = key;
  arm.state = "ready";
  const std::vector<std::string> parts = absl::StrSplit(key, '/');
  arm.benchmark = parts[0];
  size_t next = 1;
  if (arm.benchmark == "workload") arm.workload = parts[next++];
  arm.system = parts[next++];
  for (; next < parts.size(); ++next) {
    const std::vector<std::string> field = absl::StrSplit(parts[next], absl::MaxSplits(':', 1));
    arm.fields[field[0]] = field[1];
  }
  return arm;
}

struct BlockWords {
  std::string& words;

  void operator()(const Paragraph& block) const { absl::StrAppend(&words, block.text.Plain(), "\n"); }
  void operator()(const Lead& block) const {
    for (const Text& sentence : block.sentences) absl::StrAppend(&words, sentence.Plain(), "\n");
  }
  void operator()(const Bullets& block) const {
    for (const Text& item : block.items) absl::StrAppend(&words, item.Plain(), "\n");
  }
  void operator()(const Callout& block) const { absl::StrAppend(&words, block.text.Plain(), "\n"); }
  void operator()(const Table& block) const {
    absl::StrAppend(&words, block.caption, "\n");
    for (const std::vector<Cell>& row : block.rows) {
      for (const Cell& cell : row) absl::StrAppend(&words, cell.text.Plain(), " | ");
      words += "\n";
    }
  }
  void operator()(const Figure& block) const { absl::StrAppend(&words, "figure ", block.name, "\n"); }
  void operator()(const Listing& block) const { absl::StrAppend(&words, block.text, "\n"); }
};

}  // namespace

ResultsBuilder::ResultsBuilder() { NextInvocation(); }

ResultsBuilder& ResultsBuilder::NextInvocation() {
  Invocation invocation;
  invocation.id = absl::StrCat(results_.invocations.size());
  invocation.context.processors = 2;
  invocation.context.allowed_cpus = {0, 1};
  results_.invocations.push_back(std::move(invocation));
  return *this;
}

ResultsBuilder& ResultsBuilder::Arm(const std::string& key) {
  std::vector<ArmInfo>& arms = results_.invocations.back().arms;
  const bool known = std::any_of(arms.begin(), arms.end(), [&](const ArmInfo& arm) { return arm.key == key; });
  if (!known) arms.push_back(SplitKey(key));
  return *this;
}

ResultsBuilder& ResultsBuilder::Absent(const std::string& key, const std::string& reason) {
  ArmInfo arm = SplitKey(key);
  arm.state = "absent";
  arm.reason = reason;
  results_.invocations.back().arms.push_back(std::move(arm));
  return *this;
}

Record& ResultsBuilder::AddRecord(const std::string& key, int64_t block, const std::string& state) {
  Record record;
  record.key = key;
  record.block = block;
  record.status = "ok";
  record.verified = true;
  record.machine_state = state;
  return results_.invocations.back().records.emplace_back(std::move(record));
}

ResultsBuilder& ResultsBuilder::Times(const std::string& key, const std::vector<double>& values,
                                      const std::string& state) {
  Arm(key);
  for (size_t i = 0; i < values.size(); ++i) {
    Record& record = AddRecord(key, static_cast<int64_t>(i), state);
    record.operations = 1e9;  // So many that no time is too short to be believed.
    record.real_ns = values[i] * *record.operations;
    record.counters = {{"p50_ns", values[i]}, {"items_per_second", 1e9 / values[i]}};
  }
  return *this;
}

ResultsBuilder& ResultsBuilder::Sweep(const std::string& key, const std::vector<SweepPoint>& points, int blocks,
                                      const std::string& state) {
  Arm(key);
  for (int block = 0; block < blocks; ++block) {
    Record& record = AddRecord(key, block, state);
    record.sweep = points;
    record.processors_used = 2;
  }
  return *this;
}

std::string Words(const Section& section) {
  std::string words;
  for (const Block& block : section.blocks) std::visit(BlockWords{words}, block);
  // Spaces that don't break read like any other here.
  for (size_t at = words.find("\u00a0"); at != std::string::npos; at = words.find("\u00a0")) words.replace(at, 2, " ");
  return words;
}

}  // namespace regatta::reports
