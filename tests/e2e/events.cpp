// One event for each blocked or observed query, that no name can forge.
#include "tests/catch.hpp"

#include "tests/e2e/world.hpp"

#include <regex>
#include <set>

using namespace e2e;
using nlohmann::json;

namespace {

json field(const json& event, const std::string& name) {
  return Events::field(event, name);
}

bool matches(const json& value, const std::string& pattern) {
  return value.is_string() && std::regex_match(value.get<std::string>(), std::regex(pattern));
}

const std::string observing = "version: 1\n"
                              "mode: enforce\n"
                              "clients: {mail: [127.1.0.0/16]}\n"
                              "defaults: {clients: [mail]}\n"
                              "rules:\n"
                              "  - {id: seen, exact: [army.ml], action: observe}\n"
                              "  - {id: fine, domains: [navy.ml], action: allow}\n"
                              "log: {file: events.jsonl}\n";

} // namespace

TEST_CASE("a blocked query's event has every field", "[events]") {
  World world({.policy = usual_policy});
  world.expect_blocked(mail, "US.army.ml", MX);
  const json event = world.resolver.events().alert(1);
  INFO(event.dump(1));
  CHECK(matches(field(event, "@timestamp"), R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)"));
  CHECK(field(event, "ecs.version") == "8.11.0");
  CHECK(field(event, "event.dataset") == "nearmiss.dns");
  CHECK(field(event, "event.kind") == "alert");
  CHECK(field(event, "event.category") == json({"network", "intrusion_detection"}));
  CHECK(field(event, "event.type") == json({"connection", "denied"}));
  CHECK(field(event, "event.action") == "nxdomain");
  CHECK(field(event, "event.outcome") == "success");
  CHECK(field(event, "event.severity").is_number());
  CHECK(field(event, "log.level").is_string());
  CHECK(field(event, "event.sequence").is_number_unsigned());
  CHECK(field(event, "event.id").is_string());
  CHECK(field(event, "source.ip") == mail);
  CHECK(field(event, "source.port").is_number_unsigned());
  CHECK(field(event, "source.port") != 0);
  CHECK(field(event, "network.transport") == "udp");
  CHECK(field(event, "network.protocol") == "dns");
  CHECK(field(event, "dns.question.name") == "us.army.ml");
  CHECK(field(event, "dns.question.type") == "MX");
  CHECK(field(event, "dns.question.class") == "IN");
  CHECK(field(event, "dns.question.registered_domain") == "army.ml");
  CHECK(field(event, "dns.question.top_level_domain") == "ml");
  CHECK(field(event, "dns.response_code") == "NXDOMAIN");
  CHECK(field(event, "dns.type") == "answer");
  CHECK(matches(field(event, "dns.id"), R"(\d+)"));
  CHECK(field(event, "rule.id") == "mil-ml");
  CHECK(field(event, "rule.category") == "typo");
  CHECK(field(event, "rule.description") == "DoD mail mistyped into Mali's TLD");
  CHECK(field(event, "rule.reference") == "https://example.net/mil-ml");
  CHECK(field(event, "rule.ruleset").is_string());
  CHECK(field(event, "rule.version").is_string());
  CHECK(field(event, "nearmiss.intended_domain") == "us.army.mil");
  CHECK(field(event, "nearmiss.confusable_class") == "tld-swap");
  CHECK(field(event, "nearmiss.matched_name") == "ml");
  CHECK(field(event, "nearmiss.matched_by") == "qname");
  CHECK(field(event, "nearmiss.client_group") == "mail");
  CHECK(field(event, "nearmiss.policy_generation") == 1);
  CHECK(field(event, "nearmiss.enforced") == true);
  CHECK(field(event, "observer.product") == "nearmiss");
  for (const std::string name : {"vendor", "version", "hostname", "type"}) {
    CHECK(field(event, "observer." + name).is_string());
  }
  CHECK(field(event, "related.ip") == json({mail}));
  CHECK(field(event, "related.hosts") == json({"us.army.ml", "us.army.mil"}));
}

TEST_CASE("the event tells the transport, the id and where a sinkhole leads", "[events]") {
  World world({.policy = usual_policy_with("action: sinkhole"), .encrypted = true});
  std::size_t number = 0;
  for (const Transport transport :
       {Transport::udp, Transport::tcp, Transport::tls, Transport::https}) {
    const Answer answer = world.resolver.answer(mail, "army.ml", A, {.transport = transport});
    const json event = world.resolver.events().alert(++number);
    CAPTURE(event.dump(1));
    CHECK(field(event, "network.transport") == (transport == Transport::udp ? "udp" : "tcp"));
    CHECK(field(event, "dns.id") == std::to_string(answer.wire[0] << 8 | answer.wire[1]));
    CHECK(field(event, "dns.response_code") == "NOERROR");
    CHECK(field(event, "dns.resolved_ip") == json({"192.0.2.53"}));
    CHECK(field(event, "related.ip") == json({mail, "192.0.2.53"}));
    CHECK(field(event, "event.action") == "sinkhole");
  }
}

TEST_CASE("an event for each noteworthy query, and for no other", "[events]") {
  World world({.policy = usual_policy});
  world.expect_blocked(mail, "army.ml", MX);
  world.expect_real(other, "army.ml", MX);
  world.expect_real(mail, "army.mil", MX);
  world.expect_real(mail, "gouv.ml", MX);
  world.expect_blocked(mail, "army.ml", MX);
  world.expect_real(mail, "army.ml", TXT);
  world.expect_real(mail, "tenant.example", MX); // its name server's name is listed; nobody asked
  world.expect_blocked(other_mail, "navy.ml", A);
  world.resolver.stop(); // which writes all that waits
  const std::vector<json> events = world.resolver.events().alerts();
  REQUIRE(events.size() == 3);
  CHECK(field(events[0], "dns.question.name") == "army.ml");
  CHECK(field(events[1], "dns.question.name") == "army.ml");
  CHECK(field(events[2], "dns.question.name") == "navy.ml");
  CHECK(field(events[2], "source.ip") == other_mail);
}

TEST_CASE("sequence numbers have no gaps, over start and stop, and ids are unique", "[events]") {
  World world({.policy = usual_policy, .threads = 2});
  for (int i = 0; i < 50; ++i) {
    world.resolver.answer(mail, "n" + std::to_string(i) + ".ml", A);
  }
  const auto digest = world.resolver.nearmiss("status")["policy"]["digest"].get<std::string>();
  world.resolver.stop();
  const std::vector<json> events = world.resolver.events().all();
  CHECK(events.size() >= 52); // one for the start, one for the end
  CHECK(field(events[0], "event.action") == "module-started");
  CHECK(field(events[1], "event.action") == "policy-loaded");
  CHECK(field(events[1], "event.kind") == "event");
  CHECK(field(events.back(), "event.action") == "module-stopped");
  std::set<std::uint64_t> sequence;
  std::set<std::string> ids;
  for (const json& event : events) {
    INFO(event.dump());
    CHECK(field(event, "rule.version") == digest.substr(0, 16));
    CHECK(field(event, "nearmiss.policy_generation") == 1);
    sequence.insert(field(event, "event.sequence").get<std::uint64_t>());
    ids.insert(field(event, "event.id").get<std::string>());
  }
  CHECK(sequence.size() == events.size());
  CHECK(*sequence.rbegin() - *sequence.begin() + 1 == events.size());
  CHECK(ids.size() == events.size());
}

TEST_CASE("an observed query is answered, and told as allowed", "[events]") {
  World world({.policy = observing});
  world.expect_real(mail, "army.ml", MX);
  world.expect_real(mail, "navy.ml", MX); // `allow` writes nothing
  world.expect_real(mail, "army.ml", MX); // from the cache, and told all the same
  world.expect_real(other, "army.ml", MX);
  world.resolver.stop();
  const std::vector<json> events = world.resolver.events().alerts();
  REQUIRE(events.size() == 2);
  for (const json& event : events) {
    INFO(event.dump(1));
    CHECK(field(event, "event.action") == "observe");
    CHECK(field(event, "event.type") == json({"connection", "allowed"}));
    CHECK(field(event, "nearmiss.enforced") == false);
    CHECK(field(event, "rule.id") == "seen");
  }
}

TEST_CASE("mode: observe blocks nothing and tells what it would have blocked", "[events]") {
  std::string policy = usual_policy;
  policy.replace(policy.find("mode: enforce"), 13, "mode: observe");
  World world({.policy = policy});
  world.expect_real(mail, "army.ml", MX);
  const json event = world.resolver.events().alert(1);
  INFO(event.dump(1));
  CHECK(field(event, "nearmiss.enforced") == false);
  CHECK(field(event, "event.type") == json({"connection", "allowed"}));
  CHECK(field(event, "rule.id") == "mil-ml");
}

TEST_CASE("the event tells by what the name was matched", "[events]") {
  World world({.policy = usual_policy});
  struct Expected {
    std::string name;
    int type;
    std::string matched_by, matched_name;
  };
  const std::vector<Expected> cases{
      {"army.ml", MX, "qname", "ml"},
      {"alias.good.example", A, "cname", "ml"},
      {"mxlisted.good.example", MX, "mx-exchange", "ml"},
      {"arrny.example", A, "qname", "arrny.example"},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    world.resolver.answer(mail, cases[i].name, cases[i].type);
    const json event = world.resolver.events().alert(i + 1);
    INFO(event.dump(1));
    CHECK(field(event, "dns.question.name") == cases[i].name);
    CHECK(field(event, "nearmiss.matched_by") == cases[i].matched_by);
    CHECK(field(event, "nearmiss.matched_name") == cases[i].matched_name);
  }
  CHECK(world.resolver.events().alerts().size() == cases.size());
}

TEST_CASE("the event tells the address asked, the list, and where the answer led", "[events]") {
  World world({.policy = "version: 1\n"
                         "clients: {mail: [127.1.0.0/16]}\n"
                         "defaults: {clients: [mail]}\n"
                         "rules:\n"
                         "  - {id: feed, list: {file: feed.rpz, format: rpz}}\n"
                         "  - {id: mil-ml, confusable: {intended: mil, mistyped: [ml]}}\n"
                         "log: {file: events.jsonl}\n",
               .lists = {{"feed.rpz", "$ORIGIN feed.\n@ 60 SOA localhost. host. 4711 60 60 60 60\n"
                                      "*.wild.example CNAME .\nexact.example CNAME .\n"}}});
  const Endpoint asked = world.resolver.endpoint();
  struct Expected {
    std::string name;
    int type;
    bool wildcard, from_list;
    std::string led_to;
  };
  const std::vector<Expected> cases{
      {"x.wild.example", MX, true, true, ""},
      {"exact.example", MX, false, true, ""},
      {"army.ml", MX, false, false, ""},
      {"alias.good.example", A, false, false, "army.ml"},
      {"mxlisted.good.example", MX, false, false, "realhost.army.ml"},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    for (const Transport transport : {Transport::udp, Transport::tcp}) {
      world.resolver.answer(mail, cases[i].name, cases[i].type, {.transport = transport});
      const json event =
          world.resolver.events().alert(2 * i + (transport == Transport::tcp ? 2 : 1));
      INFO(event.dump(1));
      CHECK(field(event, "dns.question.name") == cases[i].name);
      CHECK(field(event, "destination.ip") == asked.address);
      CHECK(field(event, "destination.port") == asked.port);
      CHECK(event.contains("nearmiss.wildcard") == cases[i].wildcard);
      CHECK(event.contains("nearmiss.list") == cases[i].from_list);
      if (cases[i].from_list) {
        CHECK(matches(field(event, "nearmiss.list"), "(.*/)?feed\\.rpz"));
        CHECK(field(event, "nearmiss.list_serial") == 4711);
      }
      CHECK(event.value("nearmiss.led_to", "") == cases[i].led_to);
    }
  }
}

TEST_CASE("what a rule allows is told where the policy wants that", "[events]") {
  const bool wanted = GENERATE(true, false);
  CAPTURE(wanted);
  std::string policy = usual_policy;
  policy.insert(policy.find("log:"), "  - {id: ours, exact: [army.ml], action: allow}\n");
  policy.replace(policy.find("log:"), 6, wanted ? "log: {allowed: true, " : "log: {");
  World world({.policy = policy});
  world.expect_real(mail, "army.ml", MX);
  world.expect_real(mail, "army.ml", MX); // from the module's own cache
  world.expect_real(other, "army.ml", MX);
  world.expect_blocked(mail, "navy.ml", MX);
  world.resolver.stop();
  CHECK(world.resolver.events().alerts().size() == 1);
  std::vector<json> allowed;
  for (const json& event : world.resolver.events().all()) {
    if (field(event, "event.action") == "allow") {
      allowed.push_back(event);
    }
  }
  REQUIRE(allowed.size() == (wanted ? 2 : 0));
  for (const json& event : allowed) {
    INFO(event.dump(1));
    CHECK(field(event, "event.kind") == "event");
    CHECK(field(event, "event.type") == json({"connection", "allowed"}));
    CHECK(field(event, "nearmiss.enforced") == false);
    CHECK(field(event, "rule.id") == "ours");
    CHECK(field(event, "source.ip") == mail);
    CHECK(field(event, "dns.question.name") == "army.ml");
  }
}

TEST_CASE("no query name forges a line or a field", "[events]") {
  World world({.policy = usual_policy});
  // What is asked (presentation form, \DDD is an octet), and the escaped name the event must hold.
  const std::vector<std::pair<std::string, std::string>> names{
      {R"(a\"b.ml)", R"(a\"b.ml)"},
      {R"(a\010b.ml)", R"(a\010b.ml)"},
      {R"(a\\b.ml)", R"(a\\b.ml)"},
      {R"(\000.ml)", R"(\000.ml)"},
      {R"(\255\254.ml)", R"(\255\254.ml)"},
      {R"(\127\031.ml)", R"(\127\031.ml)"},
      {R"(a\.b.ml)", R"(a\.b.ml)"}, // a dot inside a label
      {R"(x\",\"rule.id\":\"none.ml)", R"(x\",\"rule.id\":\"none.ml)"},
      {R"(x\"}\010{\"event.kind\":\"alert.ml)", R"(x\"}\010{\"event.kind\":\"alert.ml)"},
      {R"(\195\164.ml)", R"(\195\164.ml)"}, // UTF-8 octets are octets
      {R"(\027[31mred.ml)", R"(\027[31mred.ml)"},
      {R"(\226\128\168.ml)", R"(\226\128\168.ml)"}, // U+2028, a line to JavaScript
      {R"(<script>.ml)", R"(<script>.ml)"},
  };
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string& asked = names[i].first;
    INFO(asked);
    CHECK(world.resolver.answer(mail, asked, A).rcode == nxdomain);
    const json event = world.resolver.events().alert(i + 1);
    CHECK(field(event, "dns.question.name") == names[i].second);
    CHECK(field(event, "rule.id") == "mil-ml");
    CHECK(field(event, "source.ip") == mail);
  }
  world.resolver.stop();
  CHECK(world.resolver.events().alerts().size() == names.size());
  // Nothing in the file but printable ASCII and the ends of lines.
  const std::string text = read_file(world.resolver.folder() / "events.jsonl");
  CHECK(std::all_of(text.begin(), text.end(),
                    [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
}

TEST_CASE("a look-alike that nobody listed is blocked, and its event says what was meant",
          "[events]") {
  World world({.policy = "version: 1\n"
                         "clients: {mail: [127.1.0.0/16]}\n"
                         "rules: [{id: fine, domains: [navy.ml], action: allow}]\n"
                         "protect:\n"
                         "  - {id: ours, domains: [army.mil, navy.mil], category: lookalike}\n"
                         "log: {file: events.jsonl}\n"});
  world.expect_real(mail, "army.mil", MX);
  world.expect_real(mail, "www.army.mil", A);
  world.expect_real(mail, "navy.ml", MX); // a look-alike, but allowed
  world.expect_real(mail, "good.example", MX);
  world.expect_real(other, "army.ml", MX);
  world.expect_blocked(mail, "realhost.army.ml", A);
  const Answer answer = world.resolver.answer(mail, "army.ml", MX);
  REQUIRE(answer.error);
  CHECK(answer.error->text == "did you mean army.mil?");
  world.resolver.stop(); // which writes all that waits
  const std::vector<json> events = world.resolver.events().alerts();
  REQUIRE(events.size() == 2);
  CHECK(field(events[0], "dns.question.name") == "realhost.army.ml");
  CHECK(field(events[0], "rule.id") == "ours");
  CHECK(field(events[0], "rule.category") == "lookalike");
  CHECK(field(events[0], "nearmiss.intended_domain") == "army.mil");
  CHECK(field(events[0], "nearmiss.confusable_class") == "tld-swap");
  CHECK(field(events[0], "nearmiss.matched_name") == "army.ml");
  CHECK(field(events[0], "nearmiss.matched_by") == "qname");
  CHECK(field(events[0], "nearmiss.enforced") == true);
}
