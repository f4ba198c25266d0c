// Each class by a look-alike, and beside it a name that nearly is one.
#include "rules/lookalikes/lookalike.hpp"
#include "tests/catch.hpp"
#include "tests/unit/rules/names.hpp"

#include <optional>
#include <string>
#include <vector>

using namespace nearmiss;
using nearmiss::test::name;

namespace {

std::optional<Lookalike> find(const std::string& domain, ClassSet classes,
                              const std::string& asked) {
  return LookalikeIndex({{name(domain), classes, 0}}).find(name(asked));
}

struct Row {
  LookalikeClass kind;
  std::string domain, hit, near_miss;
};

const std::vector<Row> rows{
    {LookalikeClass::homoglyph, "army.mil", "arrny.mil", "arnny.mil"},
    {LookalikeClass::homoglyph, "paypal.com", "paypa1.com", "paypaj.com"},
    {LookalikeClass::homoglyph, "google.com", "g00gle.com", "gqqgle.com"},
    {LookalikeClass::homoglyph, "twitter.com", "tvvitter.com", "tuuitter.com"},
    {LookalikeClass::homoglyph, "corning.com", "coming.com", "comming.com"},
    // Cyrillic throughout ("apple"), one Cyrillic letter (the first a), an accent
    {LookalikeClass::homoglyph, "apple.com", "xn--80ak6aa92e.com", "xn--80ak6aa.com"},
    {LookalikeClass::homoglyph, "apple.com", "xn--pple-43d.com", "xn--pple-43d.org"},
    {LookalikeClass::homoglyph, "munchen.de", "xn--mnchen-3ya.de", "muenchen.de"},
    {LookalikeClass::homoglyph, "xn--mnchen-3ya.de", "munchen.de", "muenchen.de"},
    {LookalikeClass::near_homoglyph, "amazon.com", "amazom.com", "amazop.com"},
    {LookalikeClass::near_homoglyph, "amazon.com", "annazom.com", "annazop.com"},
    {LookalikeClass::near_homoglyph, "facebook.com", "faccdook.com", "faccdoqk.com"},
    // Cyrillic throughout, of letters that UTS #39 tells from Latin ones
    {LookalikeClass::homoglyph, "telekom.de", "xn--e1aapiju20h.de", "xn--e1aapiju20h.com"},
    // Two steps, but not three: b is taken for 6, and 6 for 9.
    {LookalikeClass::near_homoglyph, "bacon.com", "6aeon.com", "9aeon.com"},
    {LookalikeClass::near_homoglyph, "bacon.com", "9acon.com", "9acom.com"},
    {LookalikeClass::tld_swap, "army.mil", "army.ml", "army.example"},
    {LookalikeClass::tld_swap, "example.com", "mail.example.co", "mail.example.org"},
    {LookalikeClass::tld_swap, "bbc.co.uk", "bbc.uk", "bbc.org.uk"},
    {LookalikeClass::tld_swap, "siemens.de", "siemens.dev", "siemens.dk"},
    {LookalikeClass::missing_dot, "us.army.mil", "usarmy.mil", "ukarmy.mil"},
    {LookalikeClass::missing_dot, "a.b.army.mil", "abarmy.mil", "acarmy.mil"},
    {LookalikeClass::missing_dot, "bbc.co.uk", "bbcco.uk", "bbcac.uk"},
    {LookalikeClass::dot_insertion, "army.mil", "ar.my.mil", "ar.mi.mil"},
    {LookalikeClass::dot_insertion, "arin.net", "ar.in.net", "as.in.net"},
    {LookalikeClass::www_prefix, "army.mil", "wwwarmy.mil", "wwarmy.mil"},
    {LookalikeClass::www_prefix, "army.mil", "mx.www-army.mil", "www--army.mil"},
    {LookalikeClass::subdomain_as_prefix, "army.mil", "army.mil.example", "army.mi.example"},
    {LookalikeClass::subdomain_as_prefix, "army.mil", "x.army.mil.example", "army.mil.x.example"},
    {LookalikeClass::subdomain_as_prefix, "army.mil", "armymil.example", "armymi.example"},
    {LookalikeClass::subdomain_as_prefix, "army.mil", "army-mil.co.uk", "army--mil.co.uk"},
    {LookalikeClass::subdomain_as_prefix, "army.mil", "us-army.mil", "xy-army.mil"},
    {LookalikeClass::subdomain_as_prefix, "navy.army.mil", "navy-army.mil", "navi-army.mil"},
    {LookalikeClass::subdomain_as_prefix, "army.co.uk", "army-co.uk", "army-ac.uk"},
    // de.com and uk.com are suffixes too, but ones that somebody sells names under.
    {LookalikeClass::subdomain_as_prefix, "army.de", "army.de.com", "army.se.com"},
    {LookalikeClass::subdomain_as_prefix, "army.gov.uk", "x.army.gov.uk.com", "army.gov.eu.com"},
    // mueller with its umlaut: müller-de, müllerde, mailmüller, mü.ller and m.üller.
    {LookalikeClass::subdomain_as_prefix, "xn--mller-kva.de", "xn--mller-de-65a.com",
     "xn--mller-kva-de.com"},
    {LookalikeClass::subdomain_as_prefix, "xn--mller-kva.de", "x.xn--mllerde-n2a.example",
     "xn--mllerdk-n2a.example"},
    {LookalikeClass::missing_dot, "mail.xn--mller-kva.de", "xn--mailmller-u9a.de", "mailmller.de"},
    {LookalikeClass::dot_insertion, "xn--mller-kva.de", "xn--m-eha.ller.de", "m.ller.de"},
    {LookalikeClass::dot_insertion, "xn--mller-kva.de", "m.xn--ller-zra.de", "m.ller.de"},
    // google.com.au has a suffix of its own: it is Australia's google, not a prefix.
    {LookalikeClass::subdomain_as_prefix, "google.com", "google.com.example", "google.com.au"},
    {LookalikeClass::repetition, "army.mil", "arrmy.mil", "arxmy.mil"},
    {LookalikeClass::transposition, "army.mil", "amry.mil", "ramx.mil"},
    {LookalikeClass::omission, "army.mil", "amy.mil", "am.mil"},
    {LookalikeClass::hyphenation, "army.mil", "ar-my.mil", "a-r-my.mil"},
    {LookalikeClass::hyphenation, "army.mil", "arm-y.mil", "army-.mil"},
    {LookalikeClass::hyphenation, "t-online.de", "tonline.de", "tonlin.de"},
    {LookalikeClass::insertion, "army.mil", "artmy.mil", "arqmy.mil"},
    {LookalikeClass::replacement, "army.mil", "atmy.mil", "apmy.mil"},
    {LookalikeClass::replacement, "zoo.com", "too.com", "coo.com"}, // z is beside t on qwertz only
    {LookalikeClass::replacement, "mad.com", "pad.com", "bad.com"}, // m is below p on azerty only
    {LookalikeClass::vowel_swap, "army.mil", "ormy.mil", "aroy.mil"},
    {LookalikeClass::bitsquatting, "army.mil", "crmy.mil", "brmy.mil"},
    {LookalikeClass::addition, "army.mil", "armyx.mil", "armyxx.mil"},
    {LookalikeClass::plural, "army.mil", "armies.mil", "armiez.mil"},
    {LookalikeClass::plural, "boxes.com", "box.com", "bo.com"},
    {LookalikeClass::combosquatting, "army.mil", "any-army.mil", "anyarmy.mil"},
    {LookalikeClass::embedded_domain, "army.mil", "army.mil.x.example", "army.x.mil.example"},
};

} // namespace

TEST_CASE("each class has its look-alikes, and what is nearly one is none") {
  for (const Row& row : rows) {
    INFO(to_string(row.kind) << ": " << row.domain << ", " << row.hit << ", " << row.near_miss);
    const auto hit = find(row.domain, {row.kind}, row.hit);
    REQUIRE(hit.has_value());
    CHECK(hit->kind == row.kind);
    CHECK(hit->domain == 0);
    CHECK_FALSE(find(row.domain, {row.kind}, row.near_miss).has_value());

    // Only where the class is on, and for names below the look-alike as for itself.
    ClassSet others = ClassSet::all();
    others.remove(row.kind);
    const auto other = find(row.domain, others, row.hit);
    CHECK((!other || other->kind != row.kind));
    CHECK(find(row.domain, {row.kind}, "_dmarc.a." + row.hit).has_value());
  }
}

TEST_CASE("the protected name, what is below it and its registered domain are never look-alikes") {
  // Each is one edit from another, and us.army.mil stands below army.mil.
  const std::vector<std::string> domains{"army.mil", "arm.mil", "armys.mil", "us.navy.mil",
                                         "army.ml"};
  std::vector<Protected> list;
  list.reserve(domains.size());
  for (const auto& domain : domains) {
    list.push_back({name(domain), ClassSet::all(), 0});
  }
  const LookalikeIndex index(std::move(list));
  for (const auto& domain : domains) {
    INFO(domain);
    CHECK_FALSE(index.find(name(domain)).has_value());
    CHECK_FALSE(index.find(name("mail." + domain)).has_value());
    CHECK_FALSE(index.find(name("army.mil.arrny." + domain)).has_value());
  }
  CHECK_FALSE(index.find(name("navy.mil")).has_value());
  CHECK_FALSE(index.find(name("su.navy.mil")).has_value());
  CHECK(index.find(name("su.nayv.mil")).has_value()); // but another's
  CHECK(index.find(name("armx.mil")).has_value());
}

TEST_CASE("the domain that a protected name stands in is its owner's") {
  const LookalikeIndex index(
      {{name("us.army.mil"), ClassSet::all(), 0}, {name("arm.mil"), ClassSet::all(), 0}});
  CHECK_FALSE(index.find(name("army.mil")).has_value()); // though one letter from arm.mil
  CHECK_FALSE(index.find(name("mail.army.mil")).has_value());
  CHECK(index.find(name("armx.mil")).has_value());
}

TEST_CASE("the registered domain is judged, whatever stands in front of it") {
  const auto hit = find("army.mil", ClassSet::all(), "a.mail.arrny.mil");
  REQUIRE(hit.has_value());
  CHECK(hit->kind == LookalikeClass::homoglyph);
  CHECK(hit->compared.to_text() == "arrny.mil");
  CHECK_FALSE(find("army.mil", ClassSet::all(), "arrny.mail.mil").has_value());

  // Under github.io everybody is another owner (private section of the list).
  CHECK(find("army.github.io", ClassSet::all(), "x.amry.github.io").has_value());
  CHECK_FALSE(find("army.github.io", ClassSet::all(), "army.abcd.github.io").has_value());
}

TEST_CASE("a public suffix is nobody's look-alike") {
  CHECK(find("go.uk", ClassSet::all(), "army.gn.uk").has_value());
  CHECK_FALSE(find("go.uk", ClassSet::all(), "army.co.uk").has_value()); // one bit from go
}

TEST_CASE("a public suffix can be protected") {
  CHECK(find("gov.uk", ClassSet::all(), "www.g0v.uk").has_value());
  CHECK_FALSE(find("gov.uk", ClassSet::all(), "mod.gov.uk").has_value());
}

TEST_CASE("the highest score wins, then the earlier class, then the earlier domain") {
  const LookalikeIndex index({{name("armies.mil"), ClassSet::all(), 7},
                              {name("examples.com"), {LookalikeClass::addition}, 8},
                              {name("example.com"), ClassSet::all(), 9},
                              {name("example.com"), ClassSet::all(), 10}});
  const auto hit = index.find(name("exampless.com"));
  REQUIRE(hit.has_value());
  CHECK(hit->kind == LookalikeClass::addition); // examples + s; "example" is two away
  CHECK(hit->domain == 1);
  CHECK(index.domains()[hit->domain].rule == 8);

  const auto twice = index.find(name("exmaple.com"));
  REQUIRE(twice.has_value());
  CHECK(twice->domain == 2);
  CHECK(twice->score.value() == 85);
  CHECK(explain(twice->kind, twice->score) == "85: transposition 90, less 5 for a short label");
}

TEST_CASE("a name that is no domain has no look-alikes, and cannot be protected") {
  const LookalikeIndex index({{name("army.mil"), ClassSet::all(), 0}});
  CHECK_FALSE(index.find(Name()).has_value());
  CHECK_FALSE(index.find(name("ml")).has_value());
  CHECK_FALSE(LookalikeIndex().find(name("army.ml")).has_value());
  CHECK_THROWS_WITH(LookalikeIndex({{name("mil"), ClassSet::all(), 0}}),
                    ContainsSubstring("two labels"));
}

TEST_CASE("classes are read as they are written") {
  for (std::size_t index = 0; index < lookalike_class_count; ++index) {
    const auto kind = static_cast<LookalikeClass>(index);
    CHECK(lookalike_class_from(to_string(kind)) == kind);
    CHECK(ClassSet::all().contains(kind));
  }
  CHECK(to_string(LookalikeClass::subdomain_as_prefix) == "subdomain-as-prefix");
  CHECK_FALSE(lookalike_class_from("tld_swap").has_value());
}
