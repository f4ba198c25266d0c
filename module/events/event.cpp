#include "module/events/event.hpp"

#include "module/events/format.hpp"

namespace nearmiss {

std::string_view to_string(MatchedBy matched_by) noexcept {
  switch (matched_by) {
  case MatchedBy::qname:
    return "qname";
  case MatchedBy::cname:
    return "cname";
  case MatchedBy::mx_exchange:
    return "mx-exchange";
  case MatchedBy::answer_ip:
    return "answer-ip";
  }
  return "qname";
}

EventPolicy::EventPolicy(std::shared_ptr<const Config> config, std::uint64_t generation)
    : config_(std::move(config)), generation_(generation) {
  texts_.reserve(config_->policy.rules().size());
  for (const Rule& rule : config_->policy.rules()) {
    texts_.push_back({ecs_rule(rule, *this), ocsf_rule(rule, *this)});
  }
}

std::string_view EventPolicy::version() const noexcept {
  return std::string_view(config_->digest).substr(0, 16);
}

const LoadedList* list_of(const Rule& rule, const EventPolicy& policy) noexcept {
  return rule.list ? &policy.config().lists[*rule.list] : nullptr;
}

} // namespace nearmiss
