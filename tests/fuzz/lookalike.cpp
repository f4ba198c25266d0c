// The look-alike test: any name against domains that the input may add to.
#include "rules/lookalikes/lookalike.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>

using namespace nearmiss;

namespace {

constexpr const char* protected_domains[] = {
    "army.mil",    "us.army.mil",       "example.org",
    "bank.co.uk",  "x.github.io",       "xn--mnchen-3ya.example",
    "t-o.example", "a.b.pvt.k12.ma.us", "rnicrosoft.com",
};

std::vector<Protected> usual_domains() {
  std::vector<Protected> domains;
  for (const char* text : protected_domains) {
    domains.push_back({fuzz::known_name(text), ClassSet::all(), 0});
  }
  return domains;
}

void check_found(const LookalikeIndex& index, const Name& asked, const Lookalike& found) {
  PROMISE(found.domain < index.domains().size());
  const Protected& domain = index.domains()[found.domain];
  PROMISE(domain.classes.contains(found.kind));
  PROMISE(found.score.value() >= 1 && found.score.value() <= 100);
  PROMISE(asked.is_at_or_below(found.compared));
  PROMISE(!found.compared.is_root());
  PROMISE(!explain(found.kind, found.score).empty());
  PROMISE(lookalike_class_from(to_string(found.kind)) == found.kind);
  // Asked about that domain's rule alone, it is found again; about none, never.
  const auto again = index.find(asked, [&](std::uint32_t rule) { return rule == domain.rule; });
  PROMISE(again && again->score.value() == found.score.value());
  PROMISE(!index.find(asked, [](std::uint32_t) { return false; }));
}

// The asked name's labels in front of each protected domain: below it, so never like any of them.
void check_honest(const LookalikeIndex& index, const Name& asked) {
  for (const Protected& entry : index.domains()) {
    PROMISE(!index.find(entry.domain));
    if (const auto below = asked.with_suffix(Name(), entry.domain)) {
      PROMISE(below->is_at_or_below(entry.domain));
      PROMISE(!index.find(*below));
    }
  }
}

void check(const LookalikeIndex& index, const Name& asked) {
  // Three suffixes known at most, a key for each of 63 characters and 62 hyphens under each, two
  // for each of 127 labels; and what is then compared.
  PROMISE(index.work(asked) <= 1000);
  if (const auto found = index.find(asked)) {
    check_found(index, asked, *found);
  }
  check_honest(index, asked);
}

} // namespace

// The first octet: even, the asked name follows in wire form; odd, a domain to protect comes first,
// as a field of octets in wire form.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const LookalikeIndex usual(usual_domains());
  fuzz::Input input(data, size);
  const bool own_domain = input.octet() % 2 == 1;
  std::optional<Name> domain;
  if (own_domain) {
    domain = Name::from_wire(input.field());
    if (!domain || domain->label_count() < 2) {
      return 0;
    }
  }
  const auto octets = input.rest();
  const auto asked =
      Name::from_wire({reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size()});
  if (!asked) {
    return 0;
  }
  if (own_domain) {
    auto domains = usual_domains();
    domains.push_back({*domain, ClassSet::all(), 1});
    domains.push_back({*domain, default_classes(*domain), 2});
    check(LookalikeIndex(std::move(domains)), *asked);
  } else {
    check(usual, *asked);
  }
  return 0;
}
