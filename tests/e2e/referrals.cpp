// Delegations get into Unbound's caches, whatever the policy says: they answer nobody's question.
// What looks like one and is an answer does not, nor does one change what is in a cache already.
#include "tests/catch.hpp"

#include "tests/e2e/hostile_server.hpp"

#include <arpa/inet.h>
#include <atomic>
#include <thread>

using namespace e2e;
using namespace std::chrono_literals;

namespace {

constexpr int not_authoritative = 0x8000; // QR
constexpr int recursive = 0x8180;         // QR, RD, RA

// A delegation of `zone` to `host`, which is at the secret address.
Script delegation(const std::string& zone, const std::string& host, int flags) {
  return [=](std::size_t) {
    return Sections{.answer = {},
                    .additional = {record(name(host), A, secret_address)},
                    .authority = {record(name(zone), NS, name(host))},
                    .flags = flags};
  };
}

// The delegation of sub.plain.example to a server that can be asked, another lab server.
Sections to_a_real_server(const Lab& lab) {
  Bytes address(4);
  REQUIRE(inet_pton(AF_INET, lab.address(Server::tld).c_str(), address.data()) == 1);
  const Bytes host = name("ns2.plain.example");
  return {.answer = {},
          .additional = {record(host, A, address)},
          .authority = {record(name("sub.plain.example"), NS, host)},
          .flags = not_authoritative};
}

// Below that delegation: each A is this.
const Script an_address = [](std::size_t) {
  return Sections{{record(the_question, A, {203, 0, 113, 8})}};
};

// What lies below is looked up while an answer in the cache has expired.
void look_below_an_expired_answer(World& world) {
  std::this_thread::sleep_for(2100ms);
  CHECK(world.resolver.answer(other, "x.sub.plain.example", A).data_of(A) ==
        std::vector<std::string>{"203.0.113.8"});
}

} // namespace

// Unbound's cached messages share their records; an expired RRset takes new data whoever brings it,
// and serve-expired goes on to give the messages that hold it.
TEST_CASE("a listed address in a delegation does not get into an older answer", "[referral]") {
  const std::string more = GENERATE(as<std::string>(), "", "  serve-expired: yes\n",
                                    "  serve-expired: yes\n  serve-expired-client-timeout: 1800\n");
  const bool validate = GENERATE(false, true);
  CAPTURE(more, validate);
  std::string policy = usual_policy;
  policy.insert(policy.find("log:"), "  - {id: held, answer_ip: [198.51.100.64/26]}\n");
  std::atomic<bool> turned = false; // before the servers that read it
  World world({.policy = policy,
               .validate = validate,
               .server_lines = "  do-not-query-address: 198.51.100.0/24\n"
                               "  target-fetch-policy: \"0 0 0 0 0\"\n" +
                               more});
  Relay& host = world.lab.relay(Server::host);
  host.forge("ns.plain.example.", forger([&turned](std::size_t) {
               return Sections{{record(the_question, A,
                                       turned ? secret_address : Bytes{203, 0, 113, 7}, 1, 1)}};
             }));
  // Two servers, of which one can be asked.
  Sections both = to_a_real_server(world.lab);
  both.authority.push_back(record(name("sub.plain.example"), NS, name("ns.plain.example")));
  both.additional.push_back(record(name("ns.plain.example"), A, secret_address));
  for (const std::string asked : {"sub.plain.example.", "x.sub.plain.example."}) {
    host.forge(asked, forger([both](std::size_t) { return both; }));
    world.lab.relay(Server::tld).forge(asked, forger(an_address));
  }
  world.expect_real(other, "good.example", A);
  CHECK(world.resolver.answer(mail, "ns.plain.example", A).data_of(A) ==
        std::vector<std::string>{"203.0.113.7"});
  turned = true;
  look_below_an_expired_answer(world);
  for (int round = 0; round < 2; ++round) {
    const Answer answer = world.resolver.answer(mail, "ns.plain.example", A);
    INFO(answer.text());
    CHECK_FALSE(tells_a_secret(answer));
  }
  std::this_thread::sleep_for(200ms); // serve-expired fetches behind its answer
  world.expect_blocked(mail, "ns.plain.example", A);
  CHECK(tells_a_secret(world.resolver.answer(other, "ns.plain.example", A)));
}

// MX records belong into no authority section, but Unbound keeps them.
TEST_CASE("a listed exchange in an authority section does not get into an older answer",
          "[referral]") {
  const std::string lines = GENERATE(as<std::string>(), "0", "1800");
  const bool in_delegation = GENERATE(false, true), validate = GENERATE(false, true);
  CAPTURE(lines, in_delegation, validate);
  std::string policy = usual_policy;
  policy.insert(policy.find("log:"), "  - {id: parked, mx_exchange: [army.ml]}\n");
  std::atomic<bool> turned = false; // before the servers that read it
  World world({.policy = policy,
               .validate = validate,
               .server_lines = "  target-fetch-policy: \"0 0 0 0 0\"\n  serve-expired: yes\n"
                               "  serve-expired-client-timeout: " +
                               lines + "\n"});
  Relay& host = world.lab.relay(Server::host);
  const Bytes fine = u16(10) + name("mx.good.example");
  const Bytes listed = u16(10) + name("realhost.army.ml");
  host.forge("v.sub.plain.example.", forger([=, &turned](std::size_t) {
               return Sections{{record(the_question, MX, turned ? listed : fine, 1, 1)}};
             }));
  const Sections referral = to_a_real_server(world.lab);
  for (const std::string asked : {"sub.plain.example.", "x.sub.plain.example."}) {
    host.forge(asked, forger([=, &turned](std::size_t at) {
                 Sections sections = turned && in_delegation ? referral : an_address(at);
                 if (turned) {
                   sections.authority.push_back(record(name("v.sub.plain.example"), MX, listed));
                 }
                 return sections;
               }));
    world.lab.relay(Server::tld).forge(asked, forger(an_address));
  }
  world.expect_real(other, "good.example", A);
  CHECK(world.resolver.answer(mail, "v.sub.plain.example", MX).data_of(MX) ==
        std::vector<std::string>{"10 mx.good.example."});
  turned = true;
  look_below_an_expired_answer(world);
  for (int round = 0; round < 2; ++round) {
    const Answer answer = world.resolver.answer(mail, "v.sub.plain.example", MX);
    INFO(answer.text());
    CHECK_FALSE(tells_a_secret(answer));
  }
}

// Unbound then caches additional records as it parses the response.
TEST_CASE("harden-glue that is switched off in service is switched on again", "[referral]") {
  std::string policy = usual_policy;
  policy.insert(policy.find("log:"), "  - {id: held, answer_ip: [198.51.100.64/26]}\n");
  World world({.policy = policy,
               .server_lines = "  serve-expired: yes\n  minimal-responses: no\n"
                               "  qname-minimisation: no\n"});
  world.resolver.control("set_option harden-glue: no");
  Relay& host = world.lab.relay(Server::host);
  host.forge("t.tenant.example.", forger([](std::size_t) {
               return Sections{{record(the_question, A, {203, 0, 113, 9}, 1, 1)}};
             }));
  host.forge("x.plain.example.", forger([](std::size_t) -> Sections {
               return {.answer = {record(the_question, MX, u16(10) + name("t.tenant.example"))},
                       .additional = {record(name("t.tenant.example"), A, secret_address, 1, 300)}};
             }));
  world.resolver.answer(other, "t.tenant.example", A);
  std::this_thread::sleep_for(2100ms); // it has expired
  world.resolver.answer(other, "x.plain.example", MX);
  world.resolver.answer(other, "x.plain.example", TXT);
  for (int round = 0; round < 3; ++round) {
    const Answer answer = world.resolver.answer(mail, "t.tenant.example", A);
    INFO(answer.text());
    CHECK_FALSE(tells_a_secret(answer));
  }
  CHECK(world.resolver.log().find("harden-glue was set to no") != std::string::npos);
}

TEST_CASE("a listed name's MX in an authority section is told to nobody", "[referral]") {
  const std::string lines = GENERATE(as<std::string>(), "", "  qname-minimisation: no\n");
  CAPTURE(lines);
  std::string policy = usual_policy;
  policy.insert(policy.find("log:"), "  - {id: r, exact: [l.plain.example]}\n");
  World world({.policy = policy, .server_lines = "  minimal-responses: no\n" + lines});
  const auto nothing_but = [](const Bytes& owner) {
    return forger([owner](std::size_t) -> Sections {
      return {.answer = {}, .authority = {record(owner, MX, u16(10) + name("mx.plain.example"))}};
    });
  };
  world.lab.relay(Server::host).forge("x.plain.example.", nothing_but(name("l.plain.example")));
  world.lab.relay(Server::host).forge("y.plain.example.", nothing_but(name("m.plain.example")));
  for (const std::string& client : {mail, other, mail}) {
    const auto has_mx = [&](const std::string& asked) {
      const Answer answer = world.resolver.answer(client, asked, MX);
      INFO(answer.text());
      return std::ranges::find(answer.authority, int{MX}, &Rr::type) != answer.authority.end();
    };
    CHECK_FALSE(has_mx("x.plain.example"));
    CHECK(has_mx("y.plain.example")); // not listed: as Unbound has it
  }
}

TEST_CASE("a delegation to a listed address is followed, though the server calls it authoritative",
          "[referral]") {
  const int flags = GENERATE(as<int>(), 0x8000, 0x8400); // QR; QR and AA
  CAPTURE(flags);
  std::string policy = usual_policy;
  policy.insert(policy.find("log:"), "  - {id: held, answer_ip: [127.0.0.0/8]}\n");
  World world({.policy = policy});
  Bytes address(4);
  REQUIRE(inet_pton(AF_INET, world.lab.address(Server::tld).c_str(), address.data()) == 1);
  for (const std::string asked : {"sub.plain.example", "x.sub.plain.example"}) {
    world.lab.relay(Server::host).forge(asked + ".", forger([=](std::size_t) {
                                          return Sections{
                                              .answer = {},
                                              .additional = {record(name("ns.sub.plain.example"), A,
                                                                    address)},
                                              .authority = {record(name("sub.plain.example"), NS,
                                                                   name("ns.sub.plain.example"))},
                                              .flags = flags};
                                        }));
    world.lab.relay(Server::tld)
        .forge(asked + ".", forger([](std::size_t) {
                 return Sections{{record(the_question, A, {203, 0, 113, 8})}};
               }));
  }
  for (const std::string& client : {other, mail}) {
    CHECK(world.resolver.answer(client, "x.sub.plain.example", A).data_of(A) ==
          std::vector<std::string>{"203.0.113.8"});
  }
}

TEST_CASE("what a forwarder says is an answer, also when it looks like a delegation",
          "[referral]") {
  const std::string more = GENERATE(as<std::string>(), "", "  minimal-responses: no\n");
  const std::string type_of_zone = GENERATE(as<std::string>(), "army.ml", "ml", "");
  CAPTURE(more, type_of_zone);
  World world({.policy = usual_policy,
               .validate = false,
               .server_lines = more,
               .more_clauses = "forward-zone:\n  name: \".\"\n  forward-addr: @HOST@\n"});
  Relay& host = world.lab.relay(Server::host);
  host.forge("alias.plain.example.", forger([](std::size_t) {
               return Sections{.answer = {record(the_question, CNAME, name("army.ml"))},
                               .flags = recursive};
             }));
  for (const std::string asked : {"army.ml", "like.plain.example"}) {
    host.forge(asked + ".", forger(delegation(type_of_zone.empty() ? asked : type_of_zone,
                                              "ns.army.ml", recursive)));
  }
  world.expect_blocked(mail, "army.ml", MX);
  for (const int type : {int{MX}, int{A}}) {
    (void)world.resolver.ask(other, "alias.plain.example", type);
    (void)world.resolver.ask(other, "like.plain.example", type);
    world.expect_blocked(mail, "army.ml", type);
    for (const std::string asked : {"alias.plain.example", "like.plain.example"}) {
      const Answer answer = world.resolver.answer(mail, asked, type);
      INFO(answer.text());
      CHECK_FALSE(tells_a_secret(answer));
    }
  }
  CHECK(host.queries({"army.ml.", MX}) > 0);
}

// Unbound asks a server that looks like a forwarder once more, with RD, and then takes the name
// servers of the zone it is in for an answer.
TEST_CASE("nor is it a delegation where the zone delegates to itself", "[referral]") {
  World world({.policy = usual_policy, .server_lines = "  minimal-responses: no\n"});
  Relay& host = world.lab.relay(Server::host);
  host.forge("navy.ml.", forger(delegation("navy.ml", "ns.navy.ml", recursive)));
  world.expect_blocked(mail, "navy.ml", MX);
  for (const int type : {int{MX}, int{A}}) {
    (void)world.resolver.ask(other, "alias.plain.example", type);
    world.expect_blocked(mail, "navy.ml", type);
    CHECK_FALSE(tells_a_secret(world.resolver.answer(mail, "alias.plain.example", type)));
  }
  CHECK(host.queries({"navy.ml.", A}) > 0);
}
