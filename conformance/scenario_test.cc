// Every scenario of one topic (--topic=queue) on every system, with every start method that makes sense for it: a test
// case each, named system_method.id. The faulty core has one for each fault that the catalogue names, and there the
// scenario must fail.
#include "conformance/scenarios/scenario.h"

#include <cstdio>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "conformance/judge/case.h"
#include "conformance/judge/catalogue.h"
#include "conformance/judge/known_failures.h"
#include "conformance/judge/system.h"
#include "conformance/judge/testee.h"
#include "gtest/gtest.h"

ABSL_FLAG(std::string, topic, "", "which scenarios: those whose id begins with this and a slash");

namespace regatta::conformance {
namespace {

class ScenarioTest : public testing::Test {
 public:
  explicit ScenarioTest(std::function<void()> body) : body_(std::move(body)) {}
  void TestBody() override { body_(); }

 private:
  std::function<void()> body_;
};

void Check(const Case& one, const std::vector<KnownFailure>& known) {
  const CaseResult result = RunCase(one, known);
  EXPECT_TRUE(result.standing != Standing::kSurprise && result.standing != Standing::kAbsent)
      << one.name() << ": " << StandingName(result.standing) << "\n"
      << result.why;
  if (result.standing == Standing::kCaught) printf("caught by: %s\n", result.verdict.Message().c_str());
}

absl::Status RegisterAll() {
  bool private_shared_memory = false;
  if (absl::Status ready = PrepareToJudge(&private_shared_memory); !ready.ok()) return ready;
  if (!private_shared_memory) {
    printf("note: no /dev/shm of its own here, so what a testee leaves there is not looked at\n");
  }
  absl::StatusOr<Catalogue> catalogue = ReadCatalogue();
  if (!catalogue.ok()) return catalogue.status();
  absl::StatusOr<std::vector<KnownFailure>> known = ReadKnownFailures();
  if (!known.ok()) return known.status();
  for (const std::string name : {"core", "cpython", "broken"}) {
    absl::StatusOr<std::vector<std::string>> command = CommandOf(name);
    if (!command.ok()) return command.status();
    for (const Case& one : CasesOf({name, *command, name == "broken"}, AllScenarios(), *catalogue)) {
      if (TopicOf(one.scenario.id) != absl::GetFlag(FLAGS_topic)) continue;
      testing::RegisterTest(
          one.suite().c_str(), one.name_in_suite().c_str(), nullptr, nullptr, __FILE__, __LINE__,
          [one, known = *known]() -> testing::Test* { return new ScenarioTest([one, known] { Check(one, known); }); });
    }
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace regatta::conformance

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  absl::ParseCommandLine(argc, argv);
  if (const absl::Status ready = regatta::conformance::RegisterAll(); !ready.ok()) {
    fprintf(stderr, "%s\n", ready.ToString().c_str());
    return 1;
  }
  return RUN_ALL_TESTS();
}
