// A wildcard that the validator has found good it puts into Unbound's RRset cache under the
// wildcard's own name, whatever this module says of the answer it came with.
#include "tests/catch.hpp"

#include "tests/e2e/hostile_server.hpp"
#include "tests/e2e/ldns_handle.hpp"
#include "tests/e2e/signer.hpp"

#include <sstream>

using namespace e2e;

namespace {

const std::string head = "version: 1\nclients: {mail: [127.1.0.0/16]}\nlog: {file: events.jsonl}\n"
                         "rules:\n";

std::string wildcard_to(const std::string& address, const std::string& exchange) {
  return "@ A 203.0.113.1\n* A " + address + "\n* MX 10 " + exchange + "\n";
}

Bytes wire_of(const ldns_rr* rr) {
  std::uint8_t* octets = nullptr;
  std::size_t size = 0;
  check(ldns_rr2wire(&octets, rr, LDNS_SECTION_ANSWER, &size), "a record in wire form");
  Bytes wire(octets, octets + size);
  std::free(octets);
  return wire;
}

// What the zone's server says to a question for `asked`, which the wildcard stands for.
Sections expanded(const std::string& signed_zone, const std::string& asked, int type) {
  Sections sections;
  std::istringstream lines(signed_zone);
  for (std::string line; std::getline(lines, line);) {
    ldns_rr* parsed = nullptr;
    if (!line.starts_with("*.wild.example.") ||
        ldns_rr_new_frm_str(&parsed, line.c_str(), 300, nullptr, nullptr) != LDNS_STATUS_OK) {
      continue;
    }
    const RrHandle rr(parsed);
    const bool signature = ldns_rr_get_type(parsed) == LDNS_RR_TYPE_RRSIG;
    const int about = signature
                          ? static_cast<int>(ldns_rdf2rr_type(ldns_rr_rrsig_typecovered(parsed)))
                          : static_cast<int>(ldns_rr_get_type(parsed));
    if (about == LDNS_RR_TYPE_NSEC) { // the proof that no other name stands in the way
      sections.authority.push_back(wire_of(parsed));
    } else if (about == type) {
      ldns_rdf_deep_free(ldns_rr_owner(parsed));
      ldns_rr_set_owner(parsed, ldns_dname_new_frm_str(asked.c_str()));
      sections.answer.push_back(wire_of(parsed));
    }
  }
  REQUIRE(sections.answer.size() == 2);
  REQUIRE(sections.authority.size() == 2);
  return sections;
}

} // namespace

TEST_CASE("a wildcard that turned does not get into an older answer", "[composed]") {
  const int type = GENERATE(as<int>(), A, MX);
  const std::string lines = GENERATE(as<std::string>(), "", "  qname-minimisation: no\n");
  const std::string asked = GENERATE(as<std::string>(), "w.plain.example", "*.wild.example");
  CAPTURE(type, lines, asked);
  std::vector<Zone> zones = default_zones();
  zones.push_back({"wild.example.", Server::host, true,
                   wildcard_to("203.0.113.50", "mx.plain.example."), 300, 3600});
  std::ranges::find(zones, "plain.example.", &Zone::origin)->records += "w CNAME *.wild.example.\n";
  World world({.policy = head + "  - {id: held, answer_ip: [198.51.100.0/24]}\n"
                                "  - {id: parked, mx_exchange: [army.ml]}\n",
               .server_lines = lines},
              zones);
  const SignedZone turned =
      sign_zone("wild.example.",
                "$ORIGIN wild.example.\n$TTL 300\n"
                "@ IN SOA ns.host-servers.net. hostmaster.host-servers.net. 1 3600 600 86400 300\n"
                "@ IN NS ns.host-servers.net.\n" +
                    wildcard_to("198.51.100.3", "realhost.army.ml."),
                3600);
  Sections sections = expanded(turned.text, "u9.wild.example.", type);
  for (int round = 0; round < 2; ++round) {
    CHECK(!world.resolver.answer(mail, asked, type).data_of(type).empty());
  }
  world.lab.relay(Server::host).forge("u9.wild.example.", forger([=](std::size_t) {
                                        return sections;
                                      }));
  const Answer listed = world.resolver.answer(other, "u9.wild.example", type, {.ad = true});
  CHECK(listed.ad); // the validator found it good
  CHECK(tells_a_secret(listed));
  for (const bool cd : {false, true}) {
    const Answer answer = world.resolver.answer(mail, asked, type, {.cd = cd});
    INFO(answer.text());
    CHECK_FALSE(tells_a_secret(answer));
  }
  CHECK_FALSE(tells_a_secret(world.resolver.answer(mail, "u8.wild.example", type)));
}
