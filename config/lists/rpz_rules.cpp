#include "config/lists/rpz_rules.hpp"

#include <algorithm>
#include <memory>
#include <span>
#include <utility>

namespace nearmiss {

RpzRules::RpzRules(Owner owner, PolicyBuilder& builder)
    : first_(owner.index), last_(owner.index), rule_(std::move(owner.rule)),
      overrides_(owner.overrides), caps_ttl_(owner.caps_ttl), builder_(builder) {
  rule_.variant = true;
}

bool RpzRules::can_answer(std::uint16_t type) const noexcept {
  return type < TypeSet::limit || rule_.types.contains(type);
}

std::size_t RpzRules::rule_for(Action action) {
  if (overrides_ && action != Action::allow) {
    return first_;
  }
  const auto [at, fresh] = by_action_.emplace(action, 0);
  if (fresh) {
    Rule variant = rule_;
    variant.action = action;
    at->second = add(std::move(variant));
  }
  return at->second;
}

std::size_t RpzRules::rule_for(LocalData data) {
  if (overrides_) {
    return first_;
  }
  std::string octets;
  for (LocalRecord& record : data) {
    record.ttl = caps_ttl_ ? std::min(record.ttl, rule_.ttl) : record.ttl;
    octets += std::to_string(record.ttl) + '/';
  }
  for (const LocalRecord& record : data) {
    const auto owner = record.owner ? record.owner->wire() : std::span<const std::uint8_t>();
    octets.append(owner.begin(), owner.end());
    octets += '|' + std::to_string(record.type) + ',' + std::to_string(record.rdata.size()) + ':';
    octets.append(record.rdata.begin(), record.rdata.end());
  }
  const auto [at, fresh] = by_data_.emplace(std::move(octets), 0);
  if (fresh) {
    Rule variant = rule_;
    variant.action = Action::local_data;
    for (const LocalRecord& record : data) {
      if (record.type < TypeSet::limit) {
        variant.types.add(record.type);
      }
    }
    variant.local_data = std::make_shared<const LocalData>(std::move(data));
    at->second = add(std::move(variant));
  }
  return at->second;
}

std::size_t RpzRules::add(Rule variant) {
  last_ = builder_.add_rule(std::move(variant));
  return last_;
}

} // namespace nearmiss
