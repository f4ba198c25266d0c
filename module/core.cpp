// The core behind core.h: the published policy, verdicts, answers, events.
#include "module/core.h"

#include "config/config.hpp"
#include "module/answer.hpp"
#include "module/event_log.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>

namespace nearmiss {

namespace {

// A policy in force, and what is made from it once.
struct Published {
  Published(std::shared_ptr<const Config> checked, std::uint64_t number)
      : config(std::move(checked)), answers(*config),
        events(std::make_shared<const EventPolicy>(config, number)), generation(number) {}
  std::shared_ptr<const Config> config;
  Answers answers;
  std::shared_ptr<const EventPolicy> events;
  std::uint64_t generation; // 1 for the first of this process
};

// The module stays mapped over Unbound's reloads (linked with -z nodelete), so that a policy that
// becomes wrong at one of them does not leave the resolver without any.
std::shared_ptr<const Published> last_good; // NOLINT: written in init only, before threads start

struct Client {
  ClientAddress address;
  std::uint16_t port = 0;
};

Client client_of(const sockaddr& from) {
  if (from.sa_family == AF_INET6) {
    sockaddr_in6 in6{};
    std::memcpy(&in6, &from, sizeof(in6));
    std::array<std::uint8_t, 16> octets{};
    std::memcpy(octets.data(), &in6.sin6_addr, octets.size());
    return {ClientAddress::v6(octets), ntohs(in6.sin6_port)};
  }
  if (from.sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &from, sizeof(in));
    std::array<std::uint8_t, 4> octets{};
    std::memcpy(octets.data(), &in.sin_addr, octets.size());
    return {ClientAddress::v4(octets), ntohs(in.sin_port)};
  }
  throw std::invalid_argument("a client without an IP address");
}

std::optional<Name> to_name(const nm_name& name) noexcept {
  return Name::from_wire({name.wire, name.len});
}

// The verdict on a whole lookup: on its name, then on what the answer leads to.
struct Decision {
  Verdict verdict;
  MatchedBy matched_by = MatchedBy::qname;
  Name qname;
  Name listed;
  Client client;
};

Verdict decide(const Policy& policy, const Name& name, std::uint16_t type,
               const ClientAddress& client, std::chrono::sys_days today) {
  return policy.decide({.name = name, .type = type, .client = client, .today = today});
}

// The verdict on a host that an answer leads to. Only what somebody asks for can be mistyped, so a
// likeness does not count.
Verdict decide_host(const Policy& policy, const Name& host, std::uint16_t type,
                    const ClientAddress& client, std::chrono::sys_days today) {
  const Verdict verdict = decide(policy, host, type, client, today);
  return verdict.likeness.domain != nullptr ? Verdict{} : verdict;
}

Name required_name(const nm_name& name) {
  if (const auto parsed = to_name(name)) {
    return *parsed;
  }
  throw std::invalid_argument("a name that is none");
}

Decision decide_lookup(const Policy& policy, const nm_lookup& lookup,
                       EventLog::Clock::time_point now) {
  constexpr std::uint16_t type_a = 1;
  const auto today = std::chrono::floor<std::chrono::days>(now);
  Decision decision;
  decision.qname = decision.listed = required_name(lookup.qname);
  decision.client = client_of(*lookup.client);
  const ClientAddress& client = decision.client.address;

  decision.verdict = decide(policy, decision.qname, lookup.qtype, client, today);
  if (decision.verdict.enforced ||
      (decision.verdict.rule != nullptr && decision.verdict.action == Action::allow)) {
    return decision; // an `allow` for the asked name holds wherever that name leads
  }
  for (const nm_name& alias : std::span(lookup.aliases, lookup.alias_count)) {
    const Name target = required_name(alias);
    const Verdict verdict = decide_host(policy, target, lookup.qtype, client, today);
    if (verdict.enforced || (verdict.noteworthy() && !decision.verdict.noteworthy())) {
      decision.verdict = verdict;
      decision.matched_by = MatchedBy::cname;
      decision.listed = target;
    }
    if (verdict.enforced) {
      return decision;
    }
  }
  // A domain is blocked for its exchanges only if mail for it has no other way.
  std::optional<std::pair<Verdict, Name>> first;
  for (const nm_name& exchange : std::span(lookup.exchanges, lookup.exchange_count)) {
    const Name host = required_name(exchange);
    const Verdict verdict = decide_host(policy, host, type_a, client, today);
    if (!verdict.noteworthy() || (first && verdict.enforced != first->first.enforced)) {
      return decision;
    }
    if (!first) {
      first.emplace(verdict, host);
    }
  }
  if (first && (first->first.enforced || !decision.verdict.noteworthy())) {
    decision.verdict = first->first;
    decision.matched_by = MatchedBy::mx_exchange;
    decision.listed = first->second;
    // The asked name itself is not listed, so its own address is not blocked, and on NXDOMAIN or
    // NODATA for MX mail servers deliver there. A null MX (RFC 7505) tells them not to.
    Action& action = decision.verdict.action;
    if (action == Action::nxdomain || action == Action::nodata) {
      action = Action::null_mx;
    }
  }
  return decision;
}

// What the sender meant; empty if nobody can say. Of a domain that is blocked for its exchanges the
// rule knows nothing but those.
std::string intended_by(const Decision& decision) {
  return decision.matched_by == MatchedBy::mx_exchange
             ? std::string()
             : Policy::intended_for(decision.verdict, decision.listed);
}

} // namespace

} // namespace nearmiss

using nearmiss::Decision;
using nearmiss::EventLog;
using nearmiss::Notice;
using nearmiss::Published;

struct nm_core {
  nm_core(std::shared_ptr<const Published> first, nm_log_line* log_line)
      : policy(std::move(first)), log(log_line),
        events(policy->config->log,
               [log_line](const std::string& line) { log_line(true, line.c_str()); }) {}

  std::shared_ptr<const Published> policy;
  nm_log_line* log;
  EventLog events;
};

namespace {

// The policy file's new state, or the last good one. Logs every diagnostic.
struct Loaded {
  std::shared_ptr<const Published> policy; // null: there is none
  std::string error;                       // why the file was refused; empty: it was not
};

Loaded load_policy(const std::filesystem::path& file, nm_log_line* log) {
  const auto today = std::chrono::floor<std::chrono::days>(EventLog::Clock::now());
  std::string error;
  try {
    const nearmiss::LoadResult result = nearmiss::load(file, today);
    for (const nearmiss::Diagnostic& diagnostic : result.diagnostics) {
      const bool is_error = diagnostic.severity == nearmiss::Severity::error;
      const std::string line = to_text(diagnostic);
      log(is_error, line.c_str());
      if (is_error && error.empty()) {
        error = line;
      }
    }
    if (result.config) {
      const std::uint64_t generation =
          nearmiss::last_good ? nearmiss::last_good->generation + 1 : 1;
      nearmiss::last_good = std::make_shared<const Published>(result.config, generation);
      return {nearmiss::last_good, ""};
    }
  } catch (const std::exception& e) {
    error = file.string() + ": " + e.what();
    log(true, error.c_str());
  }
  return {nearmiss::last_good, error.empty() ? "the policy was refused" : error};
}

} // namespace

nm_core* nm_core_start(const char* config, nm_log_line* log) {
  try {
    const std::filesystem::path file =
        config != nullptr && *config != '\0' ? config : "nearmiss.yaml";
    const Loaded loaded = load_policy(file, log);
    if (!loaded.policy) {
      log(true, "no policy, so Unbound must not start: mend the file and see `nearmiss check`");
      return nullptr;
    }
    auto core = std::make_unique<nm_core>(loaded.policy, log);
    const auto& policy = *loaded.policy;
    const std::string rules = std::to_string(policy.config->policy.rules().size()) + " rules, " +
                              std::to_string(policy.config->policy.name_count()) + " names";
    if (loaded.error.empty()) {
      const std::string line = "policy " + file.string() + " loaded: " + rules;
      log(false, line.c_str());
      core->events.notice({.action = "policy-loaded", .message = line}, policy.events);
    } else {
      log(true, "the policy was refused; the last good one stays in force");
      core->events.notice({.action = "policy-refused", .success = false, .message = loaded.error},
                          policy.events);
    }
    return core.release();
  } catch (const std::exception& e) {
    const std::string line = std::string("cannot start: ") + e.what();
    log(true, line.c_str());
  }
  return nullptr;
}

void nm_core_stop(nm_core* core) {
  if (core == nullptr) {
    return;
  }
  try {
    core->events.notice({.action = "module-stopped", .message = "the module ends"},
                        core->policy->events);
  } catch (const std::exception& e) {
    core->log(true, e.what());
  }
  delete core;
}

size_t nm_core_memory(const nm_core* core) {
  return sizeof(*core) + core->policy->config->policy.index_memory();
}

bool nm_covers(const nm_core* core, nm_name name, uint16_t type) {
  const auto parsed = nearmiss::to_name(name);
  // What is no name cannot be judged, so it is kept out of the caches.
  return !parsed || core->policy->config->policy.covers(*parsed, type);
}

bool nm_blocks(const nm_core* core, const nm_lookup* lookup) {
  try {
    return nearmiss::decide_lookup(core->policy->config->policy, *lookup, EventLog::Clock::now())
        .verdict.enforced;
  } catch (const std::exception&) {
    return true; // nm_judge says so to the admin
  }
}

nm_outcome nm_judge(nm_core* core, const nm_lookup* lookup, int failed_rcode, nm_answer* answer) {
  try {
    const Published& policy = *core->policy;
    const auto now = EventLog::Clock::now();
    const Decision decision = nearmiss::decide_lookup(policy.config->policy, *lookup, now);
    const nearmiss::Verdict& verdict = decision.verdict;
    if (!verdict.noteworthy()) {
      return NM_LET_THROUGH;
    }
    const std::string intended = nearmiss::intended_by(decision);
    int rcode = failed_rcode != 0 ? failed_rcode : -1;
    const nearmiss::ClientAddress* resolved_ip = nullptr;
    if (verdict.enforced) {
      answer->packet_len = policy.answers.write(verdict, {lookup->qname.wire, lookup->qname.len},
                                                lookup->qtype, answer->packet);
      const std::string text = intended.empty() ? "blocked by rule " + verdict.rule->id
                                                : "did you mean " + intended + "?";
      answer->ede_text_len = text.copy(answer->ede_text, sizeof(answer->ede_text));
      if (failed_rcode == 0) {
        rcode = static_cast<int>(rcode_for(verdict));
        resolved_ip = policy.answers.resolved_ip(verdict, lookup->qtype);
      }
    }
    core->events.attempt({.verdict = verdict,
                          .matched_by = decision.matched_by,
                          .qname = decision.qname,
                          .intended = intended,
                          .qtype = lookup->qtype,
                          .id = lookup->id,
                          .client = decision.client.address,
                          .client_port = decision.client.port,
                          .tcp = lookup->tcp,
                          .rcode = rcode,
                          .resolved_ip = resolved_ip},
                         policy.events, now);
    return verdict.enforced ? NM_BLOCKED : NM_LET_THROUGH;
  } catch (const std::exception& e) {
    core->log(true, e.what());
    return NM_FAILED;
  }
}
