#include "contrib/logs/summary.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace nearmiss::logs {

namespace {

// Each a whole number of times the one before, so that bins can be joined.
constexpr std::array<Instant, 10> steps{one_minute,   5 * one_minute, 15 * one_minute, one_hour,
                                        3 * one_hour, 6 * one_hour,   12 * one_hour,   one_day,
                                        7 * one_day,  28 * one_day};

Instant next_step(Instant width) {
  const auto* const step = std::ranges::upper_bound(steps, width);
  return step == steps.end() ? 2 * width : *step;
}

Instant start_of_bin(Instant time, Instant width) {
  const Instant rest = time % width;
  return time - (rest < 0 ? rest + width : rest);
}

void add_attempt(Tally& tally, const Attempt& attempt) {
  tally.first = tally.attempts == 0 ? attempt.first : std::min(tally.first, attempt.first);
  tally.last = tally.attempts == 0 ? attempt.last : std::max(tally.last, attempt.last);
  ++tally.attempts;
  tally.lookups += attempt.lookups;
  tally.let_through += attempt.outcome == Outcome::let_through ? 1 : 0;
}

std::uint64_t hash_of(std::string_view domain) {
  return std::hash<std::string_view>()(domain);
}

} // namespace

bool more(const Tally& a, const Tally& b) {
  return std::pair(a.attempts, a.lookups) > std::pair(b.attempts, b.lookups);
}

void Timeline::add(Instant time, bool let_through) {
  Bin& bin = bins_[start_of_bin(time, width_)];
  ++(let_through ? bin.let_through : bin.stopped);
  while (bins_.size() > most_bins) {
    widen();
  }
}

void Timeline::widen() {
  width_ = next_step(width_);
  bins_ = bins(width_);
}

Instant Timeline::width_for(std::size_t bins) const {
  Instant width = width_;
  if (bins_.empty()) {
    return width;
  }
  const auto count = [&] {
    return static_cast<std::size_t>(
        (start_of_bin(bins_.rbegin()->first, width) - start_of_bin(bins_.begin()->first, width)) /
            width +
        1);
  };
  while (count() > bins) {
    width = next_step(width);
  }
  return width;
}

std::map<Instant, Timeline::Bin> Timeline::bins(Instant width) const {
  std::map<Instant, Bin> joined;
  for (const auto& [start, bin] : bins_) {
    Bin& wide = joined[start_of_bin(start, width)];
    wide.stopped += bin.stopped;
    wide.let_through += bin.let_through;
  }
  return joined;
}

bool Filter::admits(const Event& lookup) const noexcept {
  const auto below = [&] {
    const std::string_view name = lookup.qname;
    return name == domain || (name.size() > domain.size() && name.ends_with(domain) &&
                              name[name.size() - domain.size() - 1] == '.');
  };
  return (client.empty() || lookup.client == client) && (rule.empty() || lookup.rule == rule) &&
         (resolver.empty() || lookup.resolver == resolver) && (domain.empty() || below());
}

std::string Filter::text() const {
  std::string all;
  const auto add = [&](std::string_view what, std::string_view value) {
    if (!value.empty()) {
      all.append(all.empty() ? "" : ", ").append(what).append(" ").append(value);
    }
  };
  add("client", client);
  add("domain", domain);
  add("rule", rule);
  add("resolver", resolver);
  if (outcome) {
    add("outcome", to_string(*outcome));
  }
  return all;
}

Summary::Summary(Period of, Instant window, std::size_t kept_attempts, Filter only)
    : period(of), filter(std::move(only)),
      grouping_(window, [this](const Attempt& attempt) { end(attempt); }),
      kept_attempts_(kept_attempts) {}

void Summary::add(const Event& event) {
  if (sequence.add(event.run(), event.sequence, event.time) == Sequence::Place::duplicate) {
    ++duplicates;
    return;
  }
  if (event.events_lost > 0) {
    sequence.add_told_lost(event.run(), event.events_lost);
  }
  if (period.contains(event.time)) {
    add_resolver(event);
  }
  if (event.is_lookup()) {
    if (filter.admits(event)) {
      add_lookup(event);
    }
  } else if (period.contains(event.time)) {
    add_notice(event);
  }
}

void Summary::add_resolver(const Event& event) {
  last_event_ = std::max(last_event_, event.time);
  if (event.resolver.empty()) {
    return;
  }
  Resolver& resolver = resolvers.add(event.resolver);
  resolver.first = resolver.events == 0 ? event.time : std::min(resolver.first, event.time);
  resolver.last = resolver.events == 0 ? event.time : std::max(resolver.last, event.time);
  ++resolver.events;
  resolver.lookups += event.is_lookup() ? 1 : 0;
  if (event.version != resolver.version) {
    resolver.version = event.version;
  }
  if (!event.policy_version.empty() && event.policy_version != resolver.policy) {
    resolver.policy = event.policy_version;
  }
}

Summary::Pairs Summary::let_through() const {
  auto through = pairs.top(pairs.size(), [](const Pair& a, const Pair& b) {
    return std::pair(a.let_through, a.attempts) > std::pair(b.let_through, b.attempts);
  });
  std::erase_if(through, [](const auto& pair) { return pair.second->value.let_through == 0; });
  return through;
}

std::string Summary::usual_policy() const {
  std::map<std::string_view, std::size_t> counts;
  for (const auto& [name, entry] : resolvers.entries()) {
    ++counts[entry.value.policy];
  }
  counts.erase("");
  const auto most =
      std::ranges::max_element(counts, {}, [](const auto& one) { return one.second; });
  return most == counts.end() ? std::string() : std::string(most->first);
}

bool Summary::is_silent(const Resolver& resolver) const noexcept {
  return last_event_ - resolver.last > one_day;
}

void Summary::add_lookup(const Event& event) {
  if (event.time < period.since) {
    ++lookups_before_;
    if (before_.size() < most_domains_before) {
      before_.insert(hash_of(Attempts::domain_of(event)));
    } else {
      before_full_ = true;
    }
    return;
  }
  if (event.time >= period.until) {
    ++lookups_after_;
    return;
  }
  ++lookups;
  first = std::min(first.value_or(event.time), event.time);
  last = std::max(last.value_or(event.time), event.time);
  const auto type = types.find(event.qtype);
  if (type != types.end()) {
    ++type->second;
  } else {
    ++types[types.size() < most_types ? std::string(event.qtype) : "other"];
  }
  grouping_.add(event);
}

void Summary::add_notice(const Event& event) {
  if (event.action == "mail-client-discovered") {
    if (event.client_group.empty() && !event.client.empty()) {
      Discovered& client = discovered.add(event.client);
      client.first = client.events == 0 ? event.time : std::min(client.first, event.time);
      client.last = std::max(client.last, event.time);
      client.name = event.qname;
      ++client.events;
    }
    return;
  }
  events_lost += event.events_lost;
  notices.push_back(
      {event.time, std::string(event.action), std::string(event.message), event.failed()});
  if (notices.size() > most_notices) {
    notices.pop_front();
    ++notices_left_out;
  }
}

void Summary::finish() {
  grouping_.finish();
}

void Summary::end(const Attempt& attempt) {
  if (filter.outcome && *filter.outcome != attempt.outcome) {
    return;
  }
  const bool let_through = attempt.outcome == Outcome::let_through;
  ++attempts;
  ++outcomes[static_cast<std::size_t>(attempt.outcome)];
  timeline.add(attempt.first, let_through);

  Tally& client = clients.add(attempt.client);
  add_attempt(client, attempt);
  client.client_group = attempt.client_group;
  Tally& domain = domains.add(attempt.domain);
  add_attempt(domain, attempt);
  domain.intended = attempt.intended;
  domain.confusable_class = attempt.confusable_class;
  domain.rule = attempt.rule;
  if (!attempt.intended.empty()) {
    add_attempt(intended.add(attempt.intended), attempt);
  }
  if (!attempt.confusable_class.empty()) {
    add_attempt(classes.add(attempt.confusable_class), attempt);
  }
  if (!attempt.rule.empty()) {
    add_attempt(rules.add(attempt.rule), attempt);
  }

  Pair& pair = pairs.add(attempt.client + ' ' + attempt.domain);
  if (pair.attempts == 0) {
    pair.client = attempt.client;
    pair.domain = attempt.domain;
  }
  if (pair.queued && attempt.first - pair.last < 5 * one_day) {
    ++pair.retries;
    pair.rhythm.pause();
  } else {
    pair.rhythm.add(attempt.first);
  }
  add_attempt(pair, attempt);
  pair.queued = attempt.outcome == Outcome::queued;
  pair.intended = attempt.intended;

  latest.push_back(attempt);
  if (latest.size() > kept_attempts_) {
    latest.pop_front();
  }
}

std::optional<bool> Summary::is_new(std::string_view domain) const {
  return knows_before() ? std::optional(!before_.contains(hash_of(domain))) : std::nullopt;
}

std::vector<std::pair<std::string_view, const Tally*>> Summary::new_domains() const {
  std::vector<std::pair<std::string_view, const Tally*>> fresh;
  for (const auto& [domain, entry] : domains.entries()) {
    if (is_new(domain) == true) {
      fresh.emplace_back(domain, &entry.value);
    }
  }
  std::ranges::sort(fresh, {},
                    [](const auto& one) { return std::pair(one.second->first, one.first); });
  return fresh;
}

Fanout Summary::fanout() const {
  Fanout counts;
  for (const auto& [key, entry] : pairs.entries()) {
    ++counts.domains_of_client[entry.value.client];
    ++counts.clients_of_domain[entry.value.domain];
  }
  for (const auto& [domain, entry] : domains.entries()) {
    ++counts.domains_of_intended[entry.value.intended];
  }
  return counts;
}

std::vector<Sequence::Gap> Summary::gaps() const {
  std::vector<Sequence::Gap> all;
  for (const auto& [id, run] : sequence.runs()) {
    for (const auto& [to, gap] : run.gaps) {
      if (period.contains(gap.time)) {
        all.push_back(gap);
      }
    }
  }
  std::ranges::sort(all, {}, [](const Sequence::Gap& gap) { return std::pair(gap.time, gap.to); });
  return all;
}

} // namespace nearmiss::logs
