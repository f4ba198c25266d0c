// Memory that runs out at every point of a decision and of a reload: nobody is let through, nothing
// is thrown, and the last good policy stays.
#include "tests/catch.hpp"

#include "module/core.h"
#include "module/reload/policy_keeper.hpp"
#include "tests/unit/allocations.hpp"
#include "tests/unit/events/fixture.hpp"
#include "tests/unit/module/rrsets.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <memory>

using namespace nearmiss;
using namespace nearmiss::test;

namespace {

const std::string rules = R"(version: 1
clients: {mail: [127.1.0.0/16]}
sinkhole: {ipv4: 192.0.2.53, ipv6: "2001:db8::53", mx: sinkhole.example.net}
rules:
  - {id: mil-ml, confusable: {intended: mil, mistyped: [ml]}, reason: typo}
  - {id: watch, domains: [seen.example], action: observe}
  - {id: hole, domains: [hole.example], action: sinkhole}
  - {id: parked, mx_exchange: [mx.parking.example]}
  - {id: hosting, answer_ip: [198.51.100.0/24]}
  - {id: feed, list: {file: zone.rpz, format: rpz}}
protect:
  - {id: ours, domains: [plain.example], classes: [default, homoglyph]}
log: {file: events.jsonl, discover: true}
)";

const std::string zone = R"($ORIGIN rpz.example.
@ 60 SOA . . 1 2 3 4 5
local.example 60 A 192.0.2.80
local.example 60 MX 10 mx.example.net.
dropped.example CNAME rpz-drop.
)";

// What a client asks, and what the answer to it leads to, in wire form.
struct Asked {
  const char* what;
  std::string name;
  bool is_real; // the client may have the answer
  std::uint16_t type = 15;
  std::string alias{}, exchange{};
  bool listed_address = false;
};

const std::vector<Asked> lookups = {
    {"listed", "\4army\2ml", false},
    {"a look-alike", "\5p1ain\7example", false},
    {"a look-alike by script", "\14xn--plin-63d\7example", false},
    {"observed", "\4seen\7example", true},
    {"a sinkhole's exchange", "\4hole\7example", false},
    {"a sinkhole's address", "\4hole\7example", false, 1},
    {"local data", "\5local\7example", false},
    {"without the type", "\5local\7example", false, 28},
    {"no reply", "\7dropped\7example", false},
    {"an alias", "\4good\7example", false, 1, "\4army\2ml"},
    {"a listed exchange", "\4good\7example", false, 15, "", "\4mail\4army\2ml"},
    {"an exchange of a rule", "\4good\7example", false, 15, "", "\2mx\7parking\7example"},
    {"an address of a rule", "\4good\7example", false, 1, "", "", true},
    {"nothing of that", "\4good\7example", true, 15, "\5other\7example", "\2mx\4good\7example"},
};

void quiet(bool, const char*) {}

bool is_let_through(nm_outcome outcome) {
  return outcome == NM_PASSED || outcome == NM_LET_THROUGH;
}

struct Ended {
  void operator()(nm_core* core) const { nm_core_stop(core); }
};

} // namespace

TEST_CASE("out of memory at any point of a decision: blocked or SERVFAIL", "[memory]") {
  const Folder folder;
  folder.write("zone.rpz", zone);
  const nm_host host{.log_line = quiet, .policy_changed = [](void*) {}, .arg = nullptr};
  const std::string file = folder.write("nearmiss.yaml", rules).string();
  const std::unique_ptr<nm_core, Ended> core(nm_core_start(file.c_str(), &host));
  REQUIRE(core);
  const bool all_after = GENERATE(false, true);
  const Asked asked = GENERATE(from_range(lookups));
  CAPTURE(all_after, asked.what);
  sockaddr_in client{};
  client.sin_family = AF_INET;
  client.sin_addr.s_addr = htonl(0x7f010001);
  const auto name_of = [](const std::string& wire) { // with the zero behind its end
    return nm_name{reinterpret_cast<const std::uint8_t*>(wire.c_str()), wire.size() + 1};
  };
  Rrsets answer_rrsets;
  const std::string end(1, '\0');
  if (!asked.alias.empty()) {
    answer_rrsets.add(NM_ANSWER, asked.name, 5, {asked.alias + end});
  }
  if (!asked.exchange.empty()) {
    answer_rrsets.add(NM_ANSWER, asked.name, 15, {std::string("\0\12", 2) + asked.exchange + end});
  }
  if (asked.listed_address) {
    answer_rrsets.add(NM_ANSWER, asked.name, 1, {"\306\063\144\7"});
  }
  nm_lookup lookup{};
  lookup.qname = name_of(asked.name);
  lookup.qtype = asked.type;
  lookup.client = reinterpret_cast<const sockaddr*>(&client);
  lookup.answer = answer_rrsets.data();
  lookup.answer_count = answer_rrsets.size();
  nm_lookup begun = lookup; // where its answer leads is not known yet
  begun.answer_count = 0;
  for (std::size_t n = 1;; ++n) {
    nm_answer answer{};
    fail_allocation(n, all_after);
    const nm_policy* const policy = nm_enter(core.get());
    const nm_outcome at_once = nm_open(core.get(), policy, &begun, &answer);
    const nm_outcome outcome = nm_judge(core.get(), policy, &lookup, 0, &answer);
    const bool blocks = nm_blocks(policy, &lookup);
    nm_leave();
    const bool failed = allocation_failed();
    fail_allocation(0);
    CAPTURE(n);
    if (asked.is_real) {
      CHECK((is_let_through(at_once) || (at_once == NM_FAILED && failed)));
      CHECK((is_let_through(outcome) || (outcome == NM_FAILED && failed)));
      CHECK((!blocks || failed));
    } else {
      CHECK(is_let_through(at_once) == (asked.name == "\4good\7example"));
      CHECK_FALSE(is_let_through(outcome));
      CHECK((outcome != NM_FAILED || failed));
      CHECK(blocks);
    }
    if (!failed) {
      break;
    }
  }
}

TEST_CASE("out of memory at any point of a reload: the new policy or the last good one",
          "[memory]") {
  const Folder folder;
  folder.write("zone.rpz", zone);
  const std::filesystem::path file = folder.write("nearmiss.yaml", rules);
  EventLog events([](const std::string&) {});
  Metrics metrics;
  PolicyKeeper keeper(
      file, events, metrics, [] {}, [](bool, const std::string&) {});
  const Name listed = *Name::from_text("army.ml");
  const Name added = *Name::from_text("added.example");
  const ClientAddress client = *ClientAddress::from_text("127.1.0.1");
  const auto blocks_name = [&](const Name& name) {
    return keeper.current().config->policy.decide({name, 15, client, today}).enforced;
  };
  const bool all_after = GENERATE(false, true);
  CAPTURE(all_after);
  std::size_t refused = 0;
  std::size_t loaded = 0;
  for (std::size_t n = 1;; n += 1 + n / 50) {
    std::string changed = rules;
    changed.insert(changed.find("protect:"),
                   "  - {id: n" + std::to_string(n) + ", domains: [added.example]}\n");
    folder.write("nearmiss.yaml", changed);
    const std::uint64_t before = keeper.current().generation;
    fail_allocation(n, all_after);
    const LoadOutcome outcome = keeper.reload();
    const bool failed = allocation_failed();
    fail_allocation(0);
    CAPTURE(n);
    REQUIRE(outcome != LoadOutcome::unchanged);
    const bool is_new = outcome == LoadOutcome::loaded;
    CHECK((is_new || failed));
    CHECK(keeper.current().generation == before + (is_new ? 1 : 0));
    CHECK(keeper.last_load().outcome == outcome);
    CHECK(blocks_name(listed));
    ++(is_new ? loaded : refused);
    if (is_new) {
      CHECK(blocks_name(added));
      folder.write("nearmiss.yaml", rules);
      REQUIRE(keeper.reload() == LoadOutcome::loaded);
      CHECK_FALSE(blocks_name(added));
    }
    if (!failed) {
      break;
    }
  }
  CHECK(refused > 100);
  CHECK(loaded > 0);
}

TEST_CASE("out of memory while events are put into words: each is counted, and the rest written",
          "[memory]") {
  const std::string long_reason(4000, 'r'); // for whose text there is no room yet
  EventFixture fixture("log: {file: events.jsonl}\n",
                       "rules:\n"
                       "  - {id: short, domains: [short.example]}\n"
                       "  - {id: long, domains: [long.example], reason: " +
                           long_reason + "}\n");
  const auto numbers = [&] { return events_of(fixture.file()).size(); };
  fixture.attempt("short.example");
  REQUIRE(wait_until([&] { return numbers() == 1; }));
  fail_allocations_elsewhere(true);
  fixture.attempt("long.example");
  fixture.attempt("long.example");
  for (int i = 0; i < 50; ++i) {
    fixture.attempt("short.example");
  }
  const bool counted = wait_until([&] {
    const EventLog::Counts counts = fixture.events->counts();
    return counts.written + counts.lost == counts.numbered;
  });
  const EventLog::Counts counts = fixture.events->counts();
  fail_allocations_elsewhere(false);
  CHECK(counted);
  CHECK(counts.numbered == 53);
  CHECK(counts.lost >= 2);
  fixture.attempt("long.example"); // it works again
  std::size_t reports = 0; // of what lost them: no text could be made, or a sink had no room
  REQUIRE(wait_until([&] {
    std::uint64_t reported = 0;
    reports = 0;
    for (const nlohmann::json& event : events_of(fixture.file())) {
      if (event.at("event.action") == "events-lost") {
        reported += event.at("nearmiss.events_lost").get<std::uint64_t>();
        ++reports;
      }
    }
    return reported == counts.lost;
  }));
  fixture.events.reset();
  CHECK(numbers() == 53 - counts.lost + reports + 1); // the last one
}
