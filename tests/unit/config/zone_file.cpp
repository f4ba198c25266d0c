// Zone files as people write them: one broken record costs one record, wherever it stands.
#include "tests/catch.hpp"
#include "tests/unit/config/folder.hpp"
#include "tests/unit/config/holds.hpp"

#include "config/lists/zone_text.hpp"

#include <algorithm>
#include <array>

using namespace nearmiss;
using namespace nearmiss::test;

namespace {

const std::string soa = "SOA localhost. hostmaster.localhost. 1 3600 600 86400 60\n";
const std::string head = "$TTL 300\n$ORIGIN rpz.feed.\n@ " + soa; // triggers start in line 4

LoadResult load_zone(const Folder& folder, const std::string& zone,
                     const std::string& list_keys = "") {
  folder.write("l.rpz", zone);
  return folder.load_policy(
      "version: 1\nrules:\n  - id: feed\n    list: {file: l.rpz, format: rpz" + list_keys + "}\n");
}

bool blocks_name(const Config& config, const std::string& name) {
  return blocks(ask(config, name).action) && ask(config, name).rule != nullptr;
}

// With `strict: false` the zone has `blocked`, in any order, and reports `skipped` broken lines; by
// itself it is refused for the line `line`.
void costs_one(const std::string& triggers, std::size_t line, const std::string& what,
               const std::vector<std::string>& blocked, std::size_t skipped = 1) {
  INFO(triggers);
  const Folder folder;
  const LoadResult strict = load_zone(folder, head + triggers);
  const std::string refused = texts(folder, strict);
  INFO(refused);
  CHECK_FALSE(strict.config);
  holds(refused, "l.rpz:" + std::to_string(line) + ":1: error: ");
  holds(refused, what);
  const LoadResult lenient = load_zone(folder, head + triggers, ", strict: false");
  const std::string told = texts(folder, lenient);
  INFO(told);
  REQUIRE(lenient.config);
  holds(told, std::to_string(skipped) + " broken line" + (skipped == 1 ? "" : "s") + " skipped");
  CHECK(lenient.config->policy.name_count() == blocked.size());
  for (const std::string& name : blocked) {
    INFO(name);
    CHECK(blocks_name(*lenient.config, name));
  }
}

// Read without a word, and all of these blocked.
void is_right(const std::string& triggers, const std::vector<std::string>& blocked) {
  INFO(triggers);
  const Folder folder;
  const LoadResult result = load_zone(folder, head + triggers);
  INFO(texts(folder, result));
  REQUIRE(result.config);
  CHECK(result.diagnostics.empty());
  CHECK(result.config->policy.name_count() == blocked.size());
  for (const std::string& name : blocked) {
    INFO(name);
    CHECK(blocks_name(*result.config, name));
  }
}

std::vector<std::string> words_of_first(std::string_view text) {
  ZoneText reader(text);
  ZoneEntry entry;
  REQUIRE(reader.next(entry));
  CHECK(entry.problem.empty());
  return {entry.words.begin(), entry.words.end()};
}

} // namespace

TEST_CASE("zone text: words, quotes, escapes, comments and parentheses", "[config][zone]") {
  using Words = std::vector<std::string>;
  CHECK(words_of_first("a 60 IN\tCNAME . ; x\n") == Words{"a", "60", "IN", "CNAME", "."});
  CHECK(words_of_first("\n; c ( \" \\\n  \n a b") == Words{"a", "b"});
  CHECK(words_of_first("a TXT \"x ; ( y\" \"\"\"z\"\r\n") ==
        Words{"a", "TXT", "\"x ; ( y\"", "\"\"", "\"z\""});
  CHECK(words_of_first("a TXT \"\\\"\" b\\ c\\;d\\(\n") ==
        Words{"a", "TXT", R"("\"")", R"(b\ c\;d\()"});
  CHECK(words_of_first("a SVCB 1 . alpn=\"h2,h3\" x\n") ==
        Words{"a", "SVCB", "1", ".", "alpn=\"h2,h3\"", "x"});
  CHECK(words_of_first("a(b)c") == Words{"a", "b", "c"});
  CHECK(words_of_first("@ SOA ( ( a\nb ) ; )\n\n c) d\ne") ==
        Words{"@", "SOA", "a", "b", "c", "d"});
  ZoneText nothing("\n \n\t; x\n;\r\n");
  ZoneEntry entry;
  CHECK_FALSE(nothing.next(entry));
}

TEST_CASE("zone text: lines are counted, and a broken entry is passed over", "[config][zone]") {
  ZoneText text("a A (\n x\n) ; three lines\n\nb ( c\nd A e\n f\ng");
  ZoneEntry entry;
  REQUIRE(text.next(entry));
  CHECK(entry.line == 1);
  CHECK_FALSE(entry.continued);
  REQUIRE(text.next(entry));
  CHECK(entry.line == 5);
  holds(entry.problem, "never closed, as line 6 begins a record");
  REQUIRE(text.next(entry));
  CHECK(entry.line == 6);
  REQUIRE(text.next(entry));
  CHECK(entry.line == 7);
  CHECK(entry.continued);
  REQUIRE(text.next(entry));
  CHECK(entry.words == std::vector<std::string_view>{"g"});
  CHECK_FALSE(text.next(entry));
}

TEST_CASE("zone text: what begins a record, beside its near misses", "[config][zone]") {
  for (const char* const right :
       {"a CNAME .", "a.b. 60 IN A 1", "a IN 60 mx 10 b", "a TYPE65280 \\# 0", "$ORIGIN x.",
        "$ttl 5", "$generate 1-2 a A 1"}) {
    INFO(right);
    CHECK(begins_record(right));
  }
  for (const char* const other :
       {"", "a", "2024 3600 600 86400 60", "a CNAME", " a CNAME .", "; a CNAME .", ") a CNAME .",
        "\"a\" A b", "a b A c", "$FOO x", "a 1 2 A b", "AwEAAc key+ more"}) {
    INFO(other);
    CHECK_FALSE(begins_record(other));
  }
  std::size_t ttl = 0;
  CHECK((zone_ttl("1h30m", ttl) && ttl == 5400));
  CHECK((zone_ttl("1W2D", ttl) && ttl == 777600));
  CHECK((zone_ttl("60", ttl) && ttl == 60));
  for (const char* const none : {"", "h", "1x", "1hm", "-1", "60.", "99999999999999999999999"}) {
    INFO(none);
    CHECK_FALSE(zone_ttl(none, ttl));
  }
}

TEST_CASE("a broken record costs one, whatever stands before it", "[config][zone]") {
  const std::string never = "info.example TXT ( \"see ticket 7\"\n"; // never closed
  for (const std::string before :
       {"", "; a comment\n", "\n", "  ; indented\n", "\t\n", ";(\n", "a.example TXT \"(\"\n"}) {
    const auto lines = static_cast<std::size_t>(std::ranges::count(before, '\n'));
    std::vector<std::string> blocked{"b.example", "c.example"};
    if (before.starts_with('a')) {
      blocked.emplace_back("a.example");
    }
    const std::string rest = "b.example CNAME .\nc.example CNAME *.garden.example.\n";
    costs_one(before + never + rest, 4 + lines,
              "a `(` that is never closed, as line " + std::to_string(5 + lines), blocked);
    costs_one(before + "x.example CNAME .\\\n" + rest, 4 + lines, "a backslash at the end",
              blocked);
    costs_one(before + "m\xc3\xbcller.example CNAME .\n" + rest, 4 + lines, "A-label", blocked);
    costs_one(before + std::string("x\0y.example CNAME .\n", 20) + rest, 4 + lines, "NUL", blocked);
    costs_one(before + "x.example TXT \"never ended\n" + rest, 4 + lines,
              "does not end on its line", blocked);
    costs_one(before + "x.example CNAME . )\n" + rest, 4 + lines, "a `)` without a `(`", blocked);
    costs_one(before + "$GENERATE 1-9 h$ CNAME .\n" + rest, 4 + lines, "$GENERATE", blocked);
    costs_one(before + "$INCLUDE more.rpz\n" + rest, 4 + lines, "$INCLUDE", blocked);
    costs_one(before + "$FOO\n" + rest, 4 + lines, "is no directive", blocked);
    costs_one(before + "x.example A 192.0.2.300\n" + rest, 4 + lines, "no IPv4 address", blocked);
    costs_one(before + "x.example CNAME a. b.\n" + rest, 4 + lines, "one name", blocked);
    costs_one(before + "x.example MX 70000 a.\n" + rest, 4 + lines, "from 0 to 65535", blocked);
    costs_one(before + "x.example 4294967296 CNAME .\n" + rest, 4 + lines, "at most 2147483647",
              blocked);
    costs_one(before + "x.example\n" + rest, 4 + lines, "no type", blocked);
  }
}

TEST_CASE("a broken record of several lines costs itself alone", "[config][zone]") {
  const std::string rest = "b.example CNAME .\n";
  // Its parentheses close: it is one record.
  costs_one("x.example TXT ( \"a\"\n  m\xc3\xbcller\n  \"b\" )\n" + rest, 4, "A-label",
            {"b.example"});
  costs_one("x.example A (\n  192.0.2.1\n  192.0.2.2 )\n" + rest, 4, "one word too many",
            {"b.example"});
  // A `)` farther on, which was not meant for it.
  costs_one("x.example TXT ( \"a\"\n" + rest + "c.example TXT ( \"b\" )\n", 4,
            "never closed, as line", {"b.example", "c.example"});
  costs_one("x.example TXT ( \"a\"\n" + rest + "c.example TXT \"b\" )\n", 4,
            "never closed, as line", {"b.example"}, 2);
  costs_one("x.example TXT ( \"a\"\n$TTL 5\n" + rest, 4, "never closed, as line", {"b.example"});
  // To the end of the file, with nothing behind that looks like a record.
  costs_one(rest + "x.example TXT ( \"a\"", 5, "never closed", {"b.example"});
  costs_one(rest + "x.example TXT ( \"a\"\n  A 192.0.2.1\n", 5, "never closed",
            {"b.example", "x.example"});
}

TEST_CASE("a line without an owner belongs to no other one's", "[config][zone]") {
  costs_one("a.example CNAME .\nb..example CNAME .\n  A 192.0.2.1\nc.example CNAME .\n", 5,
            "is no domain name", {"a.example", "c.example"}, 2);
  costs_one("a.example CNAME .\n$ORIGIN x..y.\nb.example CNAME .\n$ORIGIN rpz.feed.\nc CNAME .\n",
            5, "`$ORIGIN` needs one name", {"a.example", "c"}, 2);
  const Folder folder;
  const LoadResult first = load_zone(folder, "  A 192.0.2.1\n@ " + soa + "a.example CNAME .\n");
  holds(texts(folder, first), "there is no record before");
  is_right("a.example TXT \"x\"\n  A 192.0.2.1\n$ORIGIN example.rpz.feed.\n  AAAA ::1\nb CNAME .\n",
           {"a.example", "b.example"});
}

TEST_CASE("zone files as they are written", "[config][zone]") {
  is_right("a.example CNAME .", {"a.example"}); // no last line end
  is_right("a.example CNAME .\r\nb.example A 192.0.2.1\r\n\r\n", {"a.example", "b.example"});
  is_right("a.example.rpz.feed.\t60\tIN\tCNAME\t.\t;x\n", {"a.example"});
  is_right("A.EXAMPLE CName .\n\\098.example CNAME .\n", {"a.example", "b.example"});
}

TEST_CASE("class and TTL in either order, of every type, and `$ttl`", "[config][zone]") {
  for (const std::string data : {"CNAME .", "A 192.0.2.1", "AAAA ::1", "MX 10 a.example.", "TXT x",
                                 "SRV 0 0 25 a.example.", "A \\# 4 c0 000201"}) {
    for (const std::string between :
         {"", "60 ", "IN ", "60 IN ", "IN 60 ", "in 1h30m ", "1W in ", "CLASS1 ", "60 class1 "}) {
      is_right("a.example " + between + data + "\n", {"a.example"});
    }
    costs_one("b.example CNAME .\na.example 60 60 " + data + "\n", 5, "is no type", {"b.example"});
    costs_one("b.example CNAME .\na.example IN IN " + data + "\n", 5, "is no type", {"b.example"});
    costs_one("b.example CNAME .\na.example CH 60 " + data + "\n", 5, "another class",
              {"b.example"});
  }
  is_right("$ttl 1h\n$Origin example.rpz.feed.\na CNAME .\n", {"a.example"});
  costs_one("b.example CNAME .\n$TTL\n", 5, "`$TTL` needs", {"b.example"});
  costs_one("b.example CNAME .\n$TTL 1x\n", 5, "`$TTL` needs", {"b.example"});
}

TEST_CASE("a file of nothing but broken parentheses is read in one pass", "[config][zone]") {
  std::string text;
  constexpr std::size_t lines = 200000; // quadratic, they would take minutes
  for (std::size_t i = 0; i < lines; ++i) {
    text += "(\n";
  }
  ZoneText reader(text);
  ZoneEntry entry;
  std::size_t broken = 0;
  while (reader.next(entry)) {
    broken += entry.problem.empty() ? 0 : 1;
  }
  CHECK(broken == lines);
}

TEST_CASE("a long line is read whole", "[config][zone]") {
  std::string strings;
  for (int i = 0; i < 10; ++i) {
    strings += " \"" + std::string(250, 'x') + "\"";
  }
  is_right("a.example TXT" + strings + "\nb.example CNAME .\n", {"a.example", "b.example"});
  is_right("a.example TXT (" + std::string(100000, ' ') + "\"x\" ; " + std::string(100000, '(') +
               "\n)\nb.example CNAME .\n",
           {"a.example", "b.example"});
  costs_one("b.example CNAME .\na.example TXT \"" + std::string(300, 'x') + "\"\n", 5, "no record",
            {"b.example"});
}

TEST_CASE("carriage returns that end no line hide nothing", "[config][zone]") {
  const Folder folder;
  const LoadResult mac = load_zone(folder, "; a feed\r@ " + soa + "a.example CNAME .\n");
  holds(texts(folder, mac), "l.rpz:1:1: error: a carriage return inside the line");
  is_right("; a feed\r\r\na.example CNAME .\r\r\n", {"a.example"});
}
