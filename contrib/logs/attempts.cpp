#include "contrib/logs/attempts.hpp"

#include <algorithm>
#include <limits>

#include <libpsl.h>

namespace nearmiss::logs {

namespace {

std::string registrable(std::string_view name) {
  std::string text(name);
  const char* domain = psl_registrable_domain(psl_builtin(), text.c_str());
  return domain == nullptr ? text : domain;
}

std::string key_of(std::string_view client, std::string_view domain) {
  std::string key;
  key.append(client).append(" ").append(domain);
  return key;
}

void set_if_empty(std::string& text, std::string_view value) {
  if (text.empty() && !value.empty()) {
    text = value;
  }
}

void add_type(Attempt& attempt, std::string_view type) {
  for (std::string& known : attempt.types) {
    if (known == type) {
      return;
    }
    if (known.empty()) {
      known = type;
      return;
    }
  }
}

} // namespace

std::string_view to_string(Outcome outcome) noexcept {
  switch (outcome) {
  case Outcome::let_through:
    return "let through";
  case Outcome::queued:
    return "queued";
  case Outcome::sinkhole:
    return "sinkhole";
  case Outcome::bounced:
    return "bounced";
  }
  return {};
}

std::string_view meaning(Outcome outcome) noexcept {
  switch (outcome) {
  case Outcome::let_through:
    return "not stopped: it went wherever the real answer said";
  case Outcome::queued:
    return "the sender's queue tries again, often for days";
  case Outcome::sinkhole:
    return "the sinkhole decides what the sender reads";
  case Outcome::bounced:
    return "the sender gets it back at once";
  }
  return {};
}

Outcome outcome_of(const Event& lookup) noexcept {
  // A truncated answer over UDP makes the client ask again over TCP, where it is let through.
  if (!lookup.enforced || lookup.action == "tcp-only") {
    return Outcome::let_through;
  }
  if (lookup.action == "refused" || lookup.action == "servfail" || lookup.action == "drop") {
    return Outcome::queued;
  }
  return lookup.action == "sinkhole" || lookup.action == "local-data" ? Outcome::sinkhole
                                                                      : Outcome::bounced;
}

Attempts::Attempts(Instant window, std::function<void(const Attempt&)> ended)
    : window_(window), ended_(std::move(ended)), now_(std::numeric_limits<Instant>::min()) {}

std::string_view Attempts::domain_of(const Event& lookup) noexcept {
  if (!lookup.registered.empty()) {
    return lookup.registered;
  }
  const bool by_name = lookup.matched_by.empty() || lookup.matched_by == "qname";
  return by_name && !lookup.matched_name.empty() ? lookup.matched_name : lookup.qname;
}

void Attempts::add(const Event& lookup) {
  const std::string_view domain = domain_of(lookup);
  key_.assign(lookup.client).append(" ").append(domain);
  auto found = index_.find(key_);
  if (found != index_.end()) {
    const Attempt& attempt = *found->second;
    if (lookup.time > attempt.last + window_ || lookup.time < attempt.first - window_ ||
        lookup.time > attempt.first + most_windows * window_) {
      end(found->second);
      found = index_.end();
    }
  }
  if (found == index_.end()) {
    Attempt attempt;
    attempt.client = lookup.client;
    attempt.domain = domain;
    attempt.first = attempt.last = lookup.time;
    open_.push_back(std::move(attempt));
    found = index_.emplace(key_, std::prev(open_.end())).first;
  } else {
    open_.splice(open_.end(), open_, found->second);
  }
  Attempt& attempt = *found->second;
  attempt.first = std::min(attempt.first, lookup.time);
  attempt.last = std::max(attempt.last, lookup.time);
  attempt.outcome =
      attempt.lookups == 0 ? outcome_of(lookup) : std::min(attempt.outcome, outcome_of(lookup));
  ++attempt.lookups;
  add_type(attempt, lookup.qtype);
  set_if_empty(attempt.confusable_class, lookup.confusable_class);
  set_if_empty(attempt.rule, lookup.rule);
  set_if_empty(attempt.client_group, lookup.client_group);
  if (attempt.intended.empty() && !lookup.intended.empty()) {
    attempt.intended = registrable(lookup.intended);
  }

  // Twice the window behind the latest lookup nothing that is a little late can belong to it.
  now_ = std::max(now_, lookup.time);
  while (!open_.empty() && (open_.size() > most_open || open_.front().last < now_ - 2 * window_)) {
    end(open_.begin());
  }
}

void Attempts::finish() {
  while (!open_.empty()) {
    end(open_.begin());
  }
}

void Attempts::end(std::list<Attempt>::iterator attempt) {
  ended_(*attempt);
  index_.erase(key_of(attempt->client, attempt->domain));
  open_.erase(attempt);
}

} // namespace nearmiss::logs
