// Is the log complete? What event.sequence says about it.
//
// The module numbers its events from 1 without gaps, anew at each start (a run). Several threads
// write, so neighbours may stand in another order than their numbers; a number counts as missing
// when it has not come at all. The first event seen of a run need not be number 1: the log before
// it may have been rotated away.
#pragma once

#include "contrib/logs/frequent.hpp"
#include "contrib/logs/instant.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace nearmiss::logs {

class Sequence {
 public:
  static constexpr std::size_t most_runs = 4096;
  static constexpr std::size_t most_gaps = 4096; // a run; beyond them only a number is kept

  enum class Place {
    first,     // of its run
    next,      // the number after the last one
    ahead,     // leaves numbers out; they may yet come
    late,      // one that was left out
    duplicate, // has been there
    not_checked,
  };

  // Numbers from `from` to `to` that have not come; the event at `time` stands after them.
  struct Gap {
    std::uint64_t from = 0, to = 0;
    Instant time = 0;
    std::uint64_t tag = 0; // the caller's, of that event
    std::uint64_t size() const noexcept { return to - from + 1; }
  };
  struct Run {
    std::uint64_t first = 0, last = 0; // the lowest and the highest number
    std::uint64_t events = 0;
    std::uint64_t told_lost = 0;       // by the run's own events-lost events
    std::map<std::uint64_t, Gap> gaps; // by `to`
    std::uint64_t missing_beyond = 0;  // in gaps that were not kept
    std::uint64_t duplicates = 0;
    std::uint64_t farthest_late = 0; // how far below the highest number one came
    std::uint64_t missing() const noexcept;
  };

  Place add(std::string_view run, std::uint64_t sequence, Instant time, std::uint64_t tag = 0);
  void add_told_lost(std::string_view run, std::uint64_t count);

  // By run, as event.id has it.
  const auto& runs() const noexcept { return runs_; }
  std::uint64_t not_checked() const noexcept { return not_checked_; }

 private:
  Run* find(std::string_view run);

  std::unordered_map<std::string, Run, TextHash, std::equal_to<>> runs_;
  std::uint64_t not_checked_ = 0;
};

} // namespace nearmiss::logs
