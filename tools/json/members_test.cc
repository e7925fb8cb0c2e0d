#include "tools/json/members.h"

#include <string>

#include "gtest/gtest.h"

namespace regatta {
namespace {

struct Inner {
  double size = 0;
  bool operator==(const Inner&) const = default;

  template <class Self, class Visit>
  static void Members(Self& self, Visit visit) {
    visit("size", self.size);
  }
};

struct Outer {
  int count = 7;
  std::string name = "none";
  std::optional<double> share;
  std::vector<Inner> list;
  std::map<std::string, uint64_t> map;
  std::vector<std::pair<double, int64_t>> pairs;
  Inner inner;
  bool operator==(const Outer&) const = default;

  template <class Self, class Visit>
  static void Members(Self& self, Visit visit) {
    visit("count", self.count, "name", self.name, "share", self.share, "list", self.list, "map", self.map, "pairs",
          self.pairs, "inner", NullIfEmpty{self.inner});
  }
};

TEST(MembersTest, AreWrittenInTheirOrderAndReadBack) {
  EXPECT_EQ(JsonLine(ToJson(Outer())),
            R"({"count":7,"name":"none","share":null,"list":[],"map":{},"pairs":[],"inner":null})");
  const Outer full = {-1, "\"a\"", 0.25, {{1e15}, {2.5}}, {{"b", UINT64_MAX}}, {{1, 2}}, {3}};
  const std::string line = JsonLine(ToJson(full));
  EXPECT_EQ(line, R"({"count":-1,"name":"\"a\"","share":0.25,"list":[{"size":1000000000000000},{"size":2.5}],)"
                  R"("map":{"b":18446744073709551615},"pairs":[[1,2]],"inner":{"size":3}})");
  Outer read;
  EXPECT_TRUE(FromJson(ParseJson(line), read));
  EXPECT_EQ(read, full);
}

TEST(MembersTest, OfAnotherTypeLeaveTheFieldAsItWas) {
  for (const char* value : {"null", "true", "\"x\"", "1.5", "-3", "[]", "{}", "[[1]]", "[{\"size\": []}]"}) {
    for (const char* name : {"count", "name", "share", "list", "map", "pairs", "inner", "unknown"}) {
      Outer read;
      EXPECT_TRUE(FromJson(ParseJson(std::string("{\"") + name + "\": " + value + "}"), read)) << name << value;
      EXPECT_EQ(read.count, std::string(name) == "count" && std::string(value) == "-3" ? -3 : 7) << name << value;
    }
  }
  Outer read;
  EXPECT_TRUE(
      FromJson(ParseJson(R"({"list": [7, {"size": 2}], "map": {"a": -1, "b": 2}, "pairs": [[1], [1, 2]]})"), read));
  EXPECT_EQ(read.list, std::vector<Inner>{{2}});
  EXPECT_EQ(read.map, (std::map<std::string, uint64_t>{{"b", 2}}));
  EXPECT_EQ(read.pairs.size(), 1U);
  EXPECT_FALSE(FromJson(ParseJson("[]"), read));
  EXPECT_TRUE(ParseJson("{").is_discarded());
}

}  // namespace
}  // namespace regatta
