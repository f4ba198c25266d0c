// What blocking costs others: queries that reach the authoritative servers, the root's too.
#include "tests/catch.hpp"

#include "tests/e2e/hostile_server.hpp"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <thread>

using namespace e2e;
using namespace std::chrono_literals;

TEST_CASE("a blocked lookup asks nobody", "[upstream]") {
  World world({.policy = usual_policy});
  world.expect_real(mail, "army.mil", A); // what start-up needs is fetched now
  world.lab.forget_counts();
  world.expect_blocked(mail, "army.ml", MX);
  world.expect_blocked(mail, "navy.ml", A);
  INFO(world.lab.counts_text());
  CHECK(world.lab.asked().empty());
}

TEST_CASE("a listed name is fetched once a TTL for those who may have it", "[upstream]") {
  const std::string name =
      GENERATE(as<std::string>(), "army.ml", "navy.ml", "www.army.ml", "alias.good.example",
               "www.dept.good.example", "alias.plain.example", "deep.www.arrny.example");
  CAPTURE(name);
  const int threads = GENERATE(1, 2);
  World world({.policy = usual_policy, .threads = threads});
  world.expect_real(other, name, A);
  world.lab.forget_counts();
  for (int round = 0; round < 20; ++round) {
    world.expect_real("127.2.1." + std::to_string(round), name, A);
  }
  std::string capitals = name;
  std::ranges::transform(capitals, capitals.begin(),
                         [](char c) { return static_cast<char>(std::toupper(c)); });
  world.expect_real(other, capitals, A);
  INFO(world.lab.counts_text());
  CHECK(world.lab.asked().empty());
}

TEST_CASE("MX answers with a listed exchange are fetched once a TTL too", "[upstream]") {
  World world({.policy = usual_policy});
  for (const std::string name : {"army.ml", "mxlisted.good.example", "mxlisted.plain.example"}) {
    world.expect_real(other, name, MX);
    world.lab.forget_counts();
    for (int round = 0; round < 5; ++round) {
      world.expect_real(other, name, MX);
      world.resolver.answer(mail, name, MX); // neither does a block cost the others theirs
    }
    INFO(name << "\n" << world.lab.counts_text());
    CHECK(world.lab.asked().empty());
  }
}

TEST_CASE("an answer that ran out is fetched again, from the domain's own server", "[upstream]") {
  // The validator's own lookups would bring the delegations into the cache, whatever the module
  // does with them.
  const bool validate = GENERATE(false, true);
  CAPTURE(validate);
  World world({.policy = usual_policy, .validate = validate});
  world.expect_real(other, "flash.ml", A);
  world.lab.forget_counts();
  std::this_thread::sleep_for(2100ms); // its TTL is a second
  world.expect_real(other, "flash.ml", A);
  INFO(world.lab.counts_text());
  CHECK(world.lab.asked() == "host flash.ml. A 1\n"); // delegations are cached
}

TEST_CASE("a name that does not exist is remembered as well", "[upstream]") {
  World world({.policy = usual_policy});
  const auto ask = [&] { return world.resolver.answer(other, "nothere.army.ml", A).rcode; };
  CHECK(ask() == nxdomain);
  world.lab.forget_counts();
  CHECK(ask() == nxdomain);
  INFO(world.lab.counts_text());
  CHECK(world.lab.asked().empty());
}

TEST_CASE("names that no rule lists cost the same queries as without the module",
          "[upstream][unlisted]") {
  const std::string lines = GENERATE(as<std::string>(), "", "  qname-minimisation: no\n",
                                     "  minimal-responses: no\n", "  aggressive-nsec: yes\n");
  CAPTURE(lines);
  const auto asked_under = [&](const std::optional<std::string>& policy) {
    World world({.policy = policy, .server_lines = lines});
    for (int round = 0; round < 3; ++round) {
      for (const std::string& client : {mail, other}) {
        for (const std::string name :
             {"good.example", "army.mil", "www.army.mil", "plain.example", "toward.good.example",
              "nothere.good.example", "nothere.example"}) {
          for (const int type : {int{MX}, int{A}, int{AAAA}, int{TXT}}) {
            world.resolver.answer(client, name, type);
          }
        }
      }
    }
    return world.lab.asked();
  };
  const std::string without = asked_under(std::nullopt);
  CHECK(without.find("good.example. MX 1\n") != std::string::npos);
  CHECK(asked_under(usual_policy) == without);
}

// The iterator looks up a name server's addresses behind the module. The address it gets is kept,
// so that a domain whose name servers have listed names is not slower than any other; that there is
// no IPv6 address is not, since Unbound would tell it to clients as well.
TEST_CASE("a domain with name servers of a listed name asks for their address once", "[upstream]") {
  World world({.policy = usual_policy, .server_lines = "  qname-minimisation: no\n"});
  for (const int type : {int{MX}, int{A}, int{AAAA}, int{TXT}}) {
    world.resolver.answer(other, "tenant.example", type);
  }
  const std::string counts = world.lab.counts_text();
  INFO(counts);
  CHECK(counts.find("host ns1.hosting.ml. A 1\n") != std::string::npos);
  CHECK(counts.find("host tenant.example. MX 1\n") != std::string::npos);
}

namespace {

int cache_hits(World& world) {
  const std::string stats = world.resolver.control("stats_noreset");
  const std::string key = "total.num.cachehits=";
  return std::stoi(stats.substr(stats.find(key) + key.size()));
}

std::vector<Zone> zones_with(const std::string& records) {
  std::vector<Zone> zones = default_zones();
  std::ranges::find(zones, "good.example.", &Zone::origin)->records += records;
  return zones;
}

} // namespace

// With and without a question upstream, of which the first few are for the delegation.
TEST_CASE("a failure to find a domain's name servers is remembered", "[upstream]") {
  const bool with_module = GENERATE(true, false), validate = GENERATE(true, false);
  CAPTURE(with_module, validate);
  std::vector<Zone> zones = default_zones();
  zones.push_back({"lost.example.", Server::host, false, "", 300, 3600, "ns1.nowhere.example."});
  UnboundOptions options{.validate = validate, .threads = 1};
  if (with_module) {
    options.policy = usual_policy;
  }
  World world(options, zones);
  world.resolver.answer(other, "lost.example", TXT);
  for (const int type : {int{MX}, int{A}, int{AAAA}, int{SRV}}) {
    CAPTURE(type);
    CHECK(world.resolver.answer(other, "lost.example", type).rcode == servfail);
    const int before = cache_hits(world);
    CHECK(world.resolver.answer(other, "lost.example", type).rcode == servfail);
    CHECK(cache_hits(world) == before + 1);
  }
}

TEST_CASE("an alias of a cached name is cached", "[upstream]") {
  const std::string modules =
      GENERATE(as<std::string>(), "dynlib validator iterator", "dynlib respip validator iterator",
               "dynlib iterator", "dynlib respip iterator");
  CAPTURE(modules);
  World world({.policy = usual_policy, .module_config = modules},
              zones_with("across CNAME mx.army.mil.\n"));
  world.expect_real(other, "mx.army.mil", A);
  world.expect_real(other, "across.good.example", A);
  world.expect_real(other, "across.good.example", A);
  const int before = cache_hits(world);
  world.expect_real(other, "across.good.example", A);
  CHECK(cache_hits(world) == before + 1);
  CHECK(world.lab.queries("across.good.example.", A) == 1);
}

TEST_CASE("an alias into a zone that is not cached is itself cached", "[upstream]") {
  World world({.policy = usual_policy,
               .more_clauses = "stub-zone:\n  name: plain.example\n  stub-addr: @HOST@\n"
                               "  stub-no-cache: yes\n"},
              zones_with("intoplain CNAME mx.plain.example.\n"));
  for (int round = 0; round < 3; ++round) {
    world.expect_real(other, "intoplain.good.example", A);
  }
  CHECK(world.lab.queries("intoplain.good.example.", A) == 1);
  CHECK(world.resolver.answer(other, "intoplain.good.example", ANY).rcode == noerror);
}

// Since Unbound 1.22 it does not try again for seconds. The stale answer is told meanwhile.
TEST_CASE("a stale answer whose servers fail is fetched as often as without the module",
          "[upstream]") {
  const bool validate = GENERATE(true, false);
  CAPTURE(validate);
  const auto asked_under = [&](const std::optional<std::string>& policy) {
    std::atomic<bool> turned = false; // before the server that reads it
    World world({.policy = policy,
                 .validate = validate,
                 .server_lines = "  serve-expired: yes\n  serve-expired-client-timeout: 1800\n"
                                 "  qname-minimisation: no\n"});
    world.lab.relay(Server::host).forge("v.plain.example.", forger([&turned](std::size_t) {
                                          return turned
                                                     ? Sections{.answer = {}, .flags = 0x8402}
                                                     : Sections{{record(the_question, A,
                                                                        {203, 0, 113, 7}, 1, 1)}};
                                        }));
    world.resolver.answer(other, "v.plain.example", A);
    turned = true;
    std::this_thread::sleep_for(2100ms); // it has expired
    const auto before = world.lab.queries("v.plain.example.", A);
    for (int round = 0; round < 4; ++round) {
      CHECK(world.resolver.answer(other, "v.plain.example", A).data_of(A) ==
            std::vector<std::string>{"203.0.113.7"});
      std::this_thread::sleep_for(300ms); // for the fetch behind the answer
    }
    return world.lab.queries("v.plain.example.", A) - before;
  };
  const auto without = asked_under(std::nullopt);
  CHECK(without > 0);
  CHECK(asked_under(usual_policy) == without);
}
