// `nearmiss report`: lookups become delivery attempts, and those a report.
#include "contrib/logs/attempts.hpp"
#include "contrib/logs/event.hpp"
#include "contrib/logs/summary.hpp"
#include "tests/unit/cli/log_lines.hpp"
#include "tests/unit/cli/run.hpp"
#include "tests/unit/config/folder.hpp"

#include <filesystem>
#include <vector>

#include <sys/stat.h>

using namespace nearmiss::test;
using namespace nearmiss::logs;

namespace {

Event read_event(std::string line, EventReader& reader) {
  const std::size_t size = line.size();
  line.append(LogFile::padding, ' ');
  Event event;
  const auto result = reader.read({std::string_view(line).substr(0, size), 1}, event);
  INFO(line);
  INFO(reader.why());
  REQUIRE(result == EventReader::Result::event);
  return event;
}

std::vector<Attempt> attempts_of(const std::vector<LogLine>& lines) {
  std::vector<Attempt> ended;
  Attempts attempts(Attempts::default_window,
                    [&](const Attempt& attempt) { ended.push_back(attempt); });
  for (const LogLine& line : lines) {
    std::string text = lookup(line);
    const std::size_t size = text.size();
    text.append(LogFile::padding, ' ');
    EventReader reader;
    Event event;
    REQUIRE(reader.read({std::string_view(text).substr(0, size), 1}, event) ==
            EventReader::Result::event);
    attempts.add(event);
  }
  attempts.finish();
  return ended;
}

} // namespace

TEST_CASE("attempts: the lookups of one message are one attempt", "[report]") {
  const auto one =
      attempts_of({{.second = 0},
                   {.second = 1, .qtype = "A"},
                   {.second = 1, .qtype = "AAAA"},
                   {.second = 30},
                   {.second = 31, .qname = "mail.army.ml", .qtype = "A", .registered = "army.ml"}});
  REQUIRE(one.size() == 1);
  CHECK(one[0].lookups == 5);
  CHECK(one[0].domain == "army.ml");
  CHECK(one[0].intended == "army.mil");
  CHECK(one[0].types[0] == "MX");
  CHECK(one[0].types[2] == "AAAA");
  CHECK(one[0].types[3].empty());
  CHECK(one[0].last - one[0].first == 31 * one_second);
}

TEST_CASE("attempts: another client, another domain or a later time is another one", "[report]") {
  CHECK(attempts_of({{.second = 0}, {.second = 1, .client = "192.0.2.26"}}).size() == 2);
  CHECK(attempts_of({{.second = 0}, {.second = 1, .qname = "navy.ml"}}).size() == 2);
  CHECK(attempts_of({{.second = 0}, {.second = 300}}).size() == 1);
  CHECK(attempts_of({{.second = 0}, {.second = 301}}).size() == 2);
  // Each within the window of the one before, however long.
  CHECK(attempts_of({{.second = 0}, {.second = 299}, {.second = 598}}).size() == 1);
  // But a client that never stops is seen to do so: every hour.
  std::vector<LogLine> endless;
  for (int second = 0; second <= 3660; second += 60) {
    endless.push_back({.second = second});
  }
  CHECK(attempts_of(endless).size() == 2);
  // A line that comes late finds its attempt.
  CHECK(attempts_of({{.second = 10}, {.second = 0}, {.second = 11}}).size() == 1);
}

TEST_CASE("attempts: the outcome is the worst of its lookups", "[report]") {
  const auto outcome = [](const std::string& first, const std::string& second) {
    return attempts_of({{.second = 0, .action = first}, {.second = 1, .action = second}})[0]
        .outcome;
  };
  CHECK(outcome("nxdomain", "nodata") == Outcome::bounced);
  CHECK(outcome("null-mx", "null-mx") == Outcome::bounced);
  CHECK(outcome("nxdomain", "sinkhole") == Outcome::sinkhole);
  CHECK(outcome("servfail", "sinkhole") == Outcome::queued);
  CHECK(outcome("refused", "nxdomain") == Outcome::queued);
  CHECK(outcome("drop", "drop") == Outcome::queued);
  CHECK(outcome("local-data", "local-data") == Outcome::sinkhole);
  CHECK(outcome("tcp-only", "nxdomain") == Outcome::let_through);
  CHECK(outcome("nxdomain", "observe") == Outcome::let_through);
}

TEST_CASE("events: flat or nested, and what is wrong with others", "[report]") {
  EventReader reader;
  const Event flat = read_event(lookup({.sequence = 7}), reader);
  CHECK(flat.sequence == 7);
  CHECK(flat.run() == "r1");
  CHECK(flat.enforced);
  const Event nested = read_event(
      R"({"@timestamp":"2026-11-23T12:00:00.5+01:00","message":null,"event":{"kind":"alert",)"
      R"("dataset":"nearmiss.dns","action":"observe","sequence":9},"log":"text",)"
      R"("source":{"ip":"192.0.2.1","geo":{"ip":"203.0.113.9"}},)"
      R"("dns":{"question":{"name":"a\u002eb","type":"MX"},"id":"7"},)"
      R"("nearmiss":{"enforced":false}})",
      reader);
  CHECK(nested.client == "192.0.2.1");
  CHECK(nested.qname == "a.b");
  CHECK(nested.sequence == 9);
  CHECK(to_rfc3339(nested.time) == "2026-11-23T11:00:00Z");

  const Event ocsf = read_event(
      R"({"time":1795435200500,"metadata":{"log_name":"nearmiss.dns","sequence":11,)"
      R"("event_code":"null-mx","uid":"r1-11"},"class_uid":4003,"class_name":"DNS Activity",)"
      R"("src_endpoint":{"ip":"192.0.2.1","port":5353},"query":{"hostname":"army.ml","type":"MX"},)"
      R"("answers":[{"rdata":"192.0.2.53","type":"A"}],"unmapped":{"enforced":true,)"
      R"("intended_domain":"army.mil"},"firewall_rule":{"uid":"mil-ml","type":"null-mx"}})",
      reader);
  CHECK(ocsf.is_lookup());
  CHECK(to_rfc3339(ocsf.time) == "2026-11-23T12:00:00Z");
  CHECK(ocsf.action == "null-mx");
  CHECK(ocsf.run() == "r1");
  CHECK(ocsf.client == "192.0.2.1");
  CHECK(ocsf.qname == "army.ml");
  CHECK(ocsf.intended == "army.mil");
  CHECK(ocsf.rule == "mil-ml");
  CHECK(ocsf.enforced);
  const Event ocsf_notice = read_event(
      R"({"time":1795435200500,"metadata":{"log_name":"nearmiss.dns","event_code":"events-lost"},)"
      R"("class_name":"Application Lifecycle","status":"Failure",)"
      R"("unmapped":{"nearmiss.events_lost":12}})",
      reader);
  CHECK_FALSE(ocsf_notice.is_lookup());
  CHECK(ocsf_notice.failed());
  CHECK(ocsf_notice.events_lost == 12);

  const auto result = [&](std::string line) {
    const std::size_t size = line.size();
    line.append(LogFile::padding, ' ');
    Event event;
    return reader.read({std::string_view(line).substr(0, size), 1}, event);
  };
  using enum EventReader::Result;
  CHECK(result(" ") == empty);
  CHECK(result(R"({"event.dataset":"suricata.eve","message":5})") == foreign);
  CHECK(result(lookup({}) + "x") == damaged);
  CHECK(result(lookup({}).substr(0, 80)) == damaged);
  CHECK(result("[1]") == damaged);
  CHECK(result(R"({"event.dataset":"nearmiss.dns"})") == damaged);
  CHECK(reader.why() == "no @timestamp, or time");
  CHECK(result(R"({"event.dataset":"nearmiss.dns","@timestamp":"today"})") == damaged);
  CHECK(reader.why() == "@timestamp has a value of the wrong kind");
  CHECK(result(lookup({.client = ""})) == damaged);
  CHECK(reader.why() == "no client's address");
  CHECK(result(R"({"time":1e300,"metadata":{"log_name":"nearmiss.dns"}})") == damaged);
}

TEST_CASE("times as a person writes them", "[report]") {
  const Instant now = *instant_from_rfc3339("2026-11-23T22:00:00Z");
  const auto written = [&](std::string_view text) {
    const auto instant = instant_from_person(text, now);
    return instant ? to_rfc3339(*instant) : "none";
  };
  CHECK(written("2026-11-23") == "2026-11-23T00:00:00Z");
  CHECK(written("2026-11-23 07:30") == "2026-11-23T07:30:00Z");
  CHECK(written("2026-11-23T07:30:59") == "2026-11-23T07:30:59Z");
  CHECK(written("2026-11-23T07:30:59+02:00") == "2026-11-23T05:30:59Z");
  CHECK(written("36h") == "2026-11-22T10:00:00Z");
  CHECK(written("1w") == "2026-11-16T22:00:00Z");
  for (const char* wrong : {"", "h", "7", "7y", "yesterday", "2026-13-01", "2026-02-29", "-7d",
                            "2026-11-23T07:30:59+02", "2026-11-23x"}) {
    INFO(wrong);
    CHECK(written(wrong) == "none");
  }
}

TEST_CASE("report: what happened, on a terminal and as JSON", "[cli][report]") {
  const Folder folder;
  std::string text;
  std::uint64_t sequence = 0;
  const auto add = [&](LogLine line) {
    line.sequence = ++sequence;
    text += lookup(line) + '\n';
  };
  text += notice(0, "policy-loaded", ++sequence) + '\n';
  add({.second = 10});
  add({.second = 11, .qtype = "A"});
  add({.second = 3600, .client = "192.0.2.26", .action = "servfail"});
  add({.second = 4200, .client = "192.0.2.26", .action = "servfail"});
  add({.second = 5000, .qname = "armi.mil", .action = "observe", .rule = "watch"});
  sequence += 3;
  text += notice(5001, "events-lost", ++sequence, R"(,"nearmiss.events_lost":3)") + '\n';
  text += notice(5002, "mail-client-discovered", ++sequence,
                 R"(,"source.ip":"198.51.100.9","dns.question.name":"good.example")") +
          '\n';
  text += "{broken\n";
  const std::string log = folder.write("e.jsonl", text);

  const Run run = nearmiss_cli("report " + log + " 2>&1");
  CHECK(run.exit_code == 0);
  holds(run, "4 attempts by 2 mail servers for 2 domains, 1 intended");
  holds(run, "1  let through  not stopped");
  holds(run, "2  queued ");
  holds(run, "1  bounced ");
  holds(run, "\n  army.ml                          3         0  army.mil, tld-swap, mil-ml, "
             "2 mail servers\n");
  holds(run, "\n  192.0.2.26 → army.ml             2         0  army.mil, 1 retry\n");
  holds(run, "\nLet through                 attempts   through  meant, first, last\n"
             "  192.0.2.25 → armi.mil            1         1  army.mil, first 2026-11-23 13:23, "
             "last 2026-11-23 13:23\n");
  holds(run, "\n! 3 events missing: what follows may lack attempts\n");
  holds(run, "Clients that ask for MX and are in no client group: 1\n  198.51.100.9");
  holds(run, "3 events missing by event.sequence, 3 lost as the module told, 1 damaged line");
  holds(run, "numbers 7 to 9, before 2026-11-23 13:23:21");
  holds(run, "1 damaged line left out\n");
  holds(run, "e.jsonl:9: no JSON object");
  holds(run,
        "\n  192.0.2.25                       2         1  2 domains, last 2026-11-23 13:23\n");
  lacks(run, "New domains"); // nothing is known of the time before

  const Run since = nearmiss_cli("report --since '2026-11-23 13:00' " + log + " 2>/dev/null");
  holds(since, "3 attempts by 2 mail servers");
  holds(since, "New domains, not asked for before the period: 1\n  armi.mil");
  const Run all = nearmiss_cli("report --since 2026-11-01 " + log + " 2>/dev/null");
  holds(all, "New domains  not known: these logs hold no lookup from before the period");
  for (const char* const period : {"--since 2100-01-01 ", "--until 2020-01-01 "}) {
    holds(nearmiss_cli("report " + std::string(period) + log + " 2>&1 >/dev/null"),
          "no lookup is between --since and --until; these logs hold 5 lookups before or after");
  }
  lacks(nearmiss_cli("report --since 2026-11-01 " + log + " 2>&1 >/dev/null"), "no lookup is");
  const Run until = nearmiss_cli("report --until 2026-11-23T13:00:00Z " + log + " 2>/dev/null");
  holds(until, "1 attempt by 1 mail server for 1 domain");

  const Run json = nearmiss_cli("report --json --top 1 " + log + " 2>/dev/null");
  CHECK(json.exit_code == 0);
  holds(json,
        "\"attempts\": 4,\n  \"outcomes\": {\n    \"let through\": 1,\n    \"queued\": 2,\n    "
        "\"sinkhole\": 0,\n    \"bounced\": 1\n  },");
  holds(json, "\"events_missing\": 3,");
  holds(json, "\"damaged_lines\": 1,");
}

TEST_CASE("report: a part of the log alone, with the gaps of all of it", "[cli][report]") {
  const Folder folder;
  const std::string log = folder.write(
      "e.jsonl",
      lookup({.second = 0, .client = "192.0.2.1", .qname = "mx.army.ml", .sequence = 1}) + '\n' +
          lookup({.second = 1, .client = "192.0.2.2", .qname = "army.ml", .sequence = 2}) + '\n' +
          lookup({.second = 2,
                  .client = "192.0.2.1",
                  .qname = "notarmy.ml",
                  .rule = "r2",
                  .sequence = 5}) +
          '\n' +
          lookup({.second = 3,
                  .client = "192.0.2.3",
                  .qname = "a.ml",
                  .action = "observe",
                  .sequence = 6}) +
          '\n');
  const auto [options, title, attempts] = GENERATE(table<std::string, std::string, int>({
      {"", "Delivery attempts to look-alike domains\n", 4},
      {"--client 192.0.2.1", "(only client 192.0.2.1)\n", 2},
      {"--domain army.ml", "(only domain army.ml)\n", 2},
      {"--rule r2", "(only rule r2)\n", 1},
      {"--outcome 'let through'", "(only outcome let through)\n", 1},
      {"--client 192.0.2.1 --rule r2", "(only client 192.0.2.1, rule r2)\n", 1},
      {"--client 192.0.2.9", "(only client 192.0.2.9)\n", 0},
      {"--title 'Example Org'", "Example Org\n", 4},
  }));
  const Run run = nearmiss_cli("report " + options + ' ' + log);
  holds(run, title);
  holds(run, "  " + std::to_string(attempts) + " attempt");
  holds(run, "! 2 events missing: what follows may lack attempts\n");
  const Run json = nearmiss_cli("report --json " + options + ' ' + log);
  holds(json, "\"attempts\": " + std::to_string(attempts) + ",\n  \"outcomes\"");
  holds(json, "\"events_missing\": 2,");
}

TEST_CASE("report: the resolvers, those that fell silent and those with another policy",
          "[cli][report]") {
  const auto by = [](const std::string& host, const std::string& policy) {
    return R"(,"observer.hostname":")" + host + R"(","observer.version":"0.2.0","rule.version":")" +
           policy + '"';
  };
  const Folder folder;
  const std::string log = folder.write(
      "e.jsonl", lookup({.second = 0, .more = by("ns1", "aa"), .run = "1"}) + '\n' +
                     lookup({.second = 1, .more = by("ns4", "aa"), .run = "4"}) + '\n' +
                     lookup({.second = 172800, .more = by("ns1", "aa"), .run = "1"}) + '\n' +
                     lookup({.second = 172801, .more = by("ns2", "aa"), .run = "2"}) + '\n' +
                     lookup({.second = 172802, .more = by("ns3", "bb"), .run = "3"}) + '\n');
  const Run run = nearmiss_cli("report " + log);
  holds(run, "\n! 1 resolver silent for over a day before the last event: ns4\n"
             "! 1 resolver with another policy than most: ns3\n");
  holds(run, "\nResolvers: 4\n");
  holds(run, "  ns3                              1  1 lookup, nearmiss 0.2.0, policy bb (another "
             "than most), "
             "last event 2026-11-25 12:00\n");
  holds(run,
        "  ns4                              1  1 lookup, nearmiss 0.2.0, policy aa, silent since "
        "2026-11-23 12:00\n");
  holds(nearmiss_cli("report --resolver ns1 " + log), "  2 attempts by 1 mail server");
  const Run json = nearmiss_cli("report --json " + log);
  holds(json, "\"resolver\": \"ns3\"");
  holds(json, "\"other_policy\": true");
  // One alone is no table, and nothing to warn of.
  const Run one = nearmiss_cli(
      "report " +
      folder.write("one.jsonl", lookup({.second = 0, .more = by("ns1", "aa")}) + '\n').native());
  lacks(one, "Resolvers");
  lacks(one, "\n! ");
}

TEST_CASE("report: rotated logs in any order, and what cannot be reported", "[cli][report]") {
  const Folder folder;
  // The second attempt spans the rotation.
  folder.write("e.jsonl", lookup({.second = 610, .sequence = 3}) + '\n');
  folder.write("e.jsonl.1", lookup({.second = 0, .sequence = 1}) + '\n' +
                                lookup({.second = 600, .sequence = 2}) + '\n');
  const std::string both = folder.path().native() + "/e.jsonl*";
  const Run run = nearmiss_cli("report " + both);
  holds(run, "2 attempts by 1 mail server");
  holds(run, "nothing: event.sequence has no gap");
  const Run piped = nearmiss_cli("report - <" + folder.path().native() + "/e.jsonl.1");
  holds(piped, "2 attempts by 1 mail server");

  const std::string other = folder.write("o.jsonl", R"({"event.dataset":"other"})"
                                                    "\n");
  const Run none = nearmiss_cli("report " + other + " 2>&1");
  CHECK(none.exit_code == 2);
  holds(none, "no event of nearmiss in these logs");
  CHECK(nearmiss_cli("report /nonexistent 2>&1").exit_code == 2);
  const Run when = nearmiss_cli("report --since noon " + other + " 2>&1");
  CHECK(when.exit_code == 2);
  holds(when, "--since: `noon` is no time; write one as 2026-11-23");
  CHECK(nearmiss_cli("report --since 1d --until 2d " + other + " 2>&1").exit_code == 2);
}

TEST_CASE("report and simulate: an event that is given twice counts once", "[cli][report]") {
  const Folder folder;
  // As syslog over TCP gives it again after a break, and as two copies of a log have it.
  const std::string first = lookup({.second = 0, .sequence = 1}) + '\n';
  const std::string log =
      folder.write("e.jsonl", first + lookup({.second = 600, .sequence = 2}) + '\n' + first +
                                  lookup({.second = 600, .sequence = 2, .run = "r2"}) + '\n');
  const Run run = nearmiss_cli("report " + log + " " + log);
  holds(run, "5 events given twice, and counted once");
  holds(nearmiss_cli("report --json " + log), "\"duplicate_events\": 1,");
  holds(nearmiss_cli("report --json " + log), "\"lookups\": 3,");

  const std::string config = folder.write(
      "p.yaml",
      "version: 1\nclients: {mail: [192.0.2.25]}\nrules:\n  - {id: r, domains: [army.ml]}\n");
  const Run simulated = nearmiss_cli("simulate --config " + config + ' ' + log);
  holds(simulated, "3 lookups from");
  holds(simulated, "1 event given twice, and counted once");

  const std::string once = folder.write("o.jsonl", first);
  lacks(nearmiss_cli("report " + once), "twice");
  lacks(nearmiss_cli("simulate --config " + config + ' ' + once), "twice");
}

TEST_CASE("report: control characters in a log do not reach the terminal", "[cli][report]") {
  const Folder folder;
  const std::string log =
      folder.write("e.jsonl", lookup({.qname = R"(\u001b]0;owned\u0007\u009b2J.ml)"}) + '\n');
  const Run run = nearmiss_cli("report " + log);
  holds(run, R"(\x1b]0;owned\x07\xc2\x9b2J.ml)");
  lacks(run, "\x1b");
  lacks(run, "\xc2\x9b");
  // Nor what is invisible, or turns the text around; other letters stay as they are.
  const std::string turned = folder.write(
      "t.jsonl", lookup({.qname = "a\xe2\x80\xae.ml", .registered = "a\xe2\x80\xae.ml"}) + '\n' +
                     lookup({.qname = "b\xe2\x80\x8b.ml", .registered = "b\xe2\x80\x8b.ml"}) +
                     '\n' + lookup({.qname = "\xc3\xa9.ml", .registered = "\xc3\xa9.ml"}) + '\n');
  const Run shown = nearmiss_cli("report " + turned);
  holds(shown, R"(a\xe2\x80\xae.ml)");
  holds(shown, R"(b\xe2\x80\x8b.ml)");
  holds(shown, "\xc3\xa9.ml");
}

TEST_CASE("report: a name in A-labels is shown as it reads, beside what was asked",
          "[cli][report]") {
  const Folder folder;
  const std::string log = folder.write("e.jsonl", lookup({.qname = "xn--rmy-9ib.mil"}) + '\n');
  holds(nearmiss_cli("report " + log), "  xn--rmy-9ib.mil                  1         0  army.mil, "
                                       "tld-swap, mil-ml, 1 mail server, reads \xc8\x81rmy.mil\n");
}

TEST_CASE("report --html: a file is put in place whole, and a device is none", "[cli][report]") {
  const Folder folder;
  const std::string log = folder.write("e.jsonl", lookup({}) + '\n');
  const std::filesystem::path page = folder.path() / "r.html";
  std::filesystem::create_symlink("real.html", folder.path() / "link.html");
  CHECK(nearmiss_cli("report --html " + page.native() + ' ' + log + " 2>/dev/null").exit_code == 0);
  CHECK(std::filesystem::file_size(page) > 20000);
  CHECK(nearmiss_cli("report --html " + folder.path().native() + "/link.html " + log + " 2>&1")
            .exit_code == 0);
  CHECK(std::filesystem::is_symlink(folder.path() / "link.html"));
  CHECK(std::filesystem::is_regular_file(folder.path() / "real.html"));
  const std::filesystem::path pipe = folder.path() / "pipe";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  const Run through = nearmiss_cli("report --html " + pipe.native() + ' ' + log + " 2>&1 & cat " +
                                   pipe.native() + " | tail -c 8");
  holds(through, "</html>");
  CHECK(std::filesystem::is_fifo(pipe));
  const Run folder_itself =
      nearmiss_cli("report --html " + folder.path().native() + ' ' + log + " 2>&1");
  CHECK(folder_itself.exit_code == 2);
  holds(folder_itself, "cannot be written: it is a folder; name a file");
  const Run nowhere = nearmiss_cli("report --html /nowhere/r.html " + log + " 2>&1");
  CHECK(nowhere.exit_code == 2);
  holds(nowhere, "cannot be written: No such file or directory");
}

TEST_CASE("report: a program's rhythm is told from a person's", "[report]") {
  const Instant day = *instant_from_rfc3339("2026-11-23T00:00:00Z");
  Rhythm program;
  Rhythm person;
  Instant at = day;
  for (int i = 0; i < 20; ++i) {
    program.add(at);
    at += (600 + i % 2) * one_second;
    at += i == 10 ? 5 * one_hour : 0; // it was down for a while
    person.add(day + 600 * one_second * i * i);
  }
  CHECK(program.interval().value_or(0) == Approx(600.5).margin(0.3));
  CHECK_FALSE(person.interval());
  CHECK_FALSE(Rhythm().interval());

  // A queue's retries are regular whoever wrote the message.
  Rhythm retried;
  for (int i = 0; i < 20; ++i) {
    retried.add(day + i * one_hour);
    retried.pause();
  }
  CHECK_FALSE(retried.interval());
}

TEST_CASE("report: people keep hours, a program does not", "[report]") {
  const Instant day = *instant_from_rfc3339("2026-11-23T00:00:00Z");
  Rhythm office;
  Rhythm always;
  for (int i = 0; i < 10; ++i) {
    for (const int hour : {7, 9, 10, 12, 15, 17}) {
      office.add(day + i * one_day + hour * one_hour);
    }
    for (int hour = 0; hour < 24; hour += 3) {
      always.add(day + i * one_day + (hour + i % 3) * one_hour);
    }
  }
  REQUIRE(office.hours());
  CHECK(office.hours()->from == 7);
  CHECK(office.hours()->to == 18);
  CHECK_FALSE(office.hours()->round_the_clock());
  office.add(day + 10 * one_day + 3 * one_hour); // once at night
  CHECK(office.hours()->from == 7);
  REQUIRE(always.hours());
  CHECK(always.hours()->round_the_clock());
  // Too few, or in too few days, to say so.
  Rhythm few;
  for (int i = 0; i < 10; ++i) {
    few.add(day + i * one_day + 12 * one_hour);
  }
  CHECK_FALSE(few.hours());
  Rhythm short_one;
  for (int i = 0; i < 60; ++i) {
    short_one.add(day + i * one_hour);
  }
  CHECK_FALSE(short_one.hours());
}

TEST_CASE("report: the timeline's bins grow with the period", "[report]") {
  Timeline timeline;
  const Instant day = *instant_from_rfc3339("2026-11-23T00:00:00Z");
  for (int i = 0; i < 5000; ++i) {
    timeline.add(day + i * one_hour, i % 4 == 0);
  }
  const Instant width = timeline.width_for(60);
  const auto bins = timeline.bins(width);
  CHECK(width == 7 * one_day);
  CHECK(bins.size() <= 60);
  std::uint64_t stopped = 0;
  std::uint64_t let_through = 0;
  for (const auto& [start, bin] : bins) {
    stopped += bin.stopped;
    let_through += bin.let_through;
  }
  CHECK(stopped == 3750);
  CHECK(let_through == 1250);

  Timeline short_one;
  short_one.add(day, false);
  short_one.add(day + 59 * one_minute, false);
  CHECK(short_one.width_for(60) == one_minute);
  CHECK(short_one.width_for(59) == 5 * one_minute);
}

TEST_CASE("sequence: gaps, late ones and duplicates", "[report][verify]") {
  using enum Sequence::Place;
  Sequence sequence;
  CHECK(sequence.add("a", 5, 0) == first);
  CHECK(sequence.add("a", 6, 0) == next);
  CHECK(sequence.add("a", 10, 0) == ahead);
  CHECK(sequence.add("a", 8, 0) == late);
  CHECK(sequence.add("a", 8, 0) == duplicate);
  CHECK(sequence.add("a", 6, 0) == duplicate);
  CHECK(sequence.add("b", 1, 0) == first);
  CHECK(sequence.add("b", 0, 0) == not_checked);
  CHECK(sequence.runs().find("a")->second.missing() == 2); // 7 and 9
  CHECK(sequence.add("a", 7, 0) == late);
  CHECK(sequence.add("a", 9, 0) == late);
  CHECK(sequence.runs().find("a")->second.missing() == 0);
  CHECK(sequence.add("a", 2, 0) == late); // before the first one: 3 and 4 are missing
  CHECK(sequence.runs().find("a")->second.missing() == 2);
}
