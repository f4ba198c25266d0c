// Delivery attempts: what one message, or one try of its queue, made of lookups.
//
// A mail server asks for MX, A and AAAA, of several names below the domain, and again when an
// answer is slow; all of that is one attempt. An attempt is all lookups
//   - of one client, for one domain: the registrable domain of the asked name, or the listed name
//     where the asked one has no registrable domain;
//   - each within `window` of the one before. The default, 5 minutes, is the least time that a
//     queue waits before it tries again (Postfix's minimal_backoff_time; Exim and OpenSMTPD wait
//     longer), so a try of a message that waits is an attempt of its own; and at most 12 windows
//     in all, so that a client that never stops asking is seen to do so.
// Lookups that come out of order by less than the window find their attempt.
//
// The likely outcome for the sender rests on what mail servers do with each answer (RFC 5321
// section 5.1, RFC 7505), not on anything seen of the message itself.
#pragma once

#include "contrib/logs/event.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

namespace nearmiss::logs {

// In the order of what an analyst wants to know first; of several lookups the first one counts.
enum class Outcome : std::uint8_t {
  let_through, // observe, tcp-only: the message goes wherever the real answer says
  queued,      // refused, servfail, drop: the sender's queue keeps it and tries again for days
  sinkhole,    // sinkhole, local-data: it goes to a host of the policy's, which decides
  bounced,     // nxdomain, nodata, null-mx: back to the sender at once
};
inline constexpr std::size_t outcome_count = 4;
// "let through", "queued", ...
std::string_view to_string(Outcome outcome) noexcept;
// A sentence for the report.
std::string_view meaning(Outcome outcome) noexcept;
// What one lookup's answer leads to.
Outcome outcome_of(const Event& lookup) noexcept;

struct Attempt {
  std::string client, domain;
  std::string intended; // the registrable domain that was meant; empty if not known
  std::string confusable_class, rule, client_group;
  Instant first = 0, last = 0;
  std::uint32_t lookups = 0;
  Outcome outcome = Outcome::bounced;
  std::array<std::string, 6> types; // those asked for, in order; the rest empty
};

// Not safe for use by several threads.
class Attempts {
 public:
  static constexpr Instant default_window = 5 * one_minute;
  static constexpr int most_windows = 12;
  static constexpr std::size_t most_open = 131072; // beyond it the one idle longest ends early

  // `ended` gets each attempt when it is over, not in the order of their first lookups.
  Attempts(Instant window, std::function<void(const Attempt&)> ended);

  void add(const Event& lookup);
  void finish(); // no more lookups come

  // The domain whose attempt the lookup belongs to. Points into the event.
  static std::string_view domain_of(const Event& lookup) noexcept;

 private:
  void end(std::list<Attempt>::iterator attempt);

  Instant window_;
  std::function<void(const Attempt&)> ended_;
  std::list<Attempt> open_; // the one idle longest first
  std::unordered_map<std::string, std::list<Attempt>::iterator> index_; // by client and domain
  std::string key_;
  Instant now_; // the latest lookup's time
};

} // namespace nearmiss::logs
