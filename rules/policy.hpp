// The policy: which lookups are blocked, for whom, and why.
//
// A Policy is a list of rules over an index of names. It is immutable once built, so any number of
// threads may ask it at the same time; it knows neither Unbound nor YAML nor a log.
//
// How a verdict is found. Each rule that lists the asked name or one of its ancestors is a
// candidate. It stays one if it matches the client's groups and the type, has not expired, and does
// not except the name. Of those left:
//   1. the most specific listed name wins (the one with most labels);
//   2. at the same name `allow` beats a block, then the earlier rule wins;
//   3. `observe` never weakens a block: it speaks only where no enforcing rule matched.
// Inside one rule the most specific of its names and exceptions wins; at the same name the
// exception.
#pragma once

#include "rules/action.hpp"
#include "rules/client.hpp"
#include "rules/name.hpp"
#include "rules/name_index.hpp"
#include "rules/rule.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace nearmiss {

// One lookup as a client asked it.
struct Query {
  const Name& name;
  std::uint16_t type = 0; // RR type, host order
  ClientAddress client;
  std::chrono::sys_days today; // for `expires`, UTC
};

// What the policy says about one lookup. A value: it carries what matched, so that nothing has to
// be worked out again for the answer or the event. Points into its Policy and must not outlive it.
struct Verdict {
  const Rule* rule = nullptr; // null: no rule matched
  Action action = Action::allow;
  bool enforced = false; // the client must not see the real answer
  Name matched;          // the listed name that matched: the asked name or an ancestor
  // The client group through which the rule applies; null where the rule is for every client.
  const std::string* client_group = nullptr;

  // True if an event must be written: everything but "no rule" and `allow`.
  bool noteworthy() const noexcept { return rule != nullptr && action != Action::allow; }
};

// A rule that listed the name but did not decide, for `explain`.
struct Runner {
  const Rule* rule = nullptr;
  Name matched;
  enum class Lost {
    less_specific,
    allow_wins,
    earlier_rule,
    observe_yields,
    client,
    type,
    expired,
    excepted
  } why = Lost::less_specific;
};

class Policy {
 public:
  // No rules, no names. PolicyBuilder makes the others. Moved, not copied; a move leaves pointers
  // into the policy (those of a Verdict) valid, and an empty policy behind.
  Policy() = default;

  // Could any client's lookup of this name and type draw a block or an event? False for every name
  // that no rule lists: those are left to the host untouched. May be true without need, never false
  // wrongly. No lock, no allocation; does not throw.
  bool covers(const Name& name, std::uint16_t type) const noexcept;

  // The verdict. No lock, no allocation; does not throw. Where !covers(name, type), it is not
  // noteworthy: no rule, or `allow`.
  Verdict decide(const Query& query) const noexcept;

  // As decide, and tells which other rules listed the name and why they lost. For people:
  // allocates.
  Verdict explain(const Query& query, std::vector<Runner>& lost) const;

  // The name the sender meant, as the deciding rule has it; empty text if it does not say.
  // For `confusable` the asked name with its mistyped suffix replaced, else the rule's `intended`.
  static std::string intended_for(const Verdict& verdict, const Name& asked);

  bool enforcing() const noexcept { return enforcing_; } // mode: enforce
  const std::vector<Rule>& rules() const noexcept { return rules_; }
  // Listed names, each counted once; exceptions not counted.
  std::size_t name_count() const noexcept { return index_.listed_names(); }
  const ClientGroups& clients() const noexcept { return groups_; }
  // Octets that the index of names holds on the heap.
  std::size_t index_memory() const noexcept { return index_.memory(); }

 private:
  friend class PolicyBuilder;

  std::vector<Rule> rules_;
  NameIndex index_;
  ClientGroups groups_;
  bool enforcing_ = true;
};

} // namespace nearmiss
