#include "module/reload/status.hpp"

#include "module/events/timestamp.hpp"
#include "module/program_files.hpp"
#include "module/version.hpp"

#include <unistd.h>

namespace nearmiss {

namespace {

const char* mode_word(bool enforcing) {
  return enforcing ? "enforce" : "observe";
}

} // namespace

Json load_outcome_of(const PolicyKeeper& keeper) {
  const auto& last = keeper.last_load();
  Json reload{{"outcome", to_string(last.outcome)}, {"at", rfc3339(last.at)}};
  if (!last.error.empty()) {
    reload["error"] = last.error;
  }
  return reload;
}

Json overrides_of(const PolicyKeeper& keeper) {
  const auto now = PolicyKeeper::Clock::now();
  const Overrides& overrides = keeper.overrides();
  Json json{{"mode", mode_word(keeper.enforcing(now))},
            {"mode_of_policy", mode_word(keeper.current().config->policy.enforcing())},
            {"state_file", keeper.state_file().path().native()}};
  if (const auto& mode = overrides.mode) {
    json["mode_since"] = rfc3339(mode->since);
    if (mode->until) {
      json["mode_until"] = rfc3339(*mode->until);
    }
  }
  json["allowed"] = Json::array();
  for (const AllowedName& allowed : overrides.allowed) {
    Json one{{"name", allowed.name.to_text()}, {"until", rfc3339(allowed.until)}};
    if (!allowed.client_group.empty()) {
      one["client"] = allowed.client_group;
    }
    if (!allowed.ticket.empty()) {
      one["ticket"] = allowed.ticket;
    }
    one["since"] = rfc3339(allowed.since);
    json["allowed"].push_back(std::move(one));
  }
  if (keeper.state_file().is_volatile()) {
    json["warning"] = "the state file is in memory (tmpfs) and lost when the machine restarts; "
                      "name a place on a disk in `control: {state: ...}`";
  }
  if (!keeper.state_problem().empty()) {
    json["state_problem"] = keeper.state_problem();
  }
  return json;
}

Json status_of(const PolicyKeeper& keeper) {
  const PolicySnapshot& policy = keeper.current();
  const Policy& rules = policy.config->policy;
  const EventLog::Counts events = keeper.events().counts();
  Json status{
      {"product", "nearmiss"},
      {"version", version},
      {"pid", getpid()},
      {"policy",
       {{"file", keeper.file().native()},
        {"generation", policy.generation},
        {"digest", policy.config->digest},
        {"mode", mode_word(keeper.enforcing(PolicyKeeper::Clock::now()))},
        {"rules", rules.rule_count()},
        {"names", rules.name_count()},
        {"protected_domains", rules.protected_count()},
        {"since", rfc3339(keeper.last_load().since)}}},
      {"switched", overrides_of(keeper)},
      {"last_reload", load_outcome_of(keeper)},
      {"reloads_refused", keeper.last_load().refused},
      {"queries", keeper.metrics().snapshot().blocked_or_observed()},
      {"events", {{"written", events.written}, {"lost", events.lost}}},
  };
  if (keeper.reloading()) {
    status["reloading"] = true;
  }
  for (const ReplacedFile& file : replaced_files()) {
    status["restart_needed"].push_back(file.what + " " + file.path +
                                       " is not the file that runs; restart Unbound");
  }
  if (const std::string newer = newer_unbound(); !newer.empty()) {
    status["update_needed"] = "Unbound " + newer +
                              " is installed, and the one that runs was built from an older one; "
                              "build the package of nearmiss again";
  }
  return status;
}

} // namespace nearmiss
