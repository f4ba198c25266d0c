// The metrics file, by a strict reader of Prometheus' text format; what notices say; discovery.
#include "module/metrics.hpp"
#include "module/busy_domains.hpp"
#include "module/events/discovery.hpp"
#include "module/events/notices.hpp"
#include "tests/catch.hpp"
#include "tests/unit/events/fixture.hpp"

#include <sys/stat.h>

#include <atomic>
#include <map>
#include <regex>
#include <set>

using namespace nearmiss;
using namespace nearmiss::test;
using nlohmann::json;

namespace {

// Series -> value. Each metric has HELP, TYPE and then its samples, in one piece, and nothing else.
std::map<std::string, double> read_metrics(const std::string& text) {
  const std::regex head(R"(# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+))");
  const std::regex sample(
      R"RE(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-z_]+="([^"\\]|\\.)*"(,[a-z_]+="([^"\\]|\\.)*")*\})? (\S+))RE");
  std::map<std::string, double> series;
  std::set<std::string> seen;
  std::string current;
  std::string type;
  REQUIRE(text.ends_with("\n"));
  for (const std::string& line : lines_of(text)) {
    INFO(line);
    std::smatch parts;
    if (std::regex_match(line, parts, head)) {
      if (parts[1] == "HELP") {
        REQUIRE(seen.insert(parts[2]).second);
        current = parts[2];
        type.clear();
      } else {
        REQUIRE(parts[2] == current);
        type = parts[3];
        REQUIRE((type == "counter" || type == "gauge" || type == "histogram"));
        CHECK((type == "counter") == current.ends_with("_total"));
      }
      continue;
    }
    REQUIRE(std::regex_match(line, parts, sample));
    const std::string name = parts[1];
    const bool of_current =
        name == current ||
        (type == "histogram" &&
         (name == current + "_bucket" || name == current + "_sum" || name == current + "_count"));
    REQUIRE(of_current);
    REQUIRE_FALSE(type.empty());
    std::size_t used = 0;
    const double value = std::stod(parts[6], &used);
    REQUIRE(used == parts[6].str().size());
    REQUIRE(series.emplace(name + parts[2].str(), value).second);
  }
  return series;
}

} // namespace

TEST_CASE("the metrics' names, labels and values", "[metrics]") {
  EventFixture fixture("log: {file: events.jsonl}\n");
  Metrics metrics;
  const auto decided = [&](std::string_view name, std::uint16_t type) {
    const Verdict verdict = fixture.config->policy.decide(
        {*Name::from_text(name), type, *ClientAddress::from_text("192.0.2.1"), today});
    metrics.count(verdict, type);
  };
  decided("army.ml", 15);
  decided("navy.ml", 15);
  decided("army.ml", 28);
  decided("hole.example", 1);
  decided("seen.example", 15);
  for (const int nanoseconds : {100, 250, 251, 600, 2'000'000}) {
    metrics.decided(std::chrono::nanoseconds(nanoseconds));
  }
  *metrics.rule_hits().counters_of(fixture.config->policy)[0] = 2;
  metrics.published(3, std::chrono::sys_days(today));
  metrics.in_force(
      {.generation = 7,
       .digest = "0123abcd",
       .version = "0123",
       .enforcing = false,
       .lists = {{"lists/a.txt", std::chrono::system_clock::now() - std::chrono::hours(2)}}});
  const auto read = [&] {
    return read_metrics(prometheus_text(metrics.snapshot(),
                                        {.numbered = 9, .written = 5, .lost = 4},
                                        {{"army.ml", 12}, {R"(a\"b\\.ml)", 5}}));
  };
  auto series = read();
  CHECK(series.at(R"(nearmiss_queries_total{action="nxdomain",qtype="MX"})") == 2);
  CHECK(series.at(R"(nearmiss_queries_total{action="nxdomain",qtype="AAAA"})") == 1);
  CHECK(series.at(R"(nearmiss_queries_total{action="sinkhole",qtype="A"})") == 1);
  CHECK(series.at(R"(nearmiss_queries_total{action="observe",qtype="MX"})") == 1);
  CHECK(series.at(R"(nearmiss_queries_total{action="observe",qtype="other"})") == 0);
  CHECK(series.at(R"(nearmiss_busy_domain_queries{domain="army.ml"})") == 12);
  CHECK(series.at(R"(nearmiss_busy_domain_queries{domain="a\\\"b\\\\.ml"})") == 5);
  CHECK(series.at("nearmiss_events_written_total") == 5);
  CHECK(series.at("nearmiss_events_lost_total") == 4);
  CHECK(series.at("nearmiss_rules") == 3);
  CHECK(series.at("nearmiss_policy_generation") == 7);
  CHECK(series.at(R"(nearmiss_policy_info{digest="0123abcd",version="0123"})") == 1);
  CHECK(series.at("nearmiss_policy_enforcing") == 0);
  CHECK(series.at(R"(nearmiss_list_age_seconds{list="lists/a.txt"})") >= 7200);
  CHECK(series.at(R"(nearmiss_restart_needed{file="unbound"})") == 0);
  CHECK(series.at("nearmiss_unbound_outdated") == 0);
  CHECK(series.at(R"(nearmiss_rule_hits_total{rule="mil-ml"})") == 2);
  CHECK(series.at(R"(nearmiss_rule_hits_total{rule="seen"})") == 0);
  CHECK(series.at("nearmiss_policy_last_reload_successful") == 1);
  CHECK(series.at("nearmiss_policy_last_reload_timestamp_seconds") == 1907712000);
  CHECK(series.at(R"(nearmiss_decision_seconds_bucket{le="2.5e-07"})") == 2);
  CHECK(series.at(R"(nearmiss_decision_seconds_bucket{le="5e-07"})") == 3);
  CHECK(series.at(R"(nearmiss_decision_seconds_bucket{le="0.001"})") == 4);
  CHECK(series.at(R"(nearmiss_decision_seconds_bucket{le="+Inf"})") == 5);
  CHECK(series.at("nearmiss_decision_seconds_count") == 5);
  CHECK(series.at("nearmiss_decision_seconds_sum") == Approx(2'001'201e-9));
  CHECK(metrics.snapshot().blocked_or_observed() == 5);
  std::size_t builds = 0;
  for (const auto& [name, value] : series) {
    builds +=
        std::regex_match(
            name, std::regex(R"RE(nearmiss_build_info\{version="[0-9.]+",unbound="[0-9.]+"\})RE"))
            ? 1
            : 0;
  }
  CHECK(builds == 1);
  metrics.refused();
  CHECK(read().at("nearmiss_policy_last_reload_successful") == 0);
  CHECK(read().at("nearmiss_policy_generation") == 7); // the last good one is in force
}

TEST_CASE("the busiest domains of ten minutes, and no others", "[metrics]") {
  BusyDomains busy;
  const auto at = [](int minute) {
    return BusyDomains::Clock::time_point{std::chrono::hours(5) + std::chrono::minutes(minute) +
                                          std::chrono::seconds(59)};
  };
  const auto count = [&](const std::string& domain, int lookups, int minute) {
    for (int i = 0; i < lookups; ++i) {
      busy.count(domain, at(minute));
    }
  };
  const auto told = [&](int minute) {
    std::string text;
    for (const BusyDomains::Domain& domain : busy.busiest(at(minute))) {
      text += domain.name + ' ' + std::to_string(domain.lookups) + ' ';
    }
    return text;
  };
  count("army.ml", 3, 0);
  count("navy.ml", 5, 0);
  count("rare.ml", 4, 0); // one too few
  CHECK(told(0) == "navy.ml 5 ");
  count("army.ml", 4, 6);
  CHECK(told(6) == "army.ml 7 navy.ml 5 ");
  CHECK(told(9) == "army.ml 7 navy.ml 5 ");
  CHECK(told(10).empty()); // 4 of army.ml are left
  count("army.ml", 1, 12);
  CHECK(told(12) == "army.ml 5 ");
  CHECK(told(16).empty());
  count("army.ml", 6, 200); // nothing of it for hours
  CHECK(told(200) == "army.ml 6 ");
  for (int i = 0; i < 30; ++i) {
    count("d" + std::to_string(i) + ".ml", 10 + i, 200);
  }
  const auto busiest = busy.busiest(at(200));
  REQUIRE(busiest.size() == BusyDomains::most_told);
  CHECK(busiest.front().name == "d29.ml");
  CHECK(busiest.back().name == "d10.ml");
}

TEST_CASE("a flood of names does not hide a busy domain", "[metrics]") {
  BusyDomains busy;
  const BusyDomains::Clock::time_point now{std::chrono::hours(5)};
  for (std::size_t i = 0; i < 10 * BusyDomains::most_counted; ++i) {
    busy.count("n" + std::to_string(i) + ".ml", now);
    if (i % 100 < 3) {
      busy.count("army.ml", now);
    }
  }
  const auto busiest = busy.busiest(now);
  REQUIRE(busiest.size() == 1);
  CHECK(busiest[0].name == "army.ml");
  CHECK(busiest[0].lookups == (10 * BusyDomains::most_counted + 99) / 100 * 3);
}

TEST_CASE("the log counts registered domains as busy, names without one as they are", "[metrics]") {
  EventFixture fixture("log: {file: events.jsonl}\n");
  for (int i = 0; i < 5; ++i) {
    fixture.attempt("n" + std::to_string(i) + ".army.ml");
    fixture.attempt("ml");
  }
  fixture.attempt("navy.ml");
  std::vector<BusyDomains::Domain> busy;
  std::atomic<bool> done{false};
  REQUIRE(wait_until([&] { return events_of(fixture.file()).size() == 11; }));
  fixture.events->every(std::chrono::seconds(3600), [&] {
    if (!done) {
      busy = fixture.events->busy_domains();
      done = true;
    }
  });
  REQUIRE(wait_until([&] { return done.load(); }));
  REQUIRE(busy.size() == 2);
  CHECK(busy[0].name == "army.ml");
  CHECK(busy[0].lookups == 5);
  CHECK(busy[1].name == "ml");
}

TEST_CASE("the metrics file is replaced in one step", "[metrics]") {
  const Folder folder;
  const auto file = folder.path() / "m.prom";
  write_metrics(file, "one\n");
  std::ifstream reader(file); // one that began before
  write_metrics(file, "two, longer\n");
  std::string seen;
  std::getline(reader, seen);
  CHECK(seen == "one");
  CHECK(read_text(file) == "two, longer\n");
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
  CHECK_THROWS_AS(write_metrics(folder.path() / "nowhere/m.prom", "x"), std::system_error);
}

TEST_CASE("the metrics file may be read by node_exporter's user, whatever the umask", "[metrics]") {
  const Folder folder;
  const auto file = folder.path() / "m.prom";
  const mode_t before = umask(0027);
  write_metrics(file, "one\n");
  umask(before);
  using std::filesystem::perms;
  CHECK(std::filesystem::status(file).permissions() ==
        (perms::owner_read | perms::owner_write | perms::group_read | perms::others_read));
}

TEST_CASE("a loaded policy's notice says what changed, and whose file it is", "[events]") {
  const auto value = [](const Notice& notice, const std::string& name) -> json {
    for (const Notice::Field& field : notice.fields) {
      if (field.name == name) {
        return std::visit([](const auto& held) { return json(held); }, field.value);
      }
    }
    return nullptr;
  };
  const Folder folder;
  const auto load_rules = [&](const std::string& rules) {
    const LoadResult result = folder.load_policy("version: 1\nrules:\n" + rules);
    INFO(texts(folder, result));
    REQUIRE(result.config);
    return result.config;
  };
  const auto first = load_rules("  - {id: a, domains: [a.example]}\n"
                                "  - {id: b, domains: [b.example]}\n"
                                "  - {id: c, domains: [c.example]}\n");
  const auto second = load_rules("  - {id: c, domains: [c.example]}\n"
                                 "  - {id: a, domains: [a.example], action: nodata}\n"
                                 "  - {id: d, domains: [d.example]}\n");
  const Notice start = policy_loaded(nullptr, *first, "loaded");
  CHECK(value(start, "nearmiss.rules_added") == json({"a", "b", "c"}));
  CHECK(value(start, "nearmiss.rules_removed") == json::array());
  CHECK(value(start, "file.path") == (folder.path() / "policy.yaml").native());
  CHECK(value(start, "file.uid") == std::to_string(getuid()));
  if (getuid() == 0) {
    CHECK(value(start, "file.owner") == "root");
  }
  CHECK(value(start, "file.mtime").get<std::string>().ends_with("Z"));
  const Notice change = policy_loaded(first.get(), *second, "loaded");
  CHECK(value(change, "nearmiss.rules_added") == json({"d"}));
  CHECK(value(change, "nearmiss.rules_removed") == json({"b"}));
  CHECK(value(change, "nearmiss.rules_changed") == json({"a"})); // c only moved
  CHECK(value(change, "nearmiss.rules_added_count") == 1);
  CHECK(value(change, "nearmiss.rules") == 3);
}

TEST_CASE("a client is discovered once an hour, and not without bound", "[events]") {
  Discovery discovery;
  const Discovery::Clock::time_point start{std::chrono::hours(100)};
  const auto client = *ClientAddress::from_text("192.0.2.1");
  CHECK(discovery.is_news(client, start));
  CHECK_FALSE(discovery.is_news(client, start + std::chrono::minutes(59)));
  CHECK(discovery.is_news(*ClientAddress::from_text("192.0.2.2"), start));
  CHECK(discovery.is_news(client, start + std::chrono::minutes(61)));
  std::size_t told = 0;
  for (std::size_t i = 0; i < 2 * Discovery::max_clients; ++i) {
    std::array<std::uint8_t, 16> octets{0x20, 1};
    octets[14] = static_cast<std::uint8_t>(i >> 8);
    octets[15] = static_cast<std::uint8_t>(i);
    told += discovery.is_news(ClientAddress::v6(octets), start + std::chrono::hours(3)) ? 1U : 0U;
  }
  CHECK(told == Discovery::max_clients);
}
