// Rules on what an answer holds: MX exchanges and addresses.
#include "tests/catch.hpp"

#include "rules/policy_builder.hpp"
#include "tests/unit/rules/names.hpp"

#include <algorithm>
#include <iostream>

using namespace nearmiss;
using namespace nearmiss::test;

namespace {

const std::chrono::sys_days today{std::chrono::year(2026) / 11 / 23};

ClientAddress address(std::string_view text) {
  const auto parsed = ClientAddress::from_text(text);
  REQUIRE(parsed);
  return *parsed;
}

Prefix prefix(std::string_view text) {
  Prefix parsed;
  REQUIRE(parse_prefix(text, parsed) == PrefixError::none);
  return parsed;
}

struct Asker {
  Name asked = name("typo.example");
  std::uint16_t type = type_mx;
  ClientAddress client = address("192.0.2.25");

  Query query() const { return {asked, type, client, today}; }
  std::string exchange(const Policy& policy, std::string_view host) const {
    const Verdict verdict = policy.decide_exchange(query(), name(host));
    return verdict.rule != nullptr ? verdict.rule->id : "-";
  }
  std::string held(const Policy& policy, std::string_view ip) const {
    const Verdict verdict = policy.decide_address(query(), address(ip));
    return verdict.rule != nullptr ? verdict.rule->id : "-";
  }
};

} // namespace

TEST_CASE("a rule on exchanges matches the host and what is below it, whoever's MX it is") {
  PolicyBuilder builder;
  const auto parked = builder.add_rule(rule("parked", Action::nxdomain));
  builder.add_exchange(parked, name("mx.parking.example"), Scope::subtree);
  builder.add_exception(parked, name("mine.example"));
  const auto fine = builder.add_rule(rule("fine", Action::allow));
  builder.add_exchange(fine, name("good.mx.parking.example"), Scope::subtree);
  const Policy policy = std::move(builder).build();

  CHECK(Asker{}.exchange(policy, "mx.parking.example") == "parked");
  CHECK(Asker{}.exchange(policy, "a.MX.parking.example") == "parked");
  CHECK(Asker{}.exchange(policy, "parking.example") == "-");
  CHECK(Asker{}.exchange(policy, "xmx.parking.example") == "-");
  CHECK(Asker{}.exchange(policy, "good.mx.parking.example") == "fine");
  CHECK(Asker{.asked = name("www.mine.example")}.exchange(policy, "mx.parking.example") == "-");
  CHECK(Asker{.asked = name("notmine.example")}.exchange(policy, "mx.parking.example") == "parked");
  CHECK(Asker{.type = type_txt}.exchange(policy, "mx.parking.example") == "-");

  CHECK(policy.covers_exchange(name("a.mx.parking.example")));
  CHECK_FALSE(policy.covers_exchange(name("parking.example")));
  // The exchange's own name is another matter.
  CHECK_FALSE(policy.covers(name("mx.parking.example"), type_a));

  const Name asked = name("typo.example");
  const Verdict verdict = policy.decide_exchange({asked, type_mx, address("192.0.2.25"), today},
                                                 name("a.mx.parking.example"));
  CHECK(verdict.enforced);
  CHECK(verdict.matched == name("mx.parking.example"));
}

TEST_CASE("a rule on addresses matches its prefixes, the longest first") {
  PolicyBuilder builder;
  builder.add_group("mail", {prefix("192.0.2.0/24")});
  const auto net = builder.add_rule(rule("net", Action::nxdomain));
  builder.add_address(net, prefix("198.51.100.0/24"));
  builder.add_address(net, prefix("2001:db8:bad::/48"));
  const auto translator = builder.add_rule(rule("translator", Action::allow));
  builder.add_address(translator, prefix("64:ff9b::/96"));
  const auto host = builder.add_rule(rule("host", Action::allow));
  builder.add_address(host, prefix("198.51.100.7"));
  Rule for_mail = rule("for-mail", Action::servfail);
  for_mail.every_client = false;
  for_mail.groups = 1;
  const auto grouped = builder.add_rule(for_mail);
  builder.add_address(grouped, prefix("203.0.113.0/24"));
  const Policy policy = std::move(builder).build();

  const Asker asker{.type = type_a};
  CHECK(asker.held(policy, "198.51.100.1") == "net");
  CHECK(asker.held(policy, "198.51.101.0") == "-");
  CHECK(asker.held(policy, "198.51.99.255") == "-");
  CHECK(asker.held(policy, "198.51.100.7") == "host");
  CHECK(asker.held(policy, "198.51.100.8") == "net");
  CHECK(asker.held(policy, "2001:db8:bad:1::1") == "net");
  CHECK(asker.held(policy, "2001:db8:bae::") == "-");
  CHECK(asker.held(policy, "203.0.113.9") == "for-mail");
  // An IPv6 address is that of the IPv4 host which a translator passes its packets to.
  CHECK(asker.held(policy, "64:ff9b::198.51.100.1") == "net");
  CHECK(asker.held(policy, "64:ff9b::198.51.100.7") == "host");
  CHECK(asker.held(policy, "64:ff9b::198.51.101.1") == "translator");
  CHECK(asker.held(policy, "64:ff9b:1::198.51.100.1") == "-");
  CHECK(asker.held(policy, "2002:c633:6401::1") == "net");
  CHECK(asker.held(policy, "2002:c633:6501::1") == "-");
  CHECK(asker.held(policy, "2003:c633:6401::1") == "-");
  CHECK(policy.covers_address(address("64:ff9b::203.0.113.9")));
  CHECK(policy.covers_address(address("2002:cb00:7109::")));
  CHECK_FALSE(policy.covers_address(address("64:ff9b::203.0.112.9")));
  const Asker web{.type = type_a, .client = address("10.0.0.1")};
  CHECK(web.held(policy, "203.0.113.9") == "-");
  CHECK(policy.covers_address(address("203.0.113.9")));
  CHECK_FALSE(policy.covers_address(address("203.0.112.9")));
}

TEST_CASE("of equal prefixes an allow wins, then the earlier rule, an observe never weakens") {
  PolicyBuilder builder;
  const auto add = [&](const char* id, Action action, std::string_view cidr) {
    builder.add_address(builder.add_rule(rule(id, action)), prefix(cidr));
  };
  add("watch", Action::observe, "198.51.100.0/24");
  add("first", Action::nodata, "198.51.100.0/24");
  add("second", Action::nxdomain, "198.51.100.0/24");
  add("both-block", Action::nxdomain, "203.0.113.0/24");
  add("both-allow", Action::allow, "203.0.113.0/24");
  add("wide", Action::nxdomain, "192.0.0.0/16");
  add("narrow-watch", Action::observe, "192.0.2.0/24");
  const Policy policy = std::move(builder).build();
  const Asker asker{.type = type_a};
  CHECK(asker.held(policy, "198.51.100.1") == "first");
  CHECK(asker.held(policy, "203.0.113.1") == "both-allow");
  CHECK(asker.held(policy, "192.0.2.1") == "wide");
  CHECK(asker.held(policy, "192.0.3.1") == "wide");
}

TEST_CASE("an address index finds what a search of every prefix finds") {
  const unsigned start = seed();
  std::cout << "address index, seed " << start << std::endl;
  std::mt19937 random(start);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::pair<Prefix, std::uint32_t>> prefixes;
    const auto draw = [&] {
      // Few octet values, so that prefixes nest and repeat.
      return ClientAddress::v4({static_cast<std::uint8_t>(random() % 2),
                                static_cast<std::uint8_t>(random() % 2 * 0x80),
                                static_cast<std::uint8_t>(random() % 4), 0});
    };
    for (std::uint32_t rule = 0; rule < 30; ++rule) {
      const Prefix wanted{draw(), static_cast<std::uint8_t>(96 + random() % 33)};
      auto octets = wanted.address.octets();
      for (unsigned bit = wanted.bits; bit < 128; ++bit) {
        octets[bit / 8] = static_cast<std::uint8_t>(octets[bit / 8] & ~(0x80U >> bit % 8));
      }
      prefixes.emplace_back(Prefix{ClientAddress::v6(octets), wanted.bits}, rule);
    }
    const AddressIndex index(prefixes);
    for (int asked = 0; asked < 100; ++asked) {
      const ClientAddress where = draw();
      std::vector<std::pair<int, std::uint32_t>> expected;
      for (const auto& [held, rule] : prefixes) {
        if (held.holds(where)) {
          expected.emplace_back(-held.bits, rule);
        }
      }
      std::ranges::sort(expected);
      std::vector<std::pair<int, std::uint32_t>> found;
      index.search(where, [&](const AddressIndex::Entry& entry) {
        found.emplace_back(-entry.prefix.bits, entry.rule);
        return true;
      });
      REQUIRE(found == expected);
    }
  }
}
