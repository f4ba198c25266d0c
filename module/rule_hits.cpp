#include "module/rule_hits.hpp"

namespace nearmiss {

std::vector<std::atomic<std::uint64_t>*> RuleHits::counters_of(const Policy& policy) {
  std::vector<Counter*> counters;
  counters.reserve(policy.rules().size());
  const std::lock_guard lock(mutex_);
  for (const Rule& rule : policy.rules()) {
    const auto known = by_id_.find(rule.id);
    if (known != by_id_.end()) {
      counters.push_back(known->second);
    } else if (by_id_.size() == max_rules) {
      counters.push_back(&others_);
    } else {
      Counter& counter = counters_.emplace_back(0);
      by_id_.emplace(rule.id, &counter);
      counters.push_back(&counter);
    }
  }
  return counters;
}

std::vector<std::pair<std::string, std::uint64_t>> RuleHits::all() const {
  std::vector<std::pair<std::string, std::uint64_t>> hits;
  const std::lock_guard lock(mutex_);
  for (const auto& [id, counter] : by_id_) {
    hits.emplace_back(id, counter->load(std::memory_order_relaxed));
  }
  if (by_id_.size() == max_rules) {
    hits.emplace_back(others, others_.load(std::memory_order_relaxed));
  }
  return hits;
}

} // namespace nearmiss
