#include "module/events/event.hpp"

#include "module/events/format.hpp"

#include <map>

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
  text_of_.reserve(config_->policy.rules().size());
  std::map<Action, std::uint32_t>
      of_action; // of a rule and its variants, which differ in nothing else
  for (const Rule& rule : config_->policy.rules()) {
    if (!rule.variant) {
      of_action.clear();
    }
    const auto [text, is_new] =
        of_action.try_emplace(rule.action, static_cast<std::uint32_t>(texts_.size()));
    if (is_new) {
      texts_.push_back({ecs_rule(rule, *this), ocsf_rule(rule, *this)});
    }
    text_of_.push_back(text->second);
  }
}

std::string_view EventPolicy::version() const noexcept {
  return std::string_view(config_->digest).substr(0, 16);
}

const LoadedList* list_of(const Rule& rule, const EventPolicy& policy) noexcept {
  return rule.list ? &policy.config().lists[*rule.list] : nullptr;
}

} // namespace nearmiss
