// What a lookup costs at most, whoever chose the name; and that a name that is no look-alike
// allocates nothing.
#include "rules/lookalikes/lookalike.hpp"
#include "tests/catch.hpp"
#include "tests/unit/allocations.hpp"
#include "tests/unit/rules/names.hpp"

#include <random>
#include <string>
#include <vector>

using namespace nearmiss;
using nearmiss::test::allocations;
using nearmiss::test::name;

namespace {

// Labels of 4 to 20 letters, and one of 63, under suffixes of one to three labels.
std::vector<Protected> many_domains() {
  std::mt19937 random(1);
  std::vector<Protected> domains;
  const char* const suffixes[] = {".com",       ".mil",     ".co.uk",
                                  ".github.io", ".example", ".pvt.k12.ma.us"};
  for (int count = 0; count < 2000; ++count) {
    std::string label;
    const std::size_t size = 4 + random() % 17;
    while (label.size() < size) {
      label += static_cast<char>('a' + random() % 26);
    }
    domains.push_back({name(label + suffixes[random() % std::size(suffixes)]), ClassSet::all(), 0});
  }
  domains.push_back({name(std::string(63, 'm') + ".com"), ClassSet::all(), 0});
  domains.push_back({name("us.army.mil"), ClassSet::all(), 0});
  return domains;
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  while (times-- > 0) {
    all += text;
  }
  return all;
}

std::vector<std::string> hostile_names() {
  std::vector<std::string> names;
  const std::string label(63, 'a');
  std::string varied;
  for (int at = 0; at < 63; ++at) {
    varied += static_cast<char>('a' + at * 7 % 26);
  }
  std::string hyphens = repeated("w-", 31) + "w";
  names.push_back(varied + ".com");
  names.push_back(varied + '.' + varied + '.' + varied + ".co.uk");
  names.push_back(hyphens + ".com");
  names.push_back(std::string(63, 'i') + ".com");
  names.push_back(repeated("rn", 31) + "m.com");
  names.push_back(std::string(63, 'n') + ".com");
  names.push_back(repeated("a.", 126) + "a");
  names.push_back(repeated("co.uk.", 41) + "com");
  names.push_back(repeated("army.mil.", 27) + "example");
  names.push_back(repeated("us.army.mil.", 20) + "example");
  return names;
}

} // namespace

TEST_CASE("no name costs more than some hundred steps") {
  const LookalikeIndex index(many_domains());
  for (const auto& text : hostile_names()) {
    INFO(text);
    // Three suffixes known at most, a key for each of 63 characters and 62 hyphens under each, and
    // two for each of 127 labels.
    CHECK(index.work(name(text)) <= 600);
  }
  // Of n letters without dots n * n / 2 keys for two slips, and n for one under a label more.
  CHECK(index.work(name("mail.debian.org")) <= 120);
  CHECK(index.work(name("mail.wikipedia.com")) <= 160);
}

TEST_CASE("a longer protected label, not a longer asked one, makes more work") {
  const LookalikeIndex index({{name("army.mil"), ClassSet::all(), 0}});
  CHECK(index.work(name(repeated("abcdefghi", 7) + ".mil")) <= 12);
}

TEST_CASE("thousands of hosts of one domain make no more work than one") {
  std::vector<Protected> domains;
  for (int host = 0; host < 2000; ++host) {
    const Name domain = name("h" + std::to_string(host) + ".us.army.mil");
    domains.push_back({domain, ClassSet::all(), 0});
  }
  domains.push_back({name("army.mil"), ClassSet::all(), 0});
  domains.push_back({name("us.army.mil"), ClassSet::all(), 1});
  const LookalikeIndex index(std::move(domains));
  for (const char* text : {"mail.arrny.mil", "amry.mil", "army.ml", "armymil.example", "army.com",
                           "army.mil.example", "wwwarmy.mil", "ar.my.mil", "mail-army.mil",
                           "armies.mil", "usarmy.mil", "us-army.mil", "mail.army.mil"}) {
    INFO(text);
    CHECK(index.work(name(text)) <= 180);
  }
  // Nothing is lost by it: the hosts' own, the registered domain's, and another rule's.
  const auto meant = [&](const char* text, std::uint32_t rule) {
    const auto of_rule = [rule](std::uint32_t other) { return other == rule; };
    const auto found = index.find(name(text), of_rule);
    return found ? index.domains()[found->domain].domain.to_text() : "";
  };
  CHECK(meant("amry.mil", 0) == "army.mil");
  CHECK(meant("h7.us.amry.mil", 0) == "army.mil");
  CHECK(meant("amry.mil", 1) == "us.army.mil");
  CHECK(meant("h1999usarmy.mil", 0) == "h1999.us.army.mil");
  CHECK(meant("h1999.us.army.mil.example", 0) == "h1999.us.army.mil");
  CHECK(meant("h1999-us-army-mil.example", 0) == "h1999.us.army.mil");
  CHECK(meant("usarmy.mil", 0) == "h0.us.army.mil");
  CHECK(meant("h1999.us.army.mil", 0).empty());
}

TEST_CASE("a name that is no look-alike allocates nothing, nor does an ASCII one that is") {
  const LookalikeIndex index(many_domains());
  std::vector<Name> misses;
  for (const char* text : {"mail.debian.org", "wikipedia.com", "a.b.c.example", "bbc.co.uk",
                           "navy.mil", "x.github.io", "_dmarc.xy-z.co.uk"}) {
    misses.push_back(name(text));
  }
  for (const auto& text : hostile_names()) {
    misses.push_back(name(text));
  }
  const Name hit = name("us.arrny.mil");
  std::size_t found = 0;
  const std::size_t before = allocations();
  for (const Name& asked : misses) {
    found += index.find(asked) ? 1U : 0U;
  }
  const bool hit_found = index.find(hit).has_value();
  const std::size_t during = allocations() - before;
  CHECK(during == 0);
  CHECK(hit_found);
  CHECK(found < misses.size() / 2);
  const std::size_t before_explain = allocations();
  const auto hidden = index.find(hit);
  CHECK_FALSE(explain(hidden->kind, hidden->score).empty());
  CHECK(allocations() > before_explain); // the counter does count
}
