// What the keeper reports of loads that fail, and what the core counts.
#include "module/reload/policy_keeper.hpp"
#include "module/core.h"
#include "tests/catch.hpp"
#include "tests/unit/events/fixture.hpp"

#include <arpa/inet.h>

using namespace nearmiss;
using namespace nearmiss::test;

namespace {

const std::string rules = "version: 1\n"
                          "rules:\n"
                          "  - {id: ml, domains: [army.ml]}\n"
                          "  - {id: seen, domains: [seen.example], action: observe}\n";

std::size_t refusals_in(const std::filesystem::path& log) {
  std::size_t count = 0;
  for (const auto& event : events_of(log)) {
    count += event["event.action"] == "policy-refused" ? 1 : 0;
  }
  return count;
}

} // namespace

TEST_CASE("a new event log that cannot be opened is one refusal, however often it is tried",
          "[keeper]") {
  const Folder folder;
  const auto log = folder.path() / "events.jsonl";
  const auto file = folder.write("nearmiss.yaml", rules + "log: {file: events.jsonl}\n");
  std::optional<EventLog> events(std::in_place, [](const std::string&) {});
  Metrics metrics;
  std::size_t complaints = 0;
  PolicyKeeper keeper(
      file, *events, metrics, [] {},
      [&](bool is_error, const std::string& line) {
        complaints += is_error && line.find("nowhere") != std::string::npos ? 1 : 0;
      });
  folder.write("nearmiss.yaml", rules + "log: {file: nowhere/events.jsonl}\n");
  for (int i = 0; i < 3; ++i) {
    CHECK(keeper.reload() == LoadOutcome::refused);
  }
  CHECK(keeper.last_load().refused == 1);
  const std::size_t once = complaints;
  CHECK(once > 0);
  CHECK(keeper.reload() == LoadOutcome::refused);
  CHECK(complaints == once);
  // Another mistake is another refusal, and so is the same one after a policy that was taken.
  folder.write("nearmiss.yaml", rules + "lag: {}\n");
  CHECK(keeper.reload() == LoadOutcome::refused);
  CHECK(keeper.last_load().refused == 2);
  folder.write("nearmiss.yaml", rules + "log: {file: events.jsonl}\n");
  CHECK(keeper.reload() == LoadOutcome::unchanged);
  CHECK(keeper.last_load().error.empty());
  folder.write("nearmiss.yaml", rules + "log: {file: nowhere/events.jsonl}\n");
  CHECK(keeper.reload() == LoadOutcome::refused);
  CHECK(keeper.last_load().refused == 3);
  events.reset();
  CHECK(refusals_in(log) == 3);
}

TEST_CASE("each lookup's decision is counted once, blocked or let through", "[keeper]") {
  const Folder folder;
  const std::string file =
      folder.write("nearmiss.yaml", rules + "metrics: {file: nearmiss.prom, interval: 3600}\n");
  const nm_host host{
      .log_line = [](bool, const char*) {}, .policy_changed = [](void*) {}, .arg = nullptr};
  nm_core* const core = nm_core_start(file.c_str(), &host);
  REQUIRE(core != nullptr);
  sockaddr_in client{};
  client.sin_family = AF_INET;
  client.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (const std::string wire : {"\4army\2ml", "\4seen\7example"}) {
    nm_lookup lookup{};
    lookup.qname = {reinterpret_cast<const std::uint8_t*>(wire.c_str()), wire.size() + 1};
    lookup.qtype = 15;
    lookup.client = reinterpret_cast<const sockaddr*>(&client);
    nm_answer answer{};
    const nm_policy* const policy = nm_enter(core);
    if (nm_open(core, policy, &lookup, &answer) == NM_LET_THROUGH) { // as the adapter does
      CHECK(nm_judge(core, policy, &lookup, 0, &answer) == NM_LET_THROUGH);
    }
    nm_leave();
  }
  nm_core_stop(core);
  const std::string metrics = read_text(folder.path() / "nearmiss.prom");
  INFO(metrics);
  CHECK(metrics.find("nearmiss_decision_seconds_count 2\n") != std::string::npos);
}
