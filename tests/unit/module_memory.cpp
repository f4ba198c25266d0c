// Memory that runs out at every point of a decision and of a reload: nobody is let through, nothing
// is thrown, and the last good policy stays.
#include "tests/catch.hpp"

#include "module/core.h"
#include "module/policy_keeper.hpp"
#include "tests/unit/allocations.hpp"
#include "tests/unit/event_fixture.hpp"

#include <arpa/inet.h>

#include <memory>

using namespace nearmiss;
using namespace nearmiss::test;

namespace {

const std::string rules = R"(version: 1
clients: {mail: [127.1.0.0/16]}
rules:
  - {id: mil-ml, confusable: {intended: mil, mistyped: [ml]}, reason: typo}
  - {id: watch, domains: [seen.example], action: observe}
protect:
  - {id: ours, domains: [plain.example]}
log: {file: events.jsonl}
)";

void quiet(bool, const char*) {}

struct Ended {
  void operator()(nm_core* core) const { nm_core_stop(core); }
};

} // namespace

TEST_CASE("out of memory at any point of a decision: blocked or SERVFAIL", "[memory]") {
  const Folder folder;
  const nm_host host{.log_line = quiet, .policy_changed = [](void*) {}, .arg = nullptr};
  const std::string file = folder.write("nearmiss.yaml", rules).string();
  const std::unique_ptr<nm_core, Ended> core(nm_core_start(file.c_str(), &host));
  REQUIRE(core);
  const bool all_after = GENERATE(false, true);
  const auto [asked, real] = GENERATE(table<std::string, bool>(
      {{"\4army\2ml", false}, {"\5p1ain\7example", false}, {"\4seen\7example", true}}));
  CAPTURE(all_after, asked);
  sockaddr_in client{};
  client.sin_family = AF_INET;
  client.sin_addr.s_addr = htonl(0x7f010001);
  const std::string wire = asked + std::string(1, '\0');
  nm_lookup lookup{};
  lookup.qname = {reinterpret_cast<const std::uint8_t*>(wire.data()), wire.size()};
  lookup.qtype = 15;
  lookup.client = reinterpret_cast<const sockaddr*>(&client);
  for (std::size_t n = 1;; ++n) {
    nm_answer answer{};
    fail_allocation(n, all_after);
    const nm_policy* const policy = nm_enter(core.get());
    const nm_outcome at_once = nm_block(core.get(), policy, &lookup, &answer);
    const nm_outcome outcome = nm_judge(core.get(), policy, &lookup, 0, &answer);
    nm_leave();
    const bool failed = allocation_failed();
    fail_allocation(0);
    CAPTURE(n);
    if (real) {
      CHECK(at_once != NM_BLOCKED);
      CHECK((outcome == NM_LET_THROUGH || failed));
    } else {
      CHECK(at_once != NM_LET_THROUGH);
      CHECK(outcome != NM_LET_THROUGH);
      CHECK((outcome == NM_BLOCKED || failed));
    }
    if (!failed) {
      break;
    }
  }
}

TEST_CASE("out of memory at any point of a reload: the new policy or the last good one",
          "[memory]") {
  const Folder folder;
  const std::filesystem::path file = folder.write("nearmiss.yaml", rules);
  EventLog events([](const std::string&) {});
  Metrics metrics;
  PolicyKeeper keeper(file, events, metrics, [] {}, [](bool, const std::string&) {});
  const Name listed = *Name::from_text("army.ml");
  const Name added = *Name::from_text("added.example");
  const ClientAddress client = *ClientAddress::from_text("127.1.0.1");
  const std::chrono::sys_days today{std::chrono::year(2026) / 11 / 23};
  const auto blocks_name = [&](const Name& name) {
    return keeper.current().config->policy.decide({name, 15, client, today}).enforced;
  };
  const bool all_after = GENERATE(false, true);
  CAPTURE(all_after);
  std::size_t refused = 0;
  std::size_t loaded = 0;
  for (std::size_t n = 1; loaded == 0 || allocation_failed(); n += 1 + n / 50) {
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
