// `nearmiss simulate`: what a policy would have blocked, from Unbound's log and from our own.
#include "contrib/logs/frequent.hpp"
#include "contrib/logs/query_log.hpp"
#include "tests/unit/cli/run.hpp"
#include "tests/unit/config/folder.hpp"

#include <zlib.h>

using namespace nearmiss::test;
using nearmiss::logs::QueryLine;

namespace {

constexpr const char* policy = R"(version: 1
clients: {mail: [192.0.2.0/24]}
rules:
  - id: mil-ml
    confusable: {intended: mil, mistyped: [ml]}
    except: [gouv.ml]
  - {id: watched, domains: [watched.example], action: observe}
  - {id: partner, domains: [partner.ml], action: allow}
)";

// Two lookups that are blocked, and one near miss of each kind.
constexpr const char* query_log =
    "[1700000000] unbound[4711:0] notice: init module 0: validator\n"
    "[1700000000] unbound[4711:0] info: start of service (unbound 1.17.1).\n"
    "[1700000001] unbound[4711:0] info: 192.0.2.25 army.ml. MX IN\n"
    "[1700000001] unbound[4711:1] info: 192.0.2.26 Mail.Army.ML. A IN\n"
    "[1700000002] unbound[4711:0] info: 192.0.2.25 army.mil. MX IN\n"
    "[1700000002] unbound[4711:0] info: 192.0.2.25 gouv.ml. MX IN\n"
    "[1700000002] unbound[4711:0] info: 192.0.2.25 army.ml. TXT IN\n"
    "[1700000003] unbound[4711:0] info: 198.51.100.1 army.ml. MX IN\n"
    "[1700000003] unbound[4711:0] info: 192.0.2.25 watched.example. MX IN\n"
    "[1700000004] unbound[4711:0] info: 192.0.2.25 partner.ml. MX IN\n"
    "[1700000005] unbound[4711:0] info: 192.0.2.25 army.ml. MX CH\n";

std::string event(const std::string& client, const std::string& name, const std::string& type) {
  return R"({"@timestamp":"2023-11-14T22:13:20.000001Z","event.kind":"alert",)"
         R"("event.dataset":"nearmiss.dns","event.action":"nxdomain","source.ip":")" +
         client + R"(","dns.question.name":")" + name + R"(","dns.question.type":")" + type +
         "\"}\n";
}

void gzip(const std::filesystem::path& file, const std::string& text) {
  gzFile out = gzopen(file.c_str(), "wb");
  REQUIRE(gzwrite(out, text.data(), static_cast<unsigned>(text.size())) ==
          static_cast<int>(text.size()));
  gzclose(out);
}

QueryLine kind_of(std::string_view line) {
  nearmiss::logs::Lookup lookup;
  return nearmiss::logs::read_query_line(line, lookup);
}

} // namespace

TEST_CASE("simulate: counts lookups by rule, name and client", "[cli][simulate]") {
  const Folder folder;
  const std::string config = folder.write("p.yaml", policy);
  const std::string log = folder.write("q.log", query_log);
  const Run run = nearmiss_cli("simulate --config " + config + ' ' + log);
  CHECK(run.exit_code == 1);
  holds(run, "8 lookups from 2023-11-14 22:13:21 to 2023-11-14 22:13:24 UTC");
  holds(run, "2 would be blocked (25.0 %), 1 observed, 1 let through by an `allow`");
  holds(run, "\n  mil-ml                                             2           0\n");
  holds(run, "\n  army.ml                                            1           0  mil-ml, meant: "
             "army.mil\n");
  holds(run, "\n  mail.army.ml                                       1           0  mil-ml, meant: "
             "mail.army.mil\n");
  holds(run, "\n  192.0.2.25                                         1           1\n");
  lacks(run, "198.51.100.1"); // no client of the policy
  lacks(run, "gouv.ml");

  const Run json = nearmiss_cli("simulate --json --top 1 --config " + config + ' ' + log);
  CHECK(json.exit_code == 1);
  holds(json, "\"lookups\": 8,\n  \"blocked\": 2,\n  \"observed\": 1,\n  \"allowed\": 1,\n  "
              "\"other_lines\": 3,\n  \"damaged_lines\": 0,");
  holds(json, "\"names_left_out\": 2");
}

TEST_CASE("simulate: nothing to block is 0, nothing to read is 2", "[cli][simulate]") {
  const Folder folder;
  const std::string config = folder.write("p.yaml", policy);
  const std::string harmless = folder.write(
      "h.log", "[1700000001] unbound[4711:0] info: 192.0.2.25 watched.example. MX IN\n");
  const std::string run = "simulate --config " + config + ' ';
  const Run observed = nearmiss_cli(run + harmless);
  CHECK(observed.exit_code == 0);
  holds(observed, "0 would be blocked (0 %), 1 observed");

  const std::string silent =
      folder.write("s.log", "[1700000001] unbound[4711:0] info: start of service (unbound)\n");
  const Run none = nearmiss_cli(run + silent + " 2>&1");
  CHECK(none.exit_code == 2);
  holds(none, "no lookup in these logs; Unbound logs them with `log-queries: yes`");
  const Run missing = nearmiss_cli(run + "/nonexistent 2>&1");
  CHECK(missing.exit_code == 2);
  holds(missing, "/nonexistent: no such file; check the path");
  const Run directory = nearmiss_cli(run + folder.path().native() + " 2>&1");
  CHECK(directory.exit_code == 2);
  holds(directory, "it is a directory");
  const Run wrong = nearmiss_cli("simulate --config /nonexistent.yaml " + harmless + " 2>&1");
  CHECK(wrong.exit_code == 2);
  CHECK(nearmiss_cli(run + " 2>&1").exit_code == 2);
}

TEST_CASE("simulate: each form of Unbound's log", "[cli][simulate]") {
  const std::string query = "192.0.2.25 army.ml. MX IN";
  for (const std::string head :
       {"[1700000000] unbound[4711:0] info: ", "[1700000000] unbound[4711:a] query: ",
        "Nov 23 22:23:28 unbound[4711:0] info: ",
        "2026-11-23T22:23:28.123+00:00 unbound[4711:0] info: ",
        "Nov 23 22:23:28 mx1 unbound: [4711:0] info: ",
        "Nov 23 22:23:28 mx1 unbound[4711]: [4711:0] info: ",
        "<30>1 2026-11-23T22:23:28.123Z mx1 unbound 4711 - - [4711:0] info: "}) {
    INFO(head);
    CHECK(kind_of(head + query) == QueryLine::query);
    CHECK(kind_of(head + query + " NXDOMAIN 0.000000 1 36") == QueryLine::reply);
    CHECK(kind_of(head + "192.0.2.25 army.ml. MX CH") == QueryLine::other);
    CHECK(kind_of(head + "192.0.2.25 - - - FORMERR - - - ") == QueryLine::other);
    CHECK(kind_of(head + "army.ml. inform 192.0.2.25@5353 army.ml. MX IN") == QueryLine::other);
    CHECK(kind_of(head + "192.0.2.25 army.ml. M") == QueryLine::damaged);
    CHECK(kind_of(head + "192.0.2.25 army..ml. MX IN") == QueryLine::damaged);
  }
  CHECK(kind_of("Nov 23 22:23:28 mx1 sshd[4711]: info: " + query) == QueryLine::other);
  CHECK(kind_of("[1700000000] unbound[4711:0] notice: " + query) == QueryLine::other);
  CHECK(kind_of("") == QueryLine::other);

  nearmiss::logs::Lookup lookup;
  read_query_line("[1700000000] unbound[1:0] info: 2001:db8::25 A?b.army.ml. TYPE999 IN\r", lookup);
  CHECK(lookup.time == 1'700'000'000'000'000);
  CHECK(lookup.client.to_text() == "2001:db8::25");
  CHECK(lookup.name.to_text() == "a?b.army.ml");
  CHECK(lookup.type == 999);
  read_query_line("2026-11-23T23:23:28.5+01:00 unbound[1:0] info: 192.0.2.1 . NS IN", lookup);
  CHECK(nearmiss::logs::to_rfc3339(lookup.time.value_or(0)) == "2026-11-23T22:23:28Z");
  CHECK(lookup.name.is_root());
}

TEST_CASE("simulate: a lookup that is logged twice counts once", "[cli][simulate]") {
  const Folder folder;
  const std::string config = folder.write("p.yaml", policy);
  const std::string head = "[1700000001] unbound[4711:0] info: 192.0.2.25 army.ml. MX IN";
  const std::string reply = head + " NXDOMAIN 0.000021 1 36\n";
  const auto lookups = [&](const std::string& text) {
    const std::string log = folder.write("q.log", text);
    const Run run = nearmiss_cli("simulate --config " + config + ' ' + log);
    INFO(run.output);
    return run.output.substr(0, run.output.find(" from"));
  };
  CHECK(lookups(head + '\n' + reply) == "1 lookup");
  // The first line answers a query of the file before.
  CHECK(lookups(reply + head + '\n' + reply) == "1 lookup");
  // Only answers are logged.
  CHECK(lookups(reply + reply) == "2 lookups");
}

TEST_CASE("simulate: events, gzip and standard input, damaged lines are named", "[cli][simulate]") {
  const Folder folder;
  const std::string config = folder.write("p.yaml", policy);
  const std::string events = event("192.0.2.25", "army.ml", "MX") +
                             event("192.0.2.25", "army.mil", "MX") +
                             R"({"@timestamp":"2023-11-14T22:13:20Z","event.kind":"event",)"
                             R"("event.dataset":"nearmiss.dns","event.action":"policy-loaded"})"
                             "\n";
  const std::filesystem::path packed = folder.path() / "old.gz";
  gzip(packed, events + "{\"@timestamp\":\"2023-11-14T2\n" +
                   event("192.0.2.25", "navy.ml", "MX").insert(60, "\xff"));
  const std::string run = "simulate --config " + config + ' ';
  const Run zipped = nearmiss_cli(run + packed.native() + " 2>&1");
  CHECK(zipped.exit_code == 1);
  holds(zipped, "2 lookups from");
  holds(zipped, "1 would be blocked");
  holds(zipped, "simulate: 2 damaged lines left out\n");
  holds(zipped, "/old.gz:4: no JSON object\n");
  holds(zipped, "/old.gz:5: no JSON object\n");
  const Run piped = nearmiss_cli(run + "- <" + folder.write("e.jsonl", events).native());
  holds(piped, "2 lookups from");

  // Cut off in the middle of the compressed data.
  std::filesystem::resize_file(packed, std::filesystem::file_size(packed) - 12);
  const Run cut = nearmiss_cli(run + packed.native() + " 2>&1");
  CHECK(cut.exit_code != 0);
  holds(cut, "the compressed data breaks off here");
  // The place is where the text ends, however much was read ahead.
  std::string lines;
  for (int i = 0; i < 20000; ++i) {
    lines += "[1700000001] unbound[4711:0] info: 192.0.2.25 n" + std::to_string(i * 7919 % 20011) +
             ".ml. MX IN\n";
  }
  const std::filesystem::path large = folder.path() / "large.gz";
  gzip(large, lines);
  std::filesystem::resize_file(large, std::filesystem::file_size(large) / 2);
  const Run half = nearmiss_cli(run + large.native() + " 2>&1");
  const std::size_t begin = half.output.rfind('\n', half.output.find(" lookups from")) + 1;
  const std::size_t count = std::stoul(half.output.substr(begin)) * 1000 + // "9,876 lookups from"
                            std::stoul(half.output.substr(half.output.find(',', begin) + 1));
  CHECK(count > 5000);
  CHECK(count < 15000);
  holds(half, "/large.gz:" + std::to_string(count + 1) + ": the compressed data breaks off here\n");
}

TEST_CASE("simulate: a flood of rare names pushes out no frequent one", "[simulate]") {
  nearmiss::logs::Frequent<int> names(64);
  std::uint64_t added = 0;
  for (int round = 0; round < 10000; ++round) {
    ++names.add("rare" + std::to_string(round));
    ++added;
    if (round % 10 == 0) {
      ++names.add("frequent");
      ++added;
    }
  }
  CHECK(names.size() <= 64);
  CHECK_FALSE(names.exact());
  CHECK(names.undercount() <= 2 * added / 64);
  const auto top = names.top(1, [](int a, int b) { return a > b; });
  CHECK(top.front().first == "frequent");
  CHECK(top.front().second->value + static_cast<int>(names.undercount()) >= 1000);

  nearmiss::logs::Frequent<int> few(64);
  for (int round = 0; round < 64; ++round) {
    ++few.add("name" + std::to_string(round));
  }
  CHECK(few.exact());
  CHECK(few.undercount() == 0);
}
