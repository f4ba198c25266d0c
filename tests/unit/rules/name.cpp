#include "tests/catch.hpp"
#include "tests/unit/rules/names.hpp"

#include <vector>

using namespace nearmiss;
using nearmiss::test::name;

namespace {

std::string labels(std::size_t count, std::size_t length) {
  std::string text;
  for (std::size_t number = 0; number < count; ++number) {
    text += (number > 0 ? "." : "") + std::string(length, 'a');
  }
  return text;
}

using Octets = std::vector<std::uint8_t>;

Octets wire_of(const Name& parsed) {
  return {parsed.wire().begin(), parsed.wire().end()};
}

} // namespace

TEST_CASE("a name is read from text, with or without a final dot, in lower case") {
  CHECK(wire_of(name("Army.ML")) == Octets{4, 'a', 'r', 'm', 'y', 2, 'm', 'l', 0});
  CHECK(name("army.ml.") == name("army.ml"));
  CHECK_FALSE(name("army.ml") == name("army.mil"));
  CHECK(name("army.ml").label_count() == 2);
  CHECK(name("army.ml").label(0) == "army");
  CHECK(name("army.ml").label(1) == "ml");
}

TEST_CASE("case is folded for ASCII letters only") {
  CHECK(name(R"(\065)") == name("a"));
  // The neighbours of A and Z, and the Latin-1 letter that differs from its capital in the same
  // bit.
  CHECK_FALSE(name(R"(\@)") == name("`"));
  CHECK_FALSE(name("[") == name("{"));
  CHECK_FALSE(name(R"(\192)") == name(R"(\224)"));
}

TEST_CASE("the root is a dot") {
  CHECK(name(".").is_root());
  CHECK(name(".").to_text() == ".");
  CHECK(wire_of(name(".")) == Octets{0});
  CHECK(name(".") == Name());
}

TEST_CASE("a label holds 63 octets, not 64") {
  CHECK(Name::from_text(std::string(63, 'a') + ".ml"));
  CHECK_FALSE(Name::from_text(std::string(64, 'a') + ".ml"));
  CHECK_FALSE(Name::from_text("ml." + std::string(64, 'a')));

  Octets wire(65, 'a');
  wire[0] = 63;
  wire[64] = 0;
  CHECK(Name::from_wire(wire));
  wire.insert(wire.begin() + 1, 'a');
  wire[0] = 64;
  CHECK_FALSE(Name::from_wire(wire));
}

TEST_CASE("a name holds 255 octets, not 256") {
  const std::string longest = labels(3, 63) + "." + std::string(61, 'b'); // 3 * 64 + 62 + 1
  REQUIRE(Name::from_text(longest));
  CHECK(name(longest).wire().size() == 255);
  CHECK(name(longest + ".") == name(longest));
  CHECK(Name::from_wire(wire_of(name(longest))) == name(longest));
  CHECK_FALSE(Name::from_text(longest + "b"));
  CHECK_FALSE(Name::from_text(longest + ".b"));

  Octets too_long;
  for (const std::size_t length : {63U, 63U, 63U, 62U}) {
    too_long.push_back(static_cast<std::uint8_t>(length));
    too_long.insert(too_long.end(), length, 'a');
  }
  too_long.push_back(0);
  REQUIRE(too_long.size() == 256);
  CHECK_FALSE(Name::from_wire(too_long));
}

TEST_CASE("a name has 127 labels at most") {
  CHECK(name(labels(127, 1)).label_count() == 127);
  CHECK(name(labels(127, 1)).suffix(1).size() == 3);
  CHECK_FALSE(Name::from_text(labels(128, 1)));
  Octets wire;
  for (int number = 0; number < 128; ++number) {
    wire.insert(wire.end(), {1, 'a'});
  }
  wire.push_back(0);
  CHECK_FALSE(Name::from_wire(wire));
}

TEST_CASE("wire form that is not a name is refused") {
  CHECK_FALSE(Name::from_wire(Octets{}));
  CHECK_FALSE(Name::from_wire(Octets{2, 'm', 'l'}));                  // cut off before the root
  CHECK_FALSE(Name::from_wire(Octets{2, 'm'}));                       // cut off in a label
  CHECK_FALSE(Name::from_wire(Octets{2, 'm', 'l', 0xc0, 0}));         // compression pointer
  CHECK_FALSE(Name::from_wire(Octets{0x41, 'a', 0}));                 // RFC 2673's bit label
  CHECK(Name::from_wire(Octets{2, 'M', 'L', 0, 7, 7}) == name("ml")); // what follows is not read
}

TEST_CASE("text that is not a name is refused") {
  for (const char* const text : {"",         "..",           ".ml",
                                 "army..ml", "ml..",         "a b.ml",
                                 " ml",      "a\tb",         "caf\xc3\xa9.ml",
                                 "\"ml\"",   "user@army.ml", "a;b",
                                 "(a)",      "$origin",      "a\\",
                                 "a\\1",     "a\\12",        "a\\256",
                                 "a\\1b2",   "a\\\xe9",      "a\\\n"}) {
    CAPTURE(text);
    CHECK_FALSE(Name::from_text(text));
  }
  CHECK_FALSE(Name::from_text(std::string_view("a\0b", 3)));
}

TEST_CASE("escapes are read and written") {
  const std::pair<const char*, Octets> cases[] = {
      {R"(a\.b)", {3, 'a', '.', 'b', 0}},
      {R"(a\\b)", {3, 'a', '\\', 'b', 0}},
      {R"(\000)", {1, 0, 0}},
      {R"(\255)", {1, 255, 0}},
      {R"(\")", {1, '"', 0}},
      {R"(\032)", {1, ' ', 0}},
      {R"(\(\)\;\@\$)", {5, '(', ')', ';', '@', '$', 0}},
      {R"(\010\127)", {2, 10, 127, 0}},
      {"_dmarc", {6, '_', 'd', 'm', 'a', 'r', 'c', 0}},
      {"*", {1, '*', 0}},
  };
  for (const auto& [text, wire] : cases) {
    CAPTURE(text);
    CHECK(wire_of(name(text)) == wire);
    CHECK(name(text).to_text() == text);
  }
  CHECK(name(R"(\097)").to_text() == "a"); // no more escapes than needed
  CHECK(name(R"(\ )") == name(R"(\032)"));
  CHECK_FALSE(name(R"(a\.b)") == name("a.b"));
}

TEST_CASE("the text of every octet is printable and comes back as that octet") {
  for (unsigned octet = 0; octet < 256; ++octet) {
    const auto from = Name::from_wire(Octets{1, static_cast<std::uint8_t>(octet), 0});
    REQUIRE(from);
    const std::string text = from->to_text();
    CAPTURE(octet, text);
    for (const char character : text) {
      CHECK((character >= 0x20 && character < 0x7f));
    }
    CHECK(Name::from_text(text) == from);
  }
}

TEST_CASE("suffixes and parents") {
  const Name full = name("mail.army.ml");
  CHECK(full.suffix(0).size() == 1);
  CHECK(full.last_labels(0).is_root());
  CHECK(full.last_labels(2) == name("army.ml"));
  CHECK(full.last_labels(2).label(0) == "army");
  CHECK(full.last_labels(2).last_labels(1) == name("ml"));
  CHECK(full.last_labels(3) == full);
  CHECK(full.parent() == name("army.ml"));
  CHECK(name("ml").parent().is_root());
  CHECK(Name().parent().is_root());
}

TEST_CASE("at or below goes by labels, not by octets") {
  CHECK(name("army.ml").is_at_or_below(name("ml")));
  CHECK(name("army.ml").is_at_or_below(name("ARMY.ml")));
  CHECK(name("army.ml").is_at_or_below(Name()));
  CHECK_FALSE(name("ml").is_at_or_below(name("army.ml")));
  CHECK_FALSE(name("notarmy.ml").is_at_or_below(name("army.ml")));
  CHECK_FALSE(name(R"(x\.ml)").is_at_or_below(name("ml")));
  // "\004army" at the end of a label is no label "army".
  CHECK_FALSE(name(R"(x\004army.ml)").is_at_or_below(name("army.ml")));
}

TEST_CASE("a suffix is replaced if the name is below it and the result fits") {
  CHECK(name("us.army.ml").with_suffix(name("ml"), name("mil")) == name("us.army.mil"));
  CHECK(name("ml").with_suffix(name("ml"), name("mil")) == name("mil"));
  CHECK(name("army").with_suffix(Name(), name("mil")) == name("army.mil"));
  CHECK(name("army.mil").with_suffix(name("mil"), Name()) == name("army"));
  CHECK_FALSE(name("army.mali").with_suffix(name("ml"), name("mil")));

  const Name at_limit = name(labels(3, 63) + "." + std::string(58, 'b') + ".ml");
  REQUIRE(at_limit.wire().size() == 255);
  CHECK_FALSE(at_limit.with_suffix(name("ml"), name("mil")));
  CHECK(at_limit.with_suffix(name("ml"), name("us")));
}
