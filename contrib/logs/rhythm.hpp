// When attempts come: as a program's do, or as people's.
//
// Two signs, both guesses. A program sends at one interval, be it with gaps; and a program does not
// sleep, while people who write mail keep the hours of their office. Retries of a queue are no sign
// of either (they are regular for every message): leave them out.
#pragma once

#include "contrib/logs/instant.hpp"

#include <array>
#include <cstdint>
#include <optional>

namespace nearmiss::logs {

class Rhythm {
 public:
  static constexpr std::uint32_t least_intervals = 5;
  static constexpr std::uint32_t least_for_hours = 30; // attempts, and over three days

  // An attempt's first lookup. In the order of time; one that comes late is left out.
  void add(Instant time);
  // The next attempt shows no interval: one between them was a retry.
  void pause() noexcept { paused_ = true; }

  // Seconds between attempts, if two of three come within a tenth of it after the one before.
  std::optional<double> interval() const noexcept;

  struct Hours {
    int from = 0, to = 0; // [from, to), 0 to 23; the same: round the clock
    bool round_the_clock() const noexcept { return from == to; }
  };
  // The hours of the day, in UTC, that nearly all attempts fall in, if they leave at least seven
  // free or at most three. Empty: too few attempts, or something between.
  std::optional<Hours> hours() const noexcept;

 private:
  void note(double seconds) noexcept;

  Instant first_ = 0, last_ = 0;
  std::uint32_t attempts_ = 0;
  bool paused_ = false;
  // Boyer and Moore's majority vote over the intervals: `mean_` is that of those that agree.
  double mean_ = 0;
  std::uint32_t votes_ = 0, agreed_ = 0, intervals_ = 0;
  std::array<std::uint32_t, 24> by_hour_{};
};

} // namespace nearmiss::logs
