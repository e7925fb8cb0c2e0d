// Every scenario of one topic (--topic=queue) on every system, with every start method that makes sense for it: a test case each,
// named system_method / id. The faulty core has one for each fault that the catalogue names, and there the scenario must fail.
#include "conformance/scenarios/scenario.h"

#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "conformance/judge/catalogue.h"
#include "conformance/judge/known_failures.h"
#include "conformance/judge/system.h"
#include "conformance/judge/testee.h"
#include "conformance/judge/verdict.h"
#include "gtest/gtest.h"

ABSL_FLAG(std::string, topic, "", "which scenarios: those whose id begins with this and a slash");

namespace regatta::conformance {
namespace {

// A fault may make it hang, which is a failure as good as another.
constexpr absl::Duration kPatienceWithFaults = absl::Seconds(3);

class Case : public testing::Test {
 public:
  explicit Case(std::function<void()> body) : body_(std::move(body)) {}
  void TestBody() override { body_(); }

 private:
  std::function<void()> body_;
};

void AddCase(const std::string& suite, const std::string& name, const std::function<void()>& body) {
  testing::RegisterTest(suite.c_str(), name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                        [body]() -> testing::Test* { return new Case(body); });
}

Verdict Run(const std::string& system, const Scenario& scenario, TesteeOrder order) {
  absl::StatusOr<std::vector<std::string>> command = CommandOf(system);
  if (!command.ok()) return Absent(command.status().ToString());
  order.command = *std::move(command);
  order.scenario = scenario.id;
  const absl::StatusOr<TesteeRun> run = RunTestee(order);
  if (!run.ok()) return Absent(run.status().ToString());
  return Judge(scenario.expectations, *run);
}

void AddCasesOf(const Scenario& scenario, const Record& record, const std::vector<KnownFailure>& known) {
  for (const std::string& method : record.methods) {
    for (const std::string system : {"core", "cpython"}) {
      const KnownFailure* failure = Find(known, system, method, scenario.id);
      AddCase(absl::StrCat(system, "_", method), scenario.id, [=] {
        const Verdict verdict = Run(system, scenario, {.method = method});
        if (const std::optional<std::string> surprise = Surprise(verdict, failure)) {
          FAIL() << scenario.id << " on " << system << " with " << method << "\n" << *surprise;
        }
      });
    }
    for (const std::string& fault : record.faults) {
      AddCase(absl::StrCat("broken_", method), absl::StrCat(scenario.id, "/", fault), [=] {
        const Verdict verdict =
            Run("broken", scenario, {.method = method, .fault = fault, .watchdog = kPatienceWithFaults});
        EXPECT_EQ(verdict.outcome, Outcome::kFailed)
            << scenario.id << " with " << method << " doesn't notice the fault " << fault << "\n"
            << verdict.Explanation();
        printf("caught by: %s\n", verdict.Message().c_str());
      });
    }
  }
}

int Main() {
  bool private_shared_memory = false;
  if (const absl::Status ready = PrepareToJudge(&private_shared_memory); !ready.ok()) {
    fprintf(stderr, "%s\n", ready.ToString().c_str());
    return 1;
  }
  if (!private_shared_memory) {
    printf("note: no /dev/shm of its own here, so what a testee leaves there is not looked at\n");
  }
  const absl::StatusOr<Catalogue> catalogue = ReadCatalogue();
  const absl::StatusOr<std::vector<KnownFailure>> known = ReadKnownFailures();
  for (const absl::Status& read : {catalogue.status(), known.status()}) {
    if (!read.ok()) {
      fprintf(stderr, "%s\n", read.ToString().c_str());
      return 1;
    }
  }
  for (const Scenario& scenario : AllScenarios()) {
    if (TopicOf(scenario.id) != absl::GetFlag(FLAGS_topic)) continue;
    for (const Record& record : catalogue->records) {
      if (record.id == scenario.id) AddCasesOf(scenario, record, *known);
    }
  }
  return RUN_ALL_TESTS();
}

}  // namespace
}  // namespace regatta::conformance

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  absl::ParseCommandLine(argc, argv);
  return regatta::conformance::Main();
}
