// What a blocked client gets on the wire: sections, flags, case, EDE; over every transport.
#include "tests/catch.hpp"

#include "tests/e2e/world.hpp"

using namespace e2e;

namespace {

// A domain for each action. None of them exists upstream but for the module.
const std::string every_action =
    "version: 1\n"
    "mode: enforce\n"
    "clients: {mail: [127.1.0.0/16]}\n"
    "sinkhole: {ipv4: 192.0.2.53, ipv6: \"2001:db8::53\"}\n"
    "defaults: {clients: [mail], types: all}\n"
    "rules:\n"
    "  - {id: gone, domains: [gone.example], ttl: 11}\n"
    "  - {id: bare, domains: [bare.example], action: nodata, ttl: 12}\n"
    "  - {id: nullmx, domains: [null.example], action: null-mx, ttl: 13}\n"
    "  - {id: sink, domains: [sink.example], action: sinkhole, ttl: 14}\n"
    "  - {id: refuse, domains: [no.example], action: refused}\n"
    "  - {id: ill, domains: [ill.example], action: servfail}\n"
    "  - {id: seen, domains: [good.example], action: observe}\n"
    "log: {file: events.jsonl}\n";

void check_soa(const Answer& answer, const std::string& owner, std::uint32_t ttl) {
  INFO(answer.text());
  CHECK(answer.answer.empty());
  REQUIRE(answer.authority.size() == 1);
  const Rr& soa = answer.authority[0];
  CHECK(soa.type == SOA);
  CHECK(soa.owner == owner);
  CHECK(soa.ttl == ttl);
  // MINIMUM bounds the time as well (RFC 2308 section 5).
  CHECK(soa.data.ends_with(" " + std::to_string(ttl)));
}

} // namespace

TEST_CASE("nxdomain: no such name, for the rule's time, whatever the type", "[wire]") {
  const World world({.policy = every_action});
  for (const int type : {int{MX}, int{A}, int{AAAA}, int{TXT}, int{HTTPS}, int{ANY}}) {
    const Answer answer = world.resolver.answer(mail, "a.b.gone.example", type);
    CHECK(answer.rcode == nxdomain);
    check_soa(answer, "gone.example.", 11);
  }
  // The listed name itself does not exist, so the zone that says so is its parent's.
  check_soa(world.resolver.answer(mail, "gone.example", MX), "example.", 11);
}

TEST_CASE("nodata: the name is there, the type is not", "[wire]") {
  const World world({.policy = every_action});
  for (const std::string name : {"bare.example", "sub.bare.example"}) {
    const Answer answer = world.resolver.answer(mail, name, MX);
    CHECK(answer.rcode == noerror);
    check_soa(answer, "bare.example.", 12);
  }
}

TEST_CASE("null-mx: an MX that takes no mail, and no address to fall back to", "[wire]") {
  const World world({.policy = every_action});
  const Answer answer = world.resolver.answer(mail, "sub.null.example", MX);
  INFO(answer.text());
  CHECK(answer.rcode == noerror);
  REQUIRE(answer.answer.size() == 1);
  CHECK(answer.answer[0].owner == "sub.null.example.");
  CHECK(answer.answer[0].data == "0 .");
  CHECK(answer.answer[0].ttl == 13);
  for (const int type : {int{A}, int{AAAA}}) {
    const Answer address = world.resolver.answer(mail, "sub.null.example", type);
    CHECK(address.rcode == noerror);
    check_soa(address, "null.example.", 13);
  }
}

TEST_CASE("sinkhole: MX, A and AAAA lead to the same place", "[wire]") {
  SECTION("the asked name is its own exchange") {
    const World world({.policy = every_action});
    const auto data = [&](int type) {
      return world.resolver.answer(mail, "sub.sink.example", type).data_of(type);
    };
    CHECK(data(MX) == std::vector<std::string>{"0 sub.sink.example."});
    CHECK(data(A) == std::vector<std::string>{"192.0.2.53"});
    CHECK(data(AAAA) == std::vector<std::string>{"2001:db8::53"});
    check_soa(world.resolver.answer(mail, "sub.sink.example", TXT), "sink.example.", 14);
  }
  SECTION("one exchange for all") {
    const World world({.policy = usual_policy_with("action: sinkhole, ttl: 9")});
    const Answer answer = world.resolver.answer(mail, "army.ml", MX);
    REQUIRE(answer.answer.size() == 1);
    CHECK(answer.answer[0].data == "0 sinkhole.example.net.");
    CHECK(answer.answer[0].ttl == 9);
  }
}

TEST_CASE("refused and servfail: the rcode and nothing else", "[wire]") {
  const World world({.policy = every_action});
  for (const auto& [name, rcode] :
       {std::pair{"no.example", refused}, std::pair{"ill.example", servfail}}) {
    for (const int type : {int{MX}, int{A}}) {
      const Answer answer = world.resolver.answer(mail, name, type);
      INFO(answer.text());
      CHECK(answer.rcode == rcode);
      CHECK(answer.answer.empty());
      CHECK(answer.authority.empty());
      REQUIRE(answer.error);
      CHECK(answer.error->code == 15);
    }
  }
}

TEST_CASE("what nobody lists, or only observes, is answered as ever", "[wire]") {
  const World world({.policy = every_action});
  for (const std::string& client : {mail, other}) {
    world.expect_real(client, "good.example", MX); // observed for mail servers
    world.expect_real(client, "army.ml", MX);
    CHECK(world.resolver.answer(client, "notgone.example", A).authority.at(0).owner == "example.");
  }
  CHECK_FALSE(looks_blocked(world.resolver.answer(other, "gone.example", MX)));
  CHECK_FALSE(looks_blocked(world.resolver.answer(other, "sub.sink.example", A)));
}

TEST_CASE("a name beside the listed one is not blocked", "[wire]") {
  const World world({.policy = usual_policy});
  world.expect_blocked(mail, "army.ml", MX);
  world.expect_blocked(mail, "ml", A);
  world.expect_real(mail, "army.mil", MX);
  world.expect_real(mail, "gouv.ml", MX); // an exception
  world.expect_blocked(mail, "arrny.example", A);
  world.expect_real(mail, "www.arrny.example", A); // `exact` says nothing of names below
  world.expect_real(other, "army.ml", MX);         // not a mail server
  world.expect_real(mail, "army.ml", TXT);         // `types: delivery` leaves SPF alone
}

TEST_CASE("flags are a resolver's: not authoritative, not authentic, RD and CD as asked",
          "[wire]") {
  const World world({.policy = usual_policy});
  for (const bool cd : {false, true}) {
    for (const bool dnssec_ok : {false, true}) {
      const Flags flags{.cd = cd, .ad = true, .dnssec_ok = dnssec_ok};
      world.expect_blocked(mail, "army.ml", MX, flags); // AA, AD, TC clear and RA set
      const Answer answer = world.resolver.answer(mail, "army.ml", MX, flags);
      CHECK(answer.qr);
      CHECK(answer.rd);
      CHECK(answer.cd == cd);
    }
  }
  // The same for somebody else's answer to a signed name is authentic: the validator is at work.
  CHECK(world.resolver.answer(other, "army.ml", MX, {.dnssec_ok = true}).ad);
  CHECK(world.resolver.answer(mail, "army.mil", MX, {.dnssec_ok = true}).ad);
}

TEST_CASE("the question comes back in the case it was asked in", "[wire]") {
  const World world({.policy = usual_policy});
  for (const std::string name : {"aRmY.mL.", "ARMY.ML.", "army.ml.", "WwW.aRRay.Ml."}) {
    const Answer answer = world.resolver.answer(mail, name, MX);
    CHECK(answer.question == name);
    CHECK(answer.question_type == MX);
    CHECK(answer.rcode == nxdomain);
  }
}

TEST_CASE("the sinkhole's records have the asked name in the case it was asked in", "[wire]") {
  const World world({.policy = every_action});
  const Answer answer = world.resolver.answer(mail, "Sub.sInK.example.", A);
  REQUIRE(answer.answer.size() == 1);
  CHECK(answer.answer[0].owner == "Sub.sInK.example.");
}

TEST_CASE("EDE says who was meant, but only to clients that speak EDNS", "[wire]") {
  const World world({.policy = usual_policy});
  const auto text = [&](const std::string& name) {
    const Answer answer = world.resolver.answer(mail, name, MX);
    REQUIRE(answer.error);
    CHECK(answer.error->code == 15);
    return answer.error->text;
  };
  CHECK(text("army.ml") == "did you mean army.mil?");
  CHECK(text("Us.ARMY.ml") == "did you mean us.army.mil?");
  CHECK(text("arrny.example") == "blocked by rule one-name");

  const Answer plain = world.resolver.answer(mail, "army.ml", MX, {.edns = false});
  CHECK(plain.rcode == nxdomain);
  CHECK_FALSE(plain.edns);
  CHECK_FALSE(plain.error);
  // No stray option on what is not blocked.
  CHECK_FALSE(world.resolver.answer(mail, "army.mil", MX).error);
  CHECK_FALSE(world.resolver.answer(other, "army.ml", MX).error);
}

TEST_CASE("the block is the same over UDP, TCP, TLS and HTTPS", "[wire]") {
  const World world({.policy = usual_policy, .encrypted = true, .ip6 = has_ip6_loopback()});
  for (const Transport transport :
       {Transport::udp, Transport::tcp, Transport::tls, Transport::https}) {
    for (const bool edns : {true, false}) {
      const Flags flags{.edns = edns, .transport = transport};
      world.expect_real(other, "army.ml", MX, flags);
      world.expect_blocked(mail, "army.ml", MX, flags);
      world.expect_real(mail, "army.mil", MX, flags);
    }
  }
  if (has_ip6_loopback()) {
    world.expect_real(ip6_client, "army.ml", MX); // not in the group
  }
}

TEST_CASE("an IPv6 client is policed where its group says so", "[ip6]") {
  if (!has_ip6_loopback()) {
    LEAVE_OUT("no ::1 on this machine");
  }
  std::string policy = usual_policy;
  policy.replace(policy.find("[127.1.0.0/16]"), 14, "[\"::1/128\"]");
  const World world({.policy = policy, .ip6 = true});
  world.expect_blocked(ip6_client, "army.ml", MX);
  world.expect_real(mail, "army.ml", MX);
}
