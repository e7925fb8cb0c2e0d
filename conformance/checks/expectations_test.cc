// Each expectation on a trace on which it holds, and on those on which it must not.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/time/time.h"
#include "conformance/checks/counting.h"
#include "conformance/checks/events.h"
#include "conformance/checks/expectation.h"
#include "conformance/checks/ordering.h"
#include "conformance/checks/outcome.h"
#include "conformance/checks/trace.h"
#include "gtest/gtest.h"

namespace regatta::conformance {
namespace {

Event At(int64_t begin, int64_t end, std::string actor, std::string kind, Values values = {}, std::string error = "",
         int32_t pid = 1) {
  return {.begin = begin,
          .end = end,
          .pid = pid,
          .actor = std::move(actor),
          .kind = std::move(kind),
          .values = std::move(values),
          .error = std::move(error)};
}

Trace Of(std::vector<Event> events) {
  return {.events = std::move(events), .standard_output = "", .standard_error = ""};
}

void Holds(const Expectation& expectation, std::vector<Event> events) {
  const std::optional<Failure> failure = expectation.Against(Of(std::move(events)));
  EXPECT_FALSE(failure.has_value()) << failure->headline << " (" << failure->detail << ")";
}

// And the headline is this.
void Fails(const Expectation& expectation, std::vector<Event> events, const std::string& headline) {
  const std::optional<Failure> failure = expectation.Against(Of(std::move(events)));
  ASSERT_TRUE(failure.has_value()) << expectation.says();
  EXPECT_EQ(failure->headline, headline);
}

const Events kPut("put");
const Events kGet("get");

TEST(Events, ChooseByKindActorValuesAndError) {
  const Trace trace =
      Of({At(1, 1, "a", "put", {1, "x"}), At(2, 2, "b", "put", {1}, "full"), At(3, 3, "a", "get", {1})});
  EXPECT_EQ(kPut.In(trace).size(), 2u);
  EXPECT_EQ(kPut.By("a").In(trace).size(), 1u);
  EXPECT_EQ(kPut.With({1}).In(trace).size(), 2u);
  EXPECT_EQ(kPut.With({1, "x"}).In(trace).size(), 1u);
  EXPECT_EQ(kPut.With({2}).In(trace).size(), 0u);
  EXPECT_EQ(kPut.Ok().In(trace).size(), 1u);
  EXPECT_EQ(kPut.Failed("full").In(trace).size(), 1u);
  EXPECT_EQ(kPut.Failed("empty").In(trace).size(), 0u);
  EXPECT_EQ(kPut.With({1}).By("b").Failed("full").name(), "put [1] by b that failed (full)");
}

TEST(Before, HoldsWhereTheLastOfTheFirstEndsBeforeAnyOfTheSecondBegins) {
  const Expectation before = Before(kPut, kGet);
  Holds(before, {At(1, 2, "a", "put"), At(1, 3, "a", "put"), At(4, 5, "b", "get")});
  const std::string not_so = "each put ends before any get begins: it is not so";
  Fails(before, {At(1, 2, "a", "put"), At(1, 4, "a", "put"), At(4, 5, "b", "get")}, not_so);
  Fails(before, {At(1, 2, "a", "put"), At(9, 9, "a", "put"), At(4, 5, "b", "get")}, not_so);
  Fails(before, {At(4, 5, "b", "get")}, "each put ends before any get begins: there is no put");
  Fails(before, {At(4, 5, "b", "put")}, "each put ends before any get begins: there is no get");
}

TEST(AtMostAtOnce, CountsCertainOverlapsOnly) {
  const Expectation alone = AtMostAtOnce(kPut, 1);
  Holds(alone, {});
  Holds(alone, {At(1, 2, "a", "put"), At(2, 3, "b", "put")});
  Holds(alone, {At(1, 5, "a", "put"), At(2, 2, "b", "put"), At(2, 4, "b", "get")});
  Fails(alone, {At(1, 5, "a", "put"), At(4, 6, "b", "put")}, "at most 1 of put at once: more overlap");
  Holds(AtMostAtOnce(kPut, 2), {At(1, 5, "a", "put"), At(4, 6, "b", "put"), At(5, 7, "c", "put")});
  Fails(AtMostAtOnce(kPut, 2), {At(1, 6, "a", "put"), At(4, 6, "b", "put"), At(5, 7, "c", "put")},
        "at most 2 of put at once: more overlap");
}

TEST(Together, WantsAMomentWithAllOfThem) {
  Holds(Together(kPut, 2), {At(1, 5, "a", "put"), At(4, 6, "b", "put")});
  Fails(Together(kPut, 2), {At(1, 4, "a", "put"), At(4, 6, "b", "put")},
        "at some moment 2 of put are under way: never so many");
  Fails(Together(kPut, 1), {}, "at some moment 1 of put are under way: never so many");
}

TEST(Within, WantsEachInsideOne) {
  const Expectation within = Within(kPut, kGet);
  Holds(within, {At(1, 9, "a", "get"), At(1, 3, "a", "put"), At(20, 30, "a", "get"), At(25, 30, "a", "put")});
  const std::string says = "each put lies within get: ";
  Fails(within, {At(2, 9, "a", "get"), At(1, 3, "a", "put")}, says + "one doesn't");
  Fails(within, {At(2, 9, "a", "get"), At(3, 10, "a", "put")}, says + "one doesn't");
  Fails(within, {At(2, 9, "a", "get")}, says + "there is no put");
  Fails(within, {At(2, 9, "a", "put")}, says + "there is no get");
}

TEST(Sequence, WantsExactlyTheseInOrder) {
  const Expectation sequence = Sequence(kGet, Single({1, 2}));
  Holds(sequence, {At(1, 1, "a", "get", {1}), At(2, 2, "a", "get", {2})});
  const std::string says = "get gives, in order, 1 2: ";
  Fails(sequence, {At(1, 1, "a", "get", {2}), At(2, 2, "a", "get", {1})}, says + "it gives 2 1");
  Fails(sequence, {At(1, 1, "a", "get", {1})}, says + "it gives 1");
  Fails(sequence, {}, says + "it gives nothing");
  Fails(sequence, {At(1, 1, "a", "get", {1}), At(2, 2, "a", "get", {2, 3})}, says + "it gives 1 [2, 3]");
  Holds(Sequence(kGet, {}), {});
}

TEST(Prefix, WantsTheBeginningAndNotTooLittleOfIt) {
  const Expectation prefix = Prefix(kGet, Single({1, 2, 3}), 1);
  Holds(prefix, {At(1, 1, "a", "get", {1})});
  Holds(prefix, {At(1, 1, "a", "get", {1}), At(2, 2, "a", "get", {2}), At(3, 3, "a", "get", {3})});
  const std::string says = "get gives, in order, the first 1 or more of 1 2 3: ";
  Fails(prefix, {}, says + "it gives nothing");
  Fails(prefix, {At(1, 1, "a", "get", {2})}, says + "it gives 2");
  Fails(Prefix(kGet, Single({1}), 1), {At(1, 1, "a", "get", {1}), At(2, 2, "a", "get", {1})},
        "get gives, in order, the first 1 or more of 1: it gives 1 1");
}

TEST(AlmostInOrder, LetsSoManyPredecessorsComeLate) {
  const Expectation order = AlmostInOrder(kGet, Single({1, 2, 3, 4}), 1);
  const auto begun = [](const Values& values) {
    std::vector<Event> events;
    for (const Value& value : values)
      events.push_back(At(10 + static_cast<int64_t>(events.size()), 99, "a", "get", {value}));
    return events;
  };
  Holds(order, begun({1, 2, 3, 4}));
  Holds(order, begun({2, 3, 4, 1}));
  const std::string says = "get begins in the order 1 2 3 4, at most 1 overtaken: ";
  Fails(order, begun({1, 4, 2, 3}), says + "it is not so");
  Fails(order, begun({4, 3, 2, 1}), says + "it is not so");
  Fails(order, begun({1, 2, 3}), says + "there are others");
  Fails(order, begun({1, 2, 3, 3}), says + "there are others");
  Fails(order, {}, says + "there are others");
}

TEST(OrderOfEachProducer, AllowsAnyMixOfProducersButKeepsTheOrderOfEach) {
  const std::vector<Event> puts = {At(1, 1, "p", "put", {1}), At(2, 2, "p", "put", {2}), At(3, 3, "q", "put", {3})};
  const auto with = [&](std::vector<Event> gets) {
    std::vector<Event> all = puts;
    all.insert(all.end(), gets.begin(), gets.end());
    return all;
  };
  const Expectation order = OrderOfEachProducer(kPut, kGet);
  Holds(order, with({At(4, 4, "c", "get", {3}), At(5, 5, "c", "get", {1}), At(6, 6, "c", "get", {2})}));
  // Two consumers' clocks may see it otherwise: each alone is in order.
  Holds(order, with({At(4, 5, "c", "get", {2}), At(6, 7, "d", "get", {1})}));
  const std::string says = "what one actor put by put is got in that order by get: ";
  Fails(order, with({At(4, 4, "c", "get", {2}), At(5, 5, "c", "get", {1})}), says + "it is not so");
  Fails(order, with({At(4, 4, "c", "get", {1}), At(5, 5, "c", "get", {1})}), says + "it is not so");
  Fails(order, puts, says + "there is no get");
  Fails(order, {At(4, 4, "c", "get", {1})}, says + "there is no put");
  Fails(order, {At(1, 1, "p", "put", {1}), At(2, 2, "q", "put", {1}), At(4, 4, "c", "get", {1})},
        says + "[1] was put twice, so that no order can be seen");
}

TEST(Counts, AreExactAtLeastOrNone) {
  Holds(Exactly(1, kPut), {At(1, 1, "a", "put")});
  Fails(Exactly(1, kPut), {}, "exactly 1 of put: there are 0");
  Fails(Exactly(1, kPut), {At(1, 1, "a", "put"), At(1, 1, "a", "put")}, "exactly 1 of put: there are 2");
  Holds(AtLeast(1, kPut), {At(1, 1, "a", "put"), At(1, 1, "a", "put")});
  Fails(AtLeast(1, kPut), {}, "at least 1 of put: there are 0");
  Holds(Never(kPut), {At(1, 1, "a", "get")});
  Fails(Never(kPut), {At(1, 1, "a", "put")}, "never a put: there is one");
}

TEST(Multiset, WantsTheseInAnyOrderAndAsOften) {
  const Expectation set = Multiset(kGet, Single({2, 1, 1}));
  Holds(set, {At(1, 1, "a", "get", {1}), At(2, 2, "b", "get", {2}), At(3, 3, "a", "get", {1})});
  const std::string says = "get gives, in any order, 1 1 2: ";
  Fails(set, {At(1, 1, "a", "get", {1}), At(2, 2, "b", "get", {2})}, says + "missing 1");
  Fails(set, {At(1, 1, "a", "get", {1}), At(1, 1, "a", "get", {1}), At(2, 2, "b", "get", {3})},
        says + "missing 2, too many 3");
}

TEST(SameMultiset, SeesWhatIsLostMadeUpAndDoubled) {
  const Expectation same = SameMultiset(kPut, kGet);
  Holds(same,
        {At(1, 1, "a", "put", {1}), At(2, 2, "a", "put", {2}), At(3, 3, "b", "get", {2}), At(4, 4, "c", "get", {1})});
  const std::string says = "get has the values of put: ";
  Fails(same, {At(1, 1, "a", "put", {1})}, says + "missing 1");
  Fails(same, {At(1, 1, "a", "put", {1}), At(3, 3, "b", "get", {1}), At(4, 4, "b", "get", {1})}, says + "too many 1");
  Fails(same, {At(3, 3, "b", "get", {1})}, says + "there is no put");
}

TEST(Processes, CountsWhoTookPart) {
  Holds(Processes(2, kPut),
        {At(1, 1, "a", "put", {}, "", 7), At(1, 1, "a", "put", {}, "", 8), At(1, 1, "a", "put", {}, "", 8)});
  Fails(Processes(1, kPut), {At(1, 1, "a", "put", {}, "", 7), At(1, 1, "a", "put", {}, "", 8)},
        "put happens in 1 process: it is 2");
  Fails(Processes(2, kPut), {}, "put happens in 2 processes: it is 0");
}

TEST(EndsWith, ReadsExitEvents) {
  const Expectation ends = EndsWith("child", -15);
  Holds(ends, {At(1, 1, "main", "exit", {"child", -15}), At(1, 1, "main", "exit", {"other", 0})});
  Fails(ends, {At(1, 1, "main", "exit", {"child", -9})}, "child ends with -15: it is -9");
  Fails(ends, {At(1, 1, "main", "exit", {"child", Value()})}, "child ends with -15: it is null");
  Fails(ends, {}, "child ends with -15: there is no exit [\"child\"]");
}

TEST(Outcomes, AreSuccessOrOneKindOfError) {
  Holds(FailsWith(kPut, "full"), {At(1, 1, "a", "put", {}, "full")});
  Fails(FailsWith(kPut, "full"), {At(1, 1, "a", "put", {}, "full"), At(1, 1, "a", "put")},
        "each put fails as full: one ends with success");
  Fails(FailsWith(kPut, "full"), {At(1, 1, "a", "put", {}, "closed")}, "each put fails as full: one ends with closed");
  Fails(FailsWith(kPut, "full"), {}, "each put fails as full: there is no put");
  Holds(Succeeds(kPut), {At(1, 1, "a", "put")});
  Fails(Succeeds(kPut), {At(1, 1, "a", "put", {}, "full")}, "each put succeeds: one ends with full");
  Fails(Succeeds(kPut), {}, "each put succeeds: there is no put");
}

TEST(NotSooner, IsALowerBoundOnly) {
  const Expectation late = NotSooner(kPut, absl::Nanoseconds(50));
  Holds(late, {At(1, 51, "a", "put"), At(1, 100000, "a", "put")});
  Fails(late, {At(1, 51, "a", "put"), At(1, 50, "a", "put")}, "each put takes not less than 50ns: one ends sooner");
  Fails(late, {}, "each put takes not less than 50ns: there is no put");
}

TEST(SameValues, ComparesAllOfBoth) {
  const Expectation same = SameValues(kPut, kGet);
  Holds(same, {At(1, 1, "a", "put", {1}), At(1, 1, "a", "get", {1})});
  const std::string says = "put and get have the same values: ";
  Fails(same, {At(1, 1, "a", "put", {1}), At(1, 1, "a", "get", {2})}, says + "they differ");
  Fails(same, {At(1, 1, "a", "put", {1})}, says + "there is no get");
  Fails(same, {At(1, 1, "a", "get", {1})}, says + "there is no put");
}

TEST(OtherProcess, WantsNoProcessWithBoth) {
  const Expectation other = OtherProcess(kPut, kGet);
  Holds(other, {At(1, 1, "a", "put", {}, "", 7), At(1, 1, "a", "get", {}, "", 8)});
  const std::string says = "put and get happen in other processes: ";
  Fails(other, {At(1, 1, "a", "put", {}, "", 7), At(1, 1, "a", "get", {}, "", 7)}, says + "one has both");
  Fails(other, {At(1, 1, "a", "put", {}, "", 7)}, says + "there is no get");
  Fails(other, {At(1, 1, "a", "get", {}, "", 7)}, says + "there is no put");
}

TEST(StandardErrorHas, WantsEveryTextSomewhere) {
  const Expectation has = StandardErrorHas(kPut);
  Trace trace = Of({At(1, 1, "a", "put", {"ValueError", 7, "no"})});
  trace.standard_error = "x\nValueError: no\n";
  EXPECT_FALSE(has.Against(trace).has_value());
  trace.standard_error = "ValueError\n";
  ASSERT_TRUE(has.Against(trace).has_value());
  EXPECT_EQ(has.Against(trace)->headline, "standard error has what put names: \"no\" is missing");
  Fails(has, {}, "standard error has what put names: there is no put");
}

TEST(Choices, HoldWhereOneDoesAndPartsWhereAllDo) {
  const Expectation one_of = AnyOf("this or that", {Exactly(1, kPut), Exactly(1, kGet)});
  Holds(one_of, {At(1, 1, "a", "get")});
  Fails(one_of, {}, "this or that: none of its cases holds");
  EXPECT_TRUE(absl::StrContains(one_of.Against(Of({}))->detail, "exactly 1 of get: there are 0"));
  const Expectation both = AllOf("this and that", {Exactly(1, kPut), Exactly(1, kGet)});
  Holds(both, {At(1, 1, "a", "get"), At(1, 1, "a", "put")});
  Fails(both, {At(1, 1, "a", "put")}, "this and that: exactly 1 of get: there are 0");
}

}  // namespace
}  // namespace regatta::conformance
