// Which domains are asked for most, of late: for a metric that shows a sudden rise for one.
//
// Anybody on the internet can make a mail server ask for names, so what is kept and told is
// bounded: some thousand domains are counted, those with the least lookups make room for others,
// and the busiest few are reported. A count may be too low for a domain that had to make room,
// never too high. Most of the names in a flood are asked for once, so a domain is counted from its
// second lookup on; its first leaves no more than a hash, if another domain's does not take the
// place.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace nearmiss {

// Not safe for use by several threads.
class BusyDomains {
 public:
  static constexpr std::chrono::minutes window{10};
  static constexpr std::size_t most_counted = 4096;
  static constexpr std::size_t most_told = 20;
  static constexpr std::uint64_t least_told = 5; // lookups within the window
  static constexpr std::size_t most_seen_once = 1024;
  using Clock = std::chrono::steady_clock;

  struct Domain {
    std::string name;
    std::uint64_t lookups;
  };

  // A lookup. Where there is no memory for another domain it is not counted.
  void count(std::string_view domain, Clock::time_point now) noexcept;
  // The busiest of the window that ends now, in order. Throws std::bad_alloc.
  std::vector<Domain> busiest(Clock::time_point now) const;

 private:
  using Minute = std::chrono::time_point<Clock, std::chrono::minutes>;
  struct Lookups {
    std::array<std::uint32_t, window.count()> by_minute{}; // of `last` and those before, in a ring
    Minute last{};
    void advance(Minute minute) noexcept;
    std::uint64_t within_window(Minute minute) const noexcept;
  };
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  static Minute minute_of(Clock::time_point now) {
    return std::chrono::floor<Minute::duration>(now);
  }
  void make_room(Minute minute);

  // A domain's first lookup.
  struct Sight {
    std::size_t hash = 0; // of its name
    Minute at{};
  };
  std::array<Sight, most_seen_once> sights_{}; // by hash
  std::unordered_map<std::string, Lookups, Hash, std::equal_to<>> domains_;
};

} // namespace nearmiss
