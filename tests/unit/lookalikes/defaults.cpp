// What `classes: default` takes for a look-alike, and what it leaves alone.
#include "rules/lookalikes/lookalike.hpp"
#include "tests/catch.hpp"
#include "tests/unit/rules/names.hpp"

#include <string>
#include <vector>

using namespace nearmiss;
using nearmiss::test::name;

namespace {

bool is_lookalike(const std::string& domain, const std::string& asked) {
  return LookalikeIndex({{name(domain), default_classes(name(domain)), 0}})
      .find(name(asked))
      .has_value();
}

} // namespace

TEST_CASE("short labels have honest neighbours, long ones do not") {
  CHECK_FALSE(is_lookalike("ups.com", "us.com"));
  CHECK_FALSE(is_lookalike("mit.edu", "kit.edu"));
  CHECK_FALSE(is_lookalike("gmail.com", "mail.com"));
  CHECK_FALSE(is_lookalike("gmail.com", "email.com"));
  CHECK_FALSE(is_lookalike("dell.com", "cell.com"));
  CHECK_FALSE(is_lookalike("target.com", "zarget.com"));
  CHECK_FALSE(is_lookalike("binance.com", "finance.com"));
  CHECK_FALSE(is_lookalike("citibank.com", "civibank.com"));
  CHECK(is_lookalike("microsoft.com", "icrosoft.com"));
  CHECK(is_lookalike("microsoft.com", "nicrosoft.com"));
  CHECK(is_lookalike("dell.com", "delll.com"));
}

TEST_CASE("each class begins at its length") {
  struct Row {
    LookalikeClass kind;
    std::string below, from; // protected: the last label without it, the first with it
  };
  const std::vector<Row> rows{
      {LookalikeClass::repetition, "ab", "abc"},
      {LookalikeClass::hyphenation, "ab", "abc"},
      {LookalikeClass::plural, "ab", "abc"},
      {LookalikeClass::transposition, "abc", "abcd"},
      {LookalikeClass::near_homoglyph, "abcde", "abcdef"},
      {LookalikeClass::insertion, "abcde", "abcdef"},
      {LookalikeClass::vowel_swap, "abcde", "abcdef"},
      {LookalikeClass::addition, "abcde", "abcdef"},
      {LookalikeClass::omission, "abcdefg", "abcdefgh"},
      {LookalikeClass::replacement, "abcdefg", "abcdefgh"},
      {LookalikeClass::bitsquatting, "abcdefghijk", "abcdefghijkl"},
  };
  for (const Row& row : rows) {
    INFO(to_string(row.kind));
    CHECK_FALSE(default_classes(name(row.below + ".com")).contains(row.kind));
    CHECK(default_classes(name(row.from + ".com")).contains(row.kind));
    CHECK(default_classes(name(row.from + "xyz.co.uk")).contains(row.kind));
  }
  ClassSet always{LookalikeClass::homoglyph,   LookalikeClass::tld_swap,
                  LookalikeClass::missing_dot, LookalikeClass::dot_insertion,
                  LookalikeClass::www_prefix,  LookalikeClass::subdomain_as_prefix};
  CHECK(default_classes(name("a.com")) == always);
  for (const Row& row : rows) {
    always.add(row.kind);
  }
  // All but combosquatting and embedded-domain.
  CHECK(default_classes(name("abcdefghijklmnop.com")) == always);
}

TEST_CASE("what looks the same is a look-alike at any length") {
  CHECK(is_lookalike("hp.com", "hp.cm"));
  CHECK(is_lookalike("army.mil", "army.ml"));
  CHECK(is_lookalike("army.mil", "arrny.mil"));
  CHECK(is_lookalike("army.mil", "wwwarmy.mil"));
  CHECK(is_lookalike("army.mil", "army-mil.example"));
  CHECK(is_lookalike("bbc.com", "xn--bb-pmc.com")); // the last c is Cyrillic
}

TEST_CASE("blocklist zones and a company's own compound names are left alone") {
  CHECK_FALSE(is_lookalike("amazon.com", "amazon.com.dbl.example.net"));
  CHECK_FALSE(is_lookalike("amazon.com", "media-amazon.com"));
  CHECK_FALSE(is_lookalike("amazon.com", "amazon.org"));
  CHECK_FALSE(is_lookalike("amazon.com", "amazon.com.au"));
}

TEST_CASE("the length that counts is the registered label's, as people read it") {
  const ClassSet four = default_classes(name("army.mil"));
  CHECK(default_classes(name("a-long-host-name.army.mil")) == four);
  CHECK_FALSE(four.contains(LookalikeClass::omission));
  CHECK(default_classes(name("spaceforce.mil")).contains(LookalikeClass::omission));
  // "xn--mnchen-3ya" has fourteen octets and is read as seven letters; "xn--rks-qla" as four.
  CHECK(default_classes(name("xn--mnchen-3ya.de")).contains(LookalikeClass::vowel_swap));
  CHECK_FALSE(default_classes(name("xn--mnchen-3ya.de")).contains(LookalikeClass::omission));
  CHECK(default_classes(name("xn--rks-qla.se")) != default_classes(name("xn--mnchen-3ya.de")));
  CHECK(default_classes(name("mil")).empty());
}
