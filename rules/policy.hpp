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
//
// A rule may also list what an answer holds: the exchanges of an MX answer, or addresses
// (`answer_ip`). Such a rule matches whatever name the answer is for, unless it excepts that name.
// Between several the order above decides, the longer prefix being the more specific.
//
// A rule may protect domains instead of listing names. It matches every look-alike of them, and is
// less specific than any listed name: a block or an `allow` of a listed name, however far up, wins.
// Of several such rules the highest score wins, `observe` last of all. Rule 3 holds here too: a
// listed name that is only observed does not keep a look-alike from being blocked.
#pragma once

#include "rules/action.hpp"
#include "rules/address_index.hpp"
#include "rules/client.hpp"
#include "rules/lookalikes/lookalike.hpp"
#include "rules/name.hpp"
#include "rules/name_index.hpp"
#include "rules/rule.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nearmiss {

class Found; // what a search of the index found, in policy.cpp

// One lookup as a client asked it.
struct Query {
  const Name& name;
  std::uint16_t type = 0; // RR type, host order
  ClientAddress client;
  std::chrono::sys_days today; // for `expires`, UTC
  bool tcp = false;            // over TCP, TLS or HTTPS; else UDP
};

// What a name was found to look like.
struct Likeness {
  const Name* domain = nullptr; // the protected domain; null: no look-alike, but a listed name
  LookalikeClass kind = LookalikeClass::homoglyph;
  LookalikeScore score;
};

// What the policy says about one lookup. A value: it carries what matched, so that nothing has to
// be worked out again for the answer or the event. Points into its Policy and must not outlive it.
struct Verdict {
  const Rule* rule = nullptr;    // null: no rule matched
  Action action = Action::allow; // the rule's, but `allow` where its `tcp_only` lets TCP through
  bool enforced = false;         // the client must not see the real answer
  // A rule of action `allow` settled the name, wherever it leads; `rule` may be one that observes.
  bool allowed = false;
  // The asked name or an ancestor: the listed name that matched, or the part that was judged to be
  // a look-alike ("arrny.mil" of mail.arrny.mil).
  Name matched;
  bool wildcard = false; // the rule lists what is below `matched` alone (`*.x` of an rpz list)
  Likeness likeness;
  // The client group through which the rule applies; null where the rule is for every client.
  const std::string* client_group = nullptr;

  // How the name is confused with the one that was meant, as in "tld-swap"; empty if not known.
  std::string_view confusable_class() const noexcept;

  // True if an event must be written: everything but "no rule" and `allow`.
  bool noteworthy() const noexcept { return rule != nullptr && action != Action::allow; }
};

// A rule that matched the name but did not decide, for `explain`.
struct Runner {
  const Rule* rule = nullptr;
  Name matched;
  Likeness likeness;
  enum class Lost {
    less_specific,
    allow_wins,
    earlier_rule,
    observe_yields,
    client,
    type,
    expired,
    excepted,
    listed_name_wins,   // over a look-alike
    likelier_lookalike, // another rule's score is higher, or as high and its domain comes earlier
  } why = Lost::less_specific;
};

class Policy {
 public:
  // No rules, no names. PolicyBuilder makes the others. Moved, not copied; a move leaves pointers
  // into the policy (those of a Verdict) valid, and an empty policy behind.
  Policy() = default;

  // Could any client's lookup of this name and type draw a block or an event? False for every name
  // that no rule lists or takes for a look-alike: those are left to the host untouched. May be true
  // without need, never false wrongly. No lock, does not throw. No allocation, except where domains
  // are protected and the name has an A-label (xn--), which ICU decodes.
  bool covers(const Name& name, std::uint16_t type) const noexcept;
  // Is covers(name, type) true for any type?
  bool covers_some_type(const Name& name) const noexcept;
  // Could that, or covers_exchange(), be true for any name below this one?
  bool covers_below(const Name& name) const noexcept;

  // The verdict. Locks, allocates and throws as little as covers(). Where !covers(name, type), it
  // is not noteworthy: no rule, or `allow`.
  Verdict decide(const Query& query) const noexcept;

  // False: no rule has the action `drop`.
  bool may_drop() const noexcept { return may_drop_; }

  // Could a rule on MX exchanges, or on addresses, match this one for any client? For an answer to
  // whatever name. As cheap as covers().
  bool covers_exchange(const Name& exchange) const noexcept;
  bool covers_address(const ClientAddress& address) const noexcept;
  bool has_address_rules() const noexcept { return !addresses_.empty(); }

  // What those rules say where an answer to the query holds this exchange or address. The verdict's
  // `matched` is the listed name of the exchange, or empty (the root) for an address.
  Verdict decide_exchange(const Query& query, const Name& exchange) const noexcept;
  Verdict decide_address(const Query& query, const ClientAddress& address) const noexcept;

  // As decide, and tells which other rules matched the name and why they lost. For people:
  // allocates.
  Verdict explain(const Query& query, std::vector<Runner>& lost) const;

  // The name the sender meant, as the deciding rule has it; empty text if it does not say.
  // For a look-alike the protected domain; for `confusable` the asked name with its mistyped suffix
  // replaced; else the rule's `intended`.
  static std::string intended_for(const Verdict& verdict, const Name& asked);

  bool enforcing() const noexcept { return enforcing_; } // mode: enforce
  const std::vector<Rule>& rules() const noexcept { return rules_; }
  // Rules as the policy's author counts them: without variants.
  std::size_t rule_count() const noexcept;
  // Listed names, each counted once; exceptions not counted.
  std::size_t name_count() const noexcept { return index_.listed_names(); }
  // How often a name came again for the rule of this index.
  std::size_t repeated_names(std::size_t rule) const noexcept {
    return index_.repeated(static_cast<std::uint32_t>(rule));
  }
  // Calls `visit(name)` for each of them and for every excepted name, in no order.
  template<typename Visit> void for_each_name(Visit visit) const { index_.for_each(visit); }
  // What rules on answers list.
  std::size_t exchange_count() const noexcept { return exchanges_.listed_names(); }
  std::size_t address_count() const noexcept { return addresses_.size(); }
  std::span<const Protected> protected_domains() const noexcept {
    return lookalikes_ ? lookalikes_->domains() : std::span<const Protected>();
  }
  // What the name is nearest to by a slip of the fingers, whether that makes it a look-alike or
  // not, and whether it is one of the known names: why it passes, for people.
  std::optional<Lookalike> nearest_slip(const Name& name) const noexcept {
    return lookalikes_ ? lookalikes_->nearest(name) : std::nullopt;
  }
  bool knows(const Name& name) const noexcept { return lookalikes_ && lookalikes_->knows(name); }
  std::size_t protected_count() const noexcept {
    return lookalikes_ ? lookalikes_->domains().size() : 0;
  }
  const ClientGroups& clients() const noexcept { return groups_; }
  // Octets that the index of names holds on the heap.
  std::size_t index_memory() const noexcept { return index_.memory(); }

 private:
  friend class PolicyBuilder;

  bool covers(const Name& name, const Found& found, TypeSet types) const noexcept; // any of those
  Likeness likeness_of(const Lookalike& found) const noexcept;
  // Makes the verdict that of the rule; null: leaves it alone.
  void rule_on(Verdict& verdict, const Rule* rule, GroupSet groups, bool tcp) const noexcept;

  std::vector<Rule> rules_;
  NameIndex index_;
  NameIndex exchanges_;
  AddressIndex addresses_;
  std::unique_ptr<const LookalikeIndex> lookalikes_; // null: no domain is protected
  std::vector<std::uint32_t> protecting_;            // rules that protect a domain, sorted
  ClientGroups groups_;
  bool enforcing_ = true;
  bool may_drop_ = false;
};

} // namespace nearmiss
