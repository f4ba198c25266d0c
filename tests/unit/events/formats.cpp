// An event in each format, against the names and types of the schemas.
#include "tests/catch.hpp"
#include "tests/paths.hpp"
#include "tests/unit/events/fixture.hpp"

#include <cstdlib>
#include <map>
#include <regex>
#include <sstream>

using namespace nearmiss;
using namespace nearmiss::test;
using nlohmann::json;

namespace {

// The pinned table: name -> type.
std::map<std::string, std::string> pinned(const std::string& file) {
  std::map<std::string, std::string> types;
  for (const std::string& line :
       lines_of(read_text(std::string(NEARMISS_TEST_DATA) + "/" + file))) {
    const std::size_t comma = line.find(',');
    if (!line.starts_with('#') && line != "name,type") {
      REQUIRE(comma != std::string::npos);
      types.emplace(line.substr(0, comma), line.substr(comma + 1));
    }
  }
  REQUIRE_FALSE(types.empty());
  return types;
}

bool is_of(const json& value, std::string type) {
  if (type.ends_with("[]")) {
    type.resize(type.size() - 2);
    return value.is_array() && !value.empty() &&
           std::all_of(value.begin(), value.end(), [&](const json& v) { return is_of(v, type); });
  }
  if (type == "long" || type == "integer_t" || type == "long_t" || type == "port_t" ||
      type == "timestamp_t") {
    return value.is_number_integer();
  }
  if (type == "boolean_t") {
    return value.is_boolean();
  }
  if (!value.is_string()) {
    return false;
  }
  const auto text = value.get<std::string>();
  if (type == "ip" || type == "ip_t") {
    return ClientAddress::from_text(text).has_value();
  }
  if (type == "date") {
    return std::regex_match(text, std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z)"));
  }
  return type == "keyword" || type == "match_only_text" || type == "string_t" ||
         type == "hostname_t";
}

// One of each kind of event.
void write_all_kinds(EventFixture& fixture) {
  fixture.attempt("us.army.ml");
  fixture.attempt("hole.example", "2001:db8::7", "A");
  fixture.attempt("hole.example", "198.51.100.1", "TYPE65");
  fixture.attempt("x.seen.example");
  fixture.attempt(R"(a\"\000\\b.ml)");
  fixture.events->notice({.action = "policy-loaded",
                          .message = "2 rules",
                          .fields = {{"nearmiss.rules", std::uint64_t{2}},
                                     {"nearmiss.rules_added", std::vector<std::string>{"a", "b"}},
                                     {"file.path", std::string("/etc/nearmiss.yaml")}}},
                         fixture.policy);
  fixture.events->notice({.action = "events-lost", .success = false, .message = "7 events"},
                         nullptr);
  fixture.events.reset();
}

void flatten(const json& value, const std::string& name, std::map<std::string, json>& flat) {
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) {
      std::string path = name;
      path.append(name.empty() ? "" : ".").append(key);
      flatten(member, path, flat);
    }
  } else if (value.is_array() && !value.empty() && value.front().is_object()) {
    for (const json& member : value) {
      flatten(member, name + "[]", flat);
    }
  } else {
    flat[name] = value;
  }
}

} // namespace

TEST_CASE("the pinned ECS names and types are the schema's own", "[events]") {
  const char* const file = std::getenv("NEARMISS_ECS_FIELDS");
  if (file == nullptr) {
    LEAVE_OUT("NEARMISS_ECS_FIELDS does not name ECS's generated/csv/fields.csv");
  }
  // ECS_Version,Indexed,Field_Set,Field,Type,Level,Normalization,... and none of these is quoted.
  std::map<std::string, std::string> schema;
  for (const std::string& line : lines_of(read_text(file))) {
    std::vector<std::string> columns;
    std::istringstream text(line);
    for (std::string column; columns.size() < 7 && std::getline(text, column, ',');) {
      columns.push_back(column);
    }
    if (columns.size() == 7) {
      schema[columns[3]] = columns[4] + (columns[6] == "array" ? "[]" : "");
    }
  }
  for (const auto& [name, type] : pinned("ecs_fields.csv")) {
    INFO(name);
    CHECK(schema[name] == type);
  }
}

TEST_CASE("every field of an ECS event is in the schema, with its type", "[events]") {
  EventFixture fixture("log: {file: events.jsonl}\n");
  write_all_kinds(fixture);
  const auto types = pinned("ecs_fields.csv");
  const auto events = events_of(fixture.file());
  REQUIRE(events.size() == 7);
  for (const json& event : events) {
    INFO(event.dump(1));
    for (const auto& [key, value] : event.items()) {
      INFO(key);
      if (key.starts_with("nearmiss.")) {
        CHECK_FALSE(value.is_object());
        continue;
      }
      REQUIRE(types.count(key) == 1);
      CHECK(is_of(value, types.at(key)));
    }
  }
  CHECK(events[0]["@timestamp"] == "2030-06-15T01:00:00.000042Z");
  CHECK(events[0]["rule.description"] == "DoD mail \"mistyped\"\ninto Mali's TLD");
  CHECK(events[0]["rule.author"] == json({"noc"}));
  CHECK(events[0]["nearmiss.ticket"] == "42");
  CHECK(events[0]["nearmiss.policy_generation"] == 3);
  CHECK(events[1]["source.ip"] == "2001:db8::7");
  CHECK(events[1]["dns.resolved_ip"] == json({"192.0.2.53"}));
  CHECK(events[2]["dns.question.type"] == "HTTPS");
  CHECK_FALSE(events[2].contains("dns.resolved_ip"));
  CHECK_FALSE(events[2].contains("dns.header_flags")); // the client set none
  CHECK_FALSE(events[3].contains("dns.response_code"));
  CHECK(events[3]["dns.question.registered_domain"] == "seen.example");
  CHECK(events[3]["nearmiss.matched_name"] == "seen.example");
  CHECK(events[4]["dns.question.name"] == R"(a\"\000\\b.ml)");
  CHECK(events[4]["nearmiss.matched_name"] == "ml");
  CHECK(events[5]["nearmiss.rules_added"] == json({"a", "b"}));
}

TEST_CASE("every attribute of an OCSF event is in the schema, with its type", "[events]") {
  EventFixture fixture("log: {file: events.jsonl, format: ocsf}\n");
  write_all_kinds(fixture);
  const auto types = pinned("ocsf_fields.csv");
  const auto events = events_of(fixture.file());
  REQUIRE(events.size() == 7);
  for (const json& event : events) {
    INFO(event.dump(1));
    std::map<std::string, json> flat;
    flatten(event, "", flat);
    for (const auto& [key, value] : flat) {
      INFO(key);
      if (!key.starts_with("unmapped")) {
        REQUIRE(types.count(key) == 1);
        CHECK(is_of(value, types.at(key)));
      }
    }
    // What a type is made of (OCSF, "type_uid").
    CHECK(event["type_uid"] ==
          event["class_uid"].get<int>() * 100 + event["activity_id"].get<int>());
    CHECK(event["category_uid"] == event["class_uid"].get<int>() / 1000);
  }
  const json& blocked = events[0];
  CHECK(blocked["class_uid"] == 4003);
  CHECK(blocked["time"] == 1907715600000);
  CHECK(blocked["query"]["hostname"] == "us.army.ml");
  CHECK(blocked["query"]["type"] == "MX");
  CHECK(blocked["src_endpoint"] == json({{"ip", "192.0.2.25"}, {"port", 53535}}));
  CHECK(blocked["rcode_id"] == 3);
  CHECK(blocked["rcode"] == "NXDomain");
  CHECK(blocked["action"] == "Denied");
  CHECK(blocked["disposition"] == "Blocked");
  CHECK(blocked["firewall_rule"]["uid"] == "mil-ml");
  CHECK(blocked["unmapped"]["intended_domain"] == "us.army.mil");
  CHECK(blocked["unmapped"]["rule_reference"] == "https://example.net/mil-ml");
  CHECK(blocked["unmapped"]["rule_owner"] == "noc");
  CHECK(blocked["unmapped"]["ticket"] == "42");
  CHECK(blocked["unmapped"]["policy_generation"] == 3);
  CHECK(blocked["unmapped"]["top_level_domain"] == "ml");
  CHECK(blocked["firewall_rule"]["version"] == fixture.policy->version());
  CHECK(blocked["metadata"]["sequence"] == 1);
  CHECK(events[1]["answers"][0]["rdata"] == "192.0.2.53");
  CHECK(blocked["is_alert"] == true);
  CHECK(blocked["metadata"]["version"] == "1.8.0");
  CHECK(events[3]["action"] == "Observed"); // let through, and neither allowed nor denied
  CHECK(events[3]["action_id"] == 3);
  CHECK(events[3]["is_alert"] == true);
  CHECK_FALSE(events[5].contains("is_alert"));
  CHECK(events[3]["disposition"] == "Logged");
  CHECK(events[5]["class_uid"] == 6002);
  CHECK(events[5]["status"] == "Success");
  CHECK(events[6]["status"] == "Failure");
}

TEST_CASE("the registered domain by the public suffix list", "[events]") {
  EventFixture fixture("log: {file: events.jsonl}\n",
                       "rules: [{id: all, confusable: {intended: example, mistyped: [ml, uk, "
                       "zz]}}]\n");
  const std::vector<std::pair<std::string, json>> names{
      {"mail.army.ml", "army.ml"}, {"army.ml", "army.ml"},   {"ml", nullptr},
      {"gov.ml", nullptr},         {"a.b.co.uk", "b.co.uk"}, {"co.uk", nullptr},
      {"x.y.zz", "y.zz"},          {R"(a\.b.y.zz)", "y.zz"},
  };
  for (const auto& [name, registered] : names) {
    fixture.attempt(name);
  }
  fixture.events.reset();
  const auto events = events_of(fixture.file());
  REQUIRE(events.size() == names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    INFO(names[i].first);
    CHECK(events[i].value("dns.question.registered_domain", json()) == names[i].second);
    CHECK(events[i]["dns.question.name"] == names[i].first);
  }
}

TEST_CASE("what an answer led to stands in the event beside what was asked", "[events]") {
  EventFixture fixture("log: {file: events.jsonl}\n");
  const Name qname = *Name::from_text("innocent.example");
  const Name target = *Name::from_text(R"(mail.ar\.my.ml)");
  const auto client = *ClientAddress::from_text("192.0.2.1");
  const Verdict verdict = fixture.config->policy.decide({target, 1, client, today});
  REQUIRE(verdict.enforced);
  fixture.events->attempt({.verdict = verdict,
                           .matched_by = MatchedBy::cname,
                           .matched_address = nullptr,
                           .qname = qname,
                           .intended = "mail.army.mil",
                           .qtype = 1,
                           .id = 1,
                           .client = client,
                           .client_port = 2,
                           .tcp = true,
                           .flags = {.checking_disabled = true, .dnssec_ok = true},
                           .rcode = 3,
                           .resolved_ip = nullptr},
                          fixture.policy, fixture.time);
  fixture.events.reset();
  const json event = events_of(fixture.file()).at(0);
  CHECK(event["dns.question.name"] == "innocent.example");
  CHECK(event["nearmiss.matched_name"] == "ml");
  CHECK(event["nearmiss.matched_by"] == "cname");
  CHECK(event["nearmiss.intended_domain"] == "mail.army.mil");
  CHECK(event["network.transport"] == "tcp");
  CHECK(event["dns.header_flags"] == json({"CD", "DO"}));
  CHECK(event["related.hosts"] == json({"innocent.example", "mail.army.mil"}));
}
