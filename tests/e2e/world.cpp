#include "tests/e2e/world.hpp"

#include "tests/catch.hpp"

#include <algorithm>
#include <string_view>

namespace e2e {

std::string usual_policy_with(const std::string& defaults) {
  return "version: 1\n"
         "mode: enforce\n"
         "clients:\n"
         "  mail: [127.1.0.0/16]\n"
         "sinkhole: {ipv4: 192.0.2.53, ipv6: \"2001:db8::53\", mx: sinkhole.example.net}\n"
         "defaults: {clients: [mail], " +
         defaults +
         "}\n"
         "rules:\n"
         "  - id: mil-ml\n"
         "    confusable: {intended: mil, mistyped: [ml]}\n"
         "    except: [gouv.ml]\n"
         "    reason: DoD mail mistyped into Mali's TLD\n"
         "    reference: \"https://example.net/mil-ml\"\n"
         "    category: typo\n"
         "  - id: one-name\n"
         "    exact: [arrny.example]\n"
         "log: {file: events.jsonl}\n";
}

const std::string usual_policy = usual_policy_with("action: nxdomain, ttl: 60");

namespace {

bool holds(const std::vector<std::uint8_t>& wire, std::string_view octets) {
  return std::search(wire.begin(), wire.end(), octets.begin(), octets.end(),
                     [](std::uint8_t a, char b) { return a == static_cast<std::uint8_t>(b); }) !=
         wire.end();
}

} // namespace

bool tells_a_secret(const Answer& answer) {
  // The question repeats what the client said, so it tells nothing.
  const std::vector<std::uint8_t>& wire = answer.wire;
  if (holds(wire, "\xc6\x33\x64") || holds(wire, std::string_view("\x20\x01\x0d\xb8\x0b\xad", 6))) {
    return true;
  }
  for (const auto* section : {&answer.answer, &answer.authority, &answer.additional}) {
    for (const Rr& rr : *section) {
      if (rr.data.find(secret_label) != std::string::npos) {
        return true;
      }
    }
  }
  return false;
}

bool looks_blocked(const Answer& answer) {
  return (answer.error && answer.error->code == 15) ||
         std::any_of(answer.answer.begin(), answer.answer.end(), [](const Rr& rr) {
           return rr.data == "192.0.2.53" || rr.data == "2001:db8::53" || rr.data == "0 .";
         });
}

World::World(UnboundOptions options, const std::vector<Zone>& zones)
    : lab(zones), resolver(lab, std::move(options)) {
  resolver.start();
}

World::World(UnboundOptions options,
             const std::function<void(const std::filesystem::path&)>& prepare)
    : resolver(lab, std::move(options)) {
  prepare(resolver.folder());
  resolver.start();
}

void World::expect_blocked(const std::string& client, const std::string& name, int type,
                           const Flags& flags) const {
  const Answer answer = resolver.answer(client, name, type, flags);
  INFO(client << " asks " << name << " over " << to_text(flags.transport) << ":\n"
              << answer.text());
  CHECK(answer.rcode == nxdomain);
  CHECK(answer.answer.empty());
  REQUIRE(answer.authority.size() == 1);
  CHECK(answer.authority[0].type == SOA);
  CHECK_FALSE(tells_a_secret(answer));
  CHECK_FALSE(answer.aa);
  CHECK_FALSE(answer.ad);
  CHECK_FALSE(answer.tc);
  CHECK(answer.ra);
  if (flags.edns || flags.dnssec_ok) {
    REQUIRE(answer.error);
    CHECK(answer.error->code == 15);
  } else {
    CHECK_FALSE(answer.edns);
  }
}

void World::expect_real(const std::string& client, const std::string& name, int type,
                        const Flags& flags) const {
  const Answer answer = resolver.answer(client, name, type, flags);
  INFO(client << " asks " << name << " over " << to_text(flags.transport) << ":\n"
              << answer.text());
  CHECK(answer.rcode == noerror);
  CHECK_FALSE(answer.data_of(type).empty());
  CHECK_FALSE(looks_blocked(answer));
  CHECK(answer.ra);
}

} // namespace e2e
