#include "rules/policy.hpp"

#include <algorithm>
#include <bit>
#include <functional>

namespace nearmiss {

using Match = NameIndex::Matches::Match;

// What the search for one asked name found, and how the marks apply to that name.
class Found {
 public:
  Found(const NameIndex& index, const Name& asked) noexcept
      : index_(index), asked_depth_(asked.label_count()) {
    index.search(asked, matches_);
  }

  bool empty() const noexcept { return matches_.empty(); }
  const Match* begin() const noexcept { return matches_.begin(); }
  const Match* end() const noexcept { return matches_.end(); }
  MarkList marks(const Match& match) const noexcept { return index_.marks(match); }

  bool lists(const Match& match, const Mark& mark) const noexcept {
    return (applying(match, mark) & mark_subtree) != 0;
  }
  bool excepts(const Match& match, const Mark& mark) const noexcept {
    const std::uint32_t excepting = index_.excepting(mark.rule);
    const unsigned bits =
        excepting == mark.rule ? applying(match, mark) : bits_at(match, excepting);
    return (bits & mark_excepted) != 0;
  }

  // True if the rule of `mark` says the last word about the asked name at `match`, and lists it.
  bool speaks(const Match& match, const Mark& mark) const noexcept {
    return lists(match, mark) && !excepts(match, mark) && deeper(match, mark.rule) == 0;
  }

  // True if the rule, which matches something else than names, excepts the asked one.
  bool excepted_by(std::uint32_t rule) const noexcept {
    return bits_before(end(), index_.excepting(rule)) != 0;
  }

  // The bits that apply, of all marks of the rule that are more specific than `match`.
  unsigned deeper(const Match& match, std::uint32_t rule) const noexcept {
    const std::uint32_t excepting = index_.excepting(rule);
    const unsigned shared = excepting == rule ? 0 : bits_before(&match, excepting) & mark_excepted;
    return bits_before(&match, rule) | shared;
  }

 private:
  unsigned bits_before(const Match* stop, std::uint32_t rule) const noexcept {
    unsigned bits = 0;
    for (const Match* other = begin(); other != stop; ++other) {
      bits |= bits_at(*other, rule);
    }
    return bits;
  }

  unsigned bits_at(const Match& match, std::uint32_t rule) const noexcept {
    const MarkList list = marks(match);
    const auto mark = std::ranges::lower_bound(list, rule, {}, &Mark::rule);
    return mark != list.end() && mark->rule == rule ? applying(match, *mark) : 0;
  }

  unsigned applying(const Match& match, const Mark& mark) const noexcept {
    return mark.bits & ~unsigned{match.depth == asked_depth_ ? mark_below : mark_exact};
  }

  const NameIndex& index_;
  std::size_t asked_depth_;
  NameIndex::Matches matches_;
};

namespace {

struct Candidate {
  const Rule* rule = nullptr;
  std::size_t depth = 0;
  bool wildcard = false; // it lists what is below that name, and not the name
};

// What the rules come to that list a name, an exchange or an address.
struct Listed {
  Candidate won;        // no rule: none applies
  bool final = false;   // an enforcing rule spoke, so that look-alikes have lost
  bool allowed = false; // and that rule allows, though an `observe` below it may be what is told
};

// Rules enter from the most specific listed thing up, those at one depth in the policy's order.
class Contest {
 public:
  void enter(const Rule& rule, std::size_t depth, unsigned bits) noexcept {
    const Candidate candidate{&rule, depth, bits == mark_below};
    if (rule.action == Action::observe) {
      if (observing_.rule == nullptr) {
        observing_ = candidate;
      }
    } else if (enforcing_.rule == nullptr ||
               (rule.action == Action::allow && enforcing_.rule->action != Action::allow)) {
      enforcing_ = candidate;
    }
  }

  // To ask before going up to less specific ones: they have lost.
  bool over() const noexcept { return enforcing_.rule != nullptr; }

  Listed result() const noexcept {
    if (enforcing_.rule == nullptr) {
      return {observing_};
    }
    const bool observed_below = observing_.rule != nullptr && observing_.depth > enforcing_.depth;
    const bool allowed = enforcing_.rule->action == Action::allow;
    return {allowed && observed_below ? observing_ : enforcing_, true, allowed};
  }

 private:
  Candidate observing_; // the most specific, and of those the earliest
  Candidate enforcing_;
};

// Why a rule says nothing to a query, whatever it lists; nothing where it speaks.
std::optional<Runner::Lost> reason_idle(const Rule& rule, const Query& query,
                                        GroupSet groups) noexcept {
  if (rule.expires && *rule.expires < query.today) {
    return Runner::Lost::expired;
  }
  if (!rule.types.contains(query.type)) {
    return Runner::Lost::type;
  }
  if (!rule.every_client && (rule.groups & groups) == 0) {
    return Runner::Lost::client;
  }
  return std::nullopt;
}

bool applies_to(const Rule& rule, const Query& query, GroupSet groups) noexcept {
  return !reason_idle(rule, query, groups);
}

// The order of precedence, in one place: from the most specific matched name up, at each the rules
// in the policy's order. `judge.admits(rule index)` is asked first, since it costs least; the rules
// that say the last word about the asked name then `enter`. Ends where `judge.over()` after a name.
template<typename Judge>
void walk(const Found& found, const std::vector<Rule>& rules, Judge& judge) noexcept {
  for (const Match& match : found) {
    for (const Mark& mark : found.marks(match)) {
      if (judge.admits(mark.rule) && found.speaks(match, mark)) {
        judge.enter(rules[mark.rule], match.depth, mark.bits & mark_subtree);
      }
    }
    if (judge.over()) {
      return;
    }
  }
}

// What the rules say to one query; those for which `excepted(rule index)` holds stay out.
template<typename Excepted> class QueryContest : public Contest {
 public:
  QueryContest(const std::vector<Rule>& rules, const Query& query, GroupSet groups,
               Excepted excepted) noexcept
      : rules_(rules), query_(query), groups_(groups), excepted_(excepted) {}

  bool admits(std::uint32_t rule) const noexcept {
    return applies_to(rules_[rule], query_, groups_) && !excepted_(rule);
  }

 private:
  const std::vector<Rule>& rules_;
  const Query& query_;
  GroupSet groups_;
  Excepted excepted_;
};

template<typename Excepted>
Listed winner(const Found& found, const std::vector<Rule>& rules, const Query& query,
              GroupSet groups, Excepted excepted) noexcept {
  QueryContest contest(rules, query, groups, excepted);
  walk(found, rules, contest);
  return contest.result();
}

// What the rules may say to anybody: the types for which an `allow` that is for everybody has not
// yet settled it, and whether another rule speaks for one of those.
class Coverage {
 public:
  Coverage(const std::vector<Rule>& rules, TypeSet types) noexcept : rules_(rules), open_(types) {}

  bool admits(std::uint32_t rule) const noexcept { return rules_[rule].types.intersects(open_); }
  void enter(const Rule& rule, std::size_t, unsigned) noexcept {
    if (rule.action != Action::allow) {
      speaking_.add(rule.types);
    } else if (rule.every_client && !rule.expires) {
      allowed_.add(rule.types); // beats the others at this name
    }
  }
  bool over() noexcept {
    open_.remove(allowed_);
    covered_ = speaking_.intersects(open_);
    speaking_ = allowed_ = TypeSet();
    return covered_ || open_.empty();
  }

  bool covered() const noexcept { return covered_; }
  const TypeSet& open() const noexcept { return open_; }

 private:
  const std::vector<Rule>& rules_;
  TypeSet open_;
  TypeSet speaking_, allowed_; // of the name at hand
  bool covered_ = false;
};

bool no_exception(std::uint32_t) noexcept {
  return false;
}

// The best look-alike of those rules that apply to the query. One search where there is none.
std::optional<Lookalike> likeliest(const LookalikeIndex& lookalikes, const Found& found,
                                   const std::vector<Rule>& rules, const Query& query,
                                   GroupSet groups) noexcept {
  const auto applies = [&](std::uint32_t index) noexcept {
    return applies_to(rules[index], query, groups) && !found.excepted_by(index);
  };
  auto best = lookalikes.find(query.name, std::cref(applies));
  if (best && !blocks(rules[lookalikes.domains()[best->domain].rule].action)) {
    const auto applies_and_blocks = [&](std::uint32_t index) noexcept {
      return blocks(rules[index].action) && applies(index);
    };
    if (auto blocked = lookalikes.find(query.name, std::cref(applies_and_blocks))) {
      best = blocked;
    }
  }
  return best;
}

// Why a candidate that stayed one to the end lost against the one that decided.
Runner::Lost reason_lost(const Candidate& lost, const Candidate& won) noexcept {
  const bool yields = lost.rule->action == Action::observe && blocks(won.rule->action);
  if (yields) {
    return Runner::Lost::observe_yields;
  }
  if (lost.depth < won.depth) {
    return Runner::Lost::less_specific;
  }
  if (won.rule->action == Action::allow && lost.rule->action != Action::allow) {
    return Runner::Lost::allow_wins;
  }
  return Runner::Lost::earlier_rule;
}

} // namespace

std::string_view Verdict::confusable_class() const noexcept {
  if (likeness.domain != nullptr) {
    return to_string(likeness.kind);
  }
  return rule != nullptr ? std::string_view(rule->confusable_class) : std::string_view();
}

bool Policy::covers(const Name& name, std::uint16_t type) const noexcept {
  const Found found(index_, name);
  // A set of types costs as much as the search: it is not made for most names.
  return (!found.empty() || lookalikes_) && covers(name, found, TypeSet::only(type));
}

bool Policy::covers_some_type(const Name& name) const noexcept {
  const Found found(index_, name);
  return (!found.empty() || lookalikes_) && covers(name, found, TypeSet::all());
}

bool Policy::covers_below(const Name& name) const noexcept {
  if (index_.may_have_below(name) || exchanges_.may_have_below(name)) {
    return true;
  }
  // Nothing of it is listed by itself: what holds for any name below holds for this one.
  const std::optional<Name> below = Name::from_text("*")->with_suffix(Name(), name);
  return below && (covers_some_type(*below) || covers_exchange(*below));
}

bool Policy::covers(const Name& name, const Found& found, TypeSet types) const noexcept {
  if (!found.empty()) {
    Coverage coverage(rules_, types);
    walk(found, rules_, coverage);
    if (coverage.covered()) {
      return true;
    }
    types = coverage.open();
  }
  if (!lookalikes_ || types.empty()) {
    return false;
  }
  const auto applies = [&](std::uint32_t rule) noexcept {
    return rules_[rule].types.intersects(types) && !found.excepted_by(rule);
  };
  return lookalikes_->find(name, std::cref(applies)).has_value();
}

Likeness Policy::likeness_of(const Lookalike& found) const noexcept {
  return {&lookalikes_->domains()[found.domain].domain, found.kind, found.score};
}

Verdict Policy::decide(const Query& query) const noexcept {
  Verdict verdict;
  const Found found(index_, query.name);
  if (found.empty() && !lookalikes_) {
    return verdict;
  }
  const GroupSet groups = groups_.groups_of(query.client);
  const Listed listed = winner(found, rules_, query, groups, no_exception);
  const Rule* rule = listed.won.rule;
  verdict.allowed = listed.allowed;
  if (rule != nullptr) {
    verdict.matched = query.name.last_labels(listed.won.depth);
    verdict.wildcard = listed.won.wildcard;
  }
  if (lookalikes_ && !listed.final) {
    if (const auto lookalike = likeliest(*lookalikes_, found, rules_, query, groups)) {
      const Rule& protecting = rules_[lookalikes_->domains()[lookalike->domain].rule];
      if (rule == nullptr || blocks(protecting.action)) {
        rule = &protecting;
        verdict.matched = lookalike->compared;
        verdict.wildcard = false;
        verdict.likeness = likeness_of(*lookalike);
      }
    }
  }
  rule_on(verdict, rule, groups, query.tcp);
  return verdict;
}

void Policy::rule_on(Verdict& verdict, const Rule* rule, GroupSet groups, bool tcp) const noexcept {
  if (rule == nullptr) {
    return;
  }
  verdict.rule = rule;
  verdict.action = rule->action == Action::tcp_only && tcp ? Action::allow : rule->action;
  verdict.enforced = enforcing_ && blocks(verdict.action);
  if (!rule->every_client) {
    const auto first = static_cast<std::size_t>(std::countr_zero(rule->groups & groups));
    verdict.client_group = &groups_.names()[first];
  }
}

bool Policy::covers_exchange(const Name& exchange) const noexcept {
  const Found found(exchanges_, exchange);
  return std::ranges::any_of(found, [&](const Match& match) {
    return std::ranges::any_of(found.marks(match), [&](const Mark& mark) {
      return rules_[mark.rule].action != Action::allow && found.lists(match, mark);
    });
  });
}

Verdict Policy::decide_exchange(const Query& query, const Name& exchange) const noexcept {
  Verdict verdict;
  const Found found(exchanges_, exchange);
  if (found.empty()) {
    return verdict;
  }
  const GroupSet groups = groups_.groups_of(query.client);
  const Found asked(index_, query.name);
  const auto excepted = [&](std::uint32_t rule) noexcept { return asked.excepted_by(rule); };
  const Candidate won = winner(found, rules_, query, groups, excepted).won;
  if (won.rule != nullptr) {
    verdict.matched = exchange.last_labels(won.depth);
    verdict.wildcard = won.wildcard;
  }
  rule_on(verdict, won.rule, groups, query.tcp);
  return verdict;
}

bool Policy::covers_address(const ClientAddress& address) const noexcept {
  bool covered = false;
  const auto visit = [&](const AddressIndex::Entry& entry) noexcept {
    covered = covered || rules_[entry.rule].action != Action::allow;
    return !covered;
  };
  addresses_.search(address, visit);
  if (const auto v4 = address.translated_v4()) {
    addresses_.search(*v4, visit);
  }
  return covered;
}

Verdict Policy::decide_address(const Query& query, const ClientAddress& address) const noexcept {
  Verdict verdict;
  const GroupSet groups = groups_.groups_of(query.client);
  std::optional<Found> asked; // most addresses are not listed
  Contest contest;
  std::size_t depth = 0;
  const auto visit = [&](const AddressIndex::Entry& entry) noexcept {
    if (entry.prefix.bits != depth && contest.over()) {
      return false;
    }
    depth = entry.prefix.bits;
    if (!asked) {
      asked.emplace(index_, query.name);
    }
    const Rule& rule = rules_[entry.rule];
    if (applies_to(rule, query, groups) && !asked->excepted_by(entry.rule)) {
      contest.enter(rule, depth, mark_exact);
    }
    return true;
  };
  if (const auto v4 = address.translated_v4()) {
    addresses_.search(*v4, visit); // the host that is reached by it says more than the translator
  }
  if (!contest.over()) {
    addresses_.search(address, visit);
  }
  rule_on(verdict, contest.result().won.rule, groups, query.tcp);
  return verdict;
}

Verdict Policy::explain(const Query& query, std::vector<Runner>& lost) const {
  const Verdict verdict = decide(query);
  const Candidate won{verdict.rule, verdict.matched.label_count()};
  const Found found(index_, query.name);
  const GroupSet groups = groups_.groups_of(query.client);
  lost.clear();
  for (const Match& match : found) {
    for (const Mark& mark : found.marks(match)) {
      const Rule& rule = rules_[mark.rule];
      const unsigned deeper = found.deeper(match, mark.rule);
      const bool told = (deeper & mark_subtree) != 0;
      if (&rule == won.rule || told || !found.lists(match, mark)) {
        continue;
      }
      const auto why = [&] {
        if (deeper != 0 || found.excepts(match, mark)) {
          return Runner::Lost::excepted;
        }
        if (const auto idle = reason_idle(rule, query, groups)) {
          return *idle;
        }
        return reason_lost({&rule, match.depth}, won);
      }();
      lost.push_back({&rule, query.name.last_labels(match.depth), {}, why});
    }
  }
  if (!lookalikes_) {
    return verdict;
  }
  for (const std::uint32_t index : protecting_) {
    const Rule& rule = rules_[index];
    const auto of_this_rule = [&](std::uint32_t other) noexcept { return other == index; };
    const auto lookalike = lookalikes_->find(query.name, of_this_rule);
    if (&rule == won.rule || !lookalike) {
      continue;
    }
    const auto why = [&] {
      if (found.excepted_by(index)) {
        return Runner::Lost::excepted;
      }
      if (const auto idle = reason_idle(rule, query, groups)) {
        return *idle;
      }
      if (verdict.likeness.domain == nullptr) {
        return Runner::Lost::listed_name_wins;
      }
      const bool yields = !blocks(rule.action) && blocks(won.rule->action);
      return yields ? Runner::Lost::observe_yields : Runner::Lost::likelier_lookalike;
    }();
    lost.push_back({&rule, lookalike->compared, likeness_of(*lookalike), why});
  }
  return verdict;
}

std::size_t Policy::rule_count() const noexcept {
  return static_cast<std::size_t>(
      std::ranges::count_if(rules_, [](const Rule& rule) { return !rule.variant; }));
}

std::string Policy::intended_for(const Verdict& verdict, const Name& asked) {
  if (verdict.likeness.domain != nullptr) {
    return verdict.likeness.domain->to_text();
  }
  if (verdict.rule == nullptr || !verdict.rule->intended) {
    return {};
  }
  const Name& intended = *verdict.rule->intended;
  if (!verdict.rule->intended_is_suffix) {
    return intended.to_text();
  }
  const auto meant = asked.with_suffix(verdict.matched, intended);
  return meant ? meant->to_text() : std::string();
}

} // namespace nearmiss
