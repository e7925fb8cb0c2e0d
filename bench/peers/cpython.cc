#include "bench/peers/cpython.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "bench/harness/child_process.h"
#include "core/os/error.h"
#include "nlohmann/json.hpp"

namespace regatta::bench {
namespace {

using Json = nlohmann::json;

constexpr char kDriver[] =
#include "bench/peers/cpython_driver.inc"
    ;

constexpr int kNoPython = 127;

[[noreturn]] void BecomePython(const Fd& orders, const Fd& answers) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (dup2(orders.get(), STDIN_FILENO) < 0 || dup2(answers.get(), STDOUT_FILENO) < 0) _exit(4);
  std::signal(SIGPIPE, SIG_DFL);
  execlp("python3", "python3", "-I", "-c", kDriver, static_cast<char*>(nullptr));
  _exit(kNoPython);
}

// An answer of the driver's, or the error that it tells.
absl::StatusOr<Json> Parsed(const std::string& line) {
  Json answer = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!answer.is_object()) return absl::DataLossError(absl::StrCat("cpython said: ", line));
  if (answer.contains("error"))
    return absl::UnknownError(absl::StrCat("cpython: ", answer["error"].get<std::string>()));
  return answer;
}

}  // namespace

Availability CPythonAvailability() {
  Availability availability{.system = "cpython", .present = false, .version = "", .reason = ""};
  constexpr char kAsk[] =
      "python3 -I -c 'import multiprocessing.pool, platform; print(platform.python_version())' 2>&1";
  FILE* asked = popen(kAsk, "re");
  std::string said;
  if (asked != nullptr) {
    std::array<char, 256> piece;
    while (fgets(piece.data(), piece.size(), asked) != nullptr) said = piece.data();
    availability.present = pclose(asked) == 0;
  }
  const std::string last(absl::StripSuffix(said, "\n"));
  if (availability.present) {
    availability.version = last;
  } else {
    availability.reason =
        absl::StrCat("python3 with multiprocessing is not installed (apt-get install python3): ", last);
  }
  return availability;
}

absl::StatusOr<std::unique_ptr<Fixture>> CPython::Start(PartnerWatch& watch, const char* benchmark,
                                                        const std::vector<int>& cpus,
                                                        const std::vector<Argument>& arguments) {
  std::string request = absl::StrCat("{\"benchmark\":\"", benchmark, "\",\"cpus\":[", absl::StrJoin(cpus, ","), "]");
  for (const Argument& argument : arguments) absl::StrAppend(&request, ",\"", argument.name, "\":", argument.json);
  request += "}";
  absl::StatusOr<PipeEnds> orders = MakePipe();
  if (!orders.ok()) return orders.status();
  absl::StatusOr<PipeEnds> answers = MakePipe();
  if (!answers.ok()) return answers.status();
  const pid_t pid = fork();
  if (pid < 0) return ErrnoError("fork");
  if (pid == 0) BecomePython(orders->read, answers->write);

  std::unique_ptr<CPython> driver(new CPython);
  driver->pid_ = pid;
  driver->orders_ = std::move(orders->write);
  driver->answers_ = std::move(answers->read);
  answers->write.Reset();
  if (absl::Status announced = watch.Announce(pid, "python3"); !announced.ok()) return announced;
  if (absl::Status told = driver->Tell(request); !told.ok()) return told;
  absl::StatusOr<std::string> line = driver->Answer();
  if (!line.ok()) return line.status();
  absl::StatusOr<Json> ready = Parsed(*line);
  if (!ready.ok()) return ready.status();
  const Json partners = ready->value("partners", Json::array());
  for (const Json& partner : partners) {
    const std::string role = absl::StrCat("python3's ", partner.at(0).get<std::string>());
    if (absl::Status announced = watch.Announce(partner.at(1).get<int>(), role); !announced.ok()) return announced;
  }
  return driver;
}

CPython::~CPython() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  bench::Reap(pid_).IgnoreError();  // The caller doesn't need to know how it ended.
}

absl::Status CPython::Tell(const std::string& line) {
  const std::string text = line + "\n";
  for (size_t done = 0; done < text.size();) {
    const ssize_t put = write(orders_.get(), text.data() + done, text.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) {
      // It may have said why before it ended.
      absl::StatusOr<std::string> last = Answer();
      return last.ok() ? Parsed(*last).status() : last.status();
    }
    done += static_cast<size_t>(put);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> CPython::Answer() {
  for (;;) {
    if (const size_t end = unread_.find('\n'); end != std::string::npos) {
      std::string line = unread_.substr(0, end);
      unread_.erase(0, end + 1);
      return line;
    }
    std::array<char, 65536> piece;
    const ssize_t got = read(answers_.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoError("read from python3");
    if (got == 0) {
      const absl::Status ended = Reap();
      return ended.ok() ? absl::AbortedError("python3 ended before its answer") : ended;
    }
    unread_.append(piece.data(), static_cast<size_t>(got));
  }
}

absl::Status CPython::Reap() {
  const absl::StatusOr<Death> death = bench::Reap(std::exchange(pid_, -1));
  if (!death.ok()) return death.status();
  if (death->signal != 0) return DeathError("python3", *death);
  if (death->exit_code == kNoPython) return absl::NotFoundError("python3 can't be run (apt-get install python3)");
  if (death->exit_code != 0) return absl::AbortedError(absl::StrCat("python3 ended with code ", death->exit_code));
  return absl::OkStatus();
}

absl::Status CPython::Run(int64_t operations, Meter& meter) {
  meter.Begin();
  if (absl::Status told = Tell(absl::StrCat(operations)); !told.ok()) return told;
  absl::StatusOr<std::string> line = Answer();
  if (!line.ok()) return line.status();
  absl::StatusOr<Json> answer = Parsed(*line);
  if (!answer.ok()) return answer.status();
  const Json& said = *answer;
  if (!said.contains("operations") || !said.contains("samples_ns")) {
    return absl::DataLossError(absl::StrCat("cpython said: ", *line));
  }
  int64_t real_ns = 0;
  for (const Json& sample : said["samples_ns"]) real_ns += sample.get<int64_t>();
  meter.Measured(real_ns);
  meter.End(said["operations"].get<int64_t>());
  if (said.contains("latencies")) meter.AddLatencies(said["latencies"].get<std::vector<int64_t>>());
  const Json counters = said.value("counters", Json::object());
  for (const auto& [name, value] : counters.items()) meter.SetCounter(name, value.get<double>());
  const Json sweep = said.value("sweep", Json::array());
  for (const Json& point : sweep) {
    meter.AddSweepPoint({.target_ns = point.at(0).get<double>(),
                         .tasks = point.at(1).get<double>(),
                         .serial_ns = point.at(2).get<double>(),
                         .system_ns = point.at(3).get<double>()});
  }
  return absl::OkStatus();
}

absl::Status CPython::Finish() {
  orders_.Reset();
  absl::StatusOr<std::string> line = Answer();
  if (!line.ok()) return line.status();
  if (absl::StatusOr<Json> ended = Parsed(*line); !ended.ok()) return ended.status();
  return Reap();
}

}  // namespace regatta::bench
