#include "module/busy_domains.hpp"

#include <algorithm>
#include <new>
#include <tuple>
#include <utility>

namespace nearmiss {

namespace {

std::size_t slot_of(std::chrono::minutes since_start) noexcept {
  return static_cast<std::size_t>(since_start.count() % BusyDomains::window.count());
}

} // namespace

void BusyDomains::Lookups::advance(Minute minute) noexcept {
  for (auto passed = std::min(minute - last, window); passed > passed.zero(); --passed) {
    ++last;
    by_minute[slot_of(last.time_since_epoch())] = 0;
  }
  last = std::max(last, minute);
}

std::uint64_t BusyDomains::Lookups::within_window(Minute minute) const noexcept {
  std::uint64_t sum = 0;
  for (auto at = minute; at > minute - window; --at) {
    if (at <= last && at > last - window) {
      sum += by_minute[slot_of(at.time_since_epoch())];
    }
  }
  return sum;
}

void BusyDomains::count(std::string_view domain, Clock::time_point now) noexcept {
  const Minute minute = minute_of(now);
  auto found = domains_.find(domain);
  if (found == domains_.end()) {
    const std::size_t hash = Hash()(domain);
    Sight& sight = sights_[hash % sights_.size()];
    const Sight first = std::exchange(sight, Sight{hash, minute});
    if (first.hash != hash || minute - first.at >= window) {
      return;
    }
    try {
      if (domains_.size() >= most_counted) {
        make_room(minute);
      }
      found = domains_.try_emplace(std::string(domain)).first;
    } catch (const std::bad_alloc&) {
      return;
    }
    sight = {};
    found->second.last = first.at;
    ++found->second.by_minute[slot_of(first.at.time_since_epoch())];
  }
  found->second.advance(minute);
  ++found->second.by_minute[slot_of(minute.time_since_epoch())];
}

// The half with the fewest lookups goes.
void BusyDomains::make_room(Minute minute) {
  std::vector<std::uint64_t> sums;
  sums.reserve(domains_.size());
  for (const auto& [name, lookups] : domains_) {
    sums.push_back(lookups.within_window(minute));
  }
  const auto middle = sums.begin() + static_cast<std::ptrdiff_t>(sums.size() / 2);
  std::ranges::nth_element(sums, middle);
  std::erase_if(domains_, [&, least = *middle](const auto& domain) {
    return domain.second.within_window(minute) <= least;
  });
}

std::vector<BusyDomains::Domain> BusyDomains::busiest(Clock::time_point now) const {
  const Minute minute = minute_of(now);
  std::vector<Domain> all;
  for (const auto& [name, lookups] : domains_) {
    if (const std::uint64_t sum = lookups.within_window(minute); sum >= least_told) {
      all.push_back({name, sum});
    }
  }
  const auto told = all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), most_told));
  std::ranges::partial_sort(all, told, [](const Domain& a, const Domain& b) {
    return std::tie(b.lookups, a.name) < std::tie(a.lookups, b.name);
  });
  all.erase(told, all.end());
  return all;
}

} // namespace nearmiss
