// A policy in force, and what is made from it once.
#pragma once

#include "config/config.hpp"
#include "module/answer.hpp"
#include "module/events/event.hpp"
#include "module/overrides.hpp"
#include "module/rule_hits.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

// The struct that core.h hands to the adapter. Immutable; see CurrentSnapshot for how it is reached
// and when it ends.
struct nm_policy {
  nm_policy(std::shared_ptr<const nearmiss::Config> checked, std::uint64_t number,
            nearmiss::Overrides switched, nearmiss::RuleHits& rule_hits)
      : config(std::move(checked)), overrides(std::move(switched)), answers(*config),
        generation(number), events(std::make_shared<const nearmiss::EventPolicy>(config, number)),
        hits(rule_hits.counters_of(config->policy)) {}

  // The counter of a rule of this policy.
  std::atomic<std::uint64_t>& hits_of(const nearmiss::Rule& rule) const noexcept {
    return *hits[static_cast<std::size_t>(&rule - config->policy.rules().data())];
  }

  std::shared_ptr<const nearmiss::Config> config;
  nearmiss::ActiveOverrides overrides; // what an admin has switched for a while
  nearmiss::Answers answers;
  // 1 for the first of this process. The same policy again keeps it, other overrides do not.
  std::uint64_t generation;
  std::shared_ptr<const nearmiss::EventPolicy> events; // events that wait may outlive this
  std::vector<std::atomic<std::uint64_t>*> hits;       // in the order of the policy's rules
};

namespace nearmiss {

using PolicySnapshot = nm_policy;

} // namespace nearmiss
