// How often each rule matched, over all policies of the process.
//
// A rule's counter goes on where a later policy has a rule of that id. Snapshots hold pointers to
// the counters, so a lookup counts with one relaxed addition. There are `max_rules` of them, so
// that the metrics stay bounded: further ids share the counter of `others`.
#pragma once

#include "rules/policy.hpp"

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace nearmiss {

class RuleHits {
 public:
  static constexpr std::size_t max_rules = 1000;
  static constexpr const char* others = "(others)";

  // One for each rule, in the policy's order. They live as long as this. Any thread; may wait for a
  // lock. Throws std::bad_alloc.
  std::vector<std::atomic<std::uint64_t>*> counters_of(const Policy& policy);
  // By id. Any thread; throws std::bad_alloc.
  std::vector<std::pair<std::string, std::uint64_t>> all() const;

 private:
  using Counter = std::atomic<std::uint64_t>;
  mutable std::mutex mutex_; // over the maps, not the counters
  std::deque<Counter> counters_;
  std::map<std::string, Counter*> by_id_;
  Counter others_{0};
};

} // namespace nearmiss
