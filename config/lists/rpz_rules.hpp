// The rules that a response policy zone comes to.
#pragma once

#include "rules/policy_builder.hpp"
#include "rules/rule.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace nearmiss {

// The rules that the entries of one zone belong to: a variant of the policy's rule for each action
// and local data; that rule itself where its action overrides.
class RpzRules {
 public:
  // `rule`: a copy of the builder's rule `index`, which must be the last one added. `overrides`: it
  // has an action of its own.
  RpzRules(std::size_t index, Rule rule, bool overrides, PolicyBuilder& builder);

  std::size_t rule_for(Action action);
  std::size_t rule_for(const LocalData& data);
  // Could an answer to this type be the local data?
  bool can_answer(std::uint16_t type) const noexcept;
  std::size_t last() const noexcept { return last_; }

 private:
  std::size_t add(Rule variant);

  std::size_t first_;
  std::size_t last_;
  Rule rule_;
  bool overrides_;
  PolicyBuilder& builder_;
  std::map<Action, std::size_t> by_action_;
  std::map<std::string, std::size_t> by_data_; // by its octets
};

} // namespace nearmiss
