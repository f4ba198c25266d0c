// suffix_labels() against libpsl, asked as plainly as can be.
#include "rules/lookalikes/suffix.hpp"
#include "tests/catch.hpp"
#include "tests/unit/allocations.hpp"
#include "tests/unit/rules/names.hpp"

#include <libpsl.h>
#include <unicode/uidna.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <vector>

using namespace nearmiss;
using nearmiss::test::allocations;
using nearmiss::test::name;

namespace {

// Of a name of plain labels.
std::size_t by_libpsl(const std::string& text) {
  const auto labels = static_cast<std::size_t>(std::ranges::count(text, '.')) + 1;
  std::size_t at = 0;
  for (std::size_t left = labels; left > 1; --left) {
    if (left <= lookalike::max_suffix_labels + 1 &&
        psl_is_public_suffix(psl_builtin(), text.c_str() + at) != 0) {
      return left;
    }
    at = text.find('.', at) + 1;
  }
  return 1;
}

void check(const std::string& text) {
  const bool plain = text.find_first_not_of("-.0123456789abcdefghijklmnopqrstuvwxyz") == text.npos;
  if (const auto asked = Name::from_text(text); asked && plain) {
    INFO(text);
    REQUIRE(lookalike::suffix_labels(*asked) == by_libpsl(text));
  }
}

// The names of the list's rules in the DNS, without "*." and "!".
std::vector<std::string> rules() {
  std::ifstream file("/usr/share/publicsuffix/public_suffix_list.dat");
  UErrorCode status = U_ZERO_ERROR;
  UIDNA* const idna = uidna_openUTS46(UIDNA_DEFAULT, &status);
  std::vector<std::string> names;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.starts_with("//")) {
      continue;
    }
    const std::string_view rule = std::string_view(line).substr(line.starts_with("*.")  ? 2
                                                                : line.starts_with('!') ? 1
                                                                                        : 0);
    std::array<char, 256> text{};
    UIDNAInfo info = UIDNA_INFO_INITIALIZER;
    uidna_nameToASCII_UTF8(idna, rule.data(), static_cast<std::int32_t>(rule.size()), text.data(),
                           text.size(), &info, &status);
    names.emplace_back(text.data());
  }
  uidna_close(idna);
  return names;
}

} // namespace

TEST_CASE("a public suffix is what libpsl takes for one: each rule of the list, and what is near") {
  lookalike::load_public_suffixes();
  const unsigned seed = nearmiss::test::seed();
  INFO("NEARMISS_SEED=" << seed);
  std::mt19937 random(seed);
  const auto all = rules();
  REQUIRE(all.size() > 5000); // the package publicsuffix
  for (const std::string& rule : all) {
    const std::string& other = all[random() % all.size()];
    std::string changed = rule;
    changed[random() % changed.size()] = static_cast<char>('a' + random() % 26);
    std::string shorter = rule;
    shorter.erase(random() % shorter.size(), 1);
    std::vector<std::string> texts{rule, changed, shorter, rule.substr(rule.find('.') + 1)};
    for (const char* const front : {"x", "x.", "y.x.", "a.b.c.d.e.f.g.h."}) {
      for (std::size_t at = 0; at < 3; ++at) {
        texts.push_back(front + texts[at]);
      }
    }
    for (const char* const behind : {"x", ".x"}) {
      texts.push_back(rule + behind);
    }
    texts.push_back(rule);
    texts.back().append(1, '.').append(other);
    for (const std::string& text : texts) {
      check(text);
    }
  }
  // Short names, which libpsl's automaton takes for others if for any.
  constexpr std::string_view octets = "-0123456789abcdefghijklmnopqrstuvwxyz";
  for (const char first : octets) {
    check(std::string("x.") + first);
    check(std::string("y.x.") + first);
    for (const char second : octets) {
      check(std::string("x.") + first + second);
      check(std::string("y.") + first + '.' + second);
    }
  }
}

TEST_CASE("the suffixes that have been had wrong somewhere") {
  lookalike::load_public_suffixes();
  const auto labels = [](const char* text) { return lookalike::suffix_labels(name(text)); };
  CHECK(lookalike::suffix_labels(Name()) == 0);
  CHECK(labels("com") == 1);
  CHECK(labels("mail.army.mil") == 1);
  CHECK(labels("bbc.co.uk") == 2);
  CHECK(labels("co.uk") == 2);
  CHECK(labels("x.y.no-such-tld") == 1);
  CHECK(labels("a.b.ck") == 2); // *.ck
  CHECK(labels("www.ck") == 1); // !www.ck
  CHECK(labels("a.www.ck") == 1);
  CHECK(labels("x.city.kawasaki.jp") == 2); // !city.kawasaki.jp
  CHECK(labels("x.y.kawasaki.jp") == 3);
  CHECK(labels("x.s3.dualstack.eu-west-1.amazonaws.com") == 5);
  CHECK(labels("a.xn--55qx5d.cn") == 2);
  // An octet that no suffix has is none of the label's others, and no dot.
  CHECK(labels("x\\.co.uk") == 1);
  CHECK(labels("x.\\000.ck") == 2);
  CHECK(labels("co\\000.uk") == 1);
}

TEST_CASE("finding a public suffix allocates nothing") {
  lookalike::load_public_suffixes();
  const std::array<Name, 4> names{name("mail.example.com"), name("x.example.co.uk"),
                                  name("a.b.c.d.e.f.g.h.i.j.k.example.co.uk"), name("x.y.ck")};
  std::size_t labels = 0;
  const std::size_t before = allocations();
  for (const Name& asked : names) {
    labels += lookalike::suffix_labels(asked);
  }
  CHECK(allocations() == before);
  CHECK(labels == 7);
}
