#include "rules/policy_builder.hpp"

#include <algorithm>
#include <cassert>
#include <memory>
#include <utility>

namespace nearmiss {

namespace {

std::uint8_t mark_for(Scope scope) noexcept {
  switch (scope) {
  case Scope::exact:
    return mark_exact;
  case Scope::below:
    return mark_below;
  case Scope::subtree:
    break;
  }
  return mark_subtree;
}

} // namespace

std::size_t PolicyBuilder::add_group(std::string name, const std::vector<Prefix>& prefixes) {
  return policy_.groups_.add(std::move(name), prefixes);
}

std::size_t PolicyBuilder::add_rule(Rule rule) {
  policy_.may_drop_ = policy_.may_drop_ || rule.action == Action::drop;
  const std::size_t index = policy_.rules_.size();
  if (rule.variant) {
    assert(index > 0);
    names_.share_exceptions(static_cast<std::uint32_t>(index),
                            static_cast<std::uint32_t>(index - 1));
  }
  policy_.rules_.push_back(std::move(rule));
  return index;
}

void PolicyBuilder::reserve(std::size_t names) {
  names_.reserve(names);
}

void PolicyBuilder::add_name(std::size_t rule, const Name& name, Scope scope) {
  assert(rule < policy_.rules_.size());
  names_.add(name, static_cast<std::uint32_t>(rule), mark_for(scope));
}

void PolicyBuilder::add_exchange(std::size_t rule, const Name& exchange, Scope scope) {
  assert(rule < policy_.rules_.size());
  exchanges_.add(exchange, static_cast<std::uint32_t>(rule), mark_for(scope));
}

void PolicyBuilder::add_address(std::size_t rule, const Prefix& prefix) {
  assert(rule < policy_.rules_.size());
  addresses_.emplace_back(prefix, static_cast<std::uint32_t>(rule));
}

void PolicyBuilder::add_exception(std::size_t rule, const Name& name) {
  assert(rule < policy_.rules_.size());
  names_.add(name, static_cast<std::uint32_t>(rule), mark_excepted);
}

void PolicyBuilder::add_protected(std::size_t rule, const Name& domain, ClassSet classes,
                                  std::int16_t threshold) {
  assert(rule < policy_.rules_.size());
  protected_.push_back({domain, classes, static_cast<std::uint32_t>(rule), threshold});
}

void PolicyBuilder::set_known(std::shared_ptr<const KnownNames> known) noexcept {
  known_ = std::move(known);
}

void PolicyBuilder::set_enforcing(bool enforcing) noexcept {
  policy_.enforcing_ = enforcing;
}

Policy PolicyBuilder::build() && {
  policy_.groups_.seal();
  policy_.index_ = std::move(names_).build();
  policy_.exchanges_ = std::move(exchanges_).build();
  policy_.addresses_ = AddressIndex(addresses_);
  if (!protected_.empty()) {
    for (const Protected& domain : protected_) {
      policy_.protecting_.push_back(domain.rule);
    }
    std::ranges::sort(policy_.protecting_);
    policy_.protecting_.erase(std::unique(policy_.protecting_.begin(), policy_.protecting_.end()),
                              policy_.protecting_.end());
    policy_.lookalikes_ =
        std::make_unique<const LookalikeIndex>(std::move(protected_), std::move(known_));
  }
  return std::move(policy_);
}

} // namespace nearmiss
