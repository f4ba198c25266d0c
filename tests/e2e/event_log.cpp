// The log of a running resolver: killed, flooded, reloaded; its metrics; clients nobody listed.
#include "tests/catch.hpp"

#include "tests/e2e/world.hpp"
#include "tests/paths.hpp"

#include <csignal>
#include <map>
#include <regex>
#include <sstream>
#include <thread>
#include <unistd.h>

using namespace e2e;
using nlohmann::json;

namespace {

json field(const json& event, const std::string& name) {
  return Events::field(event, name);
}

std::string with_log(const std::string& log) {
  std::string policy = usual_policy;
  return policy.replace(policy.find("log: {"), std::string::npos, log);
}

// Series -> value.
std::map<std::string, double> metrics_of(const std::string& text) {
  std::map<std::string, double> series;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with('#')) {
      series[line.substr(0, line.rfind(' '))] = std::stod(line.substr(line.rfind(' ') + 1));
    }
  }
  return series;
}

double queries_in(const std::map<std::string, double>& series) {
  double sum = 0;
  for (const auto& [name, value] : series) {
    sum += name.starts_with("nearmiss_queries_total") ? value : 0;
  }
  return sum;
}

// Stops the resolver and compares: what was blocked is written or told as lost, to the last one.
// Returns how many that were.
double check_account(World& world) {
  world.resolver.stop(); // writes events and metrics for the last time
  const auto series = metrics_of(read_file(world.resolver.folder() / "nearmiss.prom"));
  std::uint64_t told = 0;
  for (const json& event : world.resolver.events().all()) {
    if (field(event, "event.action") == "events-lost") {
      told += field(event, "nearmiss.events_lost").get<std::uint64_t>();
    }
  }
  const std::size_t alerts = world.resolver.events().alerts().size();
  CHECK(static_cast<double>(alerts + told) == queries_in(series));
  CHECK(series.at("nearmiss_events_lost_total") == static_cast<double>(told));
  CHECK(series.at("nearmiss_events_written_total") ==
        static_cast<double>(world.resolver.events().all().size()));
  return queries_in(series);
}

} // namespace

TEST_CASE("after a flood written and lost make up what was blocked, to the last one", "[log]") {
  World world({.policy = with_log("log: {file: events.jsonl}\n"
                                  "metrics: {file: nearmiss.prom, interval: 1}\n"),
               .threads = 2});
  // From several mail servers at a time, and with other policies while it goes on.
  std::vector<std::thread> floods;
  for (const std::string source : {"127.1.0.1", "127.1.0.2", "127.1.0.3"}) {
    floods.emplace_back(
        [source, &world] { flood(world.resolver.endpoint(), source, "ml", 10000); });
  }
  const std::string policy = read_file(world.resolver.policy_file());
  for (int reload = 0; reload < 3; ++reload) {
    world.resolver.write_policy(policy + "# " + std::to_string(reload) + "\n");
    CHECK(world.resolver.nearmiss("reload").at("generation") == reload + 2);
  }
  for (std::thread& thread : floods) {
    thread.join();
  }
  world.expect_blocked(mail, "army.ml", MX);
  CHECK(check_account(world) > 100);
}

TEST_CASE("after a flood of dnsperf's too", "[dnsperf]") {
  if (run({"dnsperf", "-h"}).exit_code != 0) {
    LEAVE_OUT("dnsperf is not installed");
  }
  World world({.policy = with_log("log: {file: events.jsonl}\n"
                                  "metrics: {file: nearmiss.prom, interval: 1}\n"),
               .threads = 2});
  const auto questions = world.resolver.folder() / "questions";
  std::string text;
  for (int i = 0; i < 1000; ++i) {
    text += "n" + std::to_string(i) + (i % 2 == 0 ? ".army.ml MX\n" : ".ml A\n");
  }
  write_file(questions, text);
  const std::string policy = read_file(world.resolver.policy_file());
  Process dnsperf({"dnsperf", "-s", world.resolver.endpoint().address, "-a", mail, "-d", questions,
                   "-T", "2", "-c", "8", "-n", "60"},
                  world.resolver.folder() / "dnsperf.log");
  for (int reload = 0; reload < 3; ++reload) {
    world.resolver.write_policy(policy + "# " + std::to_string(reload) + "\n");
    CHECK(world.resolver.nearmiss("reload").at("generation") == reload + 2);
  }
  REQUIRE(dnsperf.exit_code() == 0);
  INFO(dnsperf.log());
  // Every answer it got was a block.
  std::smatch found;
  const std::string said = dnsperf.log();
  REQUIRE(std::regex_search(said, found, std::regex("Queries completed: +([0-9]+)")));
  const double completed = std::stod(found[1]);
  REQUIRE(std::regex_search(said, found, std::regex("Response codes: +NXDOMAIN ([0-9]+) \\(100")));
  CHECK(std::stod(found[1]) == completed);
  CHECK(check_account(world) >= completed);
}

TEST_CASE("killed in the middle of writing: no half line is ever part of an event", "[log]") {
  World world({.policy = usual_policy});
  constexpr int kills = 4;
  for (int kill_number = 0; kill_number < kills; ++kill_number) {
    const auto grown = [&] { return read_file(world.resolver.folder() / "events.jsonl").size(); };
    const std::size_t before = grown();
    flood(world.resolver.endpoint(), mail, "ml", 3000);
    REQUIRE(wait_until([&] { return grown() > before; }));
    kill(world.resolver.pid(), SIGKILL);
    REQUIRE(wait_until([&] { return !world.resolver.alive(); }));
    world.resolver.start();
  }
  world.expect_blocked(mail, "last.ml", MX);
  world.resolver.stop();
  std::istringstream lines(read_file(world.resolver.folder() / "events.jsonl"));
  int torn = 0;
  json last;
  for (std::string line; std::getline(lines, line);) {
    if (!json::accept(line)) {
      ++torn;
      continue;
    }
    last = json::parse(line);
    REQUIRE(last.is_object());
    REQUIRE_FALSE(field(last, "event.sequence").is_null());
  }
  CHECK(torn <= kills);
  CHECK(field(last, "event.action") == "module-stopped");
}

TEST_CASE("the metrics of a running resolver, and of a refused reload", "[log]") {
  const std::string policy = with_log("log: {file: events.jsonl}\n"
                                      "metrics: {file: nearmiss.prom, interval: 1}\n");
  World world({.policy = policy});
  const auto file = world.resolver.folder() / "nearmiss.prom";
  world.expect_blocked(mail, "army.ml", MX);
  world.expect_blocked(mail, "army.ml", A);
  world.expect_real(other, "army.ml", MX);
  world.expect_real(mail, "army.mil", MX);
  REQUIRE(wait_until([&] { return queries_in(metrics_of(read_file(file))) == 2; }));
  auto series = metrics_of(read_file(file));
  CHECK(series.at(R"(nearmiss_queries_total{action="nxdomain",qtype="MX"})") == 1);
  CHECK(series.at(R"(nearmiss_queries_total{action="nxdomain",qtype="A"})") == 1);
  CHECK(series.at("nearmiss_rules") == 2);
  CHECK(series.at("nearmiss_policy_last_reload_successful") == 1);
  CHECK(series.at("nearmiss_decision_seconds_count") >= 3);
  world.resolver.write_policy("version: 7\n");
  REQUIRE(wait_until(
      [&] { return metrics_of(read_file(file))["nearmiss_policy_last_reload_successful"] == 0; }));
  CHECK(metrics_of(read_file(file)).at("nearmiss_rules") == 2);
  // The last good one again: in force it was all the time, and now nothing is wrong any more.
  world.resolver.write_policy(policy);
  REQUIRE(wait_until(
      [&] { return metrics_of(read_file(file))["nearmiss_policy_last_reload_successful"] == 1; }));
  CHECK(metrics_of(read_file(file)).at("nearmiss_policy_generation") == 1);
  world.resolver.stop();
  std::vector<std::string> told;
  for (const json& event : world.resolver.events().all()) {
    if (field(event, "event.kind") == "event") {
      told.push_back(field(event, "event.action").get<std::string>());
    }
  }
  CHECK(told == std::vector<std::string>{"module-started", "policy-loaded", "policy-refused",
                                         "policy-loaded", "module-stopped"});
}

TEST_CASE("the metrics name the domain that is asked for most", "[log]") {
  World world({.policy = with_log("log: {file: events.jsonl}\n"
                                  "metrics: {file: nearmiss.prom, interval: 1}\n")});
  for (int i = 0; i < 5; ++i) {
    world.resolver.answer(mail, "n" + std::to_string(i) + ".army.ml", MX);
  }
  world.expect_blocked(mail, "navy.ml", MX);
  std::map<std::string, double> series;
  REQUIRE(wait_until([&] {
    series = metrics_of(read_file(world.resolver.folder() / "nearmiss.prom"));
    return series.count(R"(nearmiss_busy_domain_queries{domain="army.ml"})") == 1;
  }));
  CHECK(series.at(R"(nearmiss_busy_domain_queries{domain="army.ml"})") == 5);
  CHECK(series.count(R"(nearmiss_busy_domain_queries{domain="navy.ml"})") == 0);
}

TEST_CASE("the chain holds over other settings, a reload, a rotation, a restart and a kill",
          "[log]") {
  const auto policy = [](const std::string& more) {
    return with_log("log: {file: events.jsonl, chain: true" + more + "}\n");
  };
  World world({.policy = policy("")});
  const auto& folder = world.resolver.folder();
  const auto log = folder / "events.jsonl";
  const auto holds = [&](const std::string& text) {
    return read_file(log).find(text) != std::string::npos;
  };
  const auto blocked = [&](const std::string& name) {
    world.expect_blocked(mail, name, MX);
    REQUIRE(wait_until([&] { return holds('"' + name + '"'); }));
  };
  blocked("one.ml");
  world.resolver.write_policy(policy(", discover: true")); // another sink for the same file
  REQUIRE(wait_until([&] { return holds(R"("nearmiss.policy_generation":2)"); }));
  blocked("two.ml");
  world.resolver.reload(); // another life of the module, in the same process
  blocked("three.ml");
  std::filesystem::rename(log, folder / "events.jsonl.1");
  blocked("four.ml");
  world.resolver.stop();
  world.resolver.start();
  blocked("five.ml");
  kill(world.resolver.pid(), SIGKILL);
  REQUIRE(wait_until([&] { return !world.resolver.alive(); }));
  world.resolver.start();
  blocked("six.ml");
  world.resolver.stop();
  const auto verify = [&](const std::filesystem::path& newer) {
    return run({NEARMISS_CLI, "verify", "--json", folder / "events.jsonl.1", newer});
  };
  const Outcome whole = verify(log);
  INFO(whole.output);
  CHECK(whole.exit_code == 0);
  const json result = json::parse(whole.output);
  CHECK(result["problems"] == 0);
  REQUIRE(result["runs"].size() == 4);
  CHECK(std::count_if(result["runs"].begin(), result["runs"].end(), [](const json& one) {
          return one["chain_begins"] == true;
        }) == 1); // and the others each go on from one
  // Without the last line of the run that was stopped, which nothing but the next run shows.
  std::string text = read_file(log);
  const std::size_t end = text.find(R"("event.action":"module-stopped")");
  REQUIRE(end != std::string::npos);
  const std::size_t begin = text.rfind('\n', end) + 1;
  text.erase(begin, text.find('\n', end) + 1 - begin);
  write_file(folder / "tampered.jsonl", text);
  const Outcome tampered = verify(folder / "tampered.jsonl");
  INFO(tampered.output);
  CHECK(tampered.exit_code == 1);
}

TEST_CASE("a reload's event says which rules came and went", "[log]") {
  World world({.policy = usual_policy});
  std::string policy = usual_policy;
  policy.replace(policy.find("  - id: one-name"), 16, "  - id: other-name");
  world.resolver.write_policy(policy);
  json loaded;
  REQUIRE(wait_until([&] {
    for (const json& event : world.resolver.events().all()) {
      if (field(event, "event.action") == "policy-loaded") {
        loaded = event;
      }
    }
    return field(loaded, "nearmiss.policy_generation") == 2;
  }));
  INFO(loaded.dump(1));
  CHECK(field(loaded, "nearmiss.rules_added") == json({"other-name"}));
  CHECK(field(loaded, "nearmiss.rules_removed") == json({"one-name"}));
  CHECK(field(loaded, "nearmiss.rules_changed") == json::array());
  CHECK(field(loaded, "file.path").get<std::string>().ends_with("nearmiss.yaml"));
  CHECK(field(loaded, "file.uid") == std::to_string(getuid()));
}

TEST_CASE("a client that asks for MX and is in no group is told of, on request", "[log]") {
  const bool on = GENERATE(true, false);
  World world({.policy = with_log(std::string("log: {file: events.jsonl, discover: ") +
                                  (on ? "true" : "false") + "}\n")});
  world.expect_real(mail, "army.mil", MX);     // is in a group
  world.expect_real(other, "good.example", A); // not MX
  world.expect_real(other, "good.example", MX);
  world.expect_real(other, "tenant.example", MX); // once an hour
  world.resolver.stop();
  std::vector<json> found;
  for (const json& event : world.resolver.events().all()) {
    if (field(event, "event.action") == "mail-client-discovered") {
      found.push_back(event);
    }
  }
  REQUIRE(found.size() == (on ? 1 : 0));
  if (on) {
    CHECK(field(found[0], "source.ip") == other);
    CHECK(field(found[0], "event.kind") == "event");
    CHECK(field(found[0], "dns.question.name") == "good.example");
  }
}
