// Structured DNS errors (draft-ietf-dnsop-structured-dns-error): what a blocked client is told that
// asks for them with EDNS option 26.
#include "tests/catch.hpp"

#include "tests/e2e/world.hpp"

#include <nlohmann/json.hpp>

using namespace e2e;

namespace {

constexpr std::uint16_t option = 26;

const std::string policy = R"(version: 1
clients: {mail: [127.1.0.0/16]}
organisation: "Example \"Org\" é"
contact: ["mailto:postmaster@example.net", "https://example.net/blocked"]
defaults: {action: nxdomain, clients: [mail]}
rules:
  - {id: swapped, confusable: {intended: mil, mistyped: [ml]}, except: [gouv.ml]}
  - {id: owned, exact: [arrny.example], owner: typos@example.net, reason: "we \"own\" that"}
  - {id: led, mx_exchange: [mx.bad.example]}
)";

std::string told(const World& world, const std::string& name, const Flags& flags) {
  const Answer answer = world.resolver.answer(mail, name, MX, flags);
  INFO(answer.text());
  CHECK_FALSE(answer.tc);
  REQUIRE(answer.error);
  CHECK(answer.error->code == 15);
  return answer.error->text;
}

nlohmann::json json_told(const World& world, const std::string& name, const Flags& flags = {}) {
  Flags asking = flags;
  asking.options = {option};
  const std::string text = told(world, name, asking);
  INFO(text);
  CHECK(text.find(": ") == std::string::npos); // as short as can be
  return nlohmann::json::parse(text);
}

} // namespace

TEST_CASE("a client that asks for structured errors gets JSON", "[wire]") {
  World world({.policy = policy, .encrypted = true});
  for (const Transport transport :
       {Transport::udp, Transport::tcp, Transport::tls, Transport::https}) {
    const auto error = json_told(world, "army.ml", {.transport = transport});
    CHECK(error ==
          nlohmann::json{{"c", {"mailto:postmaster@example.net", "https://example.net/blocked"}},
                         {"j", "did you mean army.mil?"},
                         {"s", 6},
                         {"o", "Example \"Org\" é"},
                         {"l", "en"}});
    // Without the option the text is as it was.
    CHECK(told(world, "army.ml", {.transport = transport}) == "did you mean army.mil?");
    CHECK(told(world, "army.ml", {.transport = transport, .options = {option + 1}}) ==
          "did you mean army.mil?");
  }
  // The rule's owner comes first, and its reason is told.
  const auto owned = json_told(world, "arrny.example");
  CHECK(owned["c"][0] == "mailto:typos@example.net");
  CHECK(owned["j"] == "blocked by rule owned we \"own\" that");
  // Nothing on what is not blocked.
  CHECK_FALSE(world.resolver.answer(mail, "army.mil", MX, {.options = {option}}).error);
  CHECK_FALSE(world.resolver.answer(other, "army.ml", MX, {.options = {option}}).error);
  CHECK_FALSE(world.resolver.answer(mail, "army.ml", MX, {.edns = false}).error);
}

TEST_CASE("a structured error gets shorter before a reply would be truncated", "[wire]") {
  World world({.policy = policy});
  const std::string label(50, 'a');
  // Of ever longer names, until not even the contacts fit: the name is there twice, asked and as
  // the owner of the SOA's record.
  bool lost_o = false;
  bool lost_j = false;
  bool lost_all = false;
  std::string name = "army.ml";
  for (int labels = 0; labels < 24; ++labels) {
    CAPTURE(labels, name.size());
    const Answer answer =
        world.resolver.answer(mail, name, MX, {.udp_size = 512, .options = {option}});
    CHECK(answer.rcode == nxdomain);
    CHECK_FALSE(answer.tc);
    REQUIRE(answer.error);
    CHECK(answer.wire.size() <= 512);
    const std::string& text = answer.error->text;
    if (text.empty()) {
      lost_all = true;
    } else {
      const auto error = nlohmann::json::parse(text);
      CHECK(error["c"].size() == 2);
      lost_o = lost_o || !error.contains("o");
      lost_j = lost_j || !error.contains("j");
      CHECK((error.contains("j") || !error.contains("o"))); // `o` goes first
    }
    // The plain text is cut.
    CHECK_FALSE(world.resolver.answer(mail, name, MX, {.udp_size = 512}).tc);
    name = std::string(10, 'a') + "." + name;
    if (name.size() > 250) {
      break;
    }
  }
  CHECK(lost_o);
  CHECK(lost_j);
  CAPTURE(lost_all);
  // A larger size has room for all of it.
  CHECK(json_told(world, "a.army.ml", {.udp_size = 1232}).contains("o"));
}

TEST_CASE("a block by where an answer leads has its structured error too", "[wire]") {
  std::vector<Zone> zones = default_zones();
  zones.push_back({"led.example.", Server::host, false, "@ MX 10 mx.bad.example.\n"});
  World world({.policy = policy}, zones);
  const auto error = json_told(world, "led.example");
  CHECK(error["j"] == "blocked by rule led");
  CHECK(error["o"] == "Example \"Org\" é");
}

TEST_CASE("without a contact there is no structured error", "[wire]") {
  std::string without = policy;
  without.erase(without.find("contact:"), without.find("defaults:") - without.find("contact:"));
  World world({.policy = without});
  CHECK(told(world, "army.ml", {.options = {option}}) == "did you mean army.mil?");
  CHECK(json_told(world, "arrny.example")["c"] == nlohmann::json{"mailto:typos@example.net"});
}
