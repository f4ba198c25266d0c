// The core behind core.h: what the adapter calls.
#include "module/core.h"

#include "module/decision.hpp"
#include "module/events/discovery.hpp"
#include "module/events/notices.hpp"
#include "module/explanation.hpp"
#include "module/reload/housekeeping.hpp"
#include "module/reload/policy_keeper.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

using nearmiss::CurrentSnapshot;
using nearmiss::Decision;
using nearmiss::EventLog;
using nearmiss::PolicySnapshot;

static_assert(NM_RECORDS_MAX > nearmiss::max_local_data / nearmiss::least_octets_in_answer);
static_assert(NM_MADE_RDATA_MAX >= 2 + nearmiss::Name::max_octets); // an MX

struct nm_core {
  nm_core(const std::filesystem::path& file, const nm_host& host_of)
      : host(host_of),
        events([this](const std::string& line) { host.log_line(true, line.c_str()); }),
        keeper(
            file, events, metrics, [this] { host.policy_changed(host.arg); },
            [this](bool is_error, const std::string& line) {
              host.log_line(is_error, line.c_str());
            }),
        housekeeping(keeper, [this](bool is_error, const std::string& line) {
          host.log_line(is_error, line.c_str());
        }) {}

  nm_host host;
  nearmiss::Metrics metrics;
  nearmiss::Discovery discovery;
  EventLog events; // its thread writes the metrics
  nearmiss::PolicyKeeper keeper;
  nearmiss::Housekeeping housekeeping; // last: its thread uses all of the others
};

namespace {

// Unbound's signals are for Unbound's threads: ours inherit the mask they are made under.
class SignalsBlocked {
 public:
  SignalsBlocked() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

// A line for Unbound's log, whatever there is of memory.
void complain(const nm_host& host, const char* what, const std::exception& e) noexcept {
  try {
    host.log_line(true, (std::string(what) + ": " + e.what()).c_str());
  } catch (const std::exception&) {
    host.log_line(true, e.what());
  }
}

constexpr const char* default_policy = "nearmiss.yaml";

bool is_named(const char* config) {
  return config != nullptr && *config != '\0';
}

void cannot_start(const nm_host& host, const char* config, const std::exception& e) noexcept {
  try {
    std::error_code unreachable; // then the path is as it was named
    const auto path =
        std::filesystem::absolute(is_named(config) ? config : default_policy, unreachable);
    const std::string what =
        "cannot start with the policy " + path.native() +
        (is_named(config) ? ", which NEARMISS_CONFIG names"
                          : ", in Unbound's directory, as NEARMISS_CONFIG is not set");
    complain(host, what.c_str(), e);
  } catch (const std::exception&) {
    complain(host, "cannot start", e);
  }
}

const nearmiss::Policy& rules_of(const nm_policy* policy) {
  return policy->config->policy;
}

Decision decide(const nm_policy* policy, const nm_lookup& lookup, EventLog::Clock::time_point now) {
  return decide_lookup(rules_of(policy), policy->overrides, lookup, now,
                       policy->config->sinkhole.mx.has_value());
}

// Is there to be an event?
bool is_noted(const nm_policy& policy, const nearmiss::Verdict& verdict) {
  return verdict.noteworthy() || (policy.config->log.allowed && verdict.rule != nullptr);
}

nm_outcome outcome_of(const nm_policy& policy, const Decision& decision) {
  if (!decision.verdict.enforced) {
    return is_noted(policy, decision.verdict) ? NM_LET_THROUGH : NM_PASSED;
  }
  return decision.verdict.action == nearmiss::Action::drop ? NM_DROPPED : NM_BLOCKED;
}

// As decide(), and counts how long it took.
Decision decide_timed(nm_core& core, const nm_policy* policy, const nm_lookup& lookup,
                      EventLog::Clock::time_point now) {
  const auto begun = std::chrono::steady_clock::now();
  Decision decision = decide(policy, lookup, now);
  core.metrics.decided(std::chrono::steady_clock::now() - begun);
  return decision;
}

// Does a socket with this address listen at all of the host's?
bool is_wildcard(const nearmiss::ClientAddress& address) {
  const auto& octets = address.octets();
  return std::ranges::all_of(address.is_v4() ? std::span(octets).last(4) : std::span(octets),
                             [](std::uint8_t octet) { return octet == 0; });
}

// Was a name matched that is not the asked one?
bool led_to_name(const Decision& decision) {
  return decision.matched_by == nearmiss::MatchedBy::cname ||
         decision.matched_by == nearmiss::MatchedBy::mx_exchange;
}

// Makes the answer, if the verdict blocks, and writes the event.
void carry_out(nm_core& core, const nm_policy& policy, const nm_lookup& lookup,
               const Decision& decision, int failed_rcode, EventLog::Clock::time_point now,
               nm_answer& answer) {
  const nearmiss::Verdict& verdict = decision.verdict;
  const std::string intended = nearmiss::intended_by(decision);
  const nearmiss::Client server =
      lookup.server != nullptr ? nearmiss::client_of(*lookup.server) : nearmiss::Client();
  int rcode = failed_rcode != 0 ? failed_rcode : -1;
  std::optional<nearmiss::ClientAddress> resolved_ip;
  if (outcome_of(policy, decision) == NM_BLOCKED) {
    policy.answers.make(verdict, decision.qname, {lookup.qname.wire, lookup.qname.len},
                        lookup.qtype, answer);
    nearmiss::explain(policy.config->contact, *verdict.rule, intended, lookup, answer);
    if (failed_rcode == 0) {
      rcode = static_cast<int>(rcode_for(verdict));
      resolved_ip = nearmiss::first_address(answer);
    }
  }
  core.metrics.count(verdict, lookup.qtype);
  policy.hits_of(*verdict.rule).fetch_add(1, std::memory_order_relaxed);
  core.events.attempt({.verdict = verdict,
                       .matched_by = decision.matched_by,
                       .matched_address = decision.address ? &*decision.address : nullptr,
                       .led_to = led_to_name(decision) ? &decision.listed : nullptr,
                       .qname = decision.qname,
                       .intended = intended,
                       .qtype = lookup.qtype,
                       .id = lookup.id,
                       .client = decision.client.address,
                       .client_port = decision.client.port,
                       .server = is_wildcard(server.address) ? nullptr : &server.address,
                       .server_port = server.port,
                       .tcp = lookup.tcp,
                       .flags = {.recursion_desired = lookup.recursion_desired,
                                 .checking_disabled = lookup.checking_disabled,
                                 .dnssec_ok = lookup.dnssec_ok},
                       .rcode = rcode,
                       .resolved_ip = resolved_ip ? &*resolved_ip : nullptr},
                      policy.events, now);
}

} // namespace

nm_core* nm_core_start(const char* config, const nm_host* host) {
  const SignalsBlocked signals_blocked;
  try {
    return std::make_unique<nm_core>(is_named(config) ? config : default_policy, *host).release();
  } catch (const std::exception& e) {
    cannot_start(*host, config, e);
  }
  return nullptr;
}

bool nm_core_watch(nm_core* core) {
  const SignalsBlocked signals_blocked;
  try {
    core->housekeeping.start();
    return true;
  } catch (const std::exception& e) {
    complain(core->host, "cannot start a thread", e);
  }
  return false;
}

void nm_core_stop(nm_core* core) {
  if (core == nullptr) {
    return;
  }
  core->housekeeping.stop(); // it would go on to publish policies
  try {
    core->events.notice({.action = "module-stopped", .message = "the module ends"},
                        core->keeper.current().events);
  } catch (const std::exception& e) {
    core->host.log_line(true, e.what());
  }
  if (core->events.end(std::chrono::seconds(5))) {
    delete core;
    return;
  }
  // The resolver must go on, or end; so what the hanging thread uses stays where it is.
  try {
    const nearmiss::EventLog::Counts counts = core->events.counts();
    const std::string line = "event log: a disk hangs, and " +
                             std::to_string(counts.numbered - counts.written - counts.lost) +
                             " events are left to it; they are written if it works again before "
                             "Unbound ends";
    core->host.log_line(true, line.c_str());
  } catch (const std::exception& e) {
    complain(core->host, "event log: a disk hangs", e);
  }
}

size_t nm_core_memory(nm_core* core) {
  const nm_policy* policy = nm_enter(core);
  const size_t octets =
      sizeof(*core) + (policy != nullptr ? rules_of(policy).index_memory() : size_t{0});
  nm_leave();
  return octets;
}

const nm_policy* nm_enter(nm_core* core) {
  return core->keeper.snapshot().enter();
}

void nm_leave() {
  CurrentSnapshot::leave();
}

void nm_linger() {
  CurrentSnapshot::linger();
}

uint64_t nm_generation(const nm_policy* policy) {
  return policy->generation;
}

size_t nm_max_threads() {
  return CurrentSnapshot::max_readers;
}

bool nm_covers(const nm_policy* policy, nm_name name, uint16_t type) {
  const auto parsed = nearmiss::to_name(name);
  // What is no name cannot be judged, so it is kept out of the caches.
  return !parsed || rules_of(policy).covers(*parsed, type);
}

bool nm_covers_some_type(const nm_policy* policy, nm_name name) {
  const auto parsed = nearmiss::to_name(name);
  return !parsed || rules_of(policy).covers_some_type(*parsed);
}

unsigned nm_inspect(const nm_policy* policy, uint16_t qtype, nm_rrset* rrsets, size_t count) {
  return nearmiss::inspect(rules_of(policy), qtype, {rrsets, count});
}

bool nm_blocks(const nm_policy* policy, const nm_lookup* lookup) {
  try {
    return decide(policy, *lookup, EventLog::Clock::now()).verdict.enforced;
  } catch (const std::exception&) {
    return true; // nm_judge says so to the admin
  }
}

bool nm_drops(const nm_policy* policy, const nm_lookup* lookup) {
  try {
    return outcome_of(*policy, decide(policy, *lookup, EventLog::Clock::now())) == NM_DROPPED;
  } catch (const std::exception&) {
    return false; // nm_judge says so to the admin
  }
}

bool nm_may_drop(const nm_policy* policy) {
  return rules_of(policy).may_drop();
}

nm_outcome nm_open(nm_core* core, const nm_policy* policy, const nm_lookup* lookup,
                   nm_answer* answer) {
  if (lookup->client == nullptr) {
    return NM_LET_THROUGH;
  }
  try {
    const auto begun = std::chrono::steady_clock::now();
    const auto now = EventLog::Clock::now();
    const Decision decision = decide(policy, *lookup, now);
    if (outcome_of(*policy, decision) != NM_LET_THROUGH) { // else nm_judge counts it
      core->metrics.decided(std::chrono::steady_clock::now() - begun);
    }
    if (decision.verdict.enforced) {
      carry_out(*core, *policy, *lookup, decision, 0, now, *answer);
    }
    return outcome_of(*policy, decision);
  } catch (const std::exception& e) {
    core->host.log_line(true, e.what());
    return NM_FAILED;
  }
}

void nm_discover(nm_core* core, const nm_policy* policy, const nm_lookup* lookup) {
  const nearmiss::ClientGroups& groups = rules_of(policy).clients();
  if (!policy->config->log.discover || groups.names().empty()) {
    return;
  }
  try {
    const auto client = nearmiss::client_of(*lookup->client).address;
    const auto qname = nearmiss::to_name(lookup->qname);
    if (qname && groups.groups_of(client) == 0 &&
        core->discovery.is_news(client, nearmiss::Discovery::Clock::now())) {
      core->events.notice(nearmiss::client_discovered(client, *qname, lookup->tcp), policy->events);
    }
  } catch (const std::exception& e) {
    core->host.log_line(true, e.what());
  }
}

nm_outcome nm_judge(nm_core* core, const nm_policy* policy, const nm_lookup* lookup,
                    int failed_rcode, nm_answer* answer) {
  try {
    const auto now = EventLog::Clock::now();
    const Decision decision = decide_timed(*core, policy, *lookup, now);
    if (is_noted(*policy, decision.verdict)) {
      carry_out(*core, *policy, *lookup, decision, failed_rcode, now, *answer);
    }
    return outcome_of(*policy, decision);
  } catch (const std::exception& e) {
    core->host.log_line(true, e.what());
    return NM_FAILED;
  }
}
