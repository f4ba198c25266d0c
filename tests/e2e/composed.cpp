// Answers that Unbound puts together from its caches without a question upstream: a cached alias,
// and a wildcard that was validated for another name (RFC 8198). No response comes by that the
// module could judge, and Unbound 1.26 would store the whole while its validator waits for a key.
#include "tests/catch.hpp"

#include "tests/e2e/hostile_server.hpp"

#include <future>
#include <sstream>

using namespace e2e;
using namespace std::chrono_literals;

namespace {

// Whatever is asked for below wild.example is there. Signed, and its keys are soon forgotten.
std::vector<Zone> zones_with_wildcard() {
  std::vector<Zone> zones = default_zones();
  zones.push_back({"wild.example.", Server::host, true,
                   "@ A 203.0.113.1\n* A 198.51.100.3\n* MX 10 realhost.army.ml.\n"
                   "z A 203.0.113.1\nsub DNAME plain.example.\n",
                   300, 2});
  const auto good = std::ranges::find(zones, "good.example.", &Zone::origin);
  good->records += "wild DNAME wild.example.\nthrough DNAME sub.wild.example.\n"
                   "within DNAME plain.example.\n"
                   "leads CNAME t.wild.example.\nfresh CNAME t.wild.example.\n";
  return zones;
}

const std::string head = "version: 1\nclients: {mail: [127.1.0.0/16]}\nlog: {file: events.jsonl}\n"
                         "rules:\n";

// A rule, and the question whose answer it blocks.
struct Listing {
  std::string rule;
  int type;
  std::string name;
};

// Unbound has the aliases, the wildcard and the proof that no other name is in its way.
void learn(World& world) {
  for (const std::string name : {"u1", "u2", "u3"}) {
    world.resolver.answer(other, name + ".wild.example", TXT);
    world.resolver.answer(other, name + ".wild.example", A);
    world.resolver.answer(other, name + ".wild.example", MX);
  }
  world.resolver.answer(other, "u4.wild.good.example", TXT);
  world.resolver.answer(other, "leads.good.example", TXT);
}

// Somebody asks, and the validator waits for the key of the wildcard's zone.
std::future<std::optional<Answer>> ask_slowly(World& world, const std::string& name, int type) {
  std::this_thread::sleep_for(3100ms); // the keys run out
  world.lab.forget_counts();
  world.lab.relay(Server::host).slow("wild.example.", 1500ms); // Unbound's patience is 1.9 s
  auto asked =
      std::async(std::launch::async, [&, name] { return world.resolver.ask(other, name, type); });
  REQUIRE(wait_until([&] { return world.lab.queries("wild.example.", DNSKEY) > 0; }));
  CHECK(asked.wait_for(0s) == std::future_status::timeout); // else nothing is tried
  return asked;
}

bool has_dname(World& world, const std::string& owner) {
  std::istringstream dump(world.resolver.control("dump_cache"));
  for (std::string line; std::getline(dump, line);) {
    if (line.starts_with(owner + ".\t") && line.find("\tIN\tDNAME\t") != std::string::npos) {
      return true;
    }
  }
  return false;
}

} // namespace

TEST_CASE("an answer made of a cached wildcard is in no cache of Unbound's", "[composed]") {
  const Listing listing = GENERATE(values<Listing>({
      {"  - {id: r, exact: [t.wild.example]}\n", A, "t.wild.good.example"},
      {"  - {id: r, exact: [t.wild.example]}\n", A, "leads.good.example"},
      {"  - {id: r, answer_ip: [198.51.100.0/24]}\n", A, "fresh.good.example"},
      {"  - {id: r, answer_ip: [198.51.100.0/24]}\n", A, "t.wild.good.example"},
      {"  - {id: r, answer_ip: [198.51.100.0/24]}\n", A, "t.wild.example"},
      {"  - {id: r, mx_exchange: [army.ml]}\n", MX, "leads.good.example"},
  }));
  const std::string given_up = GENERATE(as<std::string>(), "", "flush_requestlist");
  CAPTURE(listing.rule, listing.name, given_up);
  World world({.policy = head + listing.rule, .server_lines = "  qname-minimisation: no\n"},
              zones_with_wildcard());
  learn(world);
  auto asked = ask_slowly(world, listing.name, listing.type);
  if (!given_up.empty()) {
    world.resolver.control(given_up);
  }
  const Answer answer = world.resolver.answer(mail, listing.name, listing.type, {.cd = true});
  INFO(answer.text());
  CHECK_FALSE(tells_a_secret(answer));
  const std::optional<Answer> real = asked.get();
  CHECK((!given_up.empty() || (real && tells_a_secret(*real))));
}

// Unbound makes aliases of a cached DNAME by itself, and for its own lookups of name servers asks
// no module.
TEST_CASE("a DNAME to above a listed name is not in Unbound's cache", "[composed]") {
  const std::string rule =
      GENERATE(as<std::string>(), "exact: [mx.sub.wild.example]", "domains: [sub.wild.example]",
               "mx_exchange: [mx.a.sub.wild.example]");
  CAPTURE(rule);
  World world({.policy = head + "  - {id: r, " + rule + "}\n"}, zones_with_wildcard());
  for (int round = 0; round < 2; ++round) {
    for (const std::string name : {"n.through.good.example", "n.within.good.example"}) {
      world.resolver.answer(other, name, TXT);
      world.resolver.answer(other, name.substr(2), DNAME);
    }
    CHECK_FALSE(has_dname(world, "through.good.example"));
    CHECK(has_dname(world, "within.good.example")); // nothing is listed there
    world.resolver.write_policy(head + "  - {id: r, exact: [unused.example]}\n");
    world.resolver.nearmiss("reload");
    world.resolver.answer(other, "o.through.good.example", TXT);
    CHECK(has_dname(world, "through.good.example"));
    world.resolver.write_policy(head + "  - {id: r, " + rule + "}\n");
    world.resolver.nearmiss("reload");
  }
}

// Of the chain's parts the last alone comes from upstream.
TEST_CASE("cached aliases lead through a listed name and out again", "[composed]") {
  const bool end_is_cached = GENERATE(false, true);
  const std::string lines = GENERATE(as<std::string>(), "", "  qname-minimisation: no\n");
  CAPTURE(end_is_cached, lines);
  const std::string name = "mx.through.good.example"; // -> mx.sub.wild.example -> mx.plain.example
  World world(
      {.policy = head + "  - {id: r, exact: [mx.sub.wild.example]}\n", .server_lines = lines},
      zones_with_wildcard());
  world.resolver.answer(other, "nobody.through.good.example", A);
  if (end_is_cached) {
    world.expect_real(other, "mx.plain.example", A);
  }
  auto asked = ask_slowly(world, name, A);
  world.expect_blocked(mail, name, A, {.cd = true});
  asked.wait();
  world.expect_blocked(mail, name, A, {.cd = true});
}

// The iterator then begins once more at the parent, and looks into its caches once more.
TEST_CASE("a server fails, and what is cached by then is put together", "[composed]") {
  World world({.policy = head + "  - {id: r, answer_ip: [198.51.100.0/24]}\n",
               .server_lines = "  qname-minimisation: no\n"},
              zones_with_wildcard());
  world.resolver.answer(other, "leads.good.example", TXT);
  world.resolver.answer(other, "z.wild.example", A);
  Relay& host = world.lab.relay(Server::host);
  host.forge("t.wild.example.", forger([](std::size_t) {
               return Sections{.answer = {}, .flags = 0x8402}; // SERVFAIL
             }));
  host.slow("t.wild.example.", 3500ms); // until the zone's keys have run out
  auto asked = std::async(std::launch::async,
                          [&] { return world.resolver.ask(other, "leads.good.example", A); });
  REQUIRE(wait_until([&] { return world.lab.queries("t.wild.example.", A) > 0; }));
  host.slow("t.wild.example.", 0ms);
  for (const std::string name : {"u1.wild.example", "u2.wild.example"}) {
    for (const int type : {int{DS}, int{TXT}, int{A}}) {
      world.resolver.answer(other, name, type); // the wildcard, and that no name is in its way
    }
  }
  host.slow("wild.example.", 1500ms);
  bool leaked = false;
  while (!leaked && asked.wait_for(20ms) == std::future_status::timeout) {
    leaked = tells_a_secret(world.resolver.answer(mail, "leads.good.example", A, {.cd = true}));
  }
  CHECK_FALSE(leaked);
}
