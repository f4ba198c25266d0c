// What Unbound really does, and that no way through it leads a policed client to a real answer.
#include "tests/catch.hpp"

#include "tests/e2e/world.hpp"

#include <future>

using namespace e2e;
using namespace std::chrono_literals;

namespace {

// Asks in the background; the world must outlive the future.
std::future<Answer> asking(const World& world, const std::string& client, const std::string& name,
                           int type) {
  return std::async(std::launch::async, [&world, client, name, type] {
    return world.resolver.answer(client, name, type);
  });
}

// Long enough that what is asked meanwhile is asked while the first query is in flight.
constexpr auto slow = 2s;

void wait_until_asked(const World& world, const std::string& name, int type) {
  const bool asked = wait_until([&] { return world.lab.queries(name, type) > 0; });
  INFO(world.lab.counts_text());
  REQUIRE(asked);
}

void check_real(const Answer& answer) {
  INFO(answer.text());
  CHECK(answer.rcode == noerror);
  CHECK_FALSE(answer.answer.empty());
  CHECK_FALSE(looks_blocked(answer));
}

void check_null_mx(const Answer& answer) {
  INFO(answer.text());
  CHECK(answer.rcode == noerror);
  CHECK(answer.data_of(MX) == std::vector<std::string>{"0 ."});
  CHECK_FALSE(tells_a_secret(answer));
}

} // namespace

TEST_CASE("an answer that somebody else fetched is not handed on", "[host]") {
  const World world({.policy = usual_policy});
  for (const int type : {int{MX}, int{A}, int{AAAA}, int{ANY}}) {
    check_real(world.resolver.answer(other, "army.ml", type));
    world.expect_blocked(mail, "army.ml", type);
    world.expect_blocked(other_mail, "aRMy.ml", type, {.cd = true, .dnssec_ok = true});
  }
  world.expect_real(other, "army.ml", MX);
}

TEST_CASE("a query in flight is not shared with a policed client", "[host]") {
  World world({.policy = usual_policy});
  world.lab.slow("army.ml.", slow);
  auto first = asking(world, other, "army.ml", MX);
  wait_until_asked(world, "army.ml.", MX);
  auto second = asking(world, "127.2.0.9", "army.ml", MX);
  world.expect_blocked(mail, "army.ml", MX);
  CHECK(first.wait_for(500ms) == std::future_status::timeout); // nobody waited for its end
  check_real(first.get());
  check_real(second.get());
  world.expect_blocked(mail, "army.ml", MX);
}

TEST_CASE("a shared query that leads to a listed name is judged for each client", "[host]") {
  for (const std::string& first_client : {mail, other}) {
    World world({.policy = usual_policy});
    world.lab.slow("alias.good.example.", slow); // nobody knows yet where it leads
    std::vector<std::pair<std::string, std::future<Answer>>> asked;
    asked.emplace_back(first_client, asking(world, first_client, "alias.good.example", A));
    wait_until_asked(world, "alias.good.example.", A);
    for (const std::string& client : {mail, other, other_mail, std::string("127.2.0.9")}) {
      asked.emplace_back(client, asking(world, client, "alias.good.example", A));
    }
    for (auto& [client, future] : asked) {
      const Answer answer = future.get();
      INFO(client << ":\n" << answer.text());
      const bool policed = client.starts_with("127.1.");
      CHECK(tells_a_secret(answer) == !policed);
      CHECK(looks_blocked(answer) == policed);
    }
  }
}

TEST_CASE("prefetching and expired answers hand nothing on", "[host]") {
  const std::string lines = GENERATE(
      as<std::string>(), "  prefetch: yes\n  prefetch-key: yes\n", "  serve-expired: yes\n",
      "  serve-expired: yes\n  serve-expired-client-timeout: 1\n",
      "  prefetch: yes\n  serve-expired: yes\n  serve-expired-reply-ttl: 5\n");
  CAPTURE(lines);
  const World world({.policy = usual_policy, .server_lines = lines});
  // The zones live for a second; so this covers fresh, nearly expired and expired answers.
  for (int round = 0; round < 12; ++round) {
    world.expect_real(other, "flash.ml", A);
    world.expect_real(other, "alias.brief.example", A);
    world.expect_real(other, "brief.example", MX);
    world.expect_blocked(mail, "flash.ml", A);
    world.expect_blocked(mail, "alias.brief.example", A);
    world.expect_real(mail, "brief.example", MX);
    std::this_thread::sleep_for(250ms);
  }
}

TEST_CASE("other domains' name servers may live under a listed name", "[host]") {
  World world({.policy = usual_policy});
  SECTION("a policed client may mail that domain") {
    world.expect_real(mail, "tenant.example", MX);
    world.expect_blocked(mail, "ns1.hosting.ml", A);
  }
  SECTION("the name server's own name stays blocked while it is looked up") {
    world.lab.slow("ns1.hosting.ml.", slow);
    auto tenant = asking(world, mail, "tenant.example", MX);
    wait_until_asked(world, "ns1.hosting.ml.", A);
    world.expect_blocked(mail, "ns1.hosting.ml", A);
    CHECK(tenant.wait_for(500ms) == std::future_status::timeout);
    check_real(tenant.get());
    world.expect_blocked(mail, "ns1.hosting.ml", A);
    world.expect_real(other, "ns1.hosting.ml", A);
  }
}

TEST_CASE("a stub without a cache: nothing listed comes along, and nothing is kept", "[host]") {
  std::vector<Zone> zones = default_zones();
  std::ranges::find(zones, "arrny.example.", &Zone::origin)->records +=
      "sub MX 10 @\nsub MX 20 www\n";
  World world({.policy = usual_policy,
               .server_lines = "  minimal-responses: no\n",
               .more_clauses = "stub-zone:\n  name: arrny.example\n  stub-addr: @HOST@\n"
                               "  stub-no-cache: yes\n"},
              zones);
  const Answer answer = world.resolver.answer(mail, "sub.arrny.example", MX);
  INFO(answer.text());
  CHECK(answer.data_of(MX).size() == 2); // one is not listed, so mail has a way
  CHECK_FALSE(tells_a_secret(answer));
  CHECK(std::ranges::any_of(answer.additional, // else nothing was tried
                            [](const Rr& rr) { return rr.data == "203.0.113.4"; }));
  world.lab.forget_counts();
  for (int round = 0; round < 3; ++round) {
    world.expect_real(other, "arrny.example", A);
    world.expect_blocked(mail, "arrny.example", A);
  }
  INFO(world.lab.counts_text());
  CHECK(world.lab.queries("arrny.example.", A) == 3);
}

// For ANY the iterator goes on from the aliases that it has stored itself; where it may not store,
// it follows them, and no key fits to the answer.
TEST_CASE("ANY for an alias into another signed zone", "[host]") {
  std::vector<Zone> zones = default_zones();
  std::ranges::find(zones, "good.example.", &Zone::origin)->records +=
      "across CNAME mx.army.mil.\n";
  const auto policy = GENERATE(std::optional<std::string>(), std::optional(usual_policy));
  const World world({.policy = policy}, zones);
  for (const std::string& client : {other, mail}) {
    const Answer answer = world.resolver.answer(client, "across.good.example", ANY);
    INFO(answer.text());
    CHECK(answer.rcode == noerror);
    CHECK(answer.data_of(CNAME) == std::vector<std::string>{"mx.army.mil."});
  }
}

// `response-ip`, here for the clients of one view, as an RPZ zone's `rpz-ip` triggers do with tags.
TEST_CASE("what respip makes of an answer for one client is no other's", "[host]") {
  const std::string viewer = "127.2.1.1";
  World world({.policy = usual_policy,
               .module_config = "dynlib respip validator iterator",
               .server_lines = "  access-control-view: 127.2.1.0/24 inside\n",
               .more_clauses = "view:\n  name: inside\n"
                               "  response-ip: 198.51.100.0/24 redirect\n"
                               "  response-ip-data: 198.51.100.0/24 \"A 192.0.2.99\"\n"});
  const auto addresses = [&](const std::string& client, const std::string& name) {
    return world.resolver.answer(client, name, A).data_of(A);
  };
  using Texts = std::vector<std::string>;
  for (const std::string name : {"realhost.army.ml", "alias.good.example"}) {
    const Texts real = name.starts_with("alias") ? Texts{"198.51.100.1"} : Texts{"198.51.100.2"};
    const bool viewer_first = GENERATE(true, false);
    CAPTURE(name, viewer_first);
    if (viewer_first) {
      CHECK(addresses(viewer, name) == Texts{"192.0.2.99"});
    }
    CHECK(addresses(other, name) == real);
    CHECK(addresses(viewer, name) == Texts{"192.0.2.99"});
    CHECK(addresses(other, name) == real);
    world.expect_blocked(mail, name, A);
  }
}

TEST_CASE("an alias of a listed name is blocked as that name is", "[host]") {
  const World world({.policy = usual_policy});
  const std::vector<std::string> aliases{"alias.good.example", "chain.good.example",
                                         "alias.plain.example", "www.dept.good.example"};
  for (const std::string& name : aliases) {
    const Flags flags = GENERATE(Flags{}, Flags{.cd = true}, Flags{.dnssec_ok = true});
    world.expect_blocked(mail, name, A, flags); // cold
    world.expect_real(other, name, A, flags);
    world.expect_blocked(mail, name, A, flags); // warm
    world.expect_real(other, name, A, flags);
  }
  world.expect_blocked(mail, "alias.good.example", MX);
  world.expect_real(mail, "alias.good.example", TXT); // `types: delivery`, here as well
  world.expect_real(mail, "toward.good.example", A);  // an alias of a name nobody lists
}

TEST_CASE("the CNAME itself is not told either", "[host]") {
  const World world({.policy = usual_policy});
  world.expect_blocked(mail, "www.army.ml", CNAME);
  world.expect_real(other, "www.army.ml", CNAME);
}

TEST_CASE("an address in a hint is blocked as one of the name's own", "[host]") {
  std::string policy = usual_policy;
  policy.insert(policy.find("log:"),
                "  - {id: held, answer_ip: [198.51.100.64/26, \"2001:db8:bad::/48\"]}\n");
  std::vector<Zone> zones = default_zones();
  std::ranges::find(zones, "plain.example.", &Zone::origin)->records +=
      "four HTTPS 1 . alpn=h2 ipv4hint=203.0.113.7,198.51.100.77\n"
      "six SVCB 1 . ipv4hint=203.0.113.7 ipv6hint=2001:db8::7,2001:db8:bad::7\n"
      "fine HTTPS 1 . alpn=h2 port=8443 ipv4hint=203.0.113.7 ipv6hint=2001:db8::7\n"
      "elsewhere HTTPS 0 mx.plain.example.\n";
  World world({.policy = policy}, zones);

  world.expect_blocked(mail, "four.plain.example", HTTPS);
  world.expect_blocked(mail, "six.plain.example", SVCB);
  for (const std::string& client : {mail, other}) {
    for (const std::string name : {"fine", "elsewhere"}) {
      CHECK(world.resolver.answer(client, name + ".plain.example", HTTPS).data_of(HTTPS).size() ==
            1);
    }
  }
  CHECK(world.resolver.answer(other, "four.plain.example", HTTPS).data_of(HTTPS).size() == 1);
  CHECK(world.resolver.answer(other, "six.plain.example", SVCB).data_of(SVCB).size() == 1);
  world.expect_blocked(mail, "four.plain.example", HTTPS);
}

TEST_CASE("a domain whose only exchange is listed takes no mail", "[host]") {
  const World world({.policy = usual_policy});
  for (const std::string name : {"mxlisted.good.example", "mxlisted.plain.example"}) {
    check_null_mx(world.resolver.answer(mail, name, MX));
    check_real(world.resolver.answer(other, name, MX));
    check_null_mx(world.resolver.answer(mail, name, MX, {.cd = true, .dnssec_ok = true}));
  }
  // With another exchange there is another way; only the listed one's address is blocked.
  world.expect_real(mail, "mxboth.good.example", MX);
  world.expect_blocked(mail, "realhost.army.ml", A);
}

TEST_CASE("the validator takes no offence at a block of a signed name", "[host]") {
  const World world({.policy = usual_policy,
                     .server_lines = "  aggressive-nsec: yes\n"
                                     "  harden-dnssec-stripped: yes\n"});
  world.expect_blocked(mail, "army.ml", MX, {.dnssec_ok = true});
  world.expect_blocked(mail, "doesnotexist.army.ml", MX, {.dnssec_ok = true});
  CHECK(world.resolver.answer(other, "army.ml", MX, {.dnssec_ok = true}).ad);
  CHECK(world.resolver.answer(other, "doesnotexist.army.ml", MX, {.dnssec_ok = true}).ad);
  world.expect_blocked(mail, "army.ml", MX, {.dnssec_ok = true});
}

TEST_CASE("a block of one client takes AD from no other", "[host]") {
  const World world({.policy = usual_policy});
  for (int round = 0; round < 2; ++round) {
    world.expect_blocked(mail, "alias.good.example", A, {.dnssec_ok = true});
    CHECK(world.resolver.answer(other, "alias.good.example", A, {.dnssec_ok = true}).ad);
  }
}

TEST_CASE("without RD a policed client learns nothing", "[host]") {
  for (const std::string access : {"allow", "allow_snoop"}) {
    CAPTURE(access);
    const World world({.policy = usual_policy, .access = access});
    const Flags iterative{.rd = false};
    for (int round = 0; round < 2; ++round) {
      for (const std::string name : {"army.ml", "www.army.ml", "alias.good.example"}) {
        const Answer answer = world.resolver.answer(mail, name, A, iterative);
        INFO(answer.text());
        CHECK_FALSE(tells_a_secret(answer));
        CHECK(answer.answer.empty());
        CHECK_FALSE(looks_blocked(world.resolver.answer(other, name, A, iterative)));
        world.expect_real(other, name, A); // and warm it for the second round
      }
    }
    if (access == "allow_snoop") {
      world.expect_blocked(mail, "army.ml", A, iterative);
      world.expect_real(mail, "www.army.mil", A);
      world.expect_real(mail, "www.army.mil", A, iterative);
    }
  }
}

TEST_CASE("several threads share what they know, and no secrets", "[host]") {
  const World world({.policy = usual_policy, .threads = 4});
  std::vector<std::future<std::string>> askers;
  askers.reserve(8);
  for (int asker = 0; asker < 8; ++asker) {
    askers.push_back(std::async(std::launch::async, [&world, asker]() -> std::string {
      const bool policed = asker % 2 == 0;
      const std::string client = (policed ? "127.1.3." : "127.2.3.") + std::to_string(asker);
      for (int round = 0; round < 50; ++round) {
        for (const std::string name : {"army.ml", "navy.ml", "alias.good.example"}) {
          const Answer answer = world.resolver.answer(client, name, A);
          if (tells_a_secret(answer) == policed || looks_blocked(answer) != policed) {
            return client + " got\n" + answer.text();
          }
        }
      }
      return "";
    }));
  }
  for (auto& asker : askers) {
    const std::string complaint = asker.get();
    INFO(complaint);
    CHECK(complaint.empty());
  }
}

TEST_CASE("a listed name asked on the way to a name below it is not cached for all", "[host]") {
  // With minimised qnames (RFC 9156) Unbound asks for arrny.example, type A, by itself.
  const World world({.policy = usual_policy, .server_lines = "  qname-minimisation: yes\n"});
  world.expect_real(other, "deep.www.arrny.example", A);
  CHECK(world.lab.queries("arrny.example.", A) > 0);
  world.expect_blocked(mail, "arrny.example", A);
  world.expect_real(mail, "deep.www.arrny.example", A);
  world.expect_blocked(mail, "arrny.example", A);
  world.expect_real(other, "arrny.example", A);
}

TEST_CASE("no listed name's address comes along in the additional section", "[host]") {
  std::string policy = usual_policy;
  policy.replace(policy.find("arrny.example"), 13, "realhost.shop.example");
  const std::vector<Zone> zones{{"example.", Server::tld, true, ""},
                                {"shop.example.", Server::host, true,
                                 "@ MX 10 realhost\n@ MX 20 mx\n"
                                 "realhost A 198.51.100.7\nmx A 203.0.113.7\n"}};
  const World world({.policy = policy, .server_lines = "  minimal-responses: no\n"}, zones);
  for (int round = 0; round < 2; ++round) {
    const Answer answer = world.resolver.answer(mail, "shop.example", MX);
    INFO(answer.text());
    CHECK(answer.data_of(MX).size() == 2);
    std::vector<std::string> additional;
    for (const Rr& rr : answer.additional) {
      additional.push_back(rr.owner + rr.data);
    }
    CHECK(std::count(additional.begin(), additional.end(), "mx.shop.example.203.0.113.7") == 1);
    CHECK(std::count(additional.begin(), additional.end(), "realhost.shop.example.198.51.100.7") ==
          0);
    world.expect_real(other, "realhost.shop.example", A);
    world.expect_real(other, "shop.example", MX);
    world.expect_blocked(mail, "realhost.shop.example", A);
  }
}

TEST_CASE("an alias in local data leads round no block", "[host]") {
  const World world({.policy = usual_policy,
                     .server_lines = "  local-zone: short.test. redirect\n"
                                     "  local-data: \"short.test. CNAME army.ml.\"\n"
                                     "  local-zone: fine.test. redirect\n"
                                     "  local-data: \"fine.test. CNAME army.mil.\"\n"});
  for (int round = 0; round < 2; ++round) {
    for (const int type : {int{A}, int{MX}}) {
      const Answer answer = world.resolver.answer(mail, "short.test", type);
      INFO(answer.text());
      CHECK_FALSE(tells_a_secret(answer));
      CHECK(answer.rcode == nxdomain);
      CHECK(answer.data_of(type).empty());
      world.expect_real(other, "short.test", type);
      world.expect_real(mail, "fine.test", type);
    }
  }
}
