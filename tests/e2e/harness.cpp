// The harness itself: the lab resolves by the real walk, counts and delays, and a plain Unbound
// validates what it serves.
#include "tests/catch.hpp"

#include "tests/e2e/world.hpp"

#include <csignal>

using namespace e2e;

TEST_CASE("a plain resolver walks from the root to the domain", "[harness]") {
  const World world({});
  const Answer answer = world.resolver.answer(other, "army.ml", MX, {.dnssec_ok = true});
  INFO(answer.text());
  CHECK(answer.data_of(MX) == std::vector<std::string>{"10 realhost.army.ml."});
  CHECK(answer.ad); // the whole chain of signatures holds
  CHECK(tells_a_secret(answer));
  CHECK_FALSE(looks_blocked(answer));
  INFO(world.lab.counts_text());
  CHECK(world.lab.queries("army.ml.", MX) == 1);
  CHECK(world.lab.queries("ml.", NS) + world.lab.queries("ml.", A) >= 1); // minimised qname
}

TEST_CASE("an unsigned domain is insecure, not bogus", "[harness]") {
  const World world({});
  const Answer answer = world.resolver.answer(other, "navy.ml", A);
  INFO(answer.text());
  CHECK(answer.rcode == noerror);
  CHECK_FALSE(answer.ad);
}

TEST_CASE("a domain with its name server in another one resolves", "[harness]") {
  const World world({});
  world.expect_real(other, "tenant.example", MX);
}

TEST_CASE("every transport carries a query, from the address asked for", "[harness]") {
  World world({.encrypted = true, .ip6 = has_ip6_loopback()});
  for (const Transport transport :
       {Transport::udp, Transport::tcp, Transport::tls, Transport::https}) {
    world.expect_real(mail, "army.mil", A, {.transport = transport});
  }
  if (has_ip6_loopback()) {
    world.expect_real(ip6_client, "army.mil", A);
  }
}

TEST_CASE("the relay delays the names it is told to, and no others", "[harness]") {
  World world({});
  world.lab.slow("army.ml.", std::chrono::milliseconds(400));
  const auto start = std::chrono::steady_clock::now();
  world.expect_real(other, "army.mil", A);
  world.expect_real(other, "army.ml", A);
  // Nothing is said about how long it may take; that it waited at all is the relay's work.
  CHECK(std::chrono::steady_clock::now() - start >= std::chrono::milliseconds(400));
}

TEST_CASE("unbound-control, SIGHUP and a restart work", "[harness]") {
  World world({});
  CHECK(world.resolver.control("status").find("is running") != std::string::npos);
  world.resolver.reload();
  world.expect_real(other, "army.mil", A);
  world.resolver.stop();
  world.resolver.start();
  world.expect_real(other, "army.mil", A);
}

TEST_CASE("a broken configuration is told from a working one", "[harness]") {
  const Lab lab;
  Unbound broken(lab, {.module_config = "nonsense iterator"});
  CHECK(broken.fail_to_start().find("nonsense") != std::string::npos);
  Unbound working(lab, {});
  CHECK_THROWS(working.fail_to_start());
}
