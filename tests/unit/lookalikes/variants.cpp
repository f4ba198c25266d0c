#include "rules/lookalikes/variants.hpp"
#include "tests/catch.hpp"
#include "tests/unit/rules/names.hpp"

#include <algorithm>
#include <set>
#include <string>

using namespace nearmiss;
using nearmiss::test::name;

namespace {

bool has(const std::vector<Variant>& variants, LookalikeClass kind, const std::string& text) {
  return std::ranges::any_of(variants, [&](const Variant& variant) {
    return variant.kind == kind && variant.name == name(text);
  });
}

} // namespace

TEST_CASE("variants carry their class, and each stands once in it") {
  const auto variants = variants_of(name("us.army.mil"), ClassSet::all());
  CHECK(has(variants, LookalikeClass::omission, "us.amy.mil"));
  CHECK_FALSE(has(variants, LookalikeClass::transposition, "us.amy.mil"));
  CHECK(has(variants, LookalikeClass::homoglyph, "us.arrny.mil"));
  CHECK(has(variants, LookalikeClass::homoglyph, "us.xn--rmy-5cd.mil")); // a Cyrillic a
  CHECK(has(variants, LookalikeClass::tld_swap, "us.army.ml"));
  CHECK_FALSE(has(variants, LookalikeClass::tld_swap, "us.army.com"));
  CHECK(has(variants, LookalikeClass::missing_dot, "usarmy.mil"));
  CHECK(has(variants, LookalikeClass::dot_insertion, "us.ar.my.mil"));
  CHECK(has(variants, LookalikeClass::subdomain_as_prefix, "army.mil.example"));
  CHECK(has(variants, LookalikeClass::subdomain_as_prefix, "us-army.mil"));
  CHECK(has(variants, LookalikeClass::www_prefix, "us.wwwarmy.mil"));
  CHECK(has(variants, LookalikeClass::plural, "us.armies.mil"));

  std::set<std::pair<LookalikeClass, std::string>> seen;
  for (const Variant& variant : variants) {
    const std::string text = variant.name.to_text();
    CHECK(seen.emplace(variant.kind, text).second);
    CHECK(text != "us.army.mil");
    CHECK(text.find("-.") == text.npos);
    CHECK(text.find(".-") == text.npos);
  }
}

TEST_CASE("only the wanted classes are written out") {
  const auto variants = variants_of(name("army.mil"), {LookalikeClass::vowel_swap});
  CHECK(variants.size() == 4); // a: e i o u
  CHECK(variants_of(name("army.mil"), {}).empty());
  CHECK_THROWS_AS(variants_of(name("mil"), ClassSet::all()), std::invalid_argument);
}

TEST_CASE("a dot comes into a U-label, or is left out before one, where people see it") {
  std::set<std::string> seen;
  for (const Variant& variant :
       variants_of(name("www.xn--mnchen-3ya.de"),
                   {LookalikeClass::dot_insertion, LookalikeClass::missing_dot})) {
    seen.insert(variant.name.to_text());
  }
  CHECK(seen == std::set<std::string>{"xn--wwwmnchen-t9a.de", "www.m.xn--nchen-jva.de",
                                      "www.xn--m-eha.nchen.de", "www.xn--mn-xka.chen.de",
                                      "www.xn--mnc-hoa.hen.de", "www.xn--mnch-0ra.en.de",
                                      "www.xn--mnche-kva.n.de"});
}

TEST_CASE("an edit of a U-label is made where people see it") {
  const auto variants = variants_of(name("xn--mnchen-3ya.de"), {LookalikeClass::omission});
  CHECK(has(variants, LookalikeClass::omission, "mnchen.de"));
  CHECK(has(variants, LookalikeClass::omission, "xn--mnche-kva.de"));
}
