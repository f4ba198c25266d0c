// A policy in force, and what is made from it once.
#pragma once

#include "config/config.hpp"
#include "module/answer.hpp"
#include "module/events/event.hpp"

#include <cstdint>
#include <memory>
#include <utility>

// The struct that core.h hands to the adapter. Immutable; see CurrentSnapshot for how it is reached
// and when it ends.
struct nm_policy {
  nm_policy(std::shared_ptr<const nearmiss::Config> checked, std::uint64_t number)
      : config(std::move(checked)), answers(*config), generation(number),
        events(std::make_shared<const nearmiss::EventPolicy>(config, number)) {}

  std::shared_ptr<const nearmiss::Config> config;
  nearmiss::Answers answers;
  std::uint64_t generation; // 1 for the first of this process; the same policy again keeps it
  std::shared_ptr<const nearmiss::EventPolicy> events; // events that wait may outlive this
};

namespace nearmiss {

using PolicySnapshot = nm_policy;

} // namespace nearmiss
