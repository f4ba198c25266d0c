// What a right policy becomes.
#include "tests/catch.hpp"
#include "tests/paths.hpp"
#include "tests/unit/config/folder.hpp"

using namespace nearmiss;
using namespace nearmiss::test;

TEST_CASE("the default policy", "[config]") {
  const LoadResult result = load(NEARMISS_DEFAULT_POLICY, today);
  for (const Diagnostic& diagnostic : result.diagnostics) {
    UNSCOPED_INFO(to_text(diagnostic));
  }
  REQUIRE(result.config);
  REQUIRE(result.diagnostics.size() == 1);
  CHECK(to_text(result.diagnostics[0]).find("`mode: observe` blocks nothing") != std::string::npos);
  CHECK_FALSE(ask(*result.config, "army.ml").enforced);
  CHECK(ask(*result.config, "army.ml").rule != nullptr);
}

TEST_CASE("the default policy, once it enforces", "[config]") {
  std::ifstream file(NEARMISS_DEFAULT_POLICY);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::string observe = "\nmode: observe\n";
  REQUIRE(text.find(observe) != std::string::npos);
  text.replace(text.find(observe), observe.size(), "\nmode: enforce\n");
  const Folder folder;
  const LoadResult result = load(folder.write("nearmiss.yaml", text), today);
  REQUIRE(result.config);
  CHECK(result.diagnostics.empty());
  const Config& config = *result.config;
  const Verdict blocked = ask(config, "army.ml");
  CHECK(blocked.enforced);
  CHECK(blocked.action == Action::nxdomain);
  CHECK(blocked.rule->confusable_class == "tld-swap");
  CHECK(Policy::intended_for(blocked, *Name::from_text("army.ml")) == "army.mil");
  CHECK(ask(config, "army.ml", "192.0.2.1", "A").enforced);
  CHECK(ask(config, "ml").enforced);
  CHECK_FALSE(ask(config, "army.ml", "::", "TXT").enforced);
  CHECK_FALSE(ask(config, "gouv.ml").enforced);
  CHECK_FALSE(ask(config, "finances.gouv.ml").enforced);
  CHECK(ask(config, "notgouv.ml").enforced);
  CHECK_FALSE(ask(config, "army.mil").enforced);
  CHECK(config.ruleset == "nearmiss.yaml");
  CHECK(config.log.file == folder.path() / "nearmiss.jsonl");
}

TEST_CASE("a policy with all of the language", "[config]") {
  const Folder folder;
  std::filesystem::create_directory(folder.path() / "lists");
  folder.write("lists/typos.txt", "typo.example\n");
  const LoadResult result = folder.load_policy(R"(version: 1
mode: enforce
clients:
  mail: [192.0.2.0/24, "2001:db8:25::/48"]
  web: ["::ffff:198.51.100.7"]
sinkhole:
  ipv4: 192.0.2.53
  ipv6: 2001:db8::53
  mx: Sinkhole.Example.NET.
defaults: {action: nxdomain, types: delivery, clients: [mail], ttl: 60}
rules:
  - id: mil-ml
    confusable: {intended: mil, mistyped: [ml]}
    except: [gouv.ml]
    reason: DoD mail mistyped into Mali's TLD
    reference: "https://reference.example/1"
    category: tld
    owner: noc
    ticket: "42"
    expires: 2030-06-16
  - id: lookalikes
    domains: [army-mil.example]
    exact: [arrny.example]
    intended: army.mil
    action: sinkhole
    ttl: 0
  - id: feed
    list: {file: lists/typos.txt, format: domains}
    action: null-mx
    clients: [mail, web]
  - id: everyone
    domains: ["bücher.example"]
    clients: any
    types: [MX, A, AAAA, TYPE65]
    action: observe
  - id: partner
    domains: [mod.example]
    action: allow
log: {file: /var/log/nearmiss.jsonl, format: ecs}
)");
  INFO(texts(folder, result));
  REQUIRE(result.config);
  CHECK(result.diagnostics.empty());
  const Config& config = *result.config;
  const std::string mail = "192.0.2.25";
  const std::string web = "198.51.100.7";

  const Verdict army = ask(config, "army.ml", mail);
  CHECK(army.enforced);
  CHECK(*army.client_group == "mail");
  CHECK(army.rule->reason == "DoD mail mistyped into Mali's TLD");
  CHECK(army.rule->reference == "https://reference.example/1");
  CHECK(army.rule->category == "tld");
  CHECK(army.rule->owner == "noc");
  CHECK(army.rule->ticket == "42");
  CHECK(army.rule->ttl == 60);
  CHECK(ask(config, "army.ml", "2001:db8:25::1").enforced);
  CHECK(ask(config, "army.ml", "::ffff:192.0.2.1").enforced);
  CHECK_FALSE(ask(config, "army.ml", "192.0.3.25").enforced);
  CHECK_FALSE(ask(config, "army.ml", web).enforced);
  CHECK_FALSE(ask(config, "gouv.ml", mail).enforced);

  CHECK(ask(config, "x.army-mil.example", mail).action == Action::sinkhole);
  CHECK(ask(config, "arrny.example", mail).rule->ttl == 0);
  CHECK_FALSE(ask(config, "x.arrny.example", mail).enforced);
  CHECK(ask(config, "typo.example", web).action == Action::null_mx);
  CHECK(ask(config, "xn--bcher-kva.example", "203.0.113.1").action == Action::observe);
  CHECK(ask(config, "xn--bcher-kva.example", "203.0.113.1", "HTTPS").rule != nullptr);
  CHECK(ask(config, "xn--bcher-kva.example", "203.0.113.1", "SRV").rule == nullptr);
  CHECK(ask(config, "mod.example", mail).action == Action::allow);

  CHECK(config.sinkhole.ipv4->to_text() == "192.0.2.53");
  CHECK(config.sinkhole.ipv6->to_text() == "2001:db8::53");
  CHECK(config.sinkhole.mx->to_text() == "sinkhole.example.net");
  CHECK(config.log.file == "/var/log/nearmiss.jsonl");
  CHECK(config.first_client->to_text() == "192.0.2.0");
}

TEST_CASE("with groups and nobody named, a rule is for all groups and no one else", "[config]") {
  const Folder folder;
  const LoadResult result = folder.load_policy("version: 1\n"
                                               "clients: {a: [192.0.2.1], b: [192.0.2.2]}\n"
                                               "rules: [{id: r, domains: [x.example]}]\n");
  REQUIRE(result.config);
  CHECK(ask(*result.config, "x.example", "192.0.2.1").enforced);
  CHECK(ask(*result.config, "x.example", "192.0.2.2").enforced);
  CHECK_FALSE(ask(*result.config, "x.example", "192.0.2.3").enforced);
}

TEST_CASE("the digest is that of the files, so a changed list changes it", "[config]") {
  const Folder folder;
  // printf 'version: 1\nrules: [{id: r, domains: [x.example]}]\n' | sha256sum
  const LoadResult alone =
      folder.load_policy("version: 1\nrules: [{id: r, domains: [x.example]}]\n");
  REQUIRE(alone.config);
  CHECK(alone.config->digest == "3b3127d515f389c46af86fcd2245cb78432a1654421ac55fb34e6113886642df");
  const std::string with_list =
      "version: 1\nrules: [{id: r, list: {file: l.txt, format: domains}}]\n";
  folder.write("l.txt", "a.example\n");
  const std::string before = folder.load_policy(with_list).config->digest;
  CHECK(folder.load_policy(with_list).config->digest == before);
  folder.write("l.txt", "b.example\n");
  CHECK(folder.load_policy(with_list).config->digest != before);
}

TEST_CASE("a line that moves from one list's end to the next one's head changes the digest",
          "[config]") {
  const Folder folder;
  const std::string policy =
      "version: 1\nrules:\n"
      "  - {id: partners, list: {file: a.txt, format: domains}, action: allow}\n"
      "  - {id: typos, list: {file: b.txt, format: domains}}\n";
  folder.write("a.txt", "mod.example\nevil.example\n");
  folder.write("b.txt", "arrny.example\n");
  const LoadResult allowed = folder.load_policy(policy);
  folder.write("a.txt", "mod.example\n");
  folder.write("b.txt", "evil.example\narrny.example\n");
  const LoadResult blocked = folder.load_policy(policy);
  REQUIRE(allowed.config);
  REQUIRE(blocked.config);
  CHECK(allowed.config->digest != blocked.config->digest);
}

TEST_CASE("a rule that has expired matches nothing, with a warning, and on its last day it holds",
          "[config]") {
  const Folder folder;
  const std::string rest = "\n  - {id: other, domains: [y.example]}\n";
  const std::string rule = "version: 1\nrules:\n  - id: r\n    domains: [x.example]\n    expires: ";
  const LoadResult expired = folder.load_policy(rule + "2030-06-14" + rest);
  REQUIRE(expired.config);
  CHECK_FALSE(ask(*expired.config, "x.example").enforced);
  CHECK(ask(*expired.config, "y.example").enforced);
  REQUIRE(expired.diagnostics.size() == 1);
  CHECK(texts(folder, expired).starts_with("policy.yaml:5:5: warning: the rule `r` has expired"));
  // Loaded under a clock that was wrong, it holds again once that is set right.
  const Name name = *Name::from_text("x.example");
  const auto client = *ClientAddress::from_text("192.0.2.1");
  CHECK(expired.config->policy.decide({name, 15, client, today - std::chrono::days(1)}).enforced);
  const LoadResult holds = folder.load_policy(rule + "2030-06-15" + rest);
  REQUIRE(holds.config);
  CHECK(holds.diagnostics.empty());
  CHECK(ask(*holds.config, "x.example").enforced);
}

TEST_CASE("a public suffix is blocked where the rule says so", "[config]") {
  const Folder folder;
  const LoadResult result = folder.load_policy(
      "version: 1\nrules: [{id: r, domains: [co.uk, .], public_suffix: true, action: observe}]\n");
  INFO(texts(folder, result));
  REQUIRE(result.config);
  CHECK(ask(*result.config, "anything.example").rule != nullptr);
}

TEST_CASE("rules on exchanges and on addresses", "[config]") {
  const Folder folder;
  const LoadResult result = folder.load_policy(R"(version: 1
clients: {mail: [192.0.2.0/24]}
rules:
  - id: parked
    mx_exchange: [mx.parking.example]
    except: [mine.example]
  - id: hosting
    answer_ip: [198.51.100.0/24, "2001:db8:bad::/48"]
    exact: [arrny.example]
)");
  INFO(texts(folder, result));
  REQUIRE(result.config);
  CHECK(result.diagnostics.empty());
  const Policy& policy = result.config->policy;
  const Name asked = *Name::from_text("typo.example");
  const Name mine = *Name::from_text("mine.example");
  const ClientAddress client = *ClientAddress::from_text("192.0.2.25");
  const Name exchange = *Name::from_text("a.mx.parking.example");
  CHECK(policy.decide_exchange({asked, 15, client, today}, exchange).enforced);
  CHECK_FALSE(policy.decide_exchange({mine, 15, client, today}, exchange).enforced);
  const auto held = [&](const char* text) {
    return policy.decide_address({asked, 1, client, today}, *ClientAddress::from_text(text))
        .enforced;
  };
  CHECK(held("198.51.100.255"));
  CHECK_FALSE(held("198.51.101.0"));
  CHECK(held("2001:db8:bad::1"));
  CHECK(ask(*result.config, "arrny.example", "192.0.2.25").enforced);
  CHECK_FALSE(ask(*result.config, "mx.parking.example", "192.0.2.25").enforced);
}

TEST_CASE("where the events go", "[config]") {
  using Kind = LogSink::Kind;
  const Folder folder;
  const std::string rules = "version: 1\nrules: [{id: r, domains: [x.example]}]\n";
  const LoadResult one = folder.load_policy(
      rules + "log: {file: a.jsonl, format: ocsf, chain: true, discover: true}\n");
  INFO(texts(folder, one));
  REQUIRE(one.config);
  REQUIRE(one.config->log.sinks.size() == 1);
  CHECK(one.config->log.sinks[0].format == LogFormat::ocsf);
  CHECK(one.config->log.sinks[0].chain);
  CHECK(one.config->log.discover);
  CHECK(one.config->log.file == folder.path() / "a.jsonl");
  CHECK(one.config->metrics.file.empty());

  const LoadResult all = folder.load_policy(rules + "log:\n"
                                                    "  - journald: true\n"
                                                    "  - syslog: local\n"
                                                    "  - syslog: {tcp: \"192.0.2.1:601\"}\n"
                                                    "    format: ocsf\n"
                                                    "  - syslog: {tcp: \"[2001:db8::1]:6514\"}\n"
                                                    "  - file: /a.jsonl\n"
                                                    "  - file: b.jsonl\n"
                                                    "metrics: {file: m.prom, interval: 60}\n");
  INFO(texts(folder, all));
  REQUIRE(all.config);
  const std::vector<LogSink>& sinks = all.config->log.sinks;
  REQUIRE(sinks.size() == 6);
  CHECK(sinks[0].kind == Kind::journald);
  CHECK(sinks[1].kind == Kind::syslog_local);
  CHECK(sinks[2].kind == Kind::syslog_tcp);
  CHECK(sinks[2].host.to_text() == "192.0.2.1");
  CHECK(sinks[2].port == 601);
  CHECK(sinks[2].format == LogFormat::ocsf);
  CHECK(sinks[3].host.to_text() == "2001:db8::1");
  CHECK(sinks[3].port == 6514);
  CHECK(sinks[4].file == "/a.jsonl");
  CHECK(all.config->log.file == "/a.jsonl"); // the first file
  CHECK_FALSE(all.config->log.discover);
  CHECK(all.config->metrics.file == folder.path() / "m.prom");
  CHECK(all.config->metrics.interval == 60);
}

TEST_CASE("a policy file may be called anything, what is said of it can be shown", "[config]") {
  const Folder folder;
  const std::string name = "a\xff\x1b[31m\xc2\x9b\xc3\xa9.yaml";
  const std::string shown = "a\uFFFD\uFFFD[31m\uFFFD\u00e9.yaml";
  const std::string rules = "version: 1\nrules: [{id: a, domains: [a.example]}]\n";
  const LoadResult good = load(folder.write(name, rules), today);
  REQUIRE(good.config);
  CHECK(good.config->ruleset == shown);
  CHECK(good.config->files.front().path.filename() == name); // to open it, the name as it is
  const LoadResult bad = load(folder.write(name, "version: 2\n" + rules.substr(11)), today);
  REQUIRE(bad.diagnostics.size() == 1);
  CHECK(to_text(bad.diagnostics[0]).find('/' + shown + ":1:10: error: ") != std::string::npos);
}

TEST_CASE("the state file: beside the log, where Unbound may write, never where it is lost",
          "[config]") {
  const Folder folder;
  std::filesystem::create_directory(folder.path() / "d");
  const auto state_with = [&](const std::string& lines) {
    const LoadResult result =
        folder.load_policy("version: 1\nrules: [{id: a, domains: [a.example]}]\n" + lines);
    INFO(texts(folder, result));
    REQUIRE(result.config);
    return result.config->control.state;
  };
  CHECK(state_with("") == folder.path() / "nearmiss.state");
  CHECK(state_with("log: {file: d/events.jsonl}\n") == folder.path() / "d" / "nearmiss.state");
  CHECK(state_with("log: {file: /run/events.jsonl}\n") == folder.path() / "nearmiss.state");
  CHECK(state_with("log: {file: d/nearmiss.state}\n") == folder.path() / "nearmiss.state");
  CHECK(state_with("log: {file: d/e.jsonl}\ncontrol: {state: here}\n") == folder.path() / "here");
  CHECK(state_with("control: {state: /runny/n.state}\n") == "/runny/n.state");
  for (const std::string file :
       {"/run/n.state", "/var/run/n/n.state", "/dev/shm/n", "/etc/../run/n"}) {
    const LoadResult result = folder.load_policy(
        "version: 1\nrules: [{id: a, domains: [a.example]}]\ncontrol: {state: " + file + "}\n");
    CHECK_FALSE(result.config);
    CHECK(texts(folder, result).find("is lost when the machine restarts") != std::string::npos);
  }
}
