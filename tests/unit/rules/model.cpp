// Random policies and lookups against a model that is slow and plain: it knows names as text and
// asks every rule for its word, with no index at all.
#include "rules/policy_builder.hpp"
#include "tests/catch.hpp"
#include "tests/unit/rules/names.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <random>

using namespace nearmiss;
using nearmiss::test::name;

namespace {

struct Said { // by one rule about one name
  bool exact = false, subtree = false, below = false, excepted = false;
};

struct ModelRule {
  Rule rule;
  std::map<std::string, Said> names; // as text; "" is the root
};

struct ModelVerdict {
  std::size_t rule = SIZE_MAX; // SIZE_MAX: none
  std::string matched;
};

std::size_t label_count(const std::string& text) {
  return text.empty() ? 0 : 1 + static_cast<std::size_t>(std::count(text.begin(), text.end(), '.'));
}

// The name at which the rule lists the asked name, most specific first; nullopt: it does not.
std::optional<std::string> listing(const ModelRule& model, const std::string& asked) {
  std::string at = asked;
  while (true) {
    if (const auto entry = model.names.find(at); entry != model.names.end()) {
      const Said& said = entry->second;
      if (said.excepted) {
        return std::nullopt;
      }
      if (said.subtree || (at == asked ? said.exact : said.below)) {
        return at;
      }
    }
    if (at.empty()) {
      return std::nullopt;
    }
    const auto dot = at.find('.');
    at = dot == std::string::npos ? "" : at.substr(dot + 1);
  }
}

ModelVerdict decide(const std::vector<ModelRule>& rules, const std::string& asked,
                    std::uint16_t type, GroupSet groups, std::chrono::sys_days today) {
  // The rank of a candidate: specific first, then allow, then early.
  const auto better = [&](const ModelVerdict& a, const ModelVerdict& b) {
    if (b.rule == SIZE_MAX) {
      return true;
    }
    const auto rank = [&](const ModelVerdict& v) {
      return std::tuple(label_count(v.matched), rules[v.rule].rule.action == Action::allow,
                        rules.size() - v.rule);
    };
    return rank(a) > rank(b);
  };
  ModelVerdict enforcing;
  ModelVerdict observing;
  for (std::size_t number = 0; number < rules.size(); ++number) {
    const Rule& rule = rules[number].rule;
    const auto at = listing(rules[number], asked);
    if (!at || !rule.types.contains(type) || (!rule.every_client && (rule.groups & groups) == 0) ||
        (rule.expires && today > *rule.expires)) {
      continue;
    }
    const ModelVerdict candidate{number, *at};
    ModelVerdict& best = rule.action == Action::observe ? observing : enforcing;
    if (better(candidate, best)) {
      best = candidate;
    }
  }
  if (enforcing.rule == SIZE_MAX) {
    return observing;
  }
  const bool let_through = rules[enforcing.rule].rule.action == Action::allow;
  if (let_through && observing.rule != SIZE_MAX &&
      label_count(observing.matched) > label_count(enforcing.matched)) {
    return observing;
  }
  return enforcing;
}

class Draw {
 public:
  explicit Draw(unsigned seed) : random_(seed) {}
  unsigned below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }
  bool one_in(unsigned count) { return below(count) == 0; }
  std::string domain() {
    std::string text;
    for (unsigned labels = below(5); labels > 0; --labels) {
      text += text.empty() ? "" : ".";
      text += static_cast<char>('a' + below(2));
    }
    return text;
  }

 private:
  std::mt19937 random_;
};

constexpr std::uint16_t types[] = {1, 15, 16};
constexpr std::chrono::sys_days day{std::chrono::year{2024} / 3 / 1};

ModelRule draw_rule(Draw& draw, const std::vector<ModelRule>& earlier) {
  ModelRule model;
  constexpr Action actions[] = {Action::nxdomain, Action::sinkhole, Action::allow, Action::observe};
  model.rule.id = std::to_string(earlier.size());
  model.rule.variant = !earlier.empty() && draw.one_in(3);
  model.rule.action = actions[draw.below(4)];
  if (draw.one_in(2)) {
    model.rule.types = TypeSet::all();
  } else {
    model.rule.types.add(types[draw.below(3)]);
    model.rule.types.add(types[draw.below(3)]);
  }
  model.rule.every_client = draw.one_in(2);
  model.rule.groups = draw.below(4);
  if (draw.one_in(3)) {
    model.rule.expires = day + std::chrono::days(static_cast<int>(draw.below(3)) - 1);
  }
  for (unsigned names = draw.below(5); names > 0; --names) {
    Said& said = model.names[draw.domain()];
    (draw.one_in(3)   ? (model.rule.variant ? said.exact : said.excepted)
     : draw.one_in(3) ? said.exact
     : draw.one_in(3) ? said.below
                      : said.subtree) = true;
  }
  if (model.rule.variant) {
    for (const auto& [text, said] : earlier.back().names) {
      model.names[text].excepted = said.excepted;
    }
  }
  return model;
}

Policy build(const std::vector<ModelRule>& rules, bool enforcing) {
  PolicyBuilder builder;
  Prefix first{};
  Prefix second{};
  REQUIRE(parse_prefix("192.0.2.0/24", first) == PrefixError::none);
  REQUIRE(parse_prefix("192.0.2.128/25", second) == PrefixError::none);
  builder.add_group("first", {first});
  builder.add_group("second", {second});
  builder.set_enforcing(enforcing);
  for (const ModelRule& model : rules) {
    const std::size_t index = builder.add_rule(model.rule);
    for (const auto& [text, said] : model.names) {
      const Name listed = name(text.empty() ? "." : text);
      if (said.exact) {
        builder.add_name(index, listed, Scope::exact);
      }
      if (said.below) {
        builder.add_name(index, listed, Scope::below);
      }
      if (said.subtree) {
        builder.add_name(index, listed, Scope::subtree);
      }
      if (said.excepted && !model.rule.variant) { // a variant shares its rule's
        builder.add_exception(index, listed);
      }
    }
  }
  return std::move(builder).build();
}

} // namespace

TEST_CASE("policy and model agree on random policies and lookups") {
  const auto seed = test::seed();
  WARN("NEARMISS_SEED=" << seed);
  Draw draw(seed);
  const std::pair<ClientAddress, GroupSet> clients[] = {
      {ClientAddress::v4({198, 51, 100, 1}), 0},
      {ClientAddress::v4({192, 0, 2, 1}), 1},
      {ClientAddress::v4({192, 0, 2, 200}), 3},
  };
  std::size_t decided = 0;
  for (int round = 0; round < 4000; ++round) {
    std::vector<ModelRule> rules;
    for (std::size_t count = draw.below(7); count > 0; --count) {
      rules.push_back(draw_rule(draw, rules));
    }
    const bool enforcing = draw.one_in(2);
    const Policy policy = build(rules, enforcing);
    for (int lookup = 0; lookup < 20; ++lookup) {
      const std::string text = draw.domain();
      const Name asked = name(text.empty() ? "." : text);
      const std::uint16_t type = types[draw.below(3)];
      bool could_match = false; // any rule that is not `allow`, for any client
      for (const ModelRule& model : rules) {
        could_match = could_match || (model.rule.action != Action::allow &&
                                      model.rule.types.contains(type) && listing(model, text));
      }
      const bool covered = policy.covers(asked, type);
      const auto covers = [&](std::uint16_t any) { return policy.covers(asked, any); };
      REQUIRE(
          policy.covers_some_type(asked) ==
          std::ranges::any_of(std::initializer_list<std::uint16_t>{1, 15, 16, 99, 65280}, covers));
      INFO("round " << round << ", asked " << text << " type " << type);
      REQUIRE((could_match || !covered));
      if (policy.covers_some_type(asked)) {
        for (Name above = asked; !above.is_root();) {
          above = above.parent();
          REQUIRE(policy.covers_below(above));
        }
      }
      for (const auto& [client, groups] : clients) {
        const Query query{asked, type, client, day};
        const ModelVerdict expected = decide(rules, text, type, groups, day);
        std::vector<Runner> lost;
        const Verdict verdict = policy.decide(query);
        const Verdict explained = policy.explain(query, lost);
        REQUIRE(explained.rule == verdict.rule);
        REQUIRE((covered || !verdict.noteworthy()));
        REQUIRE(lost.size() + (verdict.rule != nullptr ? 1 : 0) <= rules.size());
        if (expected.rule == SIZE_MAX) {
          REQUIRE(verdict.rule == nullptr);
          continue;
        }
        ++decided;
        const Rule& rule = rules[expected.rule].rule;
        REQUIRE(verdict.rule == &policy.rules()[expected.rule]);
        REQUIRE(verdict.action == rule.action);
        REQUIRE(verdict.matched == name(expected.matched.empty() ? "." : expected.matched));
        REQUIRE(verdict.enforced == (enforcing && blocks(rule.action)));
        if (rule.every_client) {
          REQUIRE(verdict.client_group == nullptr);
        } else {
          REQUIRE(verdict.client_group != nullptr);
          REQUIRE(*verdict.client_group == ((rule.groups & groups & 1) != 0 ? "first" : "second"));
        }
      }
    }
  }
  CHECK(decided > 20'000);
}
