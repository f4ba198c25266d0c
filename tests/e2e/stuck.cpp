// Upstream servers that do not answer: what is known already must not wait for them.
#include "tests/catch.hpp"

#include "tests/e2e/policy_change.hpp"
#include "tests/e2e/world.hpp"

#include <algorithm>
#include <thread>

using namespace e2e;
using namespace std::chrono_literals;

namespace {

// Longer than any client of these tests waits.
constexpr auto stuck = 120s;

// navy.ml, which the usual policy matches, is behind a server that does not answer, by itself and
// by way of `alias`.
std::vector<Zone> zones_with_aliases() {
  std::vector<Zone> zones = default_zones();
  std::ranges::find(zones, "good.example.", &Zone::origin)->records +=
      "twice CNAME alias.plain\nonward CNAME mx.plain.example.\n";
  std::ranges::find(zones, "plain.example.", &Zone::origin)->records +=
      "through CNAME alias\nelsewhere CNAME mx\n";
  return zones;
}

} // namespace

TEST_CASE("an alias of a listed name whose servers do not answer is blocked at once", "[stuck]") {
  const std::string lines = GENERATE(as<std::string>(), "", "  qname-minimisation: no\n");
  const bool validate = GENERATE(true, false);
  const std::string alias =
      GENERATE(as<std::string>(), "alias.plain.example", "through.plain.example");
  CAPTURE(lines, validate, alias);
  World world({.policy = usual_policy, .validate = validate, .server_lines = lines},
              zones_with_aliases());
  world.lab.slow("navy.ml.", stuck);
  for (const int type : {int{A}, int{MX}, int{AAAA}}) {
    CAPTURE(type);
    world.expect_blocked(mail, alias, type);
    world.lab.forget_counts();
    world.expect_blocked(mail, alias, type);
    INFO(world.lab.counts_text());
    CHECK(world.lab.asked().empty()); // the alias was remembered
  }
  CHECK(world.lab.queries("navy.ml.", A) + world.lab.queries("navy.ml.", MX) == 0);
  // An alias of another name waits for its own server, which answers.
  world.expect_real(mail, "elsewhere.plain.example", A);
}

TEST_CASE("who may have the real answer waits for it, whatever others were told", "[stuck]") {
  World world({.policy = usual_policy}, zones_with_aliases());
  world.lab.slow("navy.ml.", stuck);
  world.expect_blocked(mail, "alias.plain.example", A);
  world.lab.slow("navy.ml.", 0ms);
  world.expect_real(other, "alias.plain.example", A);
  world.expect_blocked(mail, "alias.plain.example", A);
  world.expect_real(other, "alias.plain.example", A);
}

TEST_CASE("a name that is newly listed while its refresh is stuck is blocked at once", "[stuck]") {
  const std::string lines =
      GENERATE(as<std::string>(), "  serve-expired: yes\n",
               "  serve-expired: yes\n  serve-expired-client-timeout: 1800\n");
  const int threads = GENERATE(1, 2);
  CAPTURE(lines, threads);
  std::vector<Zone> zones = default_zones();
  zones.push_back({"lately.example.", Server::host, false,
                   "@ A 198.51.100.9\n@ MX 10 realhost\nrealhost A 198.51.100.10\n", 1});
  World world({.policy = usual_policy, .threads = threads, .server_lines = lines}, zones);
  for (const int type : {int{A}, int{MX}}) {
    world.resolver.answer(mail, "lately.example", type);
  }
  std::this_thread::sleep_for(2100ms); // expired
  world.lab.slow("lately.example.", stuck);
  for (const int type : {int{A}, int{MX}}) {
    CHECK(world.resolver.answer(mail, "lately.example", type).rcode == noerror); // stale
  }
  world.resolver.write_policy(policy_listing("lately.example"));
  CHECK(world.resolver.nearmiss("reload").at("generation") == 2);
  for (const int type : {int{A}, int{MX}}) {
    CAPTURE(type);
    const auto answer = world.resolver.ask(mail, "lately.example", type);
    REQUIRE(answer);
    INFO(answer->text());
    CHECK(looks_blocked(*answer));
    CHECK(answer->rcode == nxdomain);
  }
}

TEST_CASE("a name that is newly listed while its first answer is awaited is blocked at once",
          "[stuck]") {
  std::vector<Zone> zones = default_zones();
  zones.push_back({"lately.example.", Server::host, false, "@ A 198.51.100.9\n"});
  World world({.policy = usual_policy}, zones);
  world.lab.slow("lately.example.", stuck);
  std::thread waiting([&] { (void)world.resolver.ask(other, "lately.example", A); });
  REQUIRE(wait_until([&] { return world.lab.queries("lately.example.", A) > 0; }));
  world.resolver.write_policy(policy_listing("lately.example"));
  CHECK(world.resolver.nearmiss("reload").at("generation") == 2);
  const auto answer = world.resolver.ask(mail, "lately.example", A);
  REQUIRE(answer);
  CHECK(looks_blocked(*answer));
  world.lab.slow("lately.example.", 0ms);
  waiting.join();
}
