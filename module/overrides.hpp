// What an admin has switched for a while, whatever the policy file says: the mode, and names that
// are let through. `nearmiss observe`, `enforce` and `allow` set it; it outlives reloads and, in a
// file (reload/state_file.hpp), the process.
//
// An allowed name is let through as by a rule with `action: allow` and `domains: [name]`, above the
// policy's own rules: it beats every rule for the name and what is below it, look-alikes, MX hosts
// and addresses too, but a block of a more specific name stays.
//
// Overrides decide what a client gets, never what the caches may hold: a name that a rule matches
// stays out of them while it is let through, so nothing can leak when the override ends. Each ends
// by itself where a lookup is decided, at the very second and without any thread's help.
#pragma once

#include "rules/policy.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nearmiss {

struct ModeOverride {
  using Time = std::chrono::system_clock::time_point;
  bool enforcing = true; // else observing
  Time since;
  std::optional<Time> until; // absent: until it is taken back
  friend bool operator==(const ModeOverride&, const ModeOverride&) = default;
};

struct AllowedName {
  using Time = ModeOverride::Time;
  Name name;                // and everything below it
  std::string client_group; // empty: every client
  std::string ticket;       // as the admin gave it; may be empty
  Time since, until;
  friend bool operator==(const AllowedName&, const AllowedName&) = default;
};

struct Overrides {
  using Time = ModeOverride::Time;
  static constexpr std::size_t max_allowed = 64;
  static constexpr std::size_t max_ticket = 64; // octets
  static constexpr std::chrono::hours max_duration{24 * 31};

  std::optional<ModeOverride> mode;
  std::vector<AllowedName> allowed; // one for each name and group

  bool empty() const noexcept { return !mode && allowed.empty(); }
  // When the next one ends by itself; Time::max(): none does.
  Time next_end() const noexcept;
  // Takes out those that have ended, and returns them.
  Overrides take_ended(Time now);
  friend bool operator==(const Overrides&, const Overrides&) = default;
};

// The text of the state file, one line, and back. nullopt: not such a text; `problem` says why.
std::string to_text(const Overrides& overrides);
std::optional<Overrides> overrides_from_text(std::string_view text, std::string& problem);

// The overrides of one policy. Immutable; any thread.
class ActiveOverrides {
 public:
  using Time = Overrides::Time;
  explicit ActiveOverrides(Overrides overrides) : overrides_(std::move(overrides)) {}

  const Overrides& overrides() const noexcept { return overrides_; }
  // The mode in force.
  bool enforcing(const Policy& policy, Time now) const noexcept;
  // Makes the policy's verdict on that name and client the one in force. No lock, no allocation.
  void apply(Verdict& verdict, const Policy& policy, const Name& name, const ClientAddress& client,
             Time now) const noexcept;
  // The same for a verdict on what an answer holds: of a name that is let through none is asked.
  void apply_mode(Verdict& verdict, const Policy& policy, Time now) const noexcept;

 private:
  // The most specific allowed name at or above `name`; null: none.
  const AllowedName* allowing(const Policy& policy, const Name& name, const ClientAddress& client,
                              Time now) const noexcept;

  Overrides overrides_;
};

} // namespace nearmiss
