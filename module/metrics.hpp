// What the module counts, and the file that Prometheus' node_exporter reads it from.
//
// Nothing is counted for a name that no rule concerns. Counters are relaxed atomics: any thread may
// count, and a snapshot is right in each number, not in their sum while queries come in.
#pragma once

#include "module/events/log.hpp"
#include "module/rule_hits.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace nearmiss {

class Metrics {
 public:
  // Upper bounds of the histogram's buckets in nanoseconds; one more holds what is slower.
  static constexpr std::array<std::uint32_t, 9> bounds{250,    500,    1'000,   2'500,    5'000,
                                                       10'000, 50'000, 250'000, 1'000'000};
  // The types that have a series of their own; the rest counts as "other".
  static constexpr std::array<std::uint16_t, 8> types{15, 1, 28, 5, 255, 33, 65, 64};
  static constexpr std::size_t type_slots = types.size() + 1;
  // By Action; what was only observed as `observe`.
  static constexpr std::size_t action_slots = action_count;

  // What stands above the decisions now.
  struct InForce {
    std::uint64_t generation = 0;
    std::string digest, version; // of the policy, as the events have it
    bool enforcing = true;
    std::vector<std::pair<std::string, std::chrono::system_clock::time_point>> lists; // written
  };
  struct Snapshot {
    std::array<std::array<std::uint64_t, type_slots>, action_slots> queries{};
    std::array<std::uint64_t, bounds.size() + 1> decisions{}; // by bucket, not cumulative
    std::uint64_t decision_nanoseconds = 0;
    std::uint64_t rules = 0;
    InForce in_force;
    std::vector<std::pair<std::string, std::uint64_t>> rule_hits; // by id
    bool module_replaced = false, unbound_replaced = false;       // on the disk, since the start
    bool unbound_outdated = false; // a package with a newer one is installed
    bool reload_successful = true;
    std::uint64_t reload_time = 0; // of the policy in force, seconds since 1970
    std::uint64_t blocked_or_observed() const noexcept;
  };

  // A lookup that drew a block or a note.
  void count(const Verdict& verdict, std::uint16_t qtype) noexcept;
  // A lookup that a rule concerned was decided.
  void decided(std::chrono::nanoseconds took) noexcept;
  // A policy came into force.
  void published(std::size_t rules, std::chrono::system_clock::time_point time) noexcept;
  // A policy, or what is switched over it, came into force.
  void in_force(InForce now) noexcept;
  RuleHits& rule_hits() noexcept { return rule_hits_; }
  // A changed policy was refused; the one before stays in force.
  void refused() noexcept { reload_successful_.store(false, std::memory_order_relaxed); }

  Snapshot snapshot() const; // throws std::bad_alloc

 private:
  using Counter = std::atomic<std::uint64_t>;
  std::array<std::array<Counter, type_slots>, action_slots> queries_{};
  std::array<Counter, bounds.size() + 1> decisions_{};
  Counter decision_nanoseconds_{0}, rules_{0}, reload_time_{0};
  std::atomic<bool> reload_successful_{true};
  RuleHits rule_hits_;
  mutable std::mutex mutex_; // over what follows, which no lookup counts
  InForce in_force_;
};

// Prometheus' text format, version 0.0.4.
std::string prometheus_text(const Metrics::Snapshot& snapshot, const EventLog::Counts& events,
                            const std::vector<BusyDomains::Domain>& busy_domains);

// Replaces the file in one step, so that no reader sees half of it. Throws std::system_error.
void write_metrics(const std::filesystem::path& file, const std::string& text);

} // namespace nearmiss
