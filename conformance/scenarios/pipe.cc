// Pipes: what crosses them, and how they end.
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "conformance/checks/counting.h"
#include "conformance/checks/events.h"
#include "conformance/checks/ordering.h"
#include "conformance/checks/outcome.h"
#include "conformance/scenarios/scenario.h"
#include "conformance/systems/core/recorder.h"
#include "conformance/systems/core/subject/connection.h"
#include "conformance/systems/core/subject/process.h"
#include "core/os/deadline.h"

namespace regatta::conformance {
namespace {

using subject::Connection;
using subject::Process;

void Send(Connection end, const std::string& actor, const std::string& text) {
  Record(actor, "send", {text}, [&] { return end.Send(text); }).IgnoreError();  // In the trace.
}
std::string Receive(Connection end, const std::string& actor, const std::string& kind = "receive") {
  return Record(actor, kind, {}, [&] { return end.Recv(); }).value_or("");
}
void Poll(Connection end, const std::string& kind, Deadline deadline) {
  Record("main", kind, {}, [&] { return end.Poll(deadline); }).IgnoreError();  // In the trace.
}
void Line(const std::string& actor, const std::string& text) { Tell(actor, "line", {text}); }

void SendAndReceive(Connection end) {
  Line("child", "sends");
  Send(end, "child", "hello, parent");
  Line("child", "receives");
  Line("child", Receive(end, "child"));
  end.Close();
}

// The document's listing, with its seven lines.
void PlayDuplex(StartMethod method) {
  auto [first, second] = Must(Connection::Pipe(PipeKind::kDuplex));
  Process child = Must(Process::Start({.method = method}, &SendAndReceive, second));
  Line("main", "receives");
  Line("main", Receive(first, "main"));
  Line("main", "sends");
  Send(first, "main", "hello, child");
  TellExit("child", child.Join());
  Line("main", "ends");
}

void SendOne(Connection end) { Send(end, "child", "one way"); }

void PlayOneWay(StartMethod method) {
  auto [reader, writer] = Must(Connection::Pipe(PipeKind::kOneWay));
  Process child = Must(Process::Start({.method = method}, &SendOne, writer));
  Receive(reader, "main");
  TellExit("child", child.Join());
  Record("main", "wrong send", {}, [&, &reader = reader] { return reader.Send("wrong"); }).IgnoreError();
  // In a broken one a message must be there, or this would wait for ever.
  if (reader.Send("wrong").ok()) Receive(writer, "main", "wrong receive");
  Record("main", "wrong receive", {}, [&, &writer = writer] { return writer.Poll(Deadline::Now()); }).IgnoreError();
}

void SendLast(Connection end) {
  Send(end, "child", "last");
  Send(end, "child", "");
}

// The child sends, and ends; nobody else has its end.
void PlayClosed(StartMethod method) {
  auto [first, second] = Must(Connection::Pipe(PipeKind::kDuplex));
  Process child = Must(Process::Start({.method = method}, &SendLast, second));
  second.Close();
  Receive(first, "main");
  Receive(first, "main");
  TellExit("child", child.Join());
  Poll(first, "poll at the end", Deadline::Now());
  Receive(first, "main", "receive at the end");
  Receive(first, "main", "receive at the end");
  Record("main", "send at the end", {}, [&, &first = first] { return first.Send("too late"); }).IgnoreError();
}

void SendAndWait(Connection end) {
  Send(end, "child", "alive");
  for (;;) pause();
}

// The child is killed; its parent never used its own copy of the child's end, and has forgotten to close it.
void PlayKeptEnd(StartMethod method) {
  auto [first, second] = Must(Connection::Pipe(PipeKind::kDuplex));
  Process child = Must(Process::Start({.method = method}, &SendAndWait, second));
  Receive(first, "main");
  Poll(first, "poll before", Deadline::Now());
  Must(child.Kill());
  TellExit("child", child.Join());
  Poll(first, "poll after the death", Deadline::After(absl::Seconds(2)));
}

}  // namespace

std::vector<Scenario> PipeScenarios() {
  const Events lines("line");
  const Events by_child = Events("receive").By("child");
  const Events by_main = Events("receive").By("main");
  const Events wrong_receive("wrong receive");
  return {
      {.id = "pipe/duplex",
       .expectations = {Sequence(lines.By("child"), {{"sends"}, {"receives"}, {"hello, child"}}),
                        Sequence(lines.By("main"), {{"receives"}, {"hello, parent"}, {"sends"}, {"ends"}}),
                        Before(lines.By("child").With({"sends"}), lines.By("main").With({"hello, parent"})),
                        Before(lines.By("main").With({"sends"}), lines.By("child").With({"hello, child"})),
                        Before(lines.By("child").With({"hello, child"}), lines.By("main").With({"ends"})),
                        Succeeds(Events("send")), EndsWith("child", 0)},
       .play = &PlayDuplex},
      {.id = "pipe/one-way",
       .expectations = {Sequence(by_main.Ok(), {{"one way"}}), EndsWith("child", 0),
                        FailsWith(Events("wrong send"), "misuse"), FailsWith(wrong_receive, "misuse")},
       .play = &PlayOneWay},
      {.id = "pipe/closed",
       .expectations = {Sequence(by_main.Ok(), {{"last"}, {""}}), EndsWith("child", 0),
                        Sequence(Events("poll at the end"), Single({true})), Exactly(2, Events("receive at the end")),
                        FailsWith(Events("receive at the end"), "end_of_file"),
                        FailsWith(Events("send at the end"), "end_of_file")},
       .play = &PlayClosed},
      {.id = "pipe/kept-end",
       .expectations = {Sequence(by_main.Ok(), {{"alive"}}), EndsWith("child", -9),
                        Sequence(Events("poll before"), Single({false})),
                        Sequence(Events("poll after the death"), Single({true}))},
       .play = &PlayKeptEnd},
  };
}

}  // namespace regatta::conformance
