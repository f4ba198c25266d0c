// What a period's events come to: the model that every form of the report is made of.
//
// A Summary takes the events in the order of time and holds, however long the log is, bounded
// memory: lists of keys are Frequent (some 65,536 keys each), the timeline has at most
// `Timeline::most_bins` bins, of the attempts the latest are kept, of the domains before the period
// at most `most_domains_before`. Where a bound was met, the model says so.
#pragma once

#include "contrib/logs/attempts.hpp"
#include "contrib/logs/frequent.hpp"
#include "contrib/logs/rhythm.hpp"
#include "contrib/logs/sequence.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace nearmiss::logs {

struct Period {
  Instant since = std::numeric_limits<Instant>::min(); // the first instant in it
  Instant until = std::numeric_limits<Instant>::max(); // the first one after it
  bool contains(Instant time) const noexcept { return time >= since && time < until; }
};

// Which lookups a summary is of; empty: all. Gaps and what the module reports are of all events.
struct Filter {
  std::string client, rule, resolver;
  std::string domain; // the asked name, or what is below it
  std::optional<Outcome> outcome;

  bool admits(const Event& lookup) const noexcept; // whatever its outcome
  // "client 192.0.2.25, rule ours"; empty: it admits all.
  std::string text() const;
};

// A host that wrote events.
struct Resolver {
  std::uint64_t events = 0, lookups = 0;
  Instant first = 0, last = 0;
  std::string version, policy; // as last seen; `policy`: the digest
};

// What a list says about one key.
struct Tally {
  std::uint64_t attempts = 0, lookups = 0, let_through = 0;
  Instant first = 0, last = 0;
  // Of a domain: what was meant, the class and the rule; of a client: its group. As last seen.
  std::string intended, confusable_class, rule, client_group;
};
bool more(const Tally& a, const Tally& b); // by attempts, then lookups

// Who sends where: the attempts of one client for one domain, and their rhythm.
struct Pair : Tally {
  std::string client, domain;
  bool queued = false;       // the last attempt's message waits in the sender's queue
  std::uint64_t retries = 0; // attempts within five days after one that left it waiting
  Rhythm rhythm;             // of those that are no retry
};

// How many of one go with each of another, of the pairs that are held.
struct Fanout {
  using Counts = std::unordered_map<std::string_view, std::size_t>;
  Counts domains_of_client, clients_of_domain, domains_of_intended;
};

// A mail server that no client group holds: it asked for MX and drew no verdict.
struct Discovered {
  std::uint64_t events = 0;
  Instant first = 0, last = 0;
  std::string name; // asked last
};

// Attempts by the time of their first lookup, in bins that grow with the period.
class Timeline {
 public:
  static constexpr std::size_t most_bins = 2000;
  struct Bin {
    std::uint64_t stopped = 0, let_through = 0;
  };
  void add(Instant time, bool let_through);
  // Seconds a bin: the least one of a clock's steps (1 min, 5 min, ... 1 day, 4 weeks) that makes
  // at most `bins` bins of what was added.
  Instant width_for(std::size_t bins) const;
  // By their starts, in bins of `width`, one of width_for()'s; those without attempts are left out.
  std::map<Instant, Bin> bins(Instant width) const;

 private:
  void widen();

  Instant width_ = one_minute;
  std::map<Instant, Bin> bins_; // by their starts
};

// What the module told of itself.
struct Notice {
  Instant time = 0;
  std::string action, message;
  bool failure = false;
};

class Summary {
 public:
  static constexpr std::size_t most_domains_before = 2'000'000;
  static constexpr std::size_t most_notices = 200;
  static constexpr std::size_t most_types = 1000;

  // Keeps the latest `kept_attempts`.
  Summary(Period period, Instant window, std::size_t kept_attempts, Filter filter = {});
  ~Summary() = default;
  Summary(const Summary&) = delete;
  Summary& operator=(const Summary&) = delete;

  void add(const Event& event);
  void finish();

  Period period;
  Filter filter;
  std::optional<Instant> first, last; // of the lookups in the period
  std::uint64_t lookups = 0, attempts = 0;
  std::array<std::uint64_t, outcome_count> outcomes{}; // attempts, by Outcome
  Frequent<Tally> clients, domains, intended, classes, rules;
  Frequent<Pair> pairs;
  std::map<std::string, std::uint64_t, std::less<>> types; // lookups
  Timeline timeline;
  std::deque<Attempt> latest; // by their ends, oldest first
  Frequent<Discovered> discovered;
  Frequent<Resolver> resolvers; // of all events in the period, whatever the filter
  std::deque<Notice> notices;   // the latest
  std::uint64_t notices_left_out = 0;
  std::uint64_t events_lost = 0; // told by events-lost events
  std::uint64_t duplicates = 0;  // events that had been there, counted once
  Sequence sequence;             // of all events, those outside the period too

  // Was the domain not asked for before the period? Empty if nothing is known of the time before.
  std::optional<bool> is_new(std::string_view domain) const;
  // Before the period or after it.
  std::uint64_t lookups_outside() const noexcept { return lookups_before_ + lookups_after_; }
  bool knows_before() const noexcept { return lookups_before_ > 0 && !before_full_; }
  bool before_full() const noexcept { return before_full_; } // over `most_domains_before`
  // Those that are new, by their first attempts.
  std::vector<std::pair<std::string_view, const Tally*>> new_domains() const;
  // Valid until the next add().
  Fanout fanout() const;
  // Who sent where and was let through, those most often first. Valid until the next add().
  using Pairs = std::vector<std::pair<std::string_view, const Frequent<Pair>::Entry*>>;
  Pairs let_through() const;
  // The policy that most resolvers have; empty if none is known.
  std::string usual_policy() const;
  // The resolver wrote nothing for a day before the last event of all.
  bool is_silent(const Resolver& resolver) const noexcept;
  // Gaps that the period's events show.
  std::vector<Sequence::Gap> gaps() const;

 private:
  void add_lookup(const Event& event);
  void add_notice(const Event& event);
  void add_resolver(const Event& event);
  void end(const Attempt& attempt);

  Attempts grouping_;
  std::size_t kept_attempts_;
  std::unordered_set<std::uint64_t> before_; // hashes of the domains asked for before the period
  std::uint64_t lookups_before_ = 0;
  std::uint64_t lookups_after_ = 0;
  bool before_full_ = false;
  Instant last_event_ = std::numeric_limits<Instant>::min();
};

} // namespace nearmiss::logs
