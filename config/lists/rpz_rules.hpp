// The rules that a response policy zone comes to.
#pragma once

#include "rules/policy_builder.hpp"
#include "rules/rule.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace nearmiss {

// The rules that the entries of one zone belong to: a variant of the policy's rule for each action
// and local data; that rule itself where its action overrides.
class RpzRules {
 public:
  struct Owner {
    std::size_t index = 0;  // the builder's rule, which must be the last one added
    Rule rule;              // a copy of it
    bool overrides = false; // it has an action of its own
    bool caps_ttl = false;  // its TTL is the longest that local data may have
  };
  RpzRules(Owner owner, PolicyBuilder& builder);

  std::size_t rule_for(Action action);
  std::size_t rule_for(LocalData data);
  // The rule has an action of its own, in the place of every one of the zone's but an allow.
  bool overrides() const noexcept { return overrides_; }
  // Could an answer to this type be the local data?
  bool can_answer(std::uint16_t type) const noexcept;
  std::size_t last() const noexcept { return last_; }

  // What the zone's SOA says.
  std::optional<std::uint32_t> serial;
  std::optional<std::chrono::seconds> expire;

 private:
  std::size_t add(Rule variant);

  std::size_t first_;
  std::size_t last_;
  Rule rule_;
  bool overrides_;
  bool caps_ttl_;
  PolicyBuilder& builder_;
  std::map<Action, std::size_t> by_action_;
  std::map<std::string, std::size_t> by_data_; // by its octets
};

} // namespace nearmiss
