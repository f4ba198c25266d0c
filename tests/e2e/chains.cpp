// Chains of aliases that lead through a listed name and out again. No answer with such a chain may
// get into Unbound's cache, not even for the while until the validator is done with it.
#include "tests/catch.hpp"

#include "tests/e2e/world.hpp"

#include <future>

using namespace e2e;
using namespace std::chrono_literals;

namespace {

// alias.chained.example -> park.army.ml, which is listed -> mx.plain.example. The first is signed,
// and its keys are soon forgotten.
std::vector<Zone> zones_with_chain() {
  std::vector<Zone> zones = default_zones();
  const auto listed = std::ranges::find(zones, "army.ml.", &Zone::origin);
  listed->records += "park CNAME mx.plain.example.\n";
  zones.push_back({"chained.example.", Server::host, true, "alias CNAME park.army.ml.\n", 300, 1});
  return zones;
}

const std::string chained = "alias.chained.example";

// Somebody asks, and while the validator waits for the key of the alias's zone Unbound has the
// whole answer, which it would give to a client that checks signatures itself.
std::future<std::optional<Answer>> ask_slowly(World& world) {
  constexpr auto delay = 1500ms;       // Unbound discards replies that it could not give for 1.9 s
  std::this_thread::sleep_for(2100ms); // the keys run out
  world.lab.forget_counts();
  world.lab.relay(Server::host).slow("chained.example.", delay);
  auto asked =
      std::async(std::launch::async, [&] { return world.resolver.ask(other, chained, A); });
  REQUIRE(wait_until([&] { return world.lab.queries("chained.example.", DNSKEY) > 0; }));
  CHECK(asked.wait_for(0s) == std::future_status::timeout); // else nothing is tried
  return asked;
}

void ask_meanwhile(World& world) {
  auto asked = ask_slowly(world);
  world.expect_blocked(mail, chained, A, {.cd = true});
  const std::optional<Answer> answer = asked.get();
  REQUIRE(answer);
  INFO(answer->text());
  CHECK(answer->data_of(A) == std::vector<std::string>{"203.0.113.2"});
  world.expect_blocked(mail, chained, A, {.cd = true});
}

} // namespace

TEST_CASE("a chain whose parts came one by one is in no cache of Unbound's", "[chains]") {
  const bool end_is_cached = GENERATE(true, false);
  CAPTURE(end_is_cached);
  World world({.policy = usual_policy}, zones_with_chain());
  if (end_is_cached) {
    world.expect_real(other, "mx.plain.example", A);
  }
  ask_meanwhile(world);
}

TEST_CASE("a chain that was first followed for a type without rules", "[chains]") {
  // Minimised questions are of a type with rules.
  const std::string lines = GENERATE(as<std::string>(), "", "  qname-minimisation: no\n");
  const bool end_is_cached = GENERATE(true, false);
  CAPTURE(lines, end_is_cached);
  World world({.policy = usual_policy, .server_lines = lines}, zones_with_chain());
  world.resolver.answer(other, chained, TXT);
  if (end_is_cached) {
    world.expect_real(other, "mx.plain.example", A);
  }
  ask_meanwhile(world);
  // Nor is it asked for again.
  world.lab.forget_counts();
  world.resolver.answer(other, chained, TXT);
  INFO(world.lab.counts_text());
  CHECK(world.lab.asked().empty());
}

TEST_CASE("a chain that was cached before its part was listed", "[chains]") {
  const bool by_watch = GENERATE(true, false);
  CAPTURE(by_watch);
  const std::string unlisted = "version: 1\nclients: {mail: [127.1.0.0/16]}\nrules:\n"
                               "  - {id: unrelated, exact: [unrelated.example]}\n";
  World world({.policy = unlisted}, zones_with_chain());
  world.expect_real(mail, chained, A);
  world.expect_real(mail, "mx.plain.example", A);
  world.resolver.write_policy(usual_policy);
  if (by_watch) {
    CHECK(world.resolver.nearmiss("reload").at("generation") == 2);
  } else {
    world.resolver.reload("reload_keep_cache");
  }
  ask_meanwhile(world);
}

// Unbound stores the answer, and the query ends before the module sees the whole of it.
TEST_CASE("a chain whose query is given up leaves nothing behind", "[chains]") {
  World world({.policy = usual_policy}, zones_with_chain());
  world.resolver.answer(other, chained, TXT);
  world.expect_real(other, "mx.plain.example", A);
  auto asked = ask_slowly(world);
  world.resolver.control("flush_requestlist");
  world.expect_blocked(mail, chained, A, {.cd = true});
  asked.wait();
}

// What the rule for an asked name comes to holds for where it leads only if it says so.
TEST_CASE("an `allow` settles where a name leads, `tcp-only` and `observe` do not", "[chains]") {
  struct Case {
    std::string rules;
    bool blocked;
  };
  const Case one = GENERATE(values<Case>({
      {"  - {id: one, exact: [alias.plain.example], action: tcp-only}\n", true},
      {"  - {id: one, exact: [alias.plain.example], action: observe}\n", true},
      {"  - {id: one, domains: [plain.example], action: allow}\n", false},
      {"  - {id: one, domains: [plain.example], action: allow}\n"
       "  - {id: two, exact: [alias.plain.example], action: observe}\n",
       false},
  }));
  CAPTURE(one.rules);
  std::string policy = usual_policy;
  policy.insert(policy.find("log:"), one.rules);
  World world({.policy = policy});
  for (const int type : {int{MX}, int{A}}) {
    const Flags tcp{.transport = Transport::tcp};
    if (one.blocked) {
      world.expect_blocked(mail, "alias.plain.example", type, tcp);
    } else {
      world.expect_real(mail, "alias.plain.example", type, tcp);
    }
    world.expect_real(other, "alias.plain.example", type, tcp);
  }
}
