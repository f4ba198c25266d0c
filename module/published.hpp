// A policy in force, and what is made from it once.
#pragma once

#include "config/config.hpp"
#include "module/answer.hpp"
#include "module/event_log.hpp"

#include <cstdint>
#include <memory>
#include <utility>

// The struct that core.h hands to the adapter. Immutable; see PolicyCell for how it is reached and
// when it ends.
struct nm_policy {
  nm_policy(std::shared_ptr<const nearmiss::Config> checked, std::uint64_t number,
            std::shared_ptr<nearmiss::EventLog> log)
      : config(std::move(checked)), answers(*config), generation(number), events(std::move(log)) {}

  std::shared_ptr<const nearmiss::Config> config;
  nearmiss::Answers answers;
  std::uint64_t generation; // 1 for the first of this process; the same policy again keeps it
  std::shared_ptr<nearmiss::EventLog> events;
};

namespace nearmiss {

using Published = nm_policy;

} // namespace nearmiss
